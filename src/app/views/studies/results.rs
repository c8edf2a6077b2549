//! The results of an unblinded study: wins or means with intervals, agreement, annotators.

use eframe::egui::{Align, Label, RichText, ScrollArea, Ui, Vec2};

use super::parts::{contested_words, study_title};
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::{self, space, text};
use crate::app::widgets::cells::{cell, line, row};
use crate::app::widgets::text as words;
use crate::metrics::{Digits, Estimate};
use crate::store::StudyId;
use crate::study::results::{
    AbResults, Agreement, AnnotatorResults, Findings, RatingResults, Results,
};
use crate::study::statistics::Figure;
use crate::study::statistics::significance::Share;

const MAX_WIDTH: f32 = 260.0;

pub(super) fn results_ui(ui: &mut Ui, studies: &StudiesState, study: StudyId) {
    let Some((_, results)) = studies.results.as_ref().filter(|(of, _)| *of == study) else {
        words::secondary(ui, "Computing the results…");
        return;
    };
    words::heading(ui, "Results");
    words::small(ui, under(study, results));
    ui.add_space(space::XS);
    match &results.found {
        Findings::AbTest(found) => ab_ui(ui, found),
        Findings::Rating(found) => rating_ui(ui, found),
    }
    ui.add_space(space::L);
    words::heading(ui, "Annotators");
    ui.add_space(space::XS);
    annotators_ui(ui, &results.annotators);
    ui.add_space(space::XL);
}

fn under(study: StudyId, results: &Results) -> String {
    let mut about = format!(
        "Of {}: {} contexts, seed {}, {} annotators",
        study_title(study),
        results.contexts,
        results.seed,
        results.annotators.len()
    );
    if results.unblinding.missing > 0 {
        about.push_str(&format!(
            "; {} judgements were missing at the unblinding",
            results.unblinding.missing
        ));
    }
    for sentence in results.arrivals.sentences() {
        about.push_str(&format!("; {}", sentence.trim_end_matches('.')));
    }
    about
}

/// A table of text with columns as wide as their content: the first left-aligned, the others right-aligned.
fn table(ui: &mut Ui, id: &str, head: &[&str], rows: &[Vec<String>]) {
    let t = theme::of(ui);
    let measure = |words: &str| {
        let galley = words::galley(ui, words, text::body(), t.text);
        galley.size().x + space::L
    };
    let widths: Vec<f32> = (0..head.len())
        .map(|at| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            let widest = cells
                .map(|words| measure(words))
                .fold(measure(head[at]), f32::max);
            widest.min(MAX_WIDTH)
        })
        .collect();
    let width = widths.iter().sum();
    ScrollArea::horizontal().id_salt(id).show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.set_min_width(width);
        let align = |at: usize| if at == 0 { Align::Min } else { Align::Max };
        row(ui, |ui| {
            for (at, (title, width)) in head.iter().zip(&widths).enumerate() {
                cell(ui, *width, align(at), |ui| {
                    words::small(ui, *title);
                });
            }
        });
        for cells in rows {
            line(ui, width);
            row(ui, |ui| {
                for (at, (words, width)) in cells.iter().zip(&widths).enumerate() {
                    cell(ui, *width, align(at), |ui| {
                        ui.spacing_mut().item_spacing.x = space::XS;
                        // The interval is smaller than its number.
                        let (figure, interval) = words.split_once('[').unwrap_or((words, ""));
                        if !interval.is_empty() {
                            let interval = RichText::new(format!("[{interval}"));
                            ui.label(interval.font(text::small()).color(t.secondary));
                        }
                        let figure = RichText::new(figure.trim_end()).color(t.text);
                        ui.add(Label::new(figure).truncate());
                    });
                }
            });
        }
        ui.add_space(space::M);
    });
}

fn share(share: Option<&Share>) -> String {
    share.map_or_else(
        || "–".to_string(),
        |share| {
            let percent = Estimate {
                value: 100.0 * share.count as f64 / share.of as f64,
                low: 100.0 * share.low,
                high: 100.0 * share.high,
            };
            format::typeset(&Digits::RESULT.with_interval(&percent))
        },
    )
}

fn estimate(estimate: Option<&Estimate>, digits: Digits) -> String {
    estimate.map_or_else(
        || "–".to_string(),
        |e| format::typeset(&digits.with_interval(e)),
    )
}

fn figure(figure: &Figure, digits: Digits) -> String {
    match figure {
        Ok(value) => format::figure(*value, digits),
        Err(undefined) => format!("undefined ({undefined})"),
    }
}

fn ab_ui(ui: &mut Ui, found: &AbResults) {
    let head = [
        "A against B",
        "Win %",
        "Lose %",
        "Tie %",
        "Unresolved",
        "By fourth",
        "Of decided won %",
        "p",
    ];
    let rows: Vec<Vec<String>> = found
        .pairs
        .iter()
        .map(|pair| {
            vec![
                format!("{} vs {}", pair.first, pair.second),
                share(pair.win.as_ref()),
                share(pair.lose.as_ref()),
                share(pair.tie.as_ref()),
                pair.unresolved.map_or(0, |share| share.count).to_string(),
                pair.by_fourth.to_string(),
                share(pair.preference.as_ref()),
                figure(&pair.p, Digits::P),
            ]
        })
        .collect();
    table(ui, "pairs", &head, &rows);
    for pair in &found.pairs {
        let mut judged = format!(
            "{} vs {}: {} of {} items judged",
            pair.first, pair.second, pair.judged, pair.items
        );
        if pair.waiting_for_fourth > 0 {
            judged.push_str(&format!(
                ", {} wait for the fourth annotator",
                pair.waiting_for_fourth
            ));
        }
        words::small(ui, judged);
    }
    words::small(
        ui,
        "In brackets: Wilson's 95 % intervals. p: exact two-sided sign test of wins against losses.",
    );
    ui.add_space(space::S);
    agreement_ui(ui, "Agreement", &found.agreement);
    match &found.strengths {
        Ok(strengths) if strengths.len() > 2 => {
            ui.add_space(space::S);
            let rows: Vec<Vec<String>> = strengths
                .iter()
                .map(|one| {
                    let theta = format::figure(one.theta, Digits::AGREEMENT);
                    vec![
                        one.system.clone(),
                        theta,
                        estimate(one.elo.as_ref(), Digits::Decimals(0)),
                    ]
                })
                .collect();
            table(ui, "strengths", &["Bradley-Terry", "theta", "Elo"], &rows);
            if found.strengths_prior > 0.0 {
                let prior = format!(
                    "A system was undefeated: {} of a win was added to both sides of every pair.",
                    found.strengths_prior
                );
                words::small(ui, prior);
            }
        }
        Ok(_) => {}
        Err(undefined) => {
            words::small(ui, format!("Bradley-Terry is undefined: {undefined}"));
        }
    }
}

fn rating_ui(ui: &mut Ui, found: &RatingResults) {
    let Some(first) = found.aspects.first() else {
        return;
    };
    let head = [
        "System",
        "Empathy",
        "Relevance",
        "Fluency",
        "Contexts",
        "Scores",
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (at, system) in first.systems.iter().enumerate() {
        let means = found.aspects.iter();
        let means = means.map(|aspect| estimate(aspect.systems[at].mean.as_ref(), Digits::SCORE));
        let mut row = vec![system.system.clone()];
        row.extend(means);
        row.extend([system.contexts.to_string(), system.scores.to_string()]);
        rows.push(row);
    }
    for (at, difference) in first.differences.iter().enumerate() {
        let differences = found.aspects.iter();
        let differences = differences
            .map(|aspect| estimate(aspect.differences[at].difference.as_ref(), Digits::SCORE));
        let mut row = vec![format!("{} − {}", difference.system, difference.minus)];
        row.extend(differences);
        row.extend([difference.contexts.to_string(), String::new()]);
        rows.push(row);
    }
    table(ui, "means", &head, &rows);
    words::small(ui, "In brackets: 95 % bootstrap intervals over contexts.");
    ui.add_space(space::S);
    for aspect in &found.aspects {
        agreement_ui(ui, aspect.aspect.title(), &aspect.agreement);
    }
}

fn agreement_ui(ui: &mut Ui, name: &str, found: &Agreement) {
    words::body(
        ui,
        format!(
            "{name}: Fleiss' kappa {} over {} items; Krippendorff's alpha {} over {} judgements",
            figure(&found.fleiss_kappa, Digits::AGREEMENT),
            found.fleiss_items,
            figure(&found.krippendorff_alpha, Digits::AGREEMENT),
            found.judgements
        ),
    );
    let pairs: Vec<String> = found
        .pairs
        .iter()
        .map(|pair| {
            format!(
                "{} and {} {} ({})",
                pair.first,
                pair.second,
                figure(&pair.kappa, Digits::AGREEMENT),
                pair.items
            )
        })
        .collect();
    if !pairs.is_empty() {
        words::secondary(ui, format!("Cohen's kappa (items): {}", pairs.join("; ")));
    }
}

fn annotators_ui(ui: &mut Ui, annotators: &[AnnotatorResults]) {
    for one in annotators.iter().filter(|one| one.progress.contested > 0) {
        words::small(ui, contested_words(&one.pseudonym, one.progress.contested));
    }
    let head = [
        "Annotator",
        "Judged",
        "Median time",
        "Differs from others",
        "over time",
        "Left / right",
        "Checks passed",
    ];
    let distance =
        |value: Option<f64>| value.map_or("–".to_string(), |v| format::figure(v, Digits::SCORE));
    let rows: Vec<Vec<String>> = annotators
        .iter()
        .map(|one| {
            let over_time: Vec<String> = one
                .over_time
                .iter()
                .map(|block| distance(block.distance))
                .collect();
            vec![
                one.pseudonym.clone(),
                format!("{} / {}", one.progress.answered, one.progress.assigned),
                one.median_ms
                    .map_or("–".to_string(), |ms| format::duration(ms as f64 / 1e3)),
                distance(one.distance),
                over_time.join(" "),
                one.sides.as_ref().map_or("–".to_string(), |sides| {
                    format!("{} / {}", sides.left, sides.right)
                }),
                one.checks.map_or("–".to_string(), |checks| {
                    format!("{} / {}", checks.passed, checks.answered)
                }),
            ]
        })
        .collect();
    table(ui, "annotators", &head, &rows);
}
