//! Finds the columns that say which of two systems is better, and what belongs to them: the systems, the judge, the order.

use std::collections::BTreeSet;

use super::super::cells::whole;
use super::super::mapping::{ResponseColumns, VerdictColumns};
use super::super::names::{self, plain};
use super::super::profile::Column;
use super::super::record::Preferred;
use super::{Finder, counts_rows, origin, origin_of_raters};

/// Columns of the systems' names, for the first and the second.
pub(super) type Pair = [String; 2];

impl Finder<'_> {
    /// The columns of the names of the two systems that rows compare, and of their texts where there are some.
    pub(super) fn pair(&mut self) -> Option<Pair> {
        if !self.left.iter().any(|column| is_winner(column)) {
            return None;
        }
        let is_name = |column: &Column| column.values().is_some() && !column.is_list();
        let pair = names::SIDES.iter().find_map(|sides| {
            names::OF_SIDE
                .iter()
                .find_map(|word| self.of_sides(sides, word, is_name))
                .map(|pair| (sides, pair))
        });
        let (sides, pair) = pair?;
        let is_text = |column: &Column| column.is_text() && !column.is_list();
        let texts = names::RESPONSE
            .iter()
            .chain(&["text"])
            .find_map(|word| self.of_sides(sides, word, is_text));
        for (system, text) in pair.iter().zip(texts.into_iter().flatten()) {
            self.mapping.responses.push(ResponseColumns {
                system_column: Some(system.clone()),
                text: text.clone(),
                ..ResponseColumns::default()
            });
            self.forget(&text);
        }
        for system in &pair {
            self.forget(system);
        }
        Some(pair)
    }

    /// Two columns whose names are this word with each side.
    fn of_sides(
        &self,
        sides: &[&str; 2],
        word: &str,
        fits: impl Fn(&Column) -> bool,
    ) -> Option<Pair> {
        let of = |side: &str| {
            let written = [
                format!("{word}_{side}"),
                format!("{side}_{word}"),
                format!("{word}{side}"),
            ];
            let is = |column: &&&Column| written.contains(&plain(&column.name)) && fits(column);
            self.left.iter().find(is).map(|column| column.name.clone())
        };
        Some([of(sides[0])?, of(sides[1])?])
    }

    /// Two systems that are known to be, where a column of winners names no others.
    pub(super) fn named_pair(&self, known: &BTreeSet<String>) -> Option<[String; 2]> {
        let winners = self.left.iter().filter(|column| is_winner(column));
        for column in winners {
            let values = column.values()?;
            let named: Vec<&String> = known
                .iter()
                .filter(|system| values.contains(*system))
                .collect();
            if let [first, second] = named[..] {
                return Some([first.clone(), second.clone()]);
            }
        }
        None
    }

    /// The columns of verdicts: on the systems in `pair`, else on those that are `fixed`. `name` is the file's.
    pub(super) fn verdicts(&mut self, pair: Option<Pair>, fixed: Option<[String; 2]>, name: &str) {
        if pair.is_none() && fixed.is_none() {
            self.of_nobody();
            return;
        }
        let systems: BTreeSet<String> = match (&pair, &fixed) {
            (Some(columns), _) => columns
                .iter()
                .filter_map(|column| self.profile.column(column)?.values())
                .flatten()
                .map(|name| name.to_lowercase())
                .collect(),
            (None, Some(names)) => names.iter().map(|name| name.to_lowercase()).collect(),
            (None, None) => return,
        };
        let winners: Vec<&Column> = self
            .left
            .iter()
            .copied()
            .filter(|column| is_winner(column))
            .collect();
        let mut found: Vec<(String, VerdictColumns)> = Vec::new();
        for column in winners {
            let Some(words) = Words::of(column, &systems) else {
                if is_ambiguous(column) {
                    self.forget(&column.name);
                    let reason =
                        "may say which of two is better; say in [verdicts] what its values mean";
                    self.mapping
                        .left_out
                        .insert(column.name.clone(), reason.to_string());
                } else if let Some(pair) = &pair {
                    let why = not_understood(column, pair, &systems);
                    self.forget(&column.name);
                    let fix = "correct them, or say in [verdicts] what they mean";
                    let reason = format!("{why}; {fix}");
                    self.mapping.left_out.insert(column.name.clone(), reason);
                    self.not_understood
                        .get_or_insert(format!("{:?} {why}", column.name));
                }
                continue;
            };
            self.forget(&column.name);
            let columns = VerdictColumns {
                column: column.name.clone(),
                systems: fixed.clone().filter(|_| pair.is_none()),
                system_columns: pair.clone(),
                first: words.first,
                second: words.second,
                tie: words.tie,
                origin: origin(&column.name),
                ..VerdictColumns::default()
            };
            found.push((column.name.clone(), columns));
        }
        if found.is_empty() {
            // Then they are columns like any other.
            for name in pair.into_iter().flatten() {
                let mut responses = self.mapping.responses.iter();
                let is_used = responses.any(|of| of.system_column.as_ref() == Some(&name));
                let column = self.profile.column(&name).filter(|_| !is_used);
                self.left.extend(column);
            }
            return;
        }
        // Several rows may be about one record.
        let counts = |id: &String| self.profile.column(id).is_some_and(counts_rows);
        if self.mapping.id.as_ref().is_none_or(counts) {
            let rows = self.profile.rows;
            // A few may be forgotten: their rows are refused.
            let key = |column: &Column| !column.is_list() && 10 * column.present >= 9 * rows;
            let ids = [names::ID, names::JUDGED].concat();
            if let Some(id) = self.take_name(&ids, key) {
                // A number of each verdict is none of what was judged.
                if let Some(number) = self.mapping.id.replace(id) {
                    let reason = "numbers the rows, of which several may be about one record";
                    self.mapping.left_out.insert(number, reason.to_string());
                }
            }
        }
        let short = |column: &Column| column.values().is_some() && !column.is_list();
        let judge = self.take_name(names::JUDGE, short);
        let shown = self.take_name(names::SHOWN_FIRST, |column| {
            let words = Words::of(column, &systems).filter(|_| !column.is_number());
            words.is_some_and(|words| words.tie.is_empty())
        });
        let repeat = self.take_name(names::REPEAT, Column::is_number);
        let by = judge.as_deref().and_then(origin_of_raters);
        let by = by.or_else(|| origin(name));
        for (called, mut columns) in found {
            if let Some(column) = shown
                .as_deref()
                .and_then(|shown| self.profile.column(shown))
                && let Some(words) = Words::of(column, &systems)
            {
                // What is said of the order has words of its own.
                for (all, more) in [
                    (&mut columns.first, words.first),
                    (&mut columns.second, words.second),
                ] {
                    let new = more.into_iter().filter(|word| !all.contains(word));
                    let new: Vec<String> = new.collect();
                    all.extend(new);
                }
                columns.shown_first.clone_from(&shown);
            }
            columns.judge_column.clone_from(&judge);
            columns.repeat.clone_from(&repeat);
            columns.origin = columns.origin.or(by);
            self.mapping.verdicts.insert(called, columns);
        }
    }
}

impl Finder<'_> {
    /// Notes a column that says which of two is better where nothing says which two.
    fn of_nobody(&mut self) {
        let none = BTreeSet::new();
        let says_sides = |column: &&&Column| {
            let words = Words::of(column, &none).filter(|_| is_winner(column));
            words.is_some_and(|words| !words.first.is_empty() && !words.second.is_empty())
        };
        let Some(column) = self.left.iter().find(says_sides) else {
            return;
        };
        let words = Words::of(column, &none);
        let said = words.map(|words| [words.first, words.second, words.tie].concat());
        let (said, sides) = match said.unwrap_or_default() {
            said if said.iter().any(|word| word.parse::<f64>().is_ok()) => (said, "1 and 2"),
            said => (said, "A and B"),
        };
        self.not_understood.get_or_insert(format!(
            "{:?} says {}, but no columns say which systems {sides} are",
            column.name,
            said.join("/")
        ));
    }
}

/// Whether a column is called what those are that say which of two is better.
fn is_winner(column: &Column) -> bool {
    let plain = plain(&column.name);
    let words: Vec<&str> = plain.split('_').collect();
    let is = |word: &&str| names::WINNER.contains(word);
    let ends = words.first().is_some_and(is) || words.last().is_some_and(is);
    let beside = words.iter().filter(|word| !is(word)).count();
    let generic = words
        .iter()
        .all(|word| is(word) || names::CHOICE.contains(word) || names::OF_WINNER.contains(word));
    let chosen = |word: &&str| is(word) || names::CHOICE.contains(word);
    let generic = generic && words.iter().any(chosen);
    column.values().is_some() && !column.is_list() && (ends && beside <= 2 || generic)
}

/// Why a column beside those of two systems is none of their verdicts, as the end of a sentence.
fn not_understood(column: &Column, pair: &Pair, systems: &BTreeSet<String>) -> String {
    const SHOWN: usize = 5;
    let values = column.values().into_iter().flatten();
    let unknown = |value: &&String| {
        let is_side = || ["1", "2"].contains(&value.as_str()) || meaning(&plain(value)).is_some();
        !systems.contains(&value.to_lowercase()) && !is_side()
    };
    let unknown: Vec<&String> = values.filter(unknown).collect();
    let mut shown: Vec<String> = unknown
        .iter()
        .take(SHOWN)
        .map(|value| format!("{value:?}"))
        .collect();
    if unknown.len() > SHOWN {
        shown.push(format!("{} more", unknown.len() - SHOWN));
    }
    let [first, second] = pair;
    format!(
        "seems to say which of the systems in {first:?} and {second:?} is better, but too many of its values are neither one \
         of these nor a word for one of them or a tie: {}",
        shown.join(", ")
    )
}

/// Numbers from 0 or 1, of which nobody knows whether 0 is the first or a tie.
fn is_ambiguous(column: &Column) -> bool {
    let values = column.values();
    column.is_number()
        && values.is_some_and(|values| {
            values
                .iter()
                .all(|value| ["0", "1", "-1"].contains(&&*whole(value.clone())))
        })
}

/// What the values of a column stand for, beside the systems' own names.
struct Words {
    first: Vec<String>,
    second: Vec<String>,
    tie: Vec<String>,
}

impl Words {
    /// None where more than a few values are neither a system's name nor a known word: a few are misspelt, and each row that
    /// has one will say so.
    fn of(column: &Column, systems: &BTreeSet<String>) -> Option<Words> {
        let values = column.values().filter(|values| !values.is_empty())?;
        let values: BTreeSet<String> = values.iter().map(|value| whole(value.clone())).collect();
        let numbered = values.contains("1") && values.contains("2");
        let mut words = Words {
            first: Vec::new(),
            second: Vec::new(),
            tie: Vec::new(),
        };
        let (mut known, mut unknown) = (0, 0);
        for value in values {
            known += 1;
            if systems.contains(&value.to_lowercase()) {
                continue;
            }
            let number = value.parse::<f64>().is_ok();
            let meant = match value.as_str() {
                "0" | "1.5" | "3" if numbered => Preferred::Tie,
                "1" | "2" if !numbered => return None,
                other if number && !["1", "2"].contains(&other) => return None,
                value => {
                    let Some(meant) = meaning(&plain(value)) else {
                        (known, unknown) = (known - 1, unknown + 1);
                        continue;
                    };
                    meant
                }
            };
            match meant {
                Preferred::First => words.first.push(value),
                Preferred::Second => words.second.push(value),
                Preferred::Tie => words.tie.push(value),
            }
        }
        (2 * unknown <= known).then_some(words)
    }
}

/// What a word stands for: `a`, `model_a`, `a_wins`; `ab`, of which the first is shown first; `tie`.
fn meaning(word: &str) -> Option<Preferred> {
    if names::TIE.contains(&word) {
        return Some(Preferred::Tie);
    }
    let beside = [
        "wins",
        "win",
        "better",
        "is_better",
        "first",
        "model",
        "system",
        "response",
        "answer",
        "assistant",
        "output",
        "candidate",
        "option",
    ];
    names::SIDES.iter().find_map(|[first, second]| {
        let is = |side: &str, other: &str| {
            let bare = word == side || word == format!("{side}{other}");
            let with = |more: &str| {
                word == format!("{side}_{more}")
                    || word == format!("{more}_{side}")
                    || word == format!("{more}{side}")
            };
            bare || beside.into_iter().any(with)
        };
        match () {
            () if is(first, second) => Some(Preferred::First),
            () if is(second, first) => Some(Preferred::Second),
            () => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::super::mapping::Mapping;
    use super::super::super::profile::Profile;
    use super::super::super::record::Origin;
    use super::super::find;

    /// Rows with an id each, with the columns that are given in turn.
    fn mapping(rows: Value) -> Result<Mapping, String> {
        let mut profile = Profile::default();
        for row in rows.as_array().unwrap() {
            let row: Map<String, Value> = row.as_object().unwrap().clone();
            profile.add(&super::super::super::cells::columns(row), 0);
        }
        find(&profile, "file")
    }

    #[test]
    fn a_file_of_verdicts_alone_has_a_place() {
        let found = mapping(json!([
            {"question_id": 1, "model_a": "anna", "model_b": "bert", "winner": "model_a", "judge": "gpt", "order": "AB"},
            {"question_id": 1, "model_a": "anna", "model_b": "carl", "winner": "tie (bothbad)", "judge": "gpt", "order": "BA"},
            {"question_id": 2, "model_a": "anna", "model_b": "bert", "winner": "B", "judge": "gpt", "order": "AB"},
        ]))
        .unwrap();
        assert_eq!(found.id.as_deref(), Some("question_id"));
        let verdicts = &found.verdicts["winner"];
        assert_eq!(
            verdicts.system_columns,
            Some(["model_a".into(), "model_b".into()])
        );
        assert_eq!(verdicts.first, ["model_a", "AB"]);
        assert_eq!(verdicts.second, ["B", "BA"]);
        assert_eq!(verdicts.tie, ["tie (bothbad)"]);
        assert_eq!(verdicts.judge_column.as_deref(), Some("judge"));
        assert_eq!(verdicts.shown_first.as_deref(), Some("order"));
        assert_eq!(verdicts.origin, Some(Origin::Judge));
        assert!(found.responses.is_empty() && found.scores.is_empty());
    }

    #[test]
    fn a_misspelt_winner_and_a_forgotten_id_are_those_of_their_rows() {
        let row = |id: &str, winner: &str| json!({"id": id, "model_a": "anna", "model_b": "bert", "winner": winner});
        let rows = [("1", "anna"), ("2", "bert"), ("3", "tie"), ("4", "ana")];
        let mut rows: Vec<Value> = rows.map(|(id, winner)| row(id, winner)).to_vec();
        rows.extend((5..14).map(|id| row(&id.to_string(), "bert")));
        rows.push(row("", "anna"));
        let found = mapping(Value::Array(rows)).unwrap();
        assert_eq!(found.id.as_deref(), Some("id"));
        let verdicts = &found.verdicts["winner"];
        assert_eq!(
            (verdicts.first.len(), &verdicts.tie[..]),
            (0, &["tie".to_string()][..])
        );
        // Of which nobody knows what most of the values are.
        let winners = ["anna", "so so", "well", "hm"];
        let rows = winners.iter().enumerate();
        let rows = rows
            .map(|(id, winner)| row(&id.to_string(), winner))
            .collect();
        assert!(mapping(rows).is_err());
    }

    #[test]
    fn texts_beside_the_systems_are_their_responses() {
        let found = mapping(json!([
            {"context": "I lost my keys.", "system_1": "anna", "system_2": "bert", "response_1": "Oh no, where?",
             "response_2": "I am sorry.", "empathy_winner": 1, "fluency_winner": 2, "annotator": "w1"},
            {"context": "I won a prize.", "system_1": "bert", "system_2": "anna", "response_1": "That is great!",
             "response_2": "How nice for you.", "empathy_winner": 2, "fluency_winner": 0, "annotator": "w2"},
            {"context": "My cat is ill.", "system_1": "bert", "system_2": "anna", "response_1": "Poor little cat.",
             "response_2": "What does she have?", "empathy_winner": 0, "fluency_winner": 1, "annotator": "w2"},
        ]))
        .unwrap();
        let systems = found.responses.iter();
        let systems: Vec<Option<&str>> = systems.map(|of| of.system_column.as_deref()).collect();
        assert_eq!(systems, [Some("system_1"), Some("system_2")]);
        let names: Vec<&String> = found.verdicts.keys().collect();
        assert_eq!(names, ["empathy_winner", "fluency_winner"]);
        assert_eq!(found.verdicts["empathy_winner"].tie, ["0"]);
        assert_eq!(found.verdicts["empathy_winner"].origin, Some(Origin::Human));
    }

    #[test]
    fn a_winner_beside_two_systems_is_one_of_them() {
        let row = |winner: Value| {
            json!({"context": "I lost my keys.", "response_anna": "Oh no, where was that?",
            "response_bert": "I am so sorry to hear it.", "winner": winner})
        };
        let named = mapping(json!([
            row(json!("anna")),
            row(json!("bert")),
            row(json!("Tie"))
        ]))
        .unwrap();
        let verdicts = &named.verdicts["winner"];
        assert_eq!(verdicts.systems, Some(["anna".into(), "bert".into()]));
        assert_eq!(
            (verdicts.first.len(), &verdicts.tie[..]),
            (0, &["Tie".to_string()][..])
        );
        // Nobody knows what 0 is.
        let unknown = mapping(json!([row(json!(0)), row(json!(1)), row(json!(1))])).unwrap();
        assert!(unknown.verdicts.is_empty());
        assert!(unknown.left_out["winner"].contains("[verdicts]"));
        // Something else that is called so.
        let other = mapping(json!([
            row(json!("carl")),
            row(json!("anna")),
            row(json!("carl"))
        ]))
        .unwrap();
        assert!(other.verdicts.is_empty() && other.labels.contains_key("winner"));
    }
}
