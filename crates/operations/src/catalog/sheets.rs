//! A comparison of runs as sheets: differing settings, results, paired differences. Knows no screen and no file.

use super::Entry;
use super::compare::{Paired, ranked_settings};
use super::load::Comparison;
use crate::experiment::{Held, value_words};
use crate::metrics::declared::{self, declared};
use crate::metrics::{Controls, Digits, Estimate, SystemResults, judge_sentences};
use crate::report::over_seeds::{GroupFigures, OverSeeds};
use crate::report::provenance::{Provenance, RESULT_METRICS, signatures};
use crate::report::{CONTROL_COLUMNS, HELD_OUT_COLUMNS, Sheet, held_out_figures};

/// A run's name with its number.
pub fn run_label(entry: &Entry) -> String {
    format!("{} #{}", entry.row.name, entry.row.id)
}

/// The settings that differ, with a column for each run.
pub fn settings_sheet(entries: &[&Entry]) -> Sheet {
    let mut columns = vec![("Setting".to_string(), false), ("Values".to_string(), true)];
    columns.extend(entries.iter().map(|entry| (run_label(entry), false)));
    let mut sheet = Sheet::new("Settings that differ", columns);
    for row in ranked_settings(entries) {
        let values = row.values.iter();
        let words = values.map(|value| value.as_ref().map_or("–".into(), Held::words));
        let head = [row.path.clone(), row.distinct().to_string()];
        sheet.row(head.into_iter().chain(words));
    }
    if sheet.rows.len() > 1 {
        let note = "Those first whose values part the runs the most, as what a sweep varied; the seed last.";
        sheet.notes.push(note.into());
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

/// The settings that were changed while a run was in progress. None where there are none.
pub fn changes_sheet(entries: &[&Entry]) -> Option<Sheet> {
    let heads = ["Run", "Setting", "Values on the way"];
    let mut sheet = Sheet::new("Changed on the way", columns(&heads, 3));
    for entry in entries {
        for (path, held) in entry.changed() {
            sheet.row([run_label(entry), path.to_string(), held.words()]);
        }
    }
    (!sheet.rows.is_empty()).then_some(sheet)
}

/// A run's name in a table of results: what was changed on the way is said with it.
fn result_label(entry: &Entry) -> String {
    let mark = if entry.changed().is_empty() {
        ""
    } else {
        ", changed on the way"
    };
    run_label(entry) + mark
}

/// The figures of which a table of results has differences from the baseline, with their headings.
const DIFFERENCES: [(&str, &str); 4] = [
    ("Δ PPL", declared::VALIDATION_PPL),
    ("Δ Dist-2", declared::VALIDATION_DIST_2),
    ("Δ Emp-F1", declared::VALIDATION_EMP_F1),
    ("Δ gain", declared::VALIDATION_EMP_F1_GAIN),
];

/// The differences of a run from the first, in the order of [`DIFFERENCES`].
fn run_differences(found: Option<&Paired>) -> [Option<Estimate>; 4] {
    DIFFERENCES.map(|(_, metric)| {
        let row = found?.rows.iter().find(|row| row.metric == metric)?;
        Some(row.outcome.as_ref().ok()?.estimate)
    })
}

/// The results on the test split, with a row for each system, the greatest gain over shuffled first: by auditors where
/// they judged all that have a gain. Systems without controls of Emp-F1 follow in the order of the runs. Of the last
/// system of each run the differences from that of the first run stand beside, as far as they are in `found`.
pub fn results_sheet(entries: &[&Entry], found: Option<&Comparison>) -> Sheet {
    let provenance = found.map_or(&[][..], |found| &found.provenance);
    let mut heads = vec![
        "Run",
        "System",
        "Dialogues",
        "n",
        "Words",
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
    let adjusted = rows.iter().any(|(_, row)| row.ead.is_some());
    if adjusted {
        heads.extend(["EAD-1 (%)", "EAD-2 (%)"]);
    }
    let controlled = rows.iter().any(|(_, row)| row.controls.is_some());
    if controlled {
        heads.extend(CONTROL_COLUMNS);
    }
    let others = entries.iter().skip(1).map(|entry| entry.row.id);
    let paired: Vec<_> = match found {
        Some(found) => others.zip(&found.differences).collect(),
        None => Vec::new(),
    };
    let differences = |entry: &Entry, row: &SystemResults| {
        let is_last = entry.tested().is_some_and(|last| last.system == row.system);
        let of = paired.iter().find(|(run, _)| *run == entry.row.id);
        run_differences(of.filter(|_| is_last).and_then(|(_, found)| found.as_ref()))
    };
    let shown: Vec<usize> = (0..DIFFERENCES.len())
        .filter(|at| {
            rows.iter()
                .any(|(entry, row)| differences(entry, row)[*at].is_some())
        })
        .collect();
    heads.extend(shown.iter().map(|at| DIFFERENCES[*at].0));
    let mut sheet = Sheet::new("Results on the test split", columns(&heads, 3));
    for (entry, row) in &rows {
        let data = entry.settings.get("data.dialogues");
        let mut cells = vec![
            result_label(entry),
            row.system.clone(),
            data.map_or("–".into(), value_words),
            row.n.to_string(),
            Digits::WORDS.write(row.mean_words),
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
        if adjusted {
            let ead = row.ead.as_ref();
            cells.extend([0, 1].map(|n| estimate(ead.map(|ead| &ead[n]))));
        }
        if controlled {
            cells.extend(control_cells(row.controls.as_ref()));
        }
        let differences = differences(entry, row);
        cells.extend(shown.iter().map(|at| estimate(differences[*at].as_ref())));
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
        false => "In brackets: 95 % bootstrap intervals over the n examples, of one seed each.",
    };
    sheet.notes.push(note.into());
    if let (Some(first), false) = (entries.first(), shown.is_empty()) {
        sheet.notes.push(differences_note(&run_label(first)));
    }
    if controlled {
        let judge = match by_auditors {
            true => "as auditors judge it",
            false => "as the reward's own identifiers judge it",
        };
        sheet.notes.push(controls_note(judge));
    }
    if !sheet.rows.is_empty() {
        sheet.signatures = signatures(&RESULT_METRICS, provenance);
    }
    sheet
}

fn differences_note(baseline: &str) -> String {
    format!(
        "Δ: less {baseline}, the baseline, paired by example; the tables of differences have p."
    )
}

fn controls_note(judge: &str) -> String {
    format!(
        "Ranked by the gain over shuffled, {judge}: Emp-F1 less that of the same answers shuffled over the contexts, in \
         points. Constant is one answer to every context, the best that was found among training targets. No constant \
         raises κ."
    )
}

/// The columns of a table over seeds, with the metric of each.
const OVER_SEEDS: [(&str, &str); 10] = [
    ("Words", declared::VALIDATION_WORDS),
    ("PPL", declared::VALIDATION_PPL),
    ("Dist-1 (%)", declared::VALIDATION_DIST_1),
    ("Dist-2 (%)", declared::VALIDATION_DIST_2),
    ("Emp-F1 (%)", declared::VALIDATION_EMP_F1),
    ("Shuffled (%)", declared::VALIDATION_EMP_F1_SHUFFLED),
    ("Gain", declared::VALIDATION_EMP_F1_GAIN),
    ("κ reaction", declared::VALIDATION_KAPPA_KEYS[0]),
    ("κ interpretation", declared::VALIDATION_KAPPA_KEYS[1]),
    ("κ exploration", declared::VALIDATION_KAPPA_KEYS[2]),
];

/// The metrics of [`HELD_OUT_COLUMNS`].
const HELD_OUT: [&str; 3] = [
    declared::VALIDATION_EMP_F1_HELD_OUT,
    declared::VALIDATION_EMP_F1_HELD_OUT_GAIN,
    declared::VALIDATION_KAPPA_HELD_OUT,
];

/// What stands beside a mean over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedSpread {
    /// The interval over seeds and conversations.
    #[default]
    Interval,
    /// The sample standard deviation over seeds.
    Deviation,
}

/// Means over seeds with their intervals or deviations, a row for each group, the greatest gain over shuffled first: by auditors where
/// they judged all; differences from the first group beside. None where no group has several runs.
pub fn over_seeds_sheet(
    found: &OverSeeds,
    provenance: &[Provenance],
    spread: SeedSpread,
) -> Option<Sheet> {
    if !found.has_means() {
        return None;
    }
    let mut heads = vec!["Runs with", "Seeds", "n"];
    let known = OVER_SEEDS
        .into_iter()
        .chain(HELD_OUT_COLUMNS.into_iter().zip(HELD_OUT));
    let has_any = |metric: &str| found.groups.iter().any(|group| group.row(metric).is_some());
    let shown: Vec<(&str, &str)> = known
        .filter(|(_, metric)| !HELD_OUT.contains(metric) || has_any(metric))
        .collect();
    heads.extend(shown.iter().map(|(head, _)| *head));
    heads.extend(["IQM of F1 (%)", "Optimality gap"]);
    let difference = |group: &GroupFigures, metric: &str| {
        let mut others = found.differences.iter();
        let of = others.find(|other| other.name == group.name)?;
        let row = of.rows.iter().find(|row| row.metric == metric)?;
        Some(row.difference)
    };
    let differing: Vec<(&str, &str)> = DIFFERENCES
        .into_iter()
        .filter(|(_, metric)| {
            let mut groups = found.groups.iter();
            groups.any(|group| difference(group, metric).is_some())
        })
        .collect();
    heads.extend(differing.iter().map(|(head, _)| *head));
    let mut sheet = Sheet::new("Means over seeds on the test split", columns(&heads, 1));
    let own_gain = declared::VALIDATION_EMP_F1_GAIN;
    let held_out_gain = declared::VALIDATION_EMP_F1_HELD_OUT_GAIN;
    let mut with_gain = found
        .groups
        .iter()
        .filter(|group| group.row(own_gain).is_some());
    let by = match with_gain.all(|group| group.row(held_out_gain).is_some()) {
        true => held_out_gain,
        false => own_gain,
    };
    let gain = |group: &GroupFigures| {
        let row = group.row(by);
        row.map_or(f64::NEG_INFINITY, |row| row.mean.value)
    };
    let mut groups: Vec<&GroupFigures> = found.groups.iter().collect();
    groups.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
    for group in groups {
        let figure = |(_, metric): &(&str, &str)| match group.row(metric) {
            Some(row) => match (spread, row.deviation) {
                (SeedSpread::Interval, _) => Digits::of(metric).with_interval(&row.mean),
                (SeedSpread::Deviation, deviation) => {
                    let digits = Digits::of(metric);
                    let mean = digits.write(row.mean.value);
                    let deviation = deviation.map(|by| format!(" ± {}", digits.write(by)));
                    mean + &deviation.unwrap_or_default()
                }
            },
            None => "–".to_string(),
        };
        let mut cells = vec![
            group.name.clone(),
            group.seeds.len().to_string(),
            found.examples.to_string(),
        ];
        cells.extend(shown.iter().map(figure));
        let of = group.aggregates.as_ref();
        cells.push(estimate(of.map(|of| &of.interquartile_mean)));
        cells.push(estimate(of.map(|of| &of.optimality_gap)));
        for (_, metric) in &differing {
            cells.push(estimate(difference(group, metric).as_ref()));
        }
        sheet.row(cells);
    }
    sheet.notes.extend(found.caution());
    if spread == SeedSpread::Deviation {
        sheet.notes.push(DEVIATION_NOTE.into());
    }
    sheet.notes.push(SEEDS_NOTE.into());
    if let Some(of) = found.differences.first().filter(|_| !differing.is_empty()) {
        let first = &of.first;
        sheet.notes.push(format!("Δ: less {first}, the baseline."));
    }
    sheet.signatures = signatures(&RESULT_METRICS, provenance);
    Some(sheet)
}

const DEVIATION_NOTE: &str =
    "±: one sample standard deviation over the seeds; a mean of one seed has none.";

const SEEDS_NOTE: &str = "Means over seeds of the n examples that all runs answered. In brackets: 95 % intervals by a \
    hierarchical bootstrap, which draws seeds, then conversations, the same for all seeds. IQM: interquartile mean, the \
    middle half of the F1 of seed × mechanism; optimality gap: how far these are from 100 on average; both as rliable \
    defines them.";

/// Differences between means over seeds. None where no group has several runs, or there is but one group.
pub fn seed_differences_sheet(found: &OverSeeds, provenance: &[Provenance]) -> Option<Sheet> {
    let first = &found.differences.first()?.first;
    if !found.has_means() {
        return None;
    }
    let heads = [
        "Runs with",
        "Figure",
        "Difference",
        "P(better)",
        "p",
        "p (Holm)",
        "Seeds",
        "n",
    ];
    let title = format!("Differences between means over seeds, from {first}");
    let mut sheet = Sheet::new(title, columns(&heads, 2));
    for group in &found.differences {
        for row in &group.rows {
            let improvement = row.improvement.as_ref();
            let improvement = improvement.map(|of| Digits::RESULT.with_interval(of));
            sheet.row([
                group.name.clone(),
                title_of(row.metric),
                Digits::of(row.metric).with_interval(&row.difference),
                improvement.unwrap_or_else(|| "–".to_string()),
                Digits::P.write(row.p),
                Digits::P.write(row.corrected_p),
                format!("{} and {}", group.seeds[0], group.seeds[1]),
                found.examples.to_string(),
            ]);
        }
        let test = match group.paired {
            true => format!(
                "{}: the same seeds as {first}, so that seeds are paired, in the interval and in the sign-flip test behind p, \
                 which of {} seeds is never below {}.",
                group.name,
                group.seeds[0],
                Digits::P.write(2.0 / 2f64.powi(group.seeds[0] as i32).max(2.0))
            ),
            false => format!(
                "{}: other seeds than {first}, which are drawn apart; p is by permutation of the seeds.",
                group.name
            ),
        };
        sheet.notes.push(test);
    }
    sheet.notes.extend(found.caution());
    sheet.notes.push(SEED_DIFFERENCES_NOTE.into());
    sheet.signatures = signatures(&RESULT_METRICS, provenance);
    Some(sheet)
}

const SEED_DIFFERENCES_NOTE: &str = "In brackets: 95 % intervals by a hierarchical bootstrap over seeds and conversations. \
    P(better): that a seed of the one is better than a seed of the other, ties half (rliable's probability of \
    improvement). p (Holm) is corrected for all differences of this table.";

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

/// Differences of the other runs from the first. Without `found` they are still being computed.
pub fn differences_sheet(entries: &[&Entry], found: Option<&Comparison>) -> Sheet {
    let first = entries
        .first()
        .map_or(String::new(), |entry| run_label(entry));
    let title = format!("Differences from {first}, paired by example");
    let heads = ["Run", "Figure", "Difference", "p", "p (Holm)", "n"];
    let mut sheet = Sheet::new(title, columns(&heads, 2));
    let Some(Comparison {
        differences: found,
        provenance,
        ..
    }) = found
    else {
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
            let [words, p, corrected] = match &row.outcome {
                Ok(difference) => [
                    Digits::of(row.metric).with_interval(&difference.estimate),
                    Digits::P.write(difference.p),
                    Digits::P.write(difference.corrected_p),
                ],
                Err(why) => [format!("– ({why})"), "–".into(), "–".into()],
            };
            let n = found.n.to_string();
            sheet.row([name.clone(), row.title().into(), words, p, corrected, n]);
        }
        let matched = found.matched_length.as_ref();
        sheet
            .notes
            .extend(matched.map(|matched| matched.sentence(&name, &first)));
        if !found.same_identifiers {
            sheet.notes.push(format!(
                "The identifiers of {name} and {first} are not the same; each run is measured by its own."
            ));
        }
    }
    let note = match entries.len() {
        0 | 1 => "Choose another run.",
        _ => {
            "95 % intervals by a bootstrap that draws the same examples of both runs; one that leaves 0 out is a difference that this test set shows, of these two seeds. p by approximate randomisation of the same examples; p (Holm) is corrected for all differences of this table."
        }
    };
    sheet.notes.push(note.into());
    if !sheet.rows.is_empty() {
        sheet.signatures = signatures(&RESULT_METRICS, provenance);
    }
    sheet
}

fn title_of(metric: &str) -> String {
    declared(metric).map_or_else(|| metric.to_string(), |known| known.name.into_owned())
}

/// Columns with these headings, of which the first `words` contain text and the others numbers.
fn columns(heads: &[&str], words: usize) -> Vec<(String, bool)> {
    let column = |(at, head): (usize, &&str)| (head.to_string(), at >= words);
    heads.iter().enumerate().map(column).collect()
}

fn estimate(value: Option<&Estimate>) -> String {
    value.map_or("–".to_string(), |e| Digits::RESULT.with_interval(e))
}
