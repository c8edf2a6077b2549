//! The result table: systems side by side, with intervals.

use super::table::{Align, TextTable};
use crate::data::Mechanism;
use crate::metrics::length::length_sentence;
use crate::metrics::written::{count, fixed};
use crate::metrics::{
    AuditFigures, Controls, Digits, Estimate, SystemResults, declared, judge_sentences,
    truncation_sentences,
};
use crate::text::shown::one_line;
use std::borrow::Cow;

/// Names of the figures in JSON, each with the metric that declares what it is.
const FIGURES: [(&str, &str); 17] = [
    ("ppl", declared::VALIDATION_PPL),
    ("dist_1", declared::VALIDATION_DIST_1),
    ("dist_2", declared::VALIDATION_DIST_2),
    ("ead_1", declared::VALIDATION_EAD_1),
    ("ead_2", declared::VALIDATION_EAD_2),
    ("mean_words", declared::VALIDATION_WORDS),
    ("emp_f1", declared::VALIDATION_EMP_F1),
    ("emp_f1_shuffled", declared::VALIDATION_EMP_F1_SHUFFLED),
    ("emp_f1_gain", declared::VALIDATION_EMP_F1_GAIN),
    ("emp_f1_constant", declared::VALIDATION_EMP_F1_CONSTANT),
    ("emp_f1_held_out", declared::VALIDATION_EMP_F1_HELD_OUT),
    (
        "emp_f1_held_out_shuffled",
        declared::VALIDATION_EMP_F1_HELD_OUT_SHUFFLED,
    ),
    (
        "emp_f1_held_out_gain",
        declared::VALIDATION_EMP_F1_HELD_OUT_GAIN,
    ),
    ("kappa_held_out", declared::VALIDATION_KAPPA_HELD_OUT),
    ("emotional_reaction_f1", declared::VALIDATION_F1_KEYS[0]),
    ("interpretation_f1", declared::VALIDATION_F1_KEYS[1]),
    ("exploration_f1", declared::VALIDATION_F1_KEYS[2]),
];

/// Columns of what auditors find, right of Emp-F1 wherever systems are rows and some were judged by auditors.
pub const HELD_OUT_COLUMNS: [&str; 3] = ["Emp-F1, held out (%)", "Gain, held out", "κ, held out"];

/// The figures of [`HELD_OUT_COLUMNS`]; of a system without auditors none.
pub fn held_out_figures(results: &SystemResults) -> [Option<&Estimate>; 3] {
    let mean = results.held_out.as_ref().map(|held_out| &held_out.mean);
    [
        mean.map(|mean| &mean.emp_f1),
        mean.and_then(|mean| mean.gain.as_ref()),
        mean.and_then(|mean| mean.mean_kappa.as_ref()),
    ]
}

/// Columns beside Emp-F1 wherever systems are rows and some have controls.
pub const CONTROL_COLUMNS: [&str; 6] = [
    "Shuffled (%)",
    "Gain",
    "Constant (%)",
    "κ reaction",
    "κ interpretation",
    "κ exploration",
];

/// The definitions of the figures, by their names in JSON.
pub fn definitions() -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
    FIGURES
        .into_iter()
        .filter_map(|(name, key)| Some((name, declared::declared(key)?.definition)))
}

/// Systems as columns (one for each split), figures as rows.
pub fn results_table(results: &[SystemResults]) -> String {
    let several = results.iter().any(|row| row.split != results[0].split);
    let titles: Vec<String> = results
        .iter()
        .map(|row| match several {
            true => format!("{} ({})", row.system, row.split),
            false => row.system.clone(),
        })
        .collect();
    let first = match results {
        [only, ..] if !several => format!("On the {} split", only.split),
        _ => String::new(),
    };
    let columns: Vec<(&str, Align)> = [(first.as_str(), Align::Left)]
        .into_iter()
        .chain(titles.iter().map(|title| (title.as_str(), Align::Right)))
        .collect();
    let mut table = TextTable::new(&columns);
    let mut row = |name: &str, figure: &dyn Fn(&SystemResults) -> String| {
        table.row(
            [name.to_string()]
                .into_iter()
                .chain(results.iter().map(figure)),
        );
    };
    row("Responses", &|r| count(r.n));
    row("PPL", &|r| with_interval(r.ppl.as_ref()));
    if results.iter().any(|r| r.ppl_hf.is_some()) {
        row("PPL, by batch", &|r| with_interval(r.ppl_hf.as_ref()));
    }
    row("Dist-1 (%)", &|r| with_interval(Some(&r.dist_1)));
    row("Dist-2 (%)", &|r| with_interval(Some(&r.dist_2)));
    if results.iter().any(|r| r.ead.is_some()) {
        for (n, title) in ["EAD-1 (%)", "EAD-2 (%)"].into_iter().enumerate() {
            row(title, &|r| with_interval(r.ead.as_ref().map(|ead| &ead[n])));
        }
    }
    row("Emp-F1 (%)", &|r| with_interval(r.emp_f1.as_ref()));
    held_out_rows(results, &mut row);
    let controlled = results.iter().any(|r| r.controls.is_some());
    if controlled {
        let of = |r: &SystemResults, figure: fn(&Controls) -> Option<&Estimate>| {
            with_interval(r.controls.as_ref().and_then(figure))
        };
        row("  shuffled (%)", &|r| of(r, |c| Some(&c.shuffled)));
        row("  gain over shuffled", &|r| of(r, |c| Some(&c.gain)));
        row("  constant (%)", &|r| {
            of(r, |c| c.constant.as_ref().map(|constant| &constant.emp_f1))
        });
    }
    for mechanism in Mechanism::ALL {
        row(&format!("  {} F1 (%)", mechanism.title()), &|r| {
            with_interval(r.mechanism_f1.as_ref().map(|f1| &f1[mechanism.index()]))
        });
    }
    if controlled {
        for mechanism in Mechanism::ALL {
            let (at, title) = (mechanism.index(), mechanism.title());
            row(&format!("  {title} macro F1 (%)"), &|r| {
                with_interval(r.controls.as_ref().map(|c| &c.macro_f1[at]))
            });
            row(&format!("  {title} κ"), &|r| {
                r.controls
                    .as_ref()
                    .map_or("–".to_string(), |c| kappa(c.kappa[at].as_ref()))
            });
        }
        let targets = results.iter().find_map(|r| r.controls.as_ref());
        for mechanism in Mechanism::ALL {
            let at = mechanism.index();
            let of_targets = targets.map(|c| shares(&c.target_shares[at]));
            let name = format!(
                "{}: no/weak/strong in % (targets {})",
                mechanism.title(),
                of_targets.unwrap_or_default()
            );
            row(&name, &|r| {
                let controls = r.controls.as_ref();
                controls.map_or("–".to_string(), |c| shares(&c.response_shares[at]))
            });
        }
    }
    row("Words per response", &|r| Digits::WORDS.write(r.mean_words));
    let cautions = results.iter().filter_map(SystemResults::caution);
    let cautions = cautions.map(|caution| format!("{}.\n", one_line(&caution)));
    let best_of = results.iter().filter_map(SystemResults::best_of);
    let best_of = best_of.map(|best_of| format!("{}.\n", best_of.sentence()));
    table.text()
        + &cautions.collect::<String>()
        + &best_of.collect::<String>()
        + &control_text(results)
        + &truncation_text(results)
}

/// Adds a row as a name and a figure of each system.
type AddRow<'a> = &'a mut dyn FnMut(&str, &dyn Fn(&SystemResults) -> String);

/// What auditors find: their mean, then each by name.
fn held_out_rows(results: &[SystemResults], row: AddRow<'_>) {
    let Some(first) = results.iter().find_map(|r| r.held_out.as_ref()) else {
        return;
    };
    let mean = |r: &SystemResults, figure: fn(&AuditFigures) -> Option<&Estimate>| {
        with_interval(r.held_out.as_ref().and_then(|of| figure(&of.mean)))
    };
    row("Emp-F1, held out (%)", &|r| mean(r, |of| Some(&of.emp_f1)));
    row("  shuffled (%)", &|r| mean(r, |of| of.shuffled.as_ref()));
    row("  gain over shuffled", &|r| mean(r, |of| of.gain.as_ref()));
    row("  κ", &|r| {
        let mean = r.held_out.as_ref().map(|of| &of.mean);
        mean.map_or("–".to_string(), |of| kappa(of.mean_kappa.as_ref()))
    });
    for mechanism in Mechanism::ALL {
        row(&format!("  {} κ, held out", mechanism.title()), &|r| {
            let mean = r.held_out.as_ref().map(|of| &of.mean);
            mean.map_or("–".to_string(), |of| {
                kappa(of.kappa[mechanism.index()].as_ref())
            })
        });
    }
    for auditor in first.auditors.iter().map(|own| &own.auditor) {
        row(&format!("  by {auditor} (%)"), &|r| {
            let all = r.held_out.iter().flat_map(|of| &of.auditors);
            let own = all.into_iter().find(|own| own.auditor == *auditor);
            with_interval(own.map(|own| &own.figures.emp_f1))
        });
    }
}

/// Who judged, the best constant answer, and the comparisons at equal length.
fn control_text(results: &[SystemResults]) -> String {
    let controls = || {
        results
            .iter()
            .filter_map(|row| Some((row, row.controls.as_ref()?)))
    };
    let systems = results.iter().map(|row| (row.system.as_str(), row));
    let mut lines = judge_sentences(systems);
    if let Some(constant) = controls().find_map(|(_, controls)| controls.constant.as_ref()) {
        lines.push(format!("The constant answer: {}", constant.response));
    }
    for (row, controls) in controls() {
        let cut = controls.equal_length.as_ref();
        lines.extend(cut.map(|cut| cut.sentence(&row.system)));
        lines.extend(length_sentence(&row.system, &controls.by_target_length));
    }
    for row in results {
        let held_out = row.held_out.as_ref();
        let cut = held_out.and_then(|of| of.equal_length.as_ref());
        lines.extend(cut.map(|cut| cut.sentence(&row.system)));
    }
    let lines = lines.iter().map(|line| format!("{}\n", one_line(line)));
    lines.collect()
}

fn kappa(kappa: Option<&Estimate>) -> String {
    kappa.map_or("undefined".to_string(), |kappa| {
        Digits::AGREEMENT.with_interval(kappa)
    })
}

fn shares(levels: &[f64; 3]) -> String {
    levels.map(|share| fixed(share, 1)).join("/")
}

/// What identifiers did not read: a line for all systems, or one for each where they differ.
fn truncation_text(results: &[SystemResults]) -> String {
    let systems = results
        .iter()
        .map(|row| (row.system.as_str(), row.truncation.as_ref()));
    let lines = truncation_sentences(systems).into_iter();
    lines.map(|line| format!("{}\n", one_line(&line))).collect()
}

/// A figure with its 95 % interval, or a dash.
fn with_interval(estimate: Option<&Estimate>) -> String {
    match estimate {
        Some(estimate) => Digits::RESULT.with_interval(estimate),
        None => "–".to_string(),
    }
}
