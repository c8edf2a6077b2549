//! A comparison of runs as sheets: differing settings, results, paired differences. Knows no screen and no file.

use super::Entry;
use super::compare::{Paired, differing_settings};
use crate::experiment::{Held, value_words};
use crate::metrics::{Controls, Digits, Estimate, SystemResults, judge_sentences};
use crate::report::{CONTROL_COLUMNS, HELD_OUT_COLUMNS, Sheet, held_out_figures};

/// A run's name with its number.
pub fn run_label(entry: &Entry) -> String {
    format!("{} #{}", entry.row.name, entry.row.id)
}

/// The settings that differ, with a column for each run.
pub fn settings_sheet(entries: &[&Entry]) -> Sheet {
    let mut columns = vec![("Setting".to_string(), false)];
    columns.extend(entries.iter().map(|entry| (run_label(entry), false)));
    let mut sheet = Sheet::new("Settings that differ", columns);
    for row in differing_settings(entries) {
        let values = row.values.iter();
        let words = values.map(|value| value.as_ref().map_or("–".into(), Held::words));
        sheet.row([row.path.clone()].into_iter().chain(words));
    }
    if sheet.rows.is_empty() {
        let why = match entries.len() {
            0 | 1 => "Choose another run.",
            _ => "None: these runs have the same settings.",
        };
        sheet.notes.push(why.into());
    }
    sheet
}

/// The results on the test split, with a row for each system, the greatest gain over shuffled first: by auditors where
/// they judged all that have a gain. Systems without controls of Emp-F1 follow in the order of the runs.
pub fn results_sheet(entries: &[&Entry]) -> Sheet {
    let mut heads = vec![
        "Run",
        "System",
        "Dialogues",
        "n",
        "PPL",
        "Dist-1 (%)",
        "Dist-2 (%)",
        "Emp-F1 (%)",
    ];
    let mut rows: Vec<(&Entry, &SystemResults)> = Vec::new();
    for entry in entries {
        let tested = entry.results.iter().filter(|row| row.split == "test");
        rows.extend(tested.map(|row| (*entry, row)));
    }
    let own_gain = |row: &SystemResults| row.controls.as_ref().map(|controls| controls.gain.value);
    let held_out_gain = |row: &SystemResults| Some(row.held_out.as_ref()?.mean.gain?.value);
    let mut with_gain = rows
        .iter()
        .filter(|(_, row)| own_gain(row).is_some())
        .peekable();
    let by_auditors =
        with_gain.peek().is_some() && with_gain.all(|(_, row)| held_out_gain(row).is_some());
    let gain = |row: &SystemResults| match by_auditors {
        true => held_out_gain(row),
        false => own_gain(row),
    };
    rows.sort_by(|(_, a), (_, b)| {
        let [a, b] = [a, b].map(|row| gain(row).unwrap_or(f64::NEG_INFINITY));
        b.total_cmp(&a)
    });
    let audited = rows.iter().any(|(_, row)| row.held_out.is_some());
    if audited {
        heads.extend(HELD_OUT_COLUMNS);
    }
    let controlled = rows.iter().any(|(_, row)| row.controls.is_some());
    if controlled {
        heads.extend(CONTROL_COLUMNS);
    }
    let mut sheet = Sheet::new("Results on the test split", columns(&heads, 3));
    for (entry, row) in &rows {
        let data = entry.settings.get("data.dialogues");
        let mut cells = vec![
            run_label(entry),
            row.system.clone(),
            data.map_or("–".into(), value_words),
            row.n.to_string(),
            estimate(row.ppl.as_ref()),
            estimate(Some(&row.dist_1)),
            estimate(Some(&row.dist_2)),
            estimate(row.emp_f1.as_ref()),
        ];
        if audited {
            let [emp_f1, gain, kappa] = held_out_figures(row);
            let kappa = kappa.map(|kappa| Digits::AGREEMENT.with_interval(kappa));
            cells.extend([emp_f1, gain].map(estimate));
            cells.push(kappa.unwrap_or("–".to_string()));
        }
        if controlled {
            cells.extend(control_cells(row.controls.as_ref()));
        }
        sheet.row(cells);
    }
    for (entry, row) in &rows {
        let caution = row.caution();
        let caution = caution.map(|words| format!("{}: {words}.", run_label(entry)));
        sheet.notes.extend(caution);
        let best_of = row.best_of();
        let best_of = best_of.map(|best| format!("{}, {}.", run_label(entry), best.sentence()));
        sheet.notes.extend(best_of);
        let cut = row
            .controls
            .as_ref()
            .and_then(|of| of.equal_length.as_ref());
        let cut = cut.map(|cut| cut.sentence(&format!("{}, {}", run_label(entry), row.system)));
        sheet.notes.extend(cut);
        let held_out = row.held_out.as_ref();
        let cut = held_out.and_then(|of| of.equal_length.as_ref());
        let cut = cut.map(|cut| cut.sentence(&format!("{}, {}", run_label(entry), row.system)));
        sheet.notes.extend(cut);
    }
    let judged: Vec<(String, &SystemResults)> = rows
        .iter()
        .map(|(entry, row)| (format!("{}, {}", run_label(entry), row.system), *row))
        .collect();
    let judged = judged.iter().map(|(name, row)| (name.as_str(), *row));
    sheet.notes.extend(judge_sentences(judged));
    let note = match sheet.rows.is_empty() {
        true => "None of these runs has been evaluated.",
        false => "In brackets: 95 % bootstrap intervals.",
    };
    sheet.notes.push(note.into());
    if controlled {
        let judge = match by_auditors {
            true => "as auditors judge it",
            false => "as the reward's own identifiers judge it",
        };
        sheet.notes.push(controls_note(judge));
    }
    sheet
}

fn controls_note(judge: &str) -> String {
    format!(
        "Ranked by the gain over shuffled, {judge}: Emp-F1 less that of the same answers shuffled over the contexts, in \
         points. Constant is one answer to every context, the best that was found among training targets. No constant \
         raises κ."
    )
}

/// The cells of [`CONTROL_COLUMNS`].
fn control_cells(controls: Option<&Controls>) -> Vec<String> {
    let Some(controls) = controls else {
        return vec!["–".to_string(); CONTROL_COLUMNS.len()];
    };
    let constant = controls.constant.as_ref().map(|constant| &constant.emp_f1);
    let kappa = controls.kappa.iter().map(|kappa| match kappa {
        Some(kappa) => Digits::AGREEMENT.with_interval(kappa),
        None => "undefined".to_string(),
    });
    let emp_f1 = [Some(&controls.shuffled), Some(&controls.gain), constant];
    emp_f1.into_iter().map(estimate).chain(kappa).collect()
}

/// Differences of the other runs from the first; None in `found` if either has no responses on the test
/// split. Without `found` they are still being computed.
pub fn differences_sheet(entries: &[&Entry], found: Option<&[Option<Paired>]>) -> Sheet {
    let first = entries
        .first()
        .map_or(String::new(), |entry| run_label(entry));
    let title = format!("Differences from {first}, paired by example");
    let mut sheet = Sheet::new(title, columns(&["Run", "Figure", "Difference", "n"], 2));
    let Some(found) = found else {
        let words = "Drawing the same examples of both, a thousand times…";
        sheet.notes.push(words.into());
        return sheet;
    };
    for (entry, found) in entries.iter().skip(1).zip(found) {
        let name = run_label(entry);
        let Some(found) = found else {
            sheet.notes.push(format!(
                "{name} or {first} has no answers on the test split to compare."
            ));
            continue;
        };
        for row in &found.rows {
            let words = match &row.outcome {
                Ok(difference) => estimate(Some(difference)),
                Err(why) => format!("– ({why})"),
            };
            let cells = [name.clone(), row.title().into(), words, found.n.to_string()];
            sheet.row(cells);
        }
        if !found.same_identifiers {
            sheet.notes.push(format!(
                "The identifiers of {name} and {first} are not the same; each run is measured by its own."
            ));
        }
    }
    let note = match entries.len() {
        0 | 1 => "Choose another run.",
        _ => {
            "95 % intervals by a bootstrap that draws the same examples of both runs; one that leaves 0 out is a difference that this test set shows."
        }
    };
    sheet.notes.push(note.into());
    sheet
}

/// Columns with these headings, of which the first `words` contain text and the others numbers.
fn columns(heads: &[&str], words: usize) -> Vec<(String, bool)> {
    let column = |(at, head): (usize, &&str)| (head.to_string(), at >= words);
    heads.iter().enumerate().map(column).collect()
}

fn estimate(value: Option<&Estimate>) -> String {
    value.map_or("–".to_string(), |e| Digits::RESULT.with_interval(e))
}
