//! Score columns to scores: who gave them, and what in them is none. Must not know how a mapping was found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::aspects;
use super::cells::{self, is_mark, is_missing};
use super::mapping::{RaterColumn, ScoreColumn};
use super::record::{Origin, Score};

/// What stands in a score column and is no score.
#[derive(Debug, Clone, PartialEq)]
pub struct Unread {
    pub column: String,
    pub value: String,
    pub why: WhyUnread,
}

/// Why a cell is no score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WhyUnread {
    /// It says that there is none.
    Missing,
    NoNumber,
    /// It is a number outside the lowest and highest score that could be given.
    Outside([f64; 2]),
}

/// Reads the scores of a row.
#[derive(Debug, Default)]
pub struct ScoreReader {
    rater: Option<String>,
    is_judge: bool,
    pub unread: Vec<Unread>,
}

impl ScoreReader {
    /// Of a row whose rater is in this column.
    pub fn of(raters: Option<&RaterColumn>, row: &Map<String, Value>) -> ScoreReader {
        let rater = raters.and_then(|raters| cells::label(row.get(&raters.column)?));
        let is_judge = match (raters, &rater) {
            (Some(raters), Some(rater)) => raters.judges.contains(rater),
            _ => false,
        };
        ScoreReader {
            rater,
            is_judge,
            unread: Vec::new(),
        }
    }

    /// The scores of these columns. What is none is left out, and kept as unread.
    pub fn read(
        &mut self,
        columns: &BTreeMap<String, ScoreColumn>,
        row: &Map<String, Value>,
    ) -> Vec<Score> {
        let mut scores = Vec::new();
        for (name, of) in columns {
            let is_there = |cell: &&Value| is_mark(cell) || !is_missing(cell);
            let Some(cell) = row.get(&of.column).filter(is_there) else {
                continue;
            };
            let value = cells::number_written(cell, of.decimal_comma);
            let outside = of.range.filter(|[lowest, highest]| {
                value.is_some_and(|value| !(lowest..=highest).contains(&&value))
            });
            let why = match (value, outside) {
                (Some(value), None) => {
                    let named = of.named_by.as_ref();
                    let aspect = named.and_then(|column| cells::label(row.get(column)?));
                    let name = aspect.map_or_else(|| name.clone(), |of| aspects::called(&of, name));
                    scores.push(self.score(&name, value, of));
                    continue;
                }
                (_, Some(range)) => WhyUnread::Outside(range),
                (None, None) if is_mark(cell) => WhyUnread::Missing,
                (None, None) => WhyUnread::NoNumber,
            };
            let text = cell.as_str().map(|text| text.trim().to_string());
            self.unread.push(Unread {
                column: of.column.clone(),
                value: text.unwrap_or_else(|| cell.to_string()),
                why,
            });
        }
        scores
    }

    /// A judge's score has its name before its own, so that it never counts among people's.
    fn score(&self, name: &str, value: f64, of: &ScoreColumn) -> Score {
        let (name, origin) = match &self.rater {
            Some(judge) if self.is_judge => (format!("{judge}_{name}"), Some(Origin::Judge)),
            _ => (name.to_string(), of.origin),
        };
        Score {
            name,
            value,
            range: of.range,
            origin,
            probabilities: Vec::new(),
            rater: self.rater.clone(),
        }
    }
}

/// All scores of a row, as a list of what records hold, each with the system whose response it is of.
///
/// # Errors
/// The cell is none.
pub(super) fn score_list(
    column: &str,
    row: &Map<String, Value>,
) -> Result<Vec<(Option<String>, Score)>, String> {
    let Some(cell) = row.get(column).filter(|cell| !is_missing(cell)) else {
        return Ok(Vec::new());
    };
    let list = cells::list(cell).ok_or_else(|| format!("has no list of scores in {column:?}"))?;
    let score = |value: &Value| {
        let mut value = value.clone();
        let system = value
            .as_object_mut()
            .and_then(|fields| fields.remove("system"));
        let score = serde_json::from_value(value)
            .map_err(|error| format!("has something in {column:?} that is no score: {error}"))?;
        match system {
            None | Some(Value::Null) => Ok((None, score)),
            Some(Value::String(system)) => Ok((Some(system), score)),
            Some(_) => Err(format!("has a score in {column:?} whose system is no text")),
        }
    };
    list.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(cell: Value, of: ScoreColumn) -> (Option<f64>, Vec<Unread>) {
        let Value::Object(row) = json!({"warmth": cell, "who": "w1"}) else {
            panic!("an object")
        };
        let mut reader = ScoreReader::of(None, &row);
        let columns = BTreeMap::from([("warmth".to_string(), of)]);
        let scores = reader.read(&columns, &row);
        (scores.first().map(|score| score.value), reader.unread)
    }

    fn column() -> ScoreColumn {
        ScoreColumn {
            column: "warmth".into(),
            range: Some([1.0, 5.0]),
            ..ScoreColumn::default()
        }
    }

    #[test]
    fn what_is_no_score_is_left_out_and_kept_apart() {
        let comma = ScoreColumn {
            decimal_comma: true,
            ..column()
        };
        for (cell, of, expected) in [
            (json!("3.5"), column(), Ok(3.5)),
            (json!(5), column(), Ok(5.0)),
            (json!("3,5"), comma.clone(), Ok(3.5)),
            (json!("4"), comma, Ok(4.0)),
            (json!("3,5"), column(), Err(("3,5", WhyUnread::NoNumber))),
            (json!("good"), column(), Err(("good", WhyUnread::NoNumber))),
            (
                json!(9),
                column(),
                Err(("9", WhyUnread::Outside([1.0, 5.0]))),
            ),
            (json!(" - "), column(), Err(("-", WhyUnread::Missing))),
            (json!("n/a"), column(), Err(("n/a", WhyUnread::Missing))),
        ] {
            let (value, unread) = read(cell, of);
            match expected {
                Ok(expected) => assert_eq!((value, unread), (Some(expected), Vec::new())),
                Err((text, why)) => {
                    assert_eq!((value, unread.len()), (None, 1));
                    assert_eq!(unread[0].value, text);
                    assert_eq!(unread[0].why, why);
                }
            }
        }
        assert_eq!(read(json!(""), column()), (None, Vec::new()));
    }

    #[test]
    fn a_list_of_scores_comes_back_as_it_was_written() {
        let row = |cell: Value| {
            let Value::Object(row) = json!({"scores": cell}) else {
                panic!("an object")
            };
            score_list("scores", &row)
        };
        let found = row(json!(
            "[{\"system\": \"a\", \"name\": \"warmth\", \"value\": 2.5, \"rater\": \"w1\"}, {\"name\": \"x\", \"value\": 1}]"
        ))
        .unwrap();
        assert_eq!((found[0].0.as_deref(), found[0].1.value), (Some("a"), 2.5));
        assert_eq!((found[1].0.as_deref(), &*found[1].1.name), (None, "x"));
        assert_eq!(row(json!("")), Ok(Vec::new()));
        for wrong in [
            "[{\"value\": 1}]",
            "[{\"name\": \"x\", \"value\": 1, \"system\": 2}]",
            "x",
        ] {
            assert!(row(json!(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn scores_have_their_raters_and_a_judges_a_name_of_their_own() {
        let raters = RaterColumn {
            column: "who".into(),
            judges: vec!["m".into()],
        };
        let of = |who: &str| {
            let Value::Object(row) = json!({"warmth": 4, "who": who}) else {
                panic!("an object")
            };
            let human = ScoreColumn {
                origin: Some(Origin::Human),
                ..column()
            };
            let columns = BTreeMap::from([("warmth".to_string(), human)]);
            let scores = ScoreReader::of(Some(&raters), &row).read(&columns, &row);
            let score = &scores[0];
            (score.name.clone(), score.rater.clone(), score.origin)
        };
        let named = |name: &str| Some(name.to_string());
        assert_eq!(
            of("w1"),
            ("warmth".into(), named("w1"), Some(Origin::Human))
        );
        assert_eq!(
            of("m"),
            ("m_warmth".into(), named("m"), Some(Origin::Judge))
        );
    }
}
