//! The messages of a run to its listener, and their form as lines of JSON.

use serde_json::{Map, Value, json};

use crate::experiment::{EventKind, Report, Stage};
use crate::metrics::{Estimate, SystemResults};
use crate::store::RunId;

/// A message about a run; already recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub run: RunId,
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// The stage and step reported last.
    pub stage: Option<Stage>,
    pub step: u64,
    pub kind: MessageKind,
}

#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a few messages a step, moved a few times"
)]
pub enum MessageKind {
    Report(Report),
    /// The run ended with an error. The last message.
    Failed {
        error: String,
    },
    /// Every stage is done. The last message.
    Finished {
        results: Vec<SystemResults>,
    },
}

impl Message {
    pub fn event(&self) -> Option<&EventKind> {
        match &self.kind {
            MessageKind::Report(Report::Event { kind, .. }) => Some(kind),
            _ => None,
        }
    }

    /// A line of `run --json`. None for requests (their effects have lines), rows of the result table (they come
    /// with `finished`) and rollouts (see `runs rollout`). Non-finite numbers are `null`.
    pub fn to_json(&self) -> Option<Value> {
        let report = match &self.kind {
            MessageKind::Report(report) => report,
            MessageKind::Failed { error } => {
                return Some(self.line("failed", &[("error", json!(error))]));
            }
            MessageKind::Finished { results } => {
                let results = results_to_json(results);
                return Some(self.line("finished", &[("results", results)]));
            }
        };
        match report {
            Report::Event { kind, .. } => self.event_line(kind),
            Report::Metrics { total, values, .. } => {
                let values: Map<String, Value> = values
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                let fields = [("total", json!(total)), ("values", Value::Object(values))];
                Some(self.line("metrics", &fields))
            }
            Report::Samples { dialogues, .. } => {
                Some(self.line("samples", &[("dialogues", json!(dialogues))]))
            }
            Report::Rollout { .. } | Report::Identifiers { .. } | Report::Results { .. } => None,
        }
    }

    fn event_line(&self, kind: &EventKind) -> Option<Value> {
        Some(match kind {
            EventKind::StageBegun { total } => {
                let fields = [("total", json!(total)), ("status", json!("running"))];
                self.line("stage", &fields)
            }
            EventKind::StageDone => self.line("stage", &[("status", json!("done"))]),
            EventKind::Status { status } => self.line("stage", &[("status", json!(status))]),
            EventKind::Checkpoint { path, bytes } => {
                let fields = [("path", json!(path)), ("bytes", json!(bytes))];
                self.line("checkpoint", &fields)
            }
            EventKind::Control { .. } => return None,
            EventKind::Resumed
            | EventKind::ChangeDropped(_)
            | EventKind::Alert(_)
            | EventKind::Note { .. } => {
                let (stage, step) = self.place();
                let fields = [
                    ("severity", json!(kind.severity())),
                    ("text", json!(kind.words(stage, step))),
                ];
                self.line("alert", &fields)
            }
        })
    }

    /// The stage and step of its report, else those reported last.
    fn place(&self) -> (Option<Stage>, u64) {
        let at = match &self.kind {
            MessageKind::Report(report) => report.at(),
            _ => None,
        };
        at.map_or((self.stage, self.step), |(stage, step)| (Some(stage), step))
    }

    fn line(&self, name: &str, fields: &[(&str, Value)]) -> Value {
        let (stage, step) = self.place();
        let head = [
            ("event", json!(name)),
            ("run", json!(self.run)),
            ("stage", json!(stage)),
            ("step", json!(step)),
            ("wall_ms", json!(self.wall_ms)),
        ];
        let fields = head.iter().chain(fields);
        let fields = fields.map(|(name, value)| (name.to_string(), value.clone()));
        Value::Object(fields.collect())
    }
}

/// The result table as JSON: by system, every figure as `{"value", "low", "high"}` or null.
pub fn results_to_json(results: &[SystemResults]) -> Value {
    let figure = |estimate: Option<&Estimate>| match estimate {
        Some(e) => json!({"value": e.value, "low": e.low, "high": e.high}),
        None => Value::Null,
    };
    let mut systems = Map::new();
    for row in results {
        let by_mechanism = |at: usize| figure(row.mechanism_f1.as_ref().map(|f1| &f1[at]));
        let name = match systems.contains_key(&row.system) {
            true => format!("{} ({})", row.system, row.split),
            false => row.system.clone(),
        };
        let mut value = json!({
            "split": row.split,
            "n": row.n,
            "ppl": figure(row.ppl.as_ref()),
            "ppl_hf": figure(row.ppl_hf.as_ref()),
            "dist_1": figure(Some(&row.dist_1)),
            "dist_2": figure(Some(&row.dist_2)),
            "ead_1": figure(row.ead.as_ref().map(|ead| &ead[0])),
            "ead_2": figure(row.ead.as_ref().map(|ead| &ead[1])),
            "emp_f1": figure(row.emp_f1.as_ref()),
            "emotional_reaction_f1": by_mechanism(0),
            "interpretation_f1": by_mechanism(1),
            "exploration_f1": by_mechanism(2),
            "mean_words": row.mean_words,
            "truncation": row.truncation,
            "controls": row.controls,
            "held_out": row.held_out,
        });
        if let Some(best_of) = row.best_of() {
            value["best_of"] = json!({"n": best_of.n(), "kl_bound": best_of.kl_bound()});
        }
        systems.insert(name, value);
    }
    Value::Object(systems)
}
