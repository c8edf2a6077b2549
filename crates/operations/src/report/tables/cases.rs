//! Table VI: pinned cases with the answers of chosen systems.

use super::{Cell, Column, Row, Table, TableNumber};
use crate::data::{Mechanism, Role};
use crate::study::cases::{AnswerLevels, Case, CaseSet};

/// The cases at these indices, with the answers of these systems.
pub(super) fn table(set: &CaseSet, cases: &[usize], systems: &[usize]) -> Table {
    let column = Column {
        title: String::new(),
        reported: false,
    };
    let mut table = Table::new(TableNumber::Cases, "", vec![column]);
    for (number, index) in (1..).zip(cases) {
        let Some(case) = set.cases.get(*index) else {
            continue;
        };
        table.rows.push(Row {
            name: format!("Case {number}"),
            cells: Vec::new(),
        });
        table.rows.extend(case_rows(case, set, systems));
    }
    table.notes.push(
        "Gold is the target response. Levels, where identifiers were used, are those of emotional \
         reaction, interpretation and exploration: 0 no, 1 weak, 2 strong; an asterisk marks a level that \
         is not the target's."
            .to_string(),
    );
    table
}

fn case_rows(case: &Case, set: &CaseSet, systems: &[usize]) -> Vec<Row> {
    let row = |name: &str, words: String| Row {
        name: name.to_string(),
        cells: vec![Cell::Words(words)],
    };
    let mut rows = Vec::new();
    if let Some(emotion) = &case.context.emotion {
        rows.push(row("Emotion", emotion.clone()));
    }
    let said = case.context.utterances.iter().enumerate();
    let context: Vec<String> = said
        .map(|(turn, utterance)| {
            let role = Role::of(&case.context.roles, turn);
            format!("{}: {utterance}", role.title())
        })
        .collect();
    rows.push(row("Context", context.join(" ")));
    let mut target = None;
    for system in systems {
        let Some(Some(answer)) = case.answers.get(*system) else {
            continue;
        };
        let levels = answer.levels.map_or(String::new(), |levels| {
            target = levels.target.or(target);
            format!(" [{}]", level_marks(&levels))
        });
        rows.push(row(
            &set.systems[*system],
            format!("{}{levels}", answer.text),
        ));
    }
    if let Some(gold) = &case.context.target {
        let levels = target.map_or(String::new(), |response| {
            let gold = AnswerLevels {
                response,
                target: None,
            };
            format!(" [{}]", level_marks(&gold))
        });
        rows.push(row("Gold", format!("{gold}{levels}")));
    }
    if let Some(note) = case.pin.as_ref().filter(|note| !note.trim().is_empty()) {
        rows.push(row("Note", note.clone()));
    }
    rows
}

fn level_marks(levels: &AnswerLevels) -> String {
    let marks = Mechanism::ALL.map(|mechanism| {
        let at = mechanism.index();
        let missed = levels
            .target
            .is_some_and(|target| levels.response[at] != target[at]);
        format!(
            "{}{}",
            levels.response[at].index(),
            if missed { "*" } else { "" }
        )
    });
    marks.join(" ")
}
