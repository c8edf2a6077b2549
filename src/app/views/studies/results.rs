//! The results of an unblinded study: wins or means with intervals, agreement, annotators.

use eframe::egui::Ui;

use super::parts::study_title;
use super::quality::annotators_ui;
use super::table::table;
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::space;
use crate::app::widgets::text as words;
use crate::metrics::{Digits, Estimate};
use crate::store::StudyId;
use crate::study::results::{
    AbResults, Agreement, AspectResults, Findings, RatingResults, Results,
};
use crate::study::statistics::Figure;
use crate::study::statistics::significance::Share;

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
    let titles: Vec<String> = found.aspects.iter().map(AspectResults::heading).collect();
    let mut head = vec!["System"];
    head.extend(titles.iter().map(String::as_str));
    head.extend(["Contexts", "Scores"]);
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
        agreement_ui(ui, &aspect.title, &aspect.agreement);
    }
}

/// An agreement with its interval over items.
fn with_interval(value: &Figure, interval: Option<&Estimate>) -> String {
    match interval {
        Some(_) => estimate(interval, Digits::AGREEMENT),
        None => figure(value, Digits::AGREEMENT),
    }
}

fn agreement_ui(ui: &mut Ui, name: &str, found: &Agreement) {
    words::body(
        ui,
        format!(
            "{name}: Fleiss' kappa {} over {} items; Krippendorff's alpha {} over {} judgements",
            with_interval(&found.fleiss_kappa, found.fleiss_interval.as_ref()),
            found.fleiss_items,
            with_interval(&found.krippendorff_alpha, found.alpha_interval.as_ref()),
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
