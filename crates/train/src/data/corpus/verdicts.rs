//! Verdict columns to verdicts: whose, on which systems, in which order. Must not know how a mapping was found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::cells::{self, is_missing, whole};
use super::mapping::VerdictColumns;
use super::record::{Origin, Preferred, Verdict};

/// What a row says of which answers are better, by the columns of each verdict.
///
/// # Errors
/// A column says something that the mapping has no word for.
pub(super) fn verdicts(
    columns: &BTreeMap<String, VerdictColumns>,
    row: &Map<String, Value>,
) -> Result<Vec<Verdict>, String> {
    let of = |(name, of): (&String, &VerdictColumns)| verdict(name, of, row).transpose();
    columns.iter().filter_map(of).collect()
}

/// What a row says of which answer is better; None where it says nothing.
fn verdict(
    name: &str,
    of: &VerdictColumns,
    row: &Map<String, Value>,
) -> Result<Option<Verdict>, String> {
    let Some(said) = cells::text_of(row, &of.column) else {
        return Ok(None);
    };
    let system = |at: usize| match (&of.systems, &of.system_columns) {
        (Some(systems), _) => Ok(systems[at].clone()),
        (None, Some(columns)) => {
            let column = &columns[at];
            cells::text_of(row, column).ok_or_else(|| format!("has no system in {column:?}"))
        }
        (None, None) => Err("has a verdict on no systems".to_string()),
    };
    let (first, second) = (system(0)?, system(1)?);
    if first == second {
        return Err(format!("compares {first:?} with itself"));
    }
    let read = |said: String, column: &str| {
        let said = whole(said);
        let is = |word: &String| word.trim().to_lowercase() == said.to_lowercase();
        match () {
            () if is(&first) || of.first.iter().any(is) => Ok(Preferred::First),
            () if is(&second) || of.second.iter().any(is) => Ok(Preferred::Second),
            () if of.tie.iter().any(is) => Ok(Preferred::Tie),
            () => Err(format!(
                "has {said:?} in {column:?}, which is neither {first:?}, {second:?} nor a word for one of them or a tie in \
                 the mapping"
            )),
        }
    };
    let preferred = read(said, &of.column)?;
    let shown = match &of.shown_first {
        Some(column) => match cells::text_of(row, column) {
            Some(said) => Some(read(said, column)?),
            None => None,
        },
        None => of.in_order.then_some(Preferred::First),
    };
    let cell = |column: &Option<String>| {
        column
            .as_ref()
            .and_then(|column| cells::text_of(row, column))
    };
    let judge = of.judge.clone().or_else(|| cell(&of.judge_column));
    let is_judge = judge
        .as_ref()
        .is_some_and(|judge| of.judges.contains(judge));
    let verdict = Verdict {
        name: name.to_string(),
        first,
        second,
        preferred,
        in_order: matches!(shown, Some(Preferred::First | Preferred::Second)),
        judge,
        origin: match is_judge {
            true => Some(Origin::Judge),
            false => of.origin,
        },
        repeat: cell(&of.repeat).and_then(|text| whole(text).parse().ok()),
    };
    Ok(Some(match shown {
        // The first is the one that was shown first.
        Some(Preferred::Second) => Verdict {
            first: verdict.second,
            second: verdict.first,
            preferred: preferred.swapped(),
            ..verdict
        },
        _ => verdict,
    }))
}

/// The columns that say which answer is better and are empty in a row.
pub(super) fn undecided(
    columns: &BTreeMap<String, VerdictColumns>,
    row: &Map<String, Value>,
) -> Vec<String> {
    let is_empty = |of: &&VerdictColumns| cells::text_of(row, &of.column).is_none();
    let empty = columns.values().filter(is_empty);
    empty.map(|of| of.column.clone()).collect()
}

/// All verdicts of a row, as a list of what records hold.
///
/// # Errors
/// The cell is none.
pub(super) fn verdict_list(column: &str, row: &Map<String, Value>) -> Result<Vec<Verdict>, String> {
    let Some(cell) = row.get(column).filter(|cell| !is_missing(cell)) else {
        return Ok(Vec::new());
    };
    let list = cells::list(cell).ok_or_else(|| format!("has no list of verdicts in {column:?}"))?;
    let verdict = |value: &Value| {
        serde_json::from_value(value.clone())
            .map_err(|error| format!("has something in {column:?} that is no verdict: {error}"))
    };
    list.iter().map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(fields) => fields,
            other => panic!("no row: {other}"),
        }
    }

    #[test]
    fn verdicts_are_read_in_any_words_and_any_order() {
        let of = VerdictColumns {
            column: "better".into(),
            system_columns: Some(["x".into(), "y".into()]),
            first: vec!["A".into(), "1".into()],
            second: vec!["B".into(), "2".into()],
            tie: vec!["tie".into()],
            judge_column: Some("who".into()),
            shown_first: Some("shown".into()),
            ..VerdictColumns::default()
        };
        let columns = BTreeMap::from([("warmth".to_string(), of)]);
        let read = |better: Value, shown: Value| {
            let row =
                json!({"x": "anna", "y": "bert", "better": better, "shown": shown, "who": "w1"});
            verdicts(&columns, &self::row(row)).map(|mut found| found.pop())
        };
        let plain = read(json!("a"), json!(null)).unwrap().unwrap();
        assert_eq!((plain.winner(), plain.in_order), (Some("anna"), false));
        assert_eq!(
            (plain.name.as_str(), plain.judge.as_deref()),
            ("warmth", Some("w1"))
        );
        // As pandas writes it; the second was shown first, and is the first here.
        let swapped = read(json!("2.0"), json!("B")).unwrap().unwrap();
        assert_eq!(
            (swapped.first.as_str(), swapped.winner()),
            ("bert", Some("bert"))
        );
        assert!(swapped.in_order);
        assert_eq!(
            read(json!("Anna"), json!("")).unwrap().unwrap().winner(),
            Some("anna")
        );
        assert_eq!(
            read(json!("Tie"), json!("anna")).unwrap().unwrap().winner(),
            None
        );
        assert_eq!(read(json!(null), json!("A")), Ok(None));
        let error = read(json!("neither of them"), json!("A")).unwrap_err();
        assert!(error.contains("nor a word for one of them"), "{error}");
    }

    #[test]
    fn who_is_named_as_a_judge_is_none_of_the_people() {
        let of = VerdictColumns {
            column: "better".into(),
            systems: Some(["anna".into(), "bert".into()]),
            judge_column: Some("rater".into()),
            judges: vec!["gpt-4".into()],
            origin: Some(Origin::Human),
            ..VerdictColumns::default()
        };
        let columns = BTreeMap::from([("warmth".to_string(), of)]);
        let by = |rater: &str| {
            let found = verdicts(&columns, &row(json!({"better": "anna", "rater": rater})));
            found.unwrap()[0].origin
        };
        assert_eq!(by("human1"), Some(Origin::Human));
        assert_eq!(by("gpt-4"), Some(Origin::Judge));
    }

    #[test]
    fn a_list_of_verdicts_comes_back_as_it_was_written() {
        let all = json!([{"name": "winner", "first": "b", "second": "a", "preferred": "tie", "in_order": true,
            "judge": "w1", "origin": "human"}]);
        let found = verdict_list("v", &row(json!({"v": all.to_string()}))).unwrap();
        assert_eq!(serde_json::to_value(&found).unwrap(), all);
        assert_eq!(verdict_list("v", &row(json!({"v": ""}))), Ok(Vec::new()));
        let wrong = verdict_list("v", &row(json!({"v": "[{\"name\": 1}]"}))).unwrap_err();
        assert!(wrong.contains("is no verdict"), "{wrong}");
    }
}
