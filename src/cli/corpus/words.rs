//! What is read from files of anybody's, in words: a file's mapping and counts, records, problems. Knows no store.

use std::collections::BTreeMap;

use crate::cli::output::{count, number_of};
use crate::data::Role;
use crate::data::corpus::record::{Labels, Origin, Preferred, Record, Score, Verdict};
use crate::data::corpus::{Counts, RowProblem};
use crate::data::library::Manifest;
use crate::operations::corpus::{Inspection, by_reason};
use crate::text::shown::one_line;

/// Problems that are printed; the rest is only counted.
const SHOWN_PROBLEMS: usize = 20;
/// Letters of a text that are printed.
const SHOWN_LETTERS: usize = 200;

pub(super) fn inspection_text(found: &Inspection) -> String {
    let encoding = found
        .encoding
        .as_ref()
        .map_or_else(String::new, |encoding| format!(", {encoding}"));
    let mut text = format!(
        "{}: {}{encoding}; {}\nSHA-256 {}\n",
        one_line(&found.file.to_string_lossy()),
        found.form,
        found.shape,
        found.sha256
    );
    for note in &found.notes {
        text += &format!("note: {}\n", one_line(note));
    }
    text += &format!("\n{}", counts_text(&found.counts));
    text += &left_out_text(&found.left_out);
    text += &problems_text(&found.problems);
    text += &format!(
        "\nMapping (change it and give it with --mapping):\n\n{}\n",
        found.mapping
    );
    text += &match found.records.len() < found.counts.records {
        true => format!(
            "The first {} records as they are read:\n",
            found.records.len()
        ),
        false => "All records as they are read:\n".to_string(),
    };
    for record in &found.records {
        text += &record_text(record);
    }
    text
}

pub(super) fn imported_text(manifest: &Manifest) -> String {
    let mut text = String::new();
    for note in &manifest.report.remarks {
        text += &format!("note: {}\n", one_line(note));
    }
    if let Some(entry) = &manifest.corpus {
        text += &counts_text(&entry.counts);
        text += &left_out_text(&entry.left_out);
    }
    let problems: Vec<RowProblem> = manifest
        .report
        .skipped
        .iter()
        .map(|row| RowProblem {
            line: row.line,
            what: row.reason.clone(),
        })
        .collect();
    text += &problems_text(&problems);
    text += &format!("\n{} is in the store.\n", manifest.name);
    text
}

pub(in crate::cli) fn counts_text(counts: &Counts) -> String {
    let number = |n: usize| count(n as u64);
    let mut text = format!(
        "{}, {} of them skipped; {}: {} with a context, {} with a target\n",
        number_of(counts.rows as u64, "row", "rows"),
        number(counts.skipped),
        number_of(counts.records as u64, "record", "records"),
        number(counts.with_context),
        number(counts.with_target),
    );
    for (what, of) in [
        ("Responses", &counts.systems),
        ("Labels", &counts.labels),
        ("Scores", &counts.scores),
        ("Verdicts", &counts.verdicts),
        ("Splits", &counts.splits),
    ] {
        if !of.is_empty() {
            let named = |(name, n): (&String, &usize)| format!("{} {}", one_line(name), number(*n));
            let all: Vec<String> = of.iter().map(named).collect();
            text += &format!("{what}: {}\n", all.join(", "));
        }
    }
    if counts.reasoning > 0 {
        let n = number_of(counts.reasoning as u64, "response has", "responses have");
        text += &format!("{n} reasoning, which is kept apart from the answer\n");
    }
    text += &format!(
        "As data.dialogues: {}; as data.levels: {}\n",
        number_of(counts.examples as u64, "example", "examples"),
        number_of(counts.labelled as u64, "labelled pair", "labelled pairs"),
    );
    if counts.examples == 0 && counts.with_context > 0 && counts.systems.len() > 1 {
        text += "note: an example has a target or one response; export those of one system with --where \"system = …\" and \
                 import them to train on them.\n";
    }
    text
}

pub(super) fn left_out_text(left_out: &BTreeMap<String, String>) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let line = |(reason, columns): (&str, Vec<&str>)| {
        let columns: Vec<_> = columns.into_iter().map(one_line).collect();
        format!("  {}: {}\n", columns.join(", "), one_line(reason))
    };
    let lines: Vec<String> = by_reason(left_out).into_iter().map(line).collect();
    format!("\nLeft out:\n{}", lines.concat())
}

pub(super) fn problems_text(problems: &[RowProblem]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut text = "\nSkipped:\n".to_string();
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        text += &format!("  line {} {}\n", problem.line, one_line(&problem.what));
    }
    let more = problems.len().saturating_sub(SHOWN_PROBLEMS);
    if more > 0 {
        text += &format!(
            "  {}; --json lists them all\n",
            number_of(more as u64, "more row", "more rows")
        );
    }
    text
}

pub(super) fn record_text(record: &Record) -> String {
    let mut head = format!("\n{}", one_line(&record.id));
    if let Some(conversation) = record.conversation.as_ref().filter(|of| **of != record.id) {
        head += &format!(", conversation {}", one_line(conversation));
    }
    if let Some(turn) = record.turn {
        head += &format!(", turn {turn}");
    }
    if let Some(split) = record.split {
        head += &format!(", {split}");
    }
    let mut text = head + "\n";
    for said in &record.context {
        let role = match said.role {
            Role::Speaker => "speaker",
            Role::Listener => "listener",
        };
        text += &format!(
            "  {role}: {}{}\n",
            short(&said.text),
            remarks(&said.labels, &[])
        );
    }
    if let Some(target) = &record.target {
        text += &format!("  target: {}\n", short(target));
    }
    for response in &record.responses {
        text += &format!(
            "  response of {}: {}{}\n",
            one_line(&response.system),
            short(&response.text),
            remarks(&response.labels, &response.scores)
        );
        if let Some(reasoning) = &response.reasoning {
            text += &format!("    its reasoning: {}\n", short(reasoning));
        }
    }
    for verdict in &record.verdicts {
        text += &format!("  {}\n", verdict_text(verdict));
    }
    let remarks = remarks(&record.labels, &record.scores);
    if !remarks.is_empty() {
        text += &format!(" {remarks}\n");
    }
    text
}

/// `empathy: anna over bert, by w1 (a person), shown bert first`.
fn verdict_text(verdict: &Verdict) -> String {
    let (first, second) = (one_line(&verdict.first), one_line(&verdict.second));
    let said = match verdict.preferred {
        Preferred::First => format!("{first} over {second}"),
        Preferred::Second => format!("{second} over {first}"),
        Preferred::Tie => format!("{first} and {second} alike"),
    };
    let kind = match verdict.origin {
        Some(Origin::Human) => "a person",
        Some(Origin::Model) => "a classifier or formula",
        Some(Origin::Judge) => "a judge, no person",
        None => "perhaps a person",
    };
    let by = match (&verdict.judge, verdict.origin) {
        (Some(judge), _) => format!("{} ({kind})", one_line(judge)),
        (None, Some(_)) => kind.to_string(),
        (None, None) => "somebody".to_string(),
    };
    let order = match verdict.in_order {
        true => format!(", shown {first} first"),
        false => String::new(),
    };
    format!("{}: {said}, by {by}{order}", one_line(&verdict.name))
}

fn remarks(labels: &Labels, scores: &[Score]) -> String {
    let labels = labels
        .iter()
        .map(|(label, value)| format!("{} {}", one_line(label), short(value)));
    let scores = scores.iter().map(|score| {
        let rater = score.rater.as_ref();
        let rater = rater.map_or_else(String::new, |rater| format!(" by {}", one_line(rater)));
        format!("{} {}{rater}", one_line(&score.name), score.value)
    });
    let all: Vec<String> = labels.chain(scores).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" [{}]", all.join(", ")),
    }
}

fn short(text: &str) -> String {
    let mut letters: String = text.chars().take(SHOWN_LETTERS).collect();
    if letters.len() < text.len() {
        letters.push('…');
    }
    one_line(&letters).into_owned()
}
