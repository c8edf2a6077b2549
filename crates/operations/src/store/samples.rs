//! Sample dialogues as stored rows.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::RunId;
use super::error::Fault;
use super::step_rows::{Number, StepKey, StepRows};
use crate::data::{EmpathyLevel, Mechanism, Role};
use crate::experiment::{SampleDialogue, SampleLevel, Stage};

const ROWS: StepRows = StepRows {
    table: "samples",
    column: "dialogue_json",
    what: "a sample dialogue",
};

/// Replaces the dialogues of a step.
pub(super) fn put(
    db: &Connection,
    key: StepKey,
    wall_ms: i64,
    dialogues: &[SampleDialogue],
) -> Result<(), Fault> {
    let stored = dialogues.iter().cloned().map(StoredDialogue::from);
    ROWS.put(db, key, wall_ms, stored)
}

pub(super) fn at(db: &Connection, key: StepKey) -> Result<Vec<SampleDialogue>, Fault> {
    let stored: Vec<StoredDialogue> = ROWS.at(db, key)?;
    Ok(stored.into_iter().map(SampleDialogue::from).collect())
}

/// One dialogue of the fixed list at every step that has it, in order.
pub(super) fn over_steps(
    db: &Connection,
    run: RunId,
    position: u32,
) -> Result<Vec<(Stage, u64, SampleDialogue)>, Fault> {
    let stored: Vec<(Stage, u64, StoredDialogue)> = ROWS.over_steps(db, run, position)?;
    Ok(stored
        .into_iter()
        .map(|(stage, step, dialogue)| (stage, step, dialogue.into()))
        .collect())
}

/// [`SampleDialogue`] as JSON.
#[derive(Serialize, Deserialize)]
struct StoredDialogue {
    index: u32,
    emotion: String,
    situation: String,
    context: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<Role>,
    target: String,
    generated: String,
    levels: Vec<StoredLevel>,
    reward: Option<Number<f64>>,
}

#[derive(Serialize, Deserialize)]
struct StoredLevel {
    mechanism: Mechanism,
    target: EmpathyLevel,
    generated: EmpathyLevel,
    reward: Number<f64>,
}

impl From<SampleDialogue> for StoredDialogue {
    fn from(dialogue: SampleDialogue) -> Self {
        StoredDialogue {
            index: dialogue.index,
            emotion: dialogue.emotion,
            situation: dialogue.situation,
            context: dialogue.context,
            roles: dialogue.roles,
            target: dialogue.target,
            generated: dialogue.generated,
            levels: dialogue
                .levels
                .into_iter()
                .map(|level| StoredLevel {
                    mechanism: level.mechanism,
                    target: level.target,
                    generated: level.generated,
                    reward: Number(level.reward),
                })
                .collect(),
            reward: dialogue.reward.map(Number),
        }
    }
}

impl From<StoredDialogue> for SampleDialogue {
    fn from(stored: StoredDialogue) -> Self {
        SampleDialogue {
            index: stored.index,
            emotion: stored.emotion,
            situation: stored.situation,
            context: stored.context,
            roles: stored.roles,
            target: stored.target,
            generated: stored.generated,
            levels: stored
                .levels
                .into_iter()
                .map(|level| SampleLevel {
                    mechanism: level.mechanism,
                    target: level.target,
                    generated: level.generated,
                    reward: level.reward.0,
                })
                .collect(),
            reward: stored.reward.map(|reward| reward.0),
        }
    }
}
