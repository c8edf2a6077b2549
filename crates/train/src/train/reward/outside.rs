//! Scores from outside: rows go to a program or a server, scores come back. Attempts, cache, and what is refused.
//!
//! A response is scored once: the scores of a term are kept by context, target and response for as long as the run
//! goes on. A scorer that gives the same row another score later would make a resumed run another one.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Trouble;
use super::program::Program;
use super::{Candidate, ScorerError};
use crate::experiment::{Alert, CommandTerm, HttpTerm};
use crate::fetch::{FetchError, JsonServer};

/// A response to be scored, as it is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Row<'a> {
    /// Its place among the rows that are sent at once, from 0.
    pub id: usize,
    /// Utterances, oldest first.
    pub context: &'a [String],
    pub response: &'a str,
    pub target: &'a str,
}

/// A score, as it is answered.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Answer {
    pub id: usize,
    pub score: f64,
}

enum Place {
    Program(Program),
    Server(JsonServer),
}

/// The scorer of one term.
pub struct Outside {
    term: String,
    /// Its program with arguments, or its address.
    scorer: String,
    place: Place,
    limit: Duration,
    retries: u64,
    known: HashMap<Key, f32>,
    /// Whether the last rows that were sent had to be sent again.
    in_trouble: bool,
    alerts: Vec<Alert>,
}

/// The first half of a SHA-256.
type Key = [u8; 16];

impl Outside {
    /// A program, which is started when it is first needed and kept running.
    pub fn program(term: &str, settings: &CommandTerm) -> Outside {
        let place = Place::Program(Program::new(&settings.command));
        let scorer = settings.command.join(" ");
        Outside::new(term, scorer, place, (settings.timeout, settings.retries))
    }

    /// # Errors
    /// The certificates that it would trust cannot be read.
    pub fn server(term: &str, settings: &HttpTerm) -> Result<Outside, FetchError> {
        let place = Place::Server(JsonServer::at(&settings.address)?);
        let scorer = settings.address.clone();
        Ok(Outside::new(
            term,
            scorer,
            place,
            (settings.timeout, settings.retries),
        ))
    }

    fn new(term: &str, scorer: String, place: Place, (timeout, retries): (f64, u64)) -> Outside {
        Outside {
            term: term.to_string(),
            scorer,
            place,
            limit: Duration::from_secs_f64(timeout),
            retries,
            known: HashMap::new(),
            in_trouble: false,
            alerts: Vec::new(),
        }
    }

    /// The score of each candidate, in order.
    ///
    /// # Errors
    /// At every attempt the scorer took too long, ended, or answered something else than one finite score a row.
    pub fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<f32>, Box<ScorerError>> {
        let keys: Vec<Key> = candidates.iter().map(key).collect();
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut sent: Vec<Key> = Vec::new();
        for (candidate, key) in candidates.iter().zip(&keys) {
            if !self.known.contains_key(key) && !sent.contains(key) {
                rows.push(Row {
                    id: rows.len(),
                    context: &candidate.example.context,
                    response: candidate.response,
                    target: &candidate.example.target,
                });
                sent.push(*key);
            }
        }
        if !rows.is_empty() {
            let scores = self.attempts(&rows)?;
            self.known.extend(sent.into_iter().zip(scores));
        }
        Ok(keys.iter().map(|key| self.known[key]).collect())
    }

    /// What had to be tried again since the last call; what recurs from step to step is reported once.
    pub fn take_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    fn attempts(&mut self, rows: &[Row<'_>]) -> Result<Vec<f32>, Box<ScorerError>> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let answers = match &mut self.place {
                Place::Program(program) => program.ask(rows, self.limit),
                Place::Server(server) => ask(server, rows, self.limit),
            };
            let Trouble { why, stderr } = match answers.and_then(|answers| in_order(rows, &answers))
            {
                Ok(scores) => {
                    self.in_trouble = attempts > 1;
                    return Ok(scores);
                }
                Err(trouble) => trouble,
            };
            if let Place::Program(program) = &mut self.place {
                program.stop();
            }
            if !std::mem::replace(&mut self.in_trouble, true) {
                let (term, why) = (self.term.clone(), why.clone());
                self.alerts.push(Alert::Scorer { term, why });
            }
            if attempts > self.retries {
                return Err(Box::new(ScorerError {
                    term: self.term.clone(),
                    scorer: self.scorer.clone(),
                    why,
                    attempts,
                    stderr,
                }));
            }
        }
    }
}

fn ask(server: &JsonServer, rows: &[Row<'_>], limit: Duration) -> Result<Vec<Answer>, Trouble> {
    let document = serde_json::to_vec(rows).map_err(|error| Trouble::new(error.to_string()))?;
    let answer = server.ask(&document, limit);
    let answer = answer.map_err(|error| Trouble::new(error.to_string()))?;
    serde_json::from_slice(&answer).map_err(|error| {
        Trouble::new(format!(
            "its answer is not [{{\"id\": 0, \"score\": 0.5}}, …]: {error}"
        ))
    })
}

/// The scores in the order of the rows.
fn in_order(rows: &[Row<'_>], answers: &[Answer]) -> Result<Vec<f32>, Trouble> {
    let mut scores: Vec<Option<f32>> = vec![None; rows.len()];
    for answer in answers {
        let Answer { id, score } = *answer;
        let place = scores.get_mut(id);
        let place = place.ok_or_else(|| {
            Trouble::new(format!("it answered a row {id}, which it was not sent"))
        })?;
        if place.replace(score as f32).is_some() {
            return Err(Trouble::new(format!("it answered row {id} twice")));
        }
        if !(score as f32).is_finite() {
            return Err(Trouble::new(format!("its score of row {id} is {score}")));
        }
    }
    let missing = |id: usize| Trouble::new(format!("it did not answer row {id}"));
    let found = scores.into_iter().enumerate();
    found
        .map(|(id, score)| score.ok_or_else(|| missing(id)))
        .collect()
}

fn key(candidate: &Candidate<'_>) -> Key {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    candidate
        .example
        .context
        .iter()
        .for_each(|utterance| add(utterance));
    add(&candidate.example.target);
    add(candidate.response);
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_answered_once_with_a_number() {
        let row = |id| Row {
            id,
            context: &[],
            response: "",
            target: "",
        };
        let rows = [row(0), row(1)];
        let answers = |given: &[(usize, f64)]| {
            let answers: Vec<Answer> = given
                .iter()
                .map(|&(id, score)| Answer { id, score })
                .collect();
            in_order(&rows, &answers).map_err(|trouble| trouble.why)
        };
        assert_eq!(answers(&[(1, 0.5), (0, 2.0)]), Ok(vec![2.0, 0.5]));
        for (given, why) in [
            (&[(0, 1.0)][..], "did not answer row 1"),
            (&[(0, 1.0), (1, 1.0), (1, 1.0)], "row 1 twice"),
            (&[(0, 1.0), (2, 1.0)], "a row 2"),
            (&[(0, f64::NAN), (1, 1.0)], "score of row 0"),
            (&[(0, 1e300), (1, 1.0)], "score of row 0"),
        ] {
            let found = answers(given).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
