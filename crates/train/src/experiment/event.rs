//! The events of a run, typed, and the sentences in which they are shown.
//!
//! Window, terminal and exports show the same sentences; nothing parses them. Knows no store, no trainer and no
//! thread.

use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use super::{Alert, Change, RunStatus, Severity, Stage};

/// A recorded event, with the stage and step at which it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
    pub stage: Option<Stage>,
    pub step: u64,
    pub kind: EventKind,
}

/// Stored as JSON: `{"kind": "stage_begun", "total": 50}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// A stage began; `total` steps are expected (early stopping may end it sooner).
    StageBegun { total: u64 },
    /// A stage ended.
    StageDone,
    /// A checkpoint is complete on disk, at `path` relative to the run's folder.
    Checkpoint { path: PathBuf, bytes: u64 },
    /// The run resumed from the checkpoint at the event's stage and step, or without one from its start.
    Resumed,
    /// The run started, paused, continued or ended.
    Status { status: RunStatus },
    /// The trainer received what a person asked for; a change is applied from the next step on.
    Control { control: Control },
    /// A change was requested, but the run stopped before the trainer received it.
    ChangeDropped(Change),
    /// A rule found something wrong.
    Alert(Alert),
    /// Something else that a person should know.
    Note { severity: Severity, text: String },
}

/// A person's request to a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Wait after this step.
    Pause,
    /// Continue after a pause.
    Resume,
    /// Save a checkpoint and end; the run can be resumed.
    Stop,
    /// Save a checkpoint after this step.
    Checkpoint,
    /// Evaluate on the validation subset after this step.
    Evaluate,
    /// Change a setting after this step. While another stage runs or the run is paused, the change waits; a
    /// later value of the same setting replaces it.
    Set(Change),
}

impl Event {
    /// The sentence that a person reads.
    pub fn words(&self) -> String {
        self.kind.words(self.stage, self.step)
    }

    /// Its kind with the stage and step at which it happened.
    pub fn placed(&self) -> (Option<Stage>, u64, &EventKind) {
        (self.stage, self.step, &self.kind)
    }
}

/// As `runs show --json` and exports give it: the event, and its severity and sentence.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            wall_ms: i64,
            stage: Option<Stage>,
            step: u64,
            event: &'a EventKind,
            severity: Option<Severity>,
            text: String,
        }
        Fields {
            wall_ms: self.wall_ms,
            stage: self.stage,
            step: self.step,
            event: &self.kind,
            severity: self.kind.severity(),
            text: self.words(),
        }
        .serialize(serializer)
    }
}

impl EventKind {
    /// How much it matters, for what is addressed to a person; None for the ordinary course of a run.
    pub fn severity(&self) -> Option<Severity> {
        match self {
            EventKind::Note { severity, .. } => Some(*severity),
            EventKind::Alert(alert) => Some(alert.severity()),
            EventKind::ChangeDropped(_) => Some(Severity::Warning),
            EventKind::Resumed => Some(Severity::Info),
            EventKind::StageBegun { .. }
            | EventKind::StageDone
            | EventKind::Checkpoint { .. }
            | EventKind::Status { .. }
            | EventKind::Control { .. } => None,
        }
    }

    /// The change of a setting, if this is one that was made.
    pub fn change(&self) -> Option<Change> {
        match self {
            EventKind::Control {
                control: Control::Set(change),
            } => Some(*change),
            _ => None,
        }
    }

    /// The sentence that a person reads, where the run stood at `step` of `stage`.
    pub fn words(&self, stage: Option<Stage>, step: u64) -> String {
        let title = stage.map_or("Stage", Stage::title);
        match self {
            EventKind::StageBegun { .. } => format!("{title} began"),
            EventKind::StageDone => format!("{title} done"),
            EventKind::Checkpoint { bytes, .. } => {
                format!("Checkpoint saved, {}", size_words(*bytes))
            }
            EventKind::Resumed => match stage {
                Some(stage) => format!("Resumed from {stage} step {step}"),
                None => "Resumed from its start".to_string(),
            },
            EventKind::Status { status } => status.title().to_string(),
            EventKind::Control { control } => control.words(),
            EventKind::ChangeDropped(change) => format!(
                "{} was requested but not applied before the run stopped; request it again once the run \
                 resumes",
                change.words()
            ),
            EventKind::Alert(alert) => alert.to_string(),
            EventKind::Note { text, .. } => text.clone(),
        }
    }
}

impl Control {
    fn words(&self) -> String {
        let request = match self {
            Control::Pause => "Asked to pause",
            Control::Resume => "Asked to resume",
            Control::Stop => "Asked to stop",
            Control::Checkpoint => "Asked for a checkpoint",
            Control::Evaluate => "Asked for an evaluation",
            Control::Set(change) => return change.made_words(),
        };
        request.to_string()
    }
}

/// A size on disk as people write it: `512 B`, `1.4 MB`.
pub fn size_words(bytes: u64) -> String {
    let count = bytes as f64;
    match count {
        0.0..1e3 => format!("{count:.0} B"),
        0.0..1e6 => format!("{:.1} kB", count / 1e3),
        0.0..1e9 => format!("{:.1} MB", count / 1e6),
        _ => format!("{:.2} GB", count / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lr() -> Change {
        Change::new("ppo.lr", 3e-5).unwrap()
    }

    /// One of each kind.
    fn kinds() -> Vec<(EventKind, &'static str, &'static str)> {
        let control = |control| EventKind::Control { control };
        vec![
            (
                EventKind::StageBegun { total: 50 },
                r#"{"kind":"stage_begun","total":50}"#,
                "PPO began",
            ),
            (EventKind::StageDone, r#"{"kind":"stage_done"}"#, "PPO done"),
            (
                EventKind::Checkpoint {
                    path: "checkpoints/ppo-7".into(),
                    bytes: 1_400_000,
                },
                r#"{"kind":"checkpoint","path":"checkpoints/ppo-7","bytes":1400000}"#,
                "Checkpoint saved, 1.4 MB",
            ),
            (
                EventKind::Resumed,
                r#"{"kind":"resumed"}"#,
                "Resumed from ppo step 7",
            ),
            (
                EventKind::Status {
                    status: RunStatus::Paused,
                },
                r#"{"kind":"status","status":"paused"}"#,
                "Paused",
            ),
            (
                control(Control::Stop),
                r#"{"kind":"control","control":"stop"}"#,
                "Asked to stop",
            ),
            (
                control(Control::Set(lr())),
                r#"{"kind":"control","control":{"set":{"setting":"ppo.lr","value":0.00003}}}"#,
                "Changed learning rate to 3e-5",
            ),
            (
                EventKind::ChangeDropped(lr()),
                r#"{"kind":"change_dropped","setting":"ppo.lr","value":0.00003}"#,
                "Learning rate 3e-5 was requested but not applied before the run stopped; request it again \
                 once the run resumes",
            ),
            (
                EventKind::Alert(Alert::Stalled {
                    steps: 200,
                    since: 40,
                }),
                r#"{"kind":"alert","rule":"stalled","steps":200,"since":40}"#,
                "The mean reward has not risen for 200 steps, since step 40",
            ),
            (
                EventKind::Note {
                    severity: Severity::Info,
                    text: "Taken over from run 1".into(),
                },
                r#"{"kind":"note","severity":"info","text":"Taken over from run 1"}"#,
                "Taken over from run 1",
            ),
        ]
    }

    #[test]
    fn every_kind_is_kept_as_json_and_shown_as_a_sentence() {
        for (kind, json, words) in kinds() {
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_value(&kind).unwrap(), value);
            assert_eq!(serde_json::from_str::<EventKind>(json).unwrap(), kind);
            assert_eq!(kind.words(Some(Stage::Ppo), 7), words);
        }
    }

    #[test]
    fn a_change_keeps_every_bit_and_one_that_cannot_be_made_is_refused() {
        for value in [1.41e-5, 0.1 + 0.2, 1.0 / 3.0, 2e-7] {
            let kind = EventKind::Control {
                control: Control::Set(Change::new("ppo.lr", value).unwrap()),
            };
            let json = serde_json::to_string(&kind).unwrap();
            let change = serde_json::from_str::<EventKind>(&json).unwrap().change();
            assert_eq!(change.unwrap().value().to_bits(), value.to_bits());
        }
        let wrong = r#"{"kind":"control","control":{"set":{"setting":"ppo.batch","value":4}}}"#;
        let error = serde_json::from_str::<EventKind>(wrong).unwrap_err();
        assert!(error.to_string().contains("ppo.batch"), "{error}");
    }

    #[test]
    fn an_exported_event_has_its_sentence_beside_it() {
        let event = Event {
            wall_ms: 9,
            stage: Some(Stage::Ppo),
            step: 7,
            kind: EventKind::Resumed,
        };
        let json = serde_json::to_string(&event).unwrap();
        let expected = r#"{"wall_ms":9,"stage":"ppo","step":7,"event":{"kind":"resumed"},"severity":"info","text":"Resumed from ppo step 7"}"#;
        assert_eq!(json, expected);
    }
}
