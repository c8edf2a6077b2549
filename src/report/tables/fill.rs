//! Tables I-V from figures: our columns beside those that the paper reports.

use super::{Cell, Column, Row, Table, TableNumber};
use crate::data::Mechanism;
use crate::metrics::{Estimate, IdentifierScores, SystemResults, declared};
use crate::report::CONTROL_COLUMNS;
use crate::report::over_seeds::GroupFigures;
use crate::report::paper::{self, Reported};
use crate::study::results::{AbResults, RatingResults};
use crate::study::statistics::significance::Share;

const AUTOMATIC: [&str; 4] = ["PPL", "Dist-1 (%)", "Dist-2 (%)", "Emp-F1 (%)"];
const ASPECTS: [&str; 3] = ["Empathy", "Relevance", "Fluency"];
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
const BESIDE: [&str; 9] = {
    let [
        shuffled,
        gain,
        constant,
        reaction,
        interpretation,
        exploration,
    ] = CONTROL_COLUMNS;
    [
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
        CONTROL_COLUMNS
            .iter()
            .any(|title| self.beside(title) != Cell::Nothing)
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
    let [first, second, third] = declared::VALIDATION_KAPPA_KEYS;
    let beside = [
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

/// Table I: two columns for each run.
pub(super) fn identifiers(runs: &[(String, Vec<IdentifierScores>)]) -> Table {
    let column = |title: String, reported| Column { title, reported };
    let mut columns = Vec::new();
    for figure in ["Accuracy (%)", "Weighted F1 (%)"] {
        let own = runs.iter().map(|(label, _)| format!("{figure}, {label}"));
        columns.extend(own.map(|title| column(title, false)));
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
            runs.iter().map(move |(_, scores)| {
                let own = scores.iter().find(|scores| scores.mechanism == mechanism);
                own.map_or(Cell::Nothing, |scores| number(figure(scores)))
            })
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

pub(super) fn automatic(ours: &[Ours]) -> Table {
    measured(TableNumber::Automatic, &paper::AUTOMATIC, ours)
}

pub(super) fn ablation(ours: &[Ours]) -> Table {
    measured(TableNumber::Ablation, &paper::ABLATION, ours)
}

/// Tables II and V: the paper's figures beside ours, then lengths, EAD and the controls of Emp-F1 where any of ours has
/// them.
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
    table
}

/// Table III from ratings, each with its study's label.
pub(super) fn rating(studies: &[(String, &RatingResults)]) -> Table {
    let mut ours = Vec::new();
    for (mark, results) in studies {
        let systems = results
            .aspects
            .first()
            .map_or(0, |aspect| aspect.systems.len());
        for system in 0..systems {
            let of = results.aspects[0].systems[system].system.clone();
            let mean = |aspect: &crate::study::results::AspectResults| {
                estimate(aspect.systems.get(system).and_then(|row| row.mean.as_ref()))
            };
            ours.push(Ours {
                label: labelled(&of, mark, studies.len()),
                of,
                cells: results.aspects.iter().map(mean).collect(),
                beside: Vec::new(),
            });
        }
    }
    let mut table = Table::new(TableNumber::Rating, "Models", paired(&ASPECTS));
    table.rows = rows(&paper::RATING, "", &ours, &[]);
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
