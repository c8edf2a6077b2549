//! `emprl corpus table`, and what a selection costs: a corpus in figures.

use super::super::output::{count, number_of};
use super::super::{CommandContext, Failure};
use super::Narrow;
use super::raters::raters_text;
use super::verdicts::verdicts_text;
use crate::data::Mechanism;
use crate::metrics::{Digits, Estimate};
use crate::operations::corpus::{
    self, Agreement, AgreementRow, LabelConfusion, LevelCounts, ScoreMean, Selected, Tabulated,
};
use crate::report::{Align, TextTable};
use crate::text::shown::one_line;

/// Rows and classes that are printed; --json has all.
const SHOWN_ROWS: usize = 100;
const SHOWN_CLASSES: usize = 12;
const SHOWN_SCORES: usize = 6;
/// Conversations of the smallest group whose interval is printed: of fewer a bootstrap says too little.
pub(super) const FEW: usize = 5;

/// Dist-n, which is nothing where no answer is of n words.
fn dist_cell(dist: Option<f64>) -> String {
    dist.map_or_else(|| "–".to_string(), |dist| Digits::RESULT.write(dist))
}

#[derive(Debug, clap::Args)]
pub struct Table {
    /// The corpus
    name: String,
    /// A row for each value of this label, such as emotion, intent, cue or strategy; or for each split
    #[arg(long, value_name = "LABEL|split")]
    by: Option<String>,
    /// How often a given label was predicted as each other
    #[arg(long, num_args = 2, value_names = ["GIVEN", "PREDICTED"], conflicts_with = "by")]
    confusion: Option<Vec<String>>,
    /// Correlation and agreement of two scores, such as a human's and a judge's; a label whose values are numbers is one
    #[arg(long, num_args = 2, value_names = ["SCORE", "SCORE"], conflicts_with_all = ["by", "confusion"])]
    agreement: Option<Vec<String>>,
    /// Scores that have a column, such as rating,empathy; else the first six
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with_all = ["confusion", "agreement"])]
    scores: Vec<String>,
    /// Win rates of each pair of systems by verdicts, people and judges apart; how far those agree who judged the same; and
    /// whether what is shown first is preferred. Those of this name, or those that follow from the score of this name
    #[arg(
        long,
        value_name = "NAME",
        num_args = 0..=1,
        require_equals = true, // else it would take the corpus behind it for a name
        default_missing_value = "",
        conflicts_with_all = ["by", "confusion", "agreement", "scores"]
    )]
    verdicts: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
}

impl Table {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let narrowing = self.narrow.narrowing(ctx, &self.name)?;
        let (store, name) = (&ctx.store, self.name.as_str());
        if let Some([given, predicted]) = self.confusion.as_deref() {
            let found = corpus::confusion(store, name, &narrowing, given, predicted)?;
            return ctx.out.show(&found, || confusion_text(&found));
        }
        if let Some([first, second]) = self.agreement.as_deref() {
            let found = corpus::agreement(store, name, &narrowing, first, second)?;
            return ctx.out.show(&found, || agreement_text(&found));
        }
        if let Some(by) = &self.verdicts {
            let by = Some(by.as_str()).filter(|by| !by.is_empty());
            let found = corpus::verdicts(store, name, &narrowing, by)?;
            return ctx.out.show(&found, || verdicts_text(&found));
        }
        let found = corpus::table(store, name, &narrowing, self.by.as_deref(), &self.scores)?;
        let shown_scores = match self.scores.is_empty() {
            true => SHOWN_SCORES,
            false => self.scores.len(),
        };
        ctx.out.show(&found, || table_text(&found, shown_scores))
    }
}

const NOTHING: &str = "No answer is left to count.\n";
/// What stands where a system would for what is said of records.
const RECORD: &str = "(record)";

fn table_text(found: &Tabulated, shown_scores: usize) -> String {
    if found.rows.is_empty() && found.records.is_empty() {
        return NOTHING.to_string() + &verdicts_hint(found);
    }
    let leveled: Vec<Mechanism> = Mechanism::ALL
        .into_iter()
        .filter(|mechanism| {
            found
                .rows
                .iter()
                .any(|row| row.levels[mechanism.index()].n() > 0)
        })
        .collect();
    let mut columns = vec![("System".to_string(), Align::Left)];
    columns.extend(found.by.iter().map(|by| (by.clone(), Align::Left)));
    let figures = ["n", "%", "Words", "Dist-1", "Dist-2"];
    let levels = leveled
        .iter()
        .map(|mechanism| format!("{mechanism} no/weak/strong %"));
    let all = figures.into_iter().map(str::to_string);
    let scores = &found.scores[..found.scores.len().min(shown_scores)];
    let all = all.chain(scores.iter().cloned()).chain(levels);
    columns.extend(all.map(|title| (title, Align::Right)));
    let columns: Vec<(&str, Align)> = columns
        .iter()
        .map(|(title, align)| (title.as_str(), *align))
        .collect();
    let mut table = TextTable::new(&columns);
    for row in found.rows.iter().take(SHOWN_ROWS) {
        let value = found.by.iter().map(|_| value_cell(row.value.as_ref()));
        let scores = scores
            .iter()
            .map(|score| score_cell(row.scores.get(score), row.n, row.conversations));
        let levels = leveled
            .iter()
            .map(|mechanism| level_cell(row.levels[mechanism.index()]));
        table.row(
            [row.system.clone()]
                .into_iter()
                .chain(value)
                .chain([
                    count(row.n as u64),
                    Digits::Decimals(1).write(row.share),
                    of_group(Digits::WORDS, row.conversations, row.words.as_ref()),
                    dist_cell(row.dist[0]),
                    dist_cell(row.dist[1]),
                ])
                .chain(scores)
                .chain(levels),
        );
    }
    for row in found.records.iter().take(SHOWN_ROWS) {
        let none = || "–".to_string();
        let value = found.by.iter().map(|_| value_cell(row.value.as_ref()));
        let cells = [RECORD.to_string()].into_iter().chain(value);
        let cells = cells.chain([count(row.n as u64)]);
        let cells = cells.chain((1..figures.len()).map(|_| none()));
        let scores = scores
            .iter()
            .map(|score| score_cell(row.scores.get(score), row.n, row.conversations));
        table.row(cells.chain(scores).chain(leveled.iter().map(|_| none())));
    }
    let mut text = table.text();
    let more = found.rows.len().saturating_sub(SHOWN_ROWS);
    if more > 0 {
        text += &format!(
            "{} more; --json has them all.\n",
            number_of(more as u64, "row", "rows")
        );
    }
    let hidden = &found.scores[scores.len()..];
    if !hidden.is_empty() {
        let names: Vec<_> = hidden.iter().map(|score| one_line(score)).collect();
        text += &format!(
            "Without a column: {}; choose with --scores.\n",
            names.join(", ")
        );
    }
    text += &format!(
        "\n% of the answers of the system. Words are NLTK's, punctuation among them. Intervals are of 95 %, over conversations; fewer than {FEW} of them have \
         none. Dist-n falls as a group grows: compare groups of like size.\n"
    );
    if found
        .rows
        .iter()
        .any(|row| row.scores.values().any(|score| score.n < row.n))
    {
        text += "(n) is of how many answers a mean is, where not of all.\n";
    }
    if !found.records.is_empty() {
        text += &format!(
            "{RECORD} is of scores that a record with several answers has, and none of them more than the others.\n"
        );
    }
    text + &raters_text(&found.raters) + &verdicts_hint(found)
}

fn value_cell(value: Option<&String>) -> String {
    value.map_or_else(|| "(without)".to_string(), String::clone)
}

/// That there are verdicts as well.
fn verdicts_hint(found: &Tabulated) -> String {
    match found.verdicts {
        0 => String::new(),
        n => format!(
            "{} beside them; --verdicts sums them up.\n",
            number_of(n as u64, "verdict stands", "verdicts stand")
        ),
    }
}

fn score_cell(mean: Option<&ScoreMean>, n: usize, conversations: usize) -> String {
    match mean {
        None => "–".to_string(),
        Some(mean) => {
            let of = match mean.n == n {
                true => String::new(),
                false => format!(" ({})", count(mean.n as u64)),
            };
            format!(
                "{}{of}",
                of_group(Digits::SCORE, conversations, mean.mean.as_ref())
            )
        }
    }
}

fn level_cell(levels: LevelCounts) -> String {
    match levels.n() {
        0 => "–".to_string(),
        n => levels
            .0
            .map(|count| Digits::Decimals(1).write(100.0 * count as f64 / n as f64))
            .join("/"),
    }
}

pub(super) fn of_group(
    digits: Digits,
    conversations: usize,
    estimate: Option<&Estimate>,
) -> String {
    match estimate {
        Some(estimate) if conversations < FEW => digits.write(estimate.value),
        estimate => with_interval(digits, estimate),
    }
}

fn with_interval(digits: Digits, estimate: Option<&Estimate>) -> String {
    estimate.map_or_else(
        || "–".to_string(),
        |estimate| digits.with_interval(estimate),
    )
}

fn without_text(without: usize, what: &str) -> String {
    match without {
        0 => String::new(),
        n => format!(
            "{} one of the two {what} and {} left out.\n",
            number_of(n as u64, "answer lacks", "answers lack"),
            if n == 1 { "is" } else { "are" }
        ),
    }
}

fn confusion_text(found: &LabelConfusion) -> String {
    let (Some(report), Some(constant)) = (&found.report, &found.constant) else {
        return format!("{NOTHING}{}", without_text(found.without, "labels"));
    };
    let shown = found.classes.len().min(SHOWN_CLASSES);
    let title = format!("{} \\ {}", found.given, found.predicted);
    let mut columns = vec![(title.as_str(), Align::Left)];
    let classes = &found.classes[..shown];
    columns.extend(classes.iter().map(|class| (class.as_str(), Align::Right)));
    let hidden = found.classes.len() - shown;
    if hidden > 0 {
        columns.push(("others", Align::Right));
    }
    columns.extend([("n", Align::Right), ("F1", Align::Right)]);
    let mut table = TextTable::new(&columns);
    for (place, class) in classes.iter().enumerate() {
        let counts = &found.counts[place];
        let others: u64 = counts[shown..].iter().sum();
        let others = (hidden > 0).then(|| count(others));
        table.row(
            [class.clone()]
                .into_iter()
                .chain(counts[..shown].iter().map(|n| count(*n)))
                .chain(others)
                .chain([
                    count(counts.iter().sum()),
                    Digits::RESULT.write(found.f1[place]),
                ]),
        );
    }
    let mut text = table.text();
    if hidden > 0 {
        text += &format!(
            "{} rarer; --json has them all.\n",
            number_of(hidden as u64, "class is", "classes are")
        );
    }
    let kappa = found.kappa.map_or_else(
        || "no κ, since both have one class throughout".to_string(),
        |kappa| format!("κ {}", Digits::AGREEMENT.write(kappa)),
    );
    text += &format!(
        "\nn {}, accuracy {}, macro F1 {}, weighted F1 {}, {kappa}. Always {:?} has accuracy {}, macro F1 {}, κ 0.\n",
        count(report.n),
        Digits::RESULT.write(report.accuracy),
        Digits::RESULT.write(report.macro_f1),
        Digits::RESULT.write(report.weighted_f1),
        one_line(&found.classes[0]),
        Digits::RESULT.write(constant.accuracy),
        Digits::RESULT.write(constant.macro_f1),
    );
    text + &without_text(found.without, "labels")
}

pub(in crate::cli) fn agreement_text(found: &Agreement) -> String {
    if found.rows.is_empty() {
        return format!("{NOTHING}{}", without_text(found.without, "scores"));
    }
    let same_scale = found.rows.iter().any(|row| row.same_scale.is_some());
    let first = format!("Mean {}", found.first);
    let second = format!("Mean {}", found.second);
    let mut columns = vec![
        ("System", Align::Left),
        ("n", Align::Right),
        (first.as_str(), Align::Right),
        (second.as_str(), Align::Right),
        ("Pearson", Align::Right),
        ("Spearman", Align::Right),
    ];
    if same_scale {
        columns.extend([
            ("Difference", Align::Right),
            ("Equal %", Align::Right),
            ("κ (quadratic)", Align::Right),
            ("α (ordinal)", Align::Right),
        ]);
    }
    let mut table = TextTable::new(&columns);
    for row in &found.rows {
        table.row(agreement_cells(row));
    }
    let mut text = table.text();
    text += &format!(
        "\nIntervals are of 95 %, over conversations; fewer than {FEW} of them have none.\n"
    );
    for note in &found.notes {
        text += &format!("{}\n", one_line(note));
    }
    text + &without_text(found.without, "scores")
}

fn agreement_cells(row: &AgreementRow) -> Vec<String> {
    let mut cells = vec![
        row.system.clone().unwrap_or_else(|| "(all)".to_string()),
        count(row.n as u64),
        Digits::SCORE.write(row.mean_first),
        Digits::SCORE.write(row.mean_second),
        of_group(Digits::AGREEMENT, row.conversations, row.pearson.as_ref()),
        of_group(Digits::AGREEMENT, row.conversations, row.spearman.as_ref()),
    ];
    if let Some(both) = &row.same_scale {
        let figure = |figure: &crate::study::statistics::Figure| match figure {
            Ok(value) => Digits::AGREEMENT.write(*value),
            Err(_) => "–".to_string(),
        };
        cells.extend([
            of_group(Digits::SCORE, row.conversations, both.difference.as_ref()),
            Digits::Decimals(1).write(both.equal),
            figure(&both.kappa),
            figure(&both.alpha),
        ]);
    }
    cells
}

/// What each step of a selection by the score `best` has left.
pub(super) fn selected_text(selected: &Selected, best: &str) -> String {
    let mut text = number_of(selected.answers as u64, "answer", "answers");
    for (n, what) in [
        (
            selected.without_score,
            format!("without {}", one_line(best)),
        ),
        (selected.repeated, "repeated".to_string()),
    ] {
        if n > 0 {
            text += &format!(", {} {what}", count(n as u64));
        }
    }
    text += &format!(
        "; {} chosen\n",
        number_of(selected.chosen as u64, "answer", "answers")
    );
    if !selected.cover.is_empty() {
        let mut table = TextTable::new(&[("First", Align::Right), ("Radius", Align::Right)]);
        for point in &selected.cover {
            table.row([
                count(point.answers as u64),
                Digits::SCORE.write(point.radius),
            ]);
        }
        text += &format!(
            "\n{}\nRadius: of the answer that is farthest from all of them, 1 - cos to the nearest.\n",
            table.text()
        );
    }
    if selected.curve.is_empty() {
        return text;
    }
    let (least, mean) = (format!("Least {best}"), format!("Mean {best}"));
    let mut table = TextTable::new(&[
        ("Best", Align::Right),
        (&least, Align::Right),
        (&mean, Align::Right),
        ("Words", Align::Right),
        ("Dist-2", Align::Right),
    ]);
    for point in &selected.curve {
        table.row([
            count(point.answers as u64),
            Digits::SCORE.write(point.least),
            Digits::SCORE.write(point.mean),
            Digits::WORDS.write(point.words),
            dist_cell(point.dist_2),
        ]);
    }
    format!("{text}\n{}\n", table.text())
}
