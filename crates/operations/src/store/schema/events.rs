//! The step that makes events typed: sentences of versions 1 to 6 become JSON.
//!
//! The only place that reads an event's text. What is written here is frozen: a later form of events gets a
//! later step. A text that it does not recognise becomes a note with that text, so that nothing is lost.

use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::Fault;
use crate::experiment::{Change, RunStatus, changeable};

/// `body` is an event as JSON; its fields are those of `experiment::EventKind`.
const TABLE: &str = "
    ALTER TABLE events RENAME TO sentences;
    DROP INDEX events_of_run;

    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        wall INTEGER NOT NULL,
        stage TEXT,
        step INTEGER NOT NULL,
        body TEXT NOT NULL,
        kind TEXT NOT NULL GENERATED ALWAYS AS (body ->> '$.kind') VIRTUAL
    ) STRICT;
    CREATE INDEX events_of_run ON events (run, id);
";

/// How a sentence gives a figure.
#[derive(Clone, Copy)]
enum Number {
    Whole,
    Real,
    /// In percent; it is kept as a share.
    Percent,
}

use Number::{Percent, Real, Whole};

/// How the sentence of an alert was written.
struct Sentence {
    rule: &'static str,
    severity: &'static str,
    /// With `{}` for each of the figures.
    template: &'static str,
    figures: &'static [(&'static str, Number)],
}

const ALERTS: [Sentence; 7] = [
    Sentence {
        rule: "kl_limit",
        severity: "alert",
        template: "The KL of a response is {} nats over {} steps, above alerts.kl_limit = {}: the policy runs away \
         from the reference; raise reward.beta or lower ppo.lr",
        figures: &[("kl", Real), ("window", Whole), ("limit", Real)],
    },
    Sentence {
        rule: "kl_rise",
        severity: "warning",
        template: "The KL of a response rose from {} to {} nats within {} steps, more than {} times",
        figures: &[
            ("before", Real),
            ("kl", Real),
            ("window", Whole),
            ("factor", Real),
        ],
    },
    Sentence {
        rule: "duplicates",
        severity: "alert",
        template: "{} % of the sample dialogues are answered in words that another is answered in too",
        figures: &[("share", Percent)],
    },
    Sentence {
        rule: "dist",
        severity: "alert",
        template: "Dist-2 fell from {} to {}: the answers become alike; look at the samples",
        figures: &[("first", Real), ("now", Real)],
    },
    Sentence {
        rule: "cut_off",
        severity: "warning",
        template: "{} % of the responses of the last {} steps were cut at the longest length",
        figures: &[("share", Percent), ("window", Whole)],
    },
    Sentence {
        rule: "length",
        severity: "warning",
        template: "Reward and length of responses go together (r = {} over {} steps): the reward may pay for length \
         only",
        figures: &[("r", Real), ("steps", Whole)],
    },
    Sentence {
        rule: "stalled",
        severity: "warning",
        template: "The mean reward has not risen for {} steps, since step {}",
        figures: &[("steps", Whole), ("since", Whole)],
    },
];

pub(super) fn migrate(db: &Connection) -> Result<(), Fault> {
    db.execute_batch(TABLE)?;
    let mut old = db.prepare(
        "SELECT id, run, wall, stage, step, sort, severity, text FROM sentences ORDER BY id",
    )?;
    let mut new = db.prepare(
        "INSERT INTO events (id, run, wall, stage, step, body) VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let stage: Option<String> = row.get(3)?;
        let step: i64 = row.get(4)?;
        let (sort, severity): (String, Option<String>) = (row.get(5)?, row.get(6)?);
        let text: String = row.get(7)?;
        let severity = severity.as_deref().unwrap_or("info");
        let place = stage.as_deref().map(|stage| (stage, step));
        let body = typed(&sort, severity, place, &text)
            .unwrap_or_else(|| json!({"kind": "note", "severity": severity, "text": text}));
        new.execute(params![
            row.get::<_, i64>(0)?,
            row.get::<_, i64>(1)?,
            row.get::<_, i64>(2)?,
            stage,
            step,
            body.to_string()
        ])?;
    }
    drop(rows);
    db.execute_batch("DROP TABLE sentences")?;
    Ok(())
}

/// The event of a text; None where it is not recognised.
fn typed(sort: &str, severity: &str, place: Option<(&str, i64)>, text: &str) -> Option<Value> {
    match sort {
        "stage" => {
            let total: u64 = text.parse().ok()?;
            Some(json!({"kind": "stage_begun", "total": total}))
        }
        "stage_done" => Some(json!({"kind": "stage_done"})),
        "status" => {
            RunStatus::from_key(text)?;
            Some(json!({"kind": "status", "status": text}))
        }
        "control" => {
            let control = match text {
                "pause" | "resume" | "stop" | "checkpoint" | "evaluate" => json!(text),
                _ => {
                    let (setting, value) = text.split_once(" = ")?;
                    json!({"set": change(setting, value)?})
                }
            };
            Some(json!({"kind": "control", "control": control}))
        }
        "note" => note(severity, place, text),
        _ => None,
    }
}

fn note(severity: &str, place: Option<(&str, i64)>, text: &str) -> Option<Value> {
    let resumed = place.map(|(stage, step)| format!("Resumed from {stage} step {step}"));
    if severity == "info" && resumed.as_deref() == Some(text) {
        return Some(json!({"kind": "resumed"}));
    }
    dropped(severity, text)
        .or_else(|| not_finite(severity, text))
        .or_else(|| alert(severity, text))
}

/// A change that was not made, as `Learning rate 0.001 was asked for …`.
fn dropped(severity: &str, text: &str) -> Option<Value> {
    let [what] = figures(
        text,
        "{} was asked for and not taken before the run stopped; ask again once it goes on",
    )?[..] else {
        return None;
    };
    let mut fields = changeable().find_map(|setting| {
        let value = what.strip_prefix(&setting.label())?;
        let unit = setting.unit.unwrap_or_default();
        change(setting.path, value.strip_suffix(unit)?.trim())
    })?;
    fields["kind"] = json!("change_dropped");
    (severity == "warning").then_some(fields)
}

fn change(setting: &str, value: &str) -> Option<Value> {
    let change = Change::new(setting, value.parse().ok()?).ok()?;
    Some(json!({"setting": change.path(), "value": change.value()}))
}

fn not_finite(severity: &str, text: &str) -> Option<Value> {
    let names: Vec<&str> = text.strip_suffix(" is not finite")?.split(", ").collect();
    let is_key = |name: &&str| name.contains('/') && !name.contains(' ');
    (severity == "alert" && names.iter().all(is_key))
        .then(|| json!({"kind": "alert", "rule": "not_finite", "metrics": names}))
}

fn alert(severity: &str, text: &str) -> Option<Value> {
    ALERTS.iter().find_map(|known| {
        let found = figures(text, known.template).filter(|_| known.severity == severity)?;
        let mut fields = Map::from_iter([
            ("kind".to_string(), json!("alert")),
            ("rule".to_string(), json!(known.rule)),
        ]);
        for ((name, number), text) in known.figures.iter().zip(found) {
            let value = match number {
                Whole => json!(text.parse::<u64>().ok()?),
                Real => json!(finite(text)?),
                Percent => json!(finite(text)? / 100.0),
            };
            fields.insert(name.to_string(), value);
        }
        Some(Value::Object(fields))
    })
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The parts of `text` in the places of `{}` in `template`; None where the rest differs.
fn figures<'a>(text: &'a str, template: &str) -> Option<Vec<&'a str>> {
    let mut parts = template.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    for part in parts {
        let at = match part {
            "" => rest.len(),
            _ => rest.find(part)?,
        };
        found.push(&rest[..at]);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

#[cfg(test)]
mod tests;
