//! What was asked of language models at addresses: every request with its answer, and what judges said.
//!
//! Knows no address and no key: requests come as they were sent, without headers.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use super::columns::{query_all, to_json};
use super::error::{Fault, StoreError};
use super::{Store, StoreReader, now_ms};
use crate::data::corpus::record::Preferred;

/// The number of a series of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct AskId(pub i64);

/// A series of requests that one command made, perhaps in several goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AskRow {
    pub id: AskId,
    /// `answer`, `rate` or `compare`.
    pub kind: String,
    /// Where it was sent and with what settings.
    pub about: Value,
    /// Requests that are answered.
    pub answered: u64,
    /// In milliseconds since the Unix epoch.
    pub begun_ms: i64,
    /// None while requests are missing.
    pub ended_ms: Option<i64>,
}

/// What a judge said, as it was understood.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    Score(f64),
    /// By the order of the answers in the request.
    Verdict(Preferred),
}

/// An answer as it was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedAnswer {
    /// Which of the series.
    pub item: String,
    /// JSON, as it was answered.
    pub answer: String,
    pub judged: Option<Judged>,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// Which of the series.
    pub item: String,
    /// JSON, as it was sent.
    pub request: String,
    /// JSON, as it was answered.
    pub answer: String,
    /// None for an answer that is a response itself, or that could not be understood.
    pub judged: Option<Judged>,
}

impl Store {
    /// The series of this digest, of which something is to be asked; begun where it is not there yet.
    pub fn begin_ask(
        &mut self,
        digest: &str,
        kind: &str,
        about: &Value,
    ) -> Result<AskId, StoreError> {
        let now = now_ms();
        self.write(|db| {
            if let Some(id) = ask_id(db, digest)? {
                db.execute("UPDATE asks SET ended = NULL WHERE id = ?", [id.0])?;
                return Ok(id);
            }
            db.execute(
                "INSERT INTO asks (digest, kind, about_json, begun) VALUES (?, ?, ?, ?)",
                params![digest, kind, to_json("a series of requests", about)?, now],
            )?;
            Ok(AskId(db.last_insert_rowid()))
        })
    }

    /// Records a request with its answer. Once this is done, it is not asked again.
    pub fn record_exchange(&mut self, ask: AskId, exchange: &Exchange) -> Result<(), StoreError> {
        let now = now_ms();
        self.write(|db| {
            let added = db
                .prepare_cached("INSERT OR IGNORE INTO exchanges VALUES (?, ?, ?, ?, ?)")?
                .execute(params![
                    ask.0,
                    exchange.item,
                    exchange.request,
                    exchange.answer,
                    now
                ])?;
            // Another process that was given the same command was there first.
            if added == 0 {
                return Ok(());
            }
            match exchange.judged {
                Some(Judged::Score(value)) => db
                    .prepare_cached("INSERT INTO judge_scores VALUES (?, ?, ?)")?
                    .execute(params![ask.0, exchange.item, value])?,
                Some(Judged::Verdict(verdict)) => db
                    .prepare_cached("INSERT INTO judge_verdicts VALUES (?, ?, ?)")?
                    .execute(params![ask.0, exchange.item, verdict.key()])?,
                None => 0,
            };
            Ok(())
        })
    }

    /// Notes that all of a series is answered.
    pub fn end_ask(&mut self, ask: AskId) -> Result<(), StoreError> {
        let now = now_ms();
        self.write(|db| {
            let sql = "UPDATE asks SET ended = ? WHERE id = ? AND ended IS NULL";
            db.execute(sql, params![now, ask.0])?;
            Ok(())
        })
    }

    /// Removes a series with its answers and what they said.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn remove_ask(&mut self, ask: AskId) -> Result<(), StoreError> {
        self.write(
            |db| match db.execute("DELETE FROM asks WHERE id = ?", [ask.0])? {
                0 => Err(StoreError::NoAsk { ask }.into()),
                _ => Ok(()),
            },
        )
    }
}

impl StoreReader {
    /// All series, the latest first.
    pub fn asks(&self) -> Result<Vec<AskRow>, StoreError> {
        self.read(|db| asks(db, "1 = 1"))
    }

    /// A series.
    ///
    /// # Errors
    /// There is none of this number.
    pub fn ask(&self, ask: AskId) -> Result<AskRow, StoreError> {
        let found = self.read(|db| asks(db, &format!("id = {}", ask.0)))?;
        found.into_iter().next().ok_or(StoreError::NoAsk { ask })
    }

    /// The series of a digest, if it was begun.
    pub fn ask_of(&self, digest: &str) -> Result<Option<AskId>, StoreError> {
        self.read(|db| ask_id(db, digest))
    }

    /// Which requests of a series are answered.
    pub fn answered(&self, ask: AskId) -> Result<HashSet<String>, StoreError> {
        self.read(|db| {
            let sql = "SELECT item FROM exchanges WHERE ask = ?";
            let items = query_all(db, sql, [ask.0], |row| Ok(row.get(0)?))?;
            Ok(items.into_iter().collect())
        })
    }

    /// The answers of a series, in the order of their recording.
    pub fn recorded_answers(&self, ask: AskId) -> Result<Vec<RecordedAnswer>, StoreError> {
        let sql = "SELECT item, answer_json, value, verdict FROM exchanges
             LEFT JOIN judge_scores USING (ask, item) LEFT JOIN judge_verdicts USING (ask, item)
             WHERE ask = ? ORDER BY exchanges.rowid";
        self.read(|db| {
            query_all(db, sql, [ask.0], |row| {
                let score: Option<f64> = row.get(2)?;
                let verdict: Option<String> = row.get(3)?;
                let verdict = verdict.map(|key| {
                    Preferred::from_key(&key).ok_or_else(|| {
                        let what = format!("series {} of requests, verdict", ask.0);
                        Fault::Unreadable(what, key)
                    })
                });
                Ok(RecordedAnswer {
                    item: row.get(0)?,
                    answer: row.get(1)?,
                    judged: match verdict.transpose()? {
                        Some(verdict) => Some(Judged::Verdict(verdict)),
                        None => score.map(Judged::Score),
                    },
                })
            })
        })
    }

    /// So many requests of a series as they were sent, with their answers, in the order of their recording; `after` is
    /// the number of the last that is known, and each comes with its own.
    pub fn exchanges(
        &self,
        ask: AskId,
        after: i64,
        most: u32,
    ) -> Result<Vec<(i64, [String; 3])>, StoreError> {
        let sql = "SELECT rowid, item, request_json, answer_json FROM exchanges
             WHERE ask = ? AND rowid > ? ORDER BY rowid LIMIT ?";
        self.read(|db| {
            query_all(db, sql, params![ask.0, after, most], |row| {
                Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?]))
            })
        })
    }
}

fn ask_id(db: &Connection, digest: &str) -> Result<Option<AskId>, Fault> {
    let mut query = db.prepare_cached("SELECT id FROM asks WHERE digest = ?")?;
    Ok(query
        .query_row([digest], |row| row.get(0).map(AskId))
        .optional()?)
}

fn asks(db: &Connection, which: &str) -> Result<Vec<AskRow>, Fault> {
    let sql = format!(
        "SELECT id, kind, about_json, (SELECT count(*) FROM exchanges WHERE ask = id), begun, ended
         FROM asks WHERE {which} ORDER BY id DESC"
    );
    query_all(db, &sql, [], |row| {
        let id = AskId(row.get(0)?);
        let about: String = row.get(2)?;
        Ok(AskRow {
            id,
            kind: row.get(1)?,
            about: serde_json::from_str(&about).map_err(|error| {
                Fault::Unreadable(format!("series {} of requests", id.0), error.to_string())
            })?,
            answered: row.get::<_, i64>(3)? as u64,
            begun_ms: row.get(4)?,
            ended_ms: row.get(5)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_series_is_found_again_with_its_answers_and_what_they_said() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path()).unwrap();
        let about = json!({"model": "m"});
        let ask = store.begin_ask("d", "compare", &about).unwrap();
        assert_eq!(store.begin_ask("d", "compare", &about).unwrap(), ask);
        let exchange = |item: &str, judged| Exchange {
            item: item.into(),
            request: "{}".into(),
            answer: "{\"a\":1}".into(),
            judged,
        };
        let all = [
            exchange("b", Some(Judged::Verdict(Preferred::Tie))),
            exchange("a", Some(Judged::Score(2.5))),
            exchange("c", None),
        ];
        for exchange in &all {
            store.record_exchange(ask, exchange).unwrap();
        }
        // Given twice, the first counts.
        store.record_exchange(ask, &exchange("b", None)).unwrap();
        let reader = store.reader().unwrap();
        let recorded = |exchange: &Exchange| RecordedAnswer {
            item: exchange.item.clone(),
            answer: exchange.answer.clone(),
            judged: exchange.judged,
        };
        let recorded: Vec<RecordedAnswer> = all.iter().map(recorded).collect();
        assert_eq!(reader.recorded_answers(ask).unwrap(), recorded);
        let first = reader.exchanges(ask, 0, 2).unwrap();
        let rest = reader.exchanges(ask, first[1].0, 2).unwrap();
        let items: Vec<&str> = first
            .iter()
            .chain(&rest)
            .map(|(_, [item, ..])| item.as_str())
            .collect();
        assert_eq!(items, ["b", "a", "c"]);
        assert_eq!(reader.answered(ask).unwrap().len(), 3);
        let row = reader.ask(ask).unwrap();
        assert_eq!((row.answered, row.ended_ms, row.about), (3, None, about));
        store.end_ask(ask).unwrap();
        assert!(reader.ask(ask).unwrap().ended_ms.is_some());
        store.remove_ask(ask).unwrap();
        assert!(reader.asks().unwrap().is_empty());
        assert!(reader.recorded_answers(ask).unwrap().is_empty());
        let error = store.remove_ask(ask).unwrap_err().to_string();
        assert!(error.contains("emprl endpoint list"), "{error}");
    }
}
