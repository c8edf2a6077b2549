//! Blocks of labelled lines such as `Context:… Greedy:… Ref:…`, as authors of this field publish predictions.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::source::{Found, FoundRow};

/// Lines that are looked at to tell what a text is.
const SAMPLED: usize = 400;
const LONGEST_LABEL: usize = 24;

/// The labels of a text in blocks: nearly every line starts with one of a few words and a colon.
pub(super) fn labels_of_blocks(text: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().any(char::is_alphanumeric))
        .take(SAMPLED)
        .collect();
    let mut order: Vec<&str> = Vec::new();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for found in lines.iter().filter_map(|line| label(line)) {
        let count = counts.entry(found).or_default();
        if *count == 0 {
            order.push(found);
        }
        *count += 1;
    }
    order.retain(|label| counts[label] > 1);
    let labelled: usize = order.iter().map(|label| counts[label]).sum();
    let blocks =
        lines.len() >= 4 && (2..=12).contains(&order.len()) && labelled * 10 >= lines.len() * 9;
    blocks.then_some(order)
}

/// The words before a line's first colon.
fn label(line: &str) -> Option<&str> {
    let (label, _) = line.split_once(':')?;
    let label = label.trim();
    let is_word = |word: &str| {
        let fits = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        !word.is_empty() && word.chars().all(fits)
    };
    let fits = label.len() <= LONGEST_LABEL && label.split(' ').count() <= 2;
    (fits && label.split(' ').all(is_word)).then_some(label)
}

/// The blocks of a text, each a row of its labels. A block begins with the first label, or with one that it has.
pub(super) struct Blocks<'a> {
    labels: Vec<&'a str>,
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The line that a label was seen in last, which begins the next block.
    next: Option<(usize, &'a str, &'a str)>,
}

impl<'a> Blocks<'a> {
    pub fn new(text: &'a str, labels: Vec<&'a str>) -> Self {
        Blocks {
            labels,
            lines: text.lines().enumerate(),
            next: None,
        }
    }

    fn field(&self, line: &'a str) -> Option<(&'a str, &'a str)> {
        let label = label(line)?;
        let (_, text) = line.split_once(':')?;
        self.labels.contains(&label).then_some((label, text))
    }
}

impl Iterator for Blocks<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let mut fields: Map<String, Value> = Map::new();
        let mut begun = None;
        if let Some((line, label, text)) = self.next.take() {
            begun = Some(line);
            fields.insert(label.to_string(), text.trim().into());
        }
        while let Some((at, line)) = self.lines.next() {
            let Some((label, text)) = self.field(line) else {
                // Lines of dashes divide blocks; other lines go on with the text before.
                let last = fields.iter_mut().next_back();
                if let Some((_, Value::String(before))) = last
                    && line.chars().any(char::is_alphanumeric)
                {
                    before.push('\n');
                    before.push_str(line.trim_end());
                }
                continue;
            };
            let begins = fields.contains_key(label) || self.labels.first() == Some(&label);
            if begins && let Some(line) = begun {
                self.next = Some((at + 1, label, text));
                return Some(Found::Row(FoundRow { line, fields }));
            }
            begun.get_or_insert(at + 1);
            fields.insert(label.to_string(), text.trim().into());
        }
        begun.map(|line| Found::Row(FoundRow { line, fields }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_a_row_however_it_is_divided() {
        let text = "Emotion: sad\nContext:['i lost it']\nGreedy:oh no !\nRef:what ?\n---------\n\
                    Emotion: joyful\nContext:['i won']\nGreedy:great !\nmore : of it\nRef:wow\n\
                    Emotion: sad\nContext:['no']\nGreedy:why ?\nRef:so sorry\n";
        let labels = labels_of_blocks(text).unwrap();
        assert_eq!(labels, ["Emotion", "Context", "Greedy", "Ref"]);
        let rows: Vec<FoundRow> = Blocks::new(text, labels)
            .map(|found| match found {
                Found::Row(row) => row,
                Found::Problem { what, .. } => panic!("{what}"),
            })
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].line, rows[1].line, rows[2].line), (1, 6, 11));
        assert_eq!(rows[0].fields["Ref"], "what ?");
        assert_eq!(rows[1].fields["Greedy"], "great !\nmore : of it");
        assert_eq!(labels_of_blocks("Hi: there\nYes.\nNo.\nWell.\n"), None);
    }
}
