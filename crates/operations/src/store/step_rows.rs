//! Parts of a step as rows of JSON, in order; JSON that allows non-finite numbers.

use std::fmt::Display;
use std::str::FromStr;

use rusqlite::{Connection, Row, params};
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};

use super::RunId;
use super::columns::{query_all, required_stage, unsigned};
use super::error::Fault;
use crate::experiment::Stage;

/// A step of a run.
#[derive(Clone, Copy)]
pub(super) struct StepKey {
    pub run: RunId,
    pub stage: Stage,
    pub step: u64,
}

/// A table with the columns run, stage, step, position, time and JSON.
pub(super) struct StepRows {
    pub table: &'static str,
    /// The column with the JSON.
    pub column: &'static str,
    /// What a row is, for messages: "a rollout".
    pub what: &'static str,
}

impl StepRows {
    /// Replaces the rows of a step.
    pub fn put<T: Serialize>(
        &self,
        db: &Connection,
        key: StepKey,
        wall_ms: i64,
        parts: impl Iterator<Item = T>,
    ) -> Result<(), Fault> {
        let (run, stage, step) = (key.run.0, key.stage.key(), key.step as i64);
        let table = self.table;
        db.prepare_cached(&format!(
            "DELETE FROM {table} WHERE run = ? AND stage = ? AND step = ?"
        ))?
        .execute(params![run, stage, step])?;
        let mut insert =
            db.prepare_cached(&format!("INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?)"))?;
        for (position, part) in parts.enumerate() {
            let json = serde_json::to_string(&part)
                .map_err(|error| Fault::Unreadable(self.what.into(), error.to_string()))?;
            insert.execute(params![run, stage, step, position as i64, wall_ms, json])?;
        }
        Ok(())
    }

    pub fn at<T: DeserializeOwned>(&self, db: &Connection, key: StepKey) -> Result<Vec<T>, Fault> {
        let sql = format!(
            "SELECT {} FROM {} WHERE run = ? AND stage = ? AND step = ? ORDER BY position",
            self.column, self.table
        );
        let params = params![key.run.0, key.stage.key(), key.step as i64];
        query_all(db, &sql, params, |row| self.part(row, 0, key))
    }

    /// The row at a position of every step that has one, in order.
    pub fn over_steps<T: DeserializeOwned>(
        &self,
        db: &Connection,
        run: RunId,
        position: u32,
    ) -> Result<Vec<(Stage, u64, T)>, Fault> {
        let sql = format!(
            "SELECT stage, step, {} FROM {} WHERE run = ? AND position = ?",
            self.column, self.table
        );
        let mut found = query_all(db, &sql, params![run.0, position], |row| {
            let (stage, step) = (required_stage(run, row, 0)?, unsigned(row, 1)?);
            let part = self.part(row, 2, StepKey { run, stage, step })?;
            Ok((stage, step, part))
        })?;
        found.sort_by_key(|(stage, step, _)| (*stage, *step));
        Ok(found)
    }

    fn part<T: DeserializeOwned>(
        &self,
        row: &Row<'_>,
        column: usize,
        key: StepKey,
    ) -> Result<T, Fault> {
        let json = row.get_ref(column)?;
        let json = json.as_str().map_err(rusqlite::Error::from)?;
        serde_json::from_str(json).map_err(|error| self.unreadable(key, error.to_string()))
    }

    /// The error for a row that cannot be parsed.
    pub fn unreadable(&self, key: StepKey, why: String) -> Fault {
        let StepKey { run, stage, step } = key;
        let place = format!("{} of run {run}, {stage}, step {step}", self.what);
        Fault::Unreadable(place, why)
    }
}

/// A number in JSON, with non-finite ones as text. Finite ones have as few digits as read back exactly.
pub(super) struct Number<T>(pub T);

pub(super) trait Float: Copy + Display + FromStr + Serialize + DeserializeOwned {
    fn finite(self) -> bool;
}

impl Float for f32 {
    fn finite(self) -> bool {
        self.is_finite()
    }
}

impl Float for f64 {
    fn finite(self) -> bool {
        self.is_finite()
    }
}

impl<T: Float> Serialize for Number<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.finite() {
            true => self.0.serialize(serializer),
            false => serializer.collect_str(&self.0),
        }
    }
}

impl<'de, T: Float> Deserialize<'de> for Number<T>
where
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, bound = "T: DeserializeOwned")]
        enum Either<T> {
            Number(T),
            Text(String),
        }
        match Either::deserialize(deserializer)? {
            Either::Number(number) => Ok(Number(number)),
            Either::Text(text) => text.parse().map(Number).map_err(D::Error::custom),
        }
    }
}
