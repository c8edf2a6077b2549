//! What happened in a run, as those who watch it are told; and its form as a line of JSON.
//!
//! Knows no channel and no store beyond the names of runs.

use serde_json::{Map, Value, json};

use super::Control;
use crate::experiment::{Report, Stage};
use crate::metrics::{Estimate, SystemResults};
use crate::store::{RunId, RunStatus};

/// Something that happened in a run and is on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub run: RunId,
    /// Milliseconds since the Unix epoch.
    pub wall_ms: i64,
    /// Where the run stood: the stage and step reported last.
    pub stage: Option<Stage>,
    pub step: u64,
    pub kind: EventKind,
}

#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a few events a step, moved a few times"
)]
pub enum EventKind {
    Report(Report),
    /// A person asked for something, and the trainer has heard it.
    Control(Control),
    /// The run began, paused, went on, or was stopped.
    Status(RunStatus),
    /// It ended by an error. Nothing follows.
    Failed {
        error: String,
    },
    /// Every stage is done. Nothing follows.
    Finished {
        results: Vec<SystemResults>,
    },
}

impl Event {
    /// One line of `run --json`; None for what has no line of its own: what a person asked for shows
    /// in what comes of it, rows of the result table come with `finished`, and rollouts are read from the
    /// store (`runs rollout`).
    ///
    /// JSON has no word for numbers that are not finite: those are `null`.
    pub fn to_json(&self) -> Option<Value> {
        let mut line = Line::new(self);
        match &self.kind {
            EventKind::Report(report) => match report {
                Report::Stage { stage, total } => {
                    line.begin("stage", Some(*stage), 0);
                    line.put("total", json!(total));
                    line.put("status", json!("running"));
                }
                Report::StageDone { stage, step } => {
                    line.begin("stage", Some(*stage), *step);
                    line.put("status", json!("done"));
                }
                Report::Metrics {
                    stage,
                    step,
                    total,
                    values,
                } => {
                    line.begin("metrics", Some(*stage), *step);
                    line.put("total", json!(total));
                    let values: Map<String, Value> = values
                        .iter()
                        .map(|(name, value)| (name.clone(), json!(value)))
                        .collect();
                    line.put("values", Value::Object(values));
                }
                Report::Samples {
                    stage,
                    step,
                    dialogues,
                } => {
                    line.begin("samples", Some(*stage), *step);
                    line.put("dialogues", json!(dialogues));
                }
                Report::Checkpoint {
                    stage,
                    step,
                    path,
                    bytes,
                } => {
                    line.begin("checkpoint", Some(*stage), *step);
                    line.put("path", json!(path));
                    line.put("bytes", json!(bytes));
                }
                Report::Note {
                    stage,
                    step,
                    severity,
                    text,
                } => {
                    line.begin("alert", Some(*stage), *step);
                    line.put("severity", json!(severity));
                    line.put("text", json!(text));
                }
                Report::Rollout { .. } | Report::Identifiers { .. } | Report::Results { .. } => {
                    return None;
                }
            },
            EventKind::Control(_) => return None,
            EventKind::Status(status) => {
                line.begin("stage", self.stage, self.step);
                line.put("status", json!(status));
            }
            EventKind::Failed { error } => {
                line.begin("failed", self.stage, self.step);
                line.put("error", json!(error));
            }
            EventKind::Finished { results } => {
                line.begin("finished", self.stage, self.step);
                line.put("results", results_to_json(results));
            }
        }
        Some(Value::Object(line.fields))
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
        let value = json!({
            "split": row.split,
            "n": row.n,
            "ppl": figure(row.ppl.as_ref()),
            "ppl_hf": figure(row.ppl_hf.as_ref()),
            "dist_1": figure(Some(&row.dist_1)),
            "dist_2": figure(Some(&row.dist_2)),
            "emp_f1": figure(row.emp_f1.as_ref()),
            "emotional_reaction_f1": by_mechanism(0),
            "interpretation_f1": by_mechanism(1),
            "exploration_f1": by_mechanism(2),
            "mean_words": row.mean_words,
        });
        systems.insert(name, value);
    }
    Value::Object(systems)
}

struct Line<'a> {
    event: &'a Event,
    fields: Map<String, Value>,
}

impl<'a> Line<'a> {
    fn new(event: &'a Event) -> Self {
        Line {
            event,
            fields: Map::new(),
        }
    }

    fn begin(&mut self, name: &str, stage: Option<Stage>, step: u64) {
        self.put("event", json!(name));
        self.put("run", json!(self.event.run));
        self.put("stage", json!(stage));
        self.put("step", json!(step));
        self.put("wall_ms", json!(self.event.wall_ms));
    }

    fn put(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_string(), value);
    }
}
