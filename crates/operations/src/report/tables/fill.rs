//! Tables I-V from figures: our columns beside those that the paper reports.

use std::collections::BTreeMap;

use super::{Cell, Column, Row, Table, TableNumber};
use crate::data::Mechanism;
use crate::metrics::{Estimate, IdentifierScores, SystemResults, declared};
use crate::report::over_seeds::GroupFigures;
use crate::report::paper::{self, Reported};
use crate::report::{CONTROL_COLUMNS, HELD_OUT_COLUMNS, held_out_figures};
use crate::study::results::{AbResults, AspectResults, RatingResults};
use crate::study::statistics::significance::Share;

const AUTOMATIC: [&str; 4] = ["PPL", "Dist-1 (%)", "Dist-2 (%)", "Emp-F1 (%)"];
const ASPECTS: [&str; 3] = ["Empathy", "Relevance", "Fluency"];
/// The caption of Table III where no study has the paper's aspects.
const OWN_CAPTION: &str = "Human rating in the studies' own aspects";
const OUTCOMES: [&str; 3] = ["Win (%)", "Lose (%)", "Tie (%)"];

/// Our figures for one row.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    /// The paper's row, or the name of a new one.
    pub of: String,
    pub label: String,
    pub cells: Vec<Cell>,
    /// Further cells, by the headings of their columns among [`BESIDE`].
    pub beside: Vec<(&'static str, Cell)>,
}

/// Columns beside those that the paper has, wherever one of ours has a cell there.
const BESIDE: [&str; 12] = {
    let [
        shuffled,
        gain,
        constant,
        reaction,
        interpretation,
        exploration,
    ] = CONTROL_COLUMNS;
    let [held_out, held_out_gain, held_out_kappa] = HELD_OUT_COLUMNS;
    [
        held_out,
        held_out_gain,
        held_out_kappa,
        WORDS,
        EAD[0],
        EAD[1],
        shuffled,
        gain,
        constant,
        reaction,
        interpretation,
        exploration,
    ]
};

const WORDS: &str = "Words";
const EAD: [&str; 2] = ["EAD-1 (%)", "EAD-2 (%)"];

impl Ours {
    fn beside(&self, title: &str) -> Cell {
        let mut beside = self.beside.iter();
        let found = beside.find(|(known, _)| *known == title);
        found.map_or(Cell::Nothing, |(_, cell)| cell.clone())
    }

    /// Whether controls of Emp-F1 stand beside it.
    pub(super) fn is_controlled(&self) -> bool {
        self.has_any(&CONTROL_COLUMNS)
    }

    /// Whether what auditors find stands beside it.
    pub(super) fn is_held_out(&self) -> bool {
        self.has_any(&HELD_OUT_COLUMNS)
    }

    fn has_any(&self, titles: &[&str]) -> bool {
        let mut cells = titles.iter().map(|title| self.beside(title));
        cells.any(|cell| cell != Cell::Nothing)
    }
}

/// Each figure with "reported" beside it.
fn paired(titles: &[&str]) -> Vec<Column> {
    let pair = |title: &&str| {
        let column = |title: &str, reported| Column {
            title: title.to_string(),
            reported,
        };
        [column(title, false), column("reported", true)]
    };
    titles.iter().flat_map(pair).collect()
}

fn reported(values: &[Option<f64>]) -> Vec<Cell> {
    let cell = |value: &Option<f64>| match value {
        Some(value) => Cell::Figure {
            value: *value,
            interval: None,
        },
        None => Cell::Nothing,
    };
    values.iter().map(cell).collect()
}

fn side_by_side(ours: Vec<Cell>, reported: Vec<Cell>) -> Vec<Cell> {
    ours.into_iter()
        .zip(reported)
        .flat_map(|(a, b)| [a, b])
        .collect()
}

/// The paper's rows in order, each with our figures; then those that the paper does not have.
fn rows(paper: &[Reported], prefix: &str, ours: &[Ours], further: &[&str]) -> Vec<Row> {
    let further = |own: &Ours| -> Vec<Cell> {
        let cells = further.iter().map(|title| own.beside(title));
        cells.collect()
    };
    let mut rows = Vec::new();
    let mut taken = vec![false; ours.len()];
    for (name, values) in paper {
        let mut first = true;
        for (at, own) in ours.iter().enumerate() {
            if !own.of.eq_ignore_ascii_case(name) {
                continue;
            }
            taken[at] = true;
            let beside = match first {
                true => reported(values),
                false => vec![Cell::Nothing; values.len()],
            };
            let mut cells = side_by_side(own.cells.clone(), beside);
            cells.extend(further(own));
            rows.push(Row {
                name: own.label.clone(),
                cells,
            });
            first = false;
        }
        if first {
            rows.push(Row {
                name: format!("{prefix}{name}"),
                cells: side_by_side(vec![Cell::Nothing; values.len()], reported(values)),
            });
        }
    }
    for (own, _) in ours.iter().zip(taken).filter(|(_, taken)| !taken) {
        let mut cells = side_by_side(own.cells.clone(), vec![Cell::Nothing; own.cells.len()]);
        cells.extend(further(own));
        rows.push(Row {
            name: own.label.clone(),
            cells,
        });
    }
    rows
}

pub(super) fn estimate(estimate: Option<&Estimate>) -> Cell {
    estimate.map_or(Cell::Nothing, |estimate| Cell::Figure {
        value: estimate.value,
        interval: Some((estimate.low, estimate.high)),
    })
}

fn share(share: Option<&Share>) -> Cell {
    share.map_or(Cell::Nothing, |share| Cell::Figure {
        value: 100.0 * share.count as f64 / share.of as f64,
        interval: Some((100.0 * share.low, 100.0 * share.high)),
    })
}

/// What stands beside the paper's figures in Tables II and V.
pub(super) fn beside(results: &SystemResults) -> Vec<(&'static str, Cell)> {
    let ead = results.ead.iter().flatten().map(|ead| estimate(Some(ead)));
    let words = Cell::Figure {
        value: results.mean_words,
        interval: None,
    };
    let mut beside = vec![(WORDS, words)];
    beside.extend(EAD.into_iter().zip(ead));
    if results.held_out.is_some() {
        let held_out = held_out_figures(results).map(estimate);
        beside.extend(HELD_OUT_COLUMNS.into_iter().zip(held_out));
    }
    let Some(controls) = &results.controls else {
        return beside;
    };
    let constant = controls.constant.as_ref().map(|constant| &constant.emp_f1);
    let kappa = controls.kappa.iter().map(|kappa| match kappa {
        Some(kappa) => estimate(Some(kappa)),
        None => Cell::Words("undefined".to_string()),
    });
    let emp_f1 = [Some(&controls.shuffled), Some(&controls.gain), constant];
    let cells = emp_f1.into_iter().map(estimate).chain(kappa);
    beside.extend(CONTROL_COLUMNS.into_iter().zip(cells));
    beside
}

/// The cells of a mean over seeds: the four figures, and those beside them.
pub(super) fn mean_cells(group: &GroupFigures) -> (Vec<Cell>, Vec<(&'static str, Cell)>) {
    let mean = |metric: &str| estimate(group.row(metric).map(|row| &row.mean));
    let cells = [
        declared::VALIDATION_PPL,
        declared::VALIDATION_DIST_1,
        declared::VALIDATION_DIST_2,
        declared::VALIDATION_EMP_F1,
    ];
    let [shuffled, gain, _, reaction, interpretation, exploration] = CONTROL_COLUMNS;
    let [held_out, held_out_gain, held_out_kappa] = HELD_OUT_COLUMNS;
    let [first, second, third] = declared::VALIDATION_KAPPA_KEYS;
    let beside = [
        (held_out, declared::VALIDATION_EMP_F1_HELD_OUT),
        (held_out_gain, declared::VALIDATION_EMP_F1_HELD_OUT_GAIN),
        (held_out_kappa, declared::VALIDATION_KAPPA_HELD_OUT),
        (WORDS, declared::VALIDATION_WORDS),
        (shuffled, declared::VALIDATION_EMP_F1_SHUFFLED),
        (gain, declared::VALIDATION_EMP_F1_GAIN),
        (reaction, first),
        (interpretation, second),
        (exploration, third),
    ];
    (
        cells.map(mean).to_vec(),
        beside.map(|(title, metric)| (title, mean(metric))).to_vec(),
    )
}

/// The four figures of Tables II and V.
pub(super) fn automatic_cells(results: &SystemResults) -> Vec<Cell> {
    vec![
        estimate(results.ppl.as_ref()),
        estimate(Some(&results.dist_1)),
        estimate(Some(&results.dist_2)),
        estimate(results.emp_f1.as_ref()),
    ]
}

/// Table I: two columns for each run; of several also their mean and sample standard deviation.
pub(super) fn identifiers(runs: &[(String, Vec<IdentifierScores>)]) -> Table {
    let column = |title: String, reported| Column { title, reported };
    let mut columns = Vec::new();
    for figure in ["Accuracy (%)", "Weighted F1 (%)"] {
        let own = runs.iter().map(|(label, _)| label.as_str());
        let spread: &[&str] = if runs.len() > 1 { &["mean", "SD"] } else { &[] };
        let own = own.chain(spread.iter().copied());
        columns.extend(own.map(|label| column(format!("{figure}, {label}"), false)));
        columns.push(column(format!("{figure}, reported"), true));
    }
    let mut table = Table::new(TableNumber::Identifiers, "Empathy identifiers", columns);
    let number = |value: f64| Cell::Figure {
        value,
        interval: None,
    };
    for mechanism in Mechanism::ALL {
        let (accuracy, weighted_f1) = paper::identifier(mechanism);
        let own = |figure: fn(&IdentifierScores) -> f64| {
            let of_run = runs.iter().map(move |(_, scores)| {
                let own = scores.iter().find(|scores| scores.mechanism == mechanism);
                own.map(figure)
            });
            let found: Vec<f64> = of_run.clone().flatten().collect();
            let of_run = of_run.map(move |value| value.map_or(Cell::Nothing, number));
            of_run.chain(spread(&found).into_iter().flatten().map(number))
        };
        let mut cells: Vec<Cell> = own(|scores| scores.report().accuracy).collect();
        cells.push(number(accuracy));
        cells.extend(own(|scores| scores.report().weighted_f1));
        cells.push(number(weighted_f1));
        table.rows.push(Row {
            name: mechanism.title().to_string(),
            cells,
        });
    }
    table
}

/// Mean and sample standard deviation of several values.
fn spread(values: &[f64]) -> Option<[f64; 2]> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (values.len() > 1).then(|| [mean, (squares / (n - 1.0)).sqrt()])
}

pub(super) fn automatic(ours: &[Ours]) -> Table {
    measured(TableNumber::Automatic, &paper::AUTOMATIC, ours)
}

pub(super) fn ablation(ours: &[Ours]) -> Table {
    measured(TableNumber::Ablation, &paper::ABLATION, ours)
}

/// Tables II and V: the paper's figures beside ours, then what auditors find, lengths, EAD and the controls of Emp-F1 where
/// any of ours has them.
fn measured(number: TableNumber, paper: &[Reported], ours: &[Ours]) -> Table {
    let mut columns = paired(&AUTOMATIC);
    let further: Vec<&str> = BESIDE
        .into_iter()
        .filter(|title| ours.iter().any(|own| own.beside(title) != Cell::Nothing))
        .collect();
    columns.extend(further.iter().map(|title| Column {
        title: title.to_string(),
        reported: false,
    }));
    let width = columns.len();
    let mut table = Table::new(number, "Models", columns);
    table.rows = rows(paper, "", ours, &further);
    for row in &mut table.rows {
        row.cells.resize(width, Cell::Nothing);
    }
    table.bold = best(&table);
    table
}

/// Emp-F1 and its gain that are the highest to the reward's identifiers and to the auditors as well: what only the
/// reward's own judge says is not in bold. Nothing where a system was not judged by both.
fn best(table: &Table) -> Vec<(usize, usize)> {
    let place = |title: &str| {
        table
            .columns
            .iter()
            .position(|column| column.title == title)
    };
    let [emp_f1, gain, _] = HELD_OUT_COLUMNS;
    let pairs = [(AUTOMATIC[3], emp_f1), (CONTROL_COLUMNS[1], gain)];
    let both = pairs.into_iter().filter_map(|(own, held_out)| {
        let (own, held_out) = (place(own)?, place(held_out)?);
        let (row, judged) = (highest(table, own)?, highest(table, held_out)?);
        (row == judged).then_some([(row.0, own), (row.0, held_out)])
    });
    both.flatten().collect()
}

/// The row with the highest figure of a column, with how many have one; None where there is no other or several are
/// equally high.
fn highest(table: &Table, column: usize) -> Option<(usize, usize)> {
    let figures =
        table
            .rows
            .iter()
            .enumerate()
            .filter_map(|(at, row)| match row.cells.get(column)? {
                Cell::Figure { value, .. } => Some((at, *value)),
                Cell::Nothing | Cell::Words(_) => None,
            });
    let mut figures: Vec<(usize, f64)> = figures.collect();
    figures.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    match figures.as_slice() {
        [(first, most), (_, next), ..] if most > next => Some((*first, figures.len())),
        _ => None,
    }
}

/// Table III from ratings, each with its study's label. Aspects of a study's own have columns behind the paper's, which
/// are left out where no study has them.
pub(super) fn rating(studies: &[(String, &RatingResults)]) -> Table {
    let mut ours = Vec::new();
    // In the studies' own aspects, by the name of a row.
    let mut in_own: BTreeMap<String, Vec<Cell>> = BTreeMap::new();
    let all = studies.iter().flat_map(|(_, results)| &results.aspects);
    let with_paper = studies.is_empty() || all.clone().any(|aspect| !aspect.is_own);
    let mut further: Vec<String> = Vec::new();
    for aspect in all.filter(|aspect| aspect.is_own) {
        let title = aspect.heading();
        if !further.contains(&title) {
            further.push(title);
        }
    }
    for (mark, results) in studies {
        let systems = results
            .aspects
            .first()
            .map_or(0, |aspect| aspect.systems.len());
        for system in 0..systems {
            let of = results.aspects[0].systems[system].system.clone();
            let mean = |aspect: &AspectResults| {
                estimate(aspect.systems.get(system).and_then(|row| row.mean.as_ref()))
            };
            let label = labelled(&of, mark, studies.len());
            let of_own = further.iter().map(|title| {
                let mut aspects = results.aspects.iter();
                let found = aspects.find(|aspect| aspect.is_own && aspect.heading() == *title);
                found.map_or(Cell::Nothing, &mean)
            });
            in_own.insert(label.clone(), of_own.collect());
            ours.push(Ours {
                label,
                of,
                cells: match (with_paper, results.aspects[0].is_own) {
                    (true, true) => vec![Cell::Nothing; ASPECTS.len()],
                    (true, false) => results.aspects.iter().map(mean).collect(),
                    (false, _) => Vec::new(),
                },
                beside: Vec::new(),
            });
        }
    }
    let (mut columns, reported): (_, &[Reported]) = match with_paper {
        true => (paired(&ASPECTS), &paper::RATING),
        false => (Vec::new(), &[]),
    };
    columns.extend(further.iter().map(|title| Column {
        title: title.clone(),
        reported: false,
    }));
    let width = columns.len();
    let mut table = Table::new(TableNumber::Rating, "Models", columns);
    if !with_paper {
        table.caption = OWN_CAPTION.to_string();
    }
    table.rows = rows(reported, "", &ours, &[]);
    for row in &mut table.rows {
        row.cells
            .extend(in_own.remove(&row.name).unwrap_or_default());
        row.cells.resize(width, Cell::Nothing);
    }
    table
}

/// Table IV from A/B tests, each with its study's label.
pub(super) fn ab_test(studies: &[(String, &AbResults)]) -> Table {
    let mut ours = Vec::new();
    for (mark, results) in studies {
        for pair in &results.pairs {
            let meets = format!("{} vs {}", pair.first, pair.second);
            // Only pairs with EmpRL as model A are rows of the paper.
            let of = match pair.first.eq_ignore_ascii_case(paper::EMPRL) {
                true => pair.second.clone(),
                false => meets.clone(),
            };
            let shares = [&pair.win, &pair.lose, &pair.tie];
            ours.push(Ours {
                of,
                label: labelled(&meets, mark, studies.len()),
                cells: shares.map(|each| share(each.as_ref())).to_vec(),
                beside: Vec::new(),
            });
        }
    }
    let mut table = Table::new(TableNumber::AbTest, "Models", paired(&OUTCOMES));
    table.rows = rows(&paper::AB_TEST, "EmpRL vs ", &ours, &[]);
    table
}

fn labelled(name: &str, mark: &str, studies: usize) -> String {
    match studies {
        1 => name.to_string(),
        _ => format!("{name} ({mark})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Confusion;

    #[test]
    fn several_runs_have_their_mean_and_deviation() {
        let scores = |right: u64| {
            let of = |mechanism| IdentifierScores {
                mechanism,
                loss: 0.5,
                confusion: Confusion {
                    counts: vec![vec![right, 100 - right, 0], vec![0; 3], vec![0; 3]],
                },
            };
            Mechanism::ALL.map(of).to_vec()
        };
        let runs = [70, 72, 77].map(|right| (format!("run {right}"), scores(right)));
        let table = identifiers(&runs);
        assert_eq!(table.columns.len(), 12);
        let figure = |at: usize| match &table.rows[0].cells[at] {
            Cell::Figure { value, .. } => *value,
            other => panic!("{other:?}"),
        };
        assert_eq!(table.columns[3].title, "Accuracy (%), mean");
        assert_eq!((figure(3), figure(4)), (73.0, 13.0_f64.sqrt()));
        assert_eq!(table.rows[0].cells.len(), 12);
        assert_eq!(identifiers(&runs[..1]).columns.len(), 4);
    }

    fn own(system: &str, emp_f1: f64, held_out: Option<f64>) -> Ours {
        let figure = |value| Cell::Figure {
            value,
            interval: None,
        };
        let judged = |value| {
            let cells = [figure(value), figure(value / 10.0), Cell::Nothing];
            HELD_OUT_COLUMNS.into_iter().zip(cells).collect()
        };
        Ours {
            of: system.to_string(),
            label: system.to_string(),
            cells: vec![Cell::Nothing, figure(1.0), figure(2.0), figure(emp_f1)],
            beside: held_out.map_or_else(Vec::new, judged),
        }
    }

    fn bold(ours: &[Ours]) -> Vec<(String, String)> {
        let table = automatic(ours);
        let name = |(row, column): &(usize, usize)| {
            (
                table.rows[*row].name.clone(),
                table.columns[*column].title.clone(),
            )
        };
        table.bold.iter().map(name).collect()
    }

    #[test]
    fn the_highest_emp_f1_is_in_bold_where_auditors_agree_and_only_there() {
        let both = |title: &str| ("EmpRL".to_string(), title.to_string());
        let agreed = [
            own("Generator", 60.0, Some(58.0)),
            own("EmpRL", 70.0, Some(59.0)),
        ];
        assert_eq!(
            bold(&agreed),
            [both("Emp-F1 (%)"), both("Emp-F1, held out (%)")]
        );
        let markdown = automatic(&agreed).write(crate::report::tables::Format::Markdown);
        assert!(markdown.contains("| **70.00** |"), "{markdown}");
        let latex = automatic(&agreed).write(crate::report::tables::Format::Latex);
        assert!(latex.contains("\\textbf{70.00}"), "{latex}");
        for ours in [
            [
                own("Generator", 60.0, Some(58.0)),
                own("EmpRL", 70.0, Some(57.0)),
            ],
            [own("Generator", 60.0, None), own("EmpRL", 70.0, Some(59.0))],
            [own("Generator", 60.0, None), own("EmpRL", 70.0, None)],
            [
                own("Generator", 70.0, Some(58.0)),
                own("EmpRL", 70.0, Some(59.0)),
            ],
        ] {
            assert_eq!(bold(&ours), [], "only the reward's own judge says so");
        }
    }
}
