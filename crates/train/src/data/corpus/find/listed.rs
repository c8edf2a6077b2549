//! Finds the column of all verdicts, as this program's own tables have it, and the columns that say the same in short.

use std::collections::BTreeSet;

use super::super::profile::{Column, TurnField};
use super::Finder;

/// What stands in the columns beside it where as many verdicts are for either.
const TIE: &str = "tie";

impl Finder<'_> {
    /// The column of lists of verdicts; what the columns beside it sum up is in it.
    pub(super) fn verdict_list(&mut self) {
        let field = |column: &Column, name: &str| {
            let mut fields = column.lists.fields.iter();
            fields.any(|field| field.name == name)
        };
        let is_list = |column: &&Column| {
            let parts = ["name", "first", "second", "preferred"];
            column.is_list()
                && column.lists.are_turns()
                && parts.iter().all(|part| field(column, part))
        };
        let Some(list) = self.left.iter().copied().find(is_list) else {
            return;
        };
        self.forget(&list.name);
        self.mapping.verdict_list = Some(list.name.clone());
        let values = |name: &str| -> Vec<&str> {
            let mut fields = list.lists.fields.iter();
            let field: Option<&TurnField> = fields.find(|field| field.name == name);
            let values = field.and_then(|field| field.values.as_ref());
            values.into_iter().flatten().map(String::as_str).collect()
        };
        let mut systems: BTreeSet<&str> = values("first").into_iter().collect();
        systems.extend(values("second"));
        let asked = values("name");
        let sums_up = |column: &&Column| {
            let title = column.name.trim_end_matches('_');
            let title = [Some(title), title.strip_prefix("verdict_")];
            let of_pair = |first: &str, second: &str| {
                let names = [first, second, TIE];
                let mut values = column.values().into_iter().flatten();
                values.all(|value| names.contains(&value.as_str()))
                    && asked.iter().any(|name| {
                        let plain = format!("{name}_{first}_{second}");
                        title.contains(&Some(plain.as_str()))
                    })
            };
            !column.is_list()
                && systems.iter().any(|first| {
                    let mut others = systems.iter().filter(|second| first < *second);
                    others.any(|second| of_pair(first, second))
                })
        };
        let short: Vec<&Column> = self.left.iter().copied().filter(sums_up).collect();
        for column in short {
            let reason = format!("what most of the verdicts in {:?} say", list.name);
            self.mapping.left_out.insert(column.name.clone(), reason);
            self.forget(&column.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::super::profile::Profile;
    use super::super::super::record::TARGET;
    use super::super::find;

    #[test]
    fn a_table_of_our_own_has_its_verdicts_in_one_column() {
        let verdict = |preferred: &str, judge: &str| json!({"name": "winner", "first": "anna", "second": TARGET, "preferred": preferred, "judge": judge});
        let row = |id: usize, most: &str| {
            let all = json!([verdict("first", "w1"), verdict("tie", "w2")]).to_string();
            json!({"id": id, "context": "[\"I lost.\"]", "target": "Oh.", "response_anna": "No.",
                "verdicts": all, "winner_anna_target": most})
        };
        let mut profile = Profile::default();
        for row in [row(1, "anna"), row(2, "anna"), row(3, "tie")] {
            let row: Map<String, Value> = row.as_object().unwrap().clone();
            profile.add(&row, 0);
        }
        let found = find(&profile, "file").unwrap();
        assert_eq!(found.verdict_list.as_deref(), Some("verdicts"));
        assert!(found.left_out["winner_anna_target"].contains("\"verdicts\""));
        assert!(found.verdicts.is_empty() && found.labels.is_empty());
    }
}
