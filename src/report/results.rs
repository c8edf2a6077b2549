//! The result table: systems side by side, with intervals.

use super::table::{Align, TextTable};
use crate::data::Mechanism;
use crate::metrics::written::count;
use crate::metrics::{Digits, Estimate, SystemResults, declared, truncation_sentences};
use crate::text::shown::one_line;
use std::borrow::Cow;

/// Names of the figures in JSON, each with the metric that declares what it is.
const FIGURES: [(&str, &str); 7] = [
    ("ppl", declared::VALIDATION_PPL),
    ("dist_1", declared::VALIDATION_DIST_1),
    ("dist_2", declared::VALIDATION_DIST_2),
    ("emp_f1", declared::VALIDATION_EMP_F1),
    ("emotional_reaction_f1", declared::VALIDATION_F1_KEYS[0]),
    ("interpretation_f1", declared::VALIDATION_F1_KEYS[1]),
    ("exploration_f1", declared::VALIDATION_F1_KEYS[2]),
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
    row("Emp-F1 (%)", &|r| with_interval(r.emp_f1.as_ref()));
    for mechanism in Mechanism::ALL {
        row(&format!("  {} F1 (%)", mechanism.title()), &|r| {
            with_interval(r.mechanism_f1.as_ref().map(|f1| &f1[mechanism.index()]))
        });
    }
    row("Words per response", &|r| Digits::WORDS.write(r.mean_words));
    let cautions = results.iter().filter_map(SystemResults::caution);
    let cautions = cautions.map(|caution| format!("{}.\n", one_line(&caution)));
    table.text() + &cautions.collect::<String>() + &truncation_text(results)
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
