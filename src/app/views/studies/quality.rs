//! How the annotators of a study work: checks, agreement with the others, time, sides, flags and comments. Blind or not, it
//! says nothing of systems.

use eframe::egui::Ui;

use super::parts::contested_words;
use super::table::table;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::text as words;
use crate::metrics::Digits;
use crate::store::StudyRow;
use crate::study::results::{AnnotatorResults, ItemRemark};

/// Flags and comments shown; the command line lists all.
const SHOWN: usize = 50;

/// Of a blind study, once the lead asks.
pub(super) fn quality_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let quality = studies.quality.as_ref().filter(|(of, _)| *of == study.id);
    let Some((_, quality)) = quality else {
        let hint = "For who leads the study: checks passed, agreement, time, flags and comments, without systems. Who judges \
                    in it should not look";
        let is_judged = study.annotators.iter().any(|one| one.progress.answered > 0);
        if is_judged && Button::quiet("How annotators work").hint(hint).clicked(ui) {
            let study = study.id;
            commands.run(move |core| core.load_quality(study));
        }
        return;
    };
    words::heading(ui, "How annotators work");
    ui.add_space(space::XS);
    annotators_ui(ui, &quality.annotators);
    for remark in quality.remarks.iter().take(SHOWN) {
        words::secondary(ui, remark_words(remark));
    }
    if quality.remarks.len() > SHOWN {
        let more = quality.remarks.len() - SHOWN;
        words::small(
            ui,
            format!("and {more} more: emprl study quality {}", study.id),
        );
    }
    if Button::quiet("Look again").clicked(ui) {
        let study = study.id;
        commands.run(move |core| core.load_quality(study));
    }
}

fn remark_words(remark: &ItemRemark) -> String {
    let flagged = if remark.flagged { ", flagged" } else { "" };
    let comment = match remark.comment.is_empty() {
        true => String::new(),
        false => format!(": {}", remark.comment),
    };
    format!(
        "{}, item {}{flagged}{comment}",
        remark.pseudonym, remark.item
    )
}

pub(super) fn annotators_ui(ui: &mut Ui, annotators: &[AnnotatorResults]) {
    for one in annotators.iter().filter(|one| one.progress.contested > 0) {
        words::small(ui, contested_words(&one.pseudonym, one.progress.contested));
    }
    for one in annotators {
        for change in &one.standings {
            let (who, what) = (&one.pseudonym, change.standing.key());
            words::small(ui, format!("{who}: {what}: {}", change.reason));
        }
    }
    let head = [
        "Annotator",
        "Judged",
        "Checks passed",
        "Differs from others",
        "over time",
        "Median time",
        "Too fast to read",
        "Alike in a row",
        "Left / right",
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
                one.checks.map_or("–".to_string(), |checks| {
                    format!("{} / {}", checks.passed, checks.answered)
                }),
                distance(one.distance),
                over_time.join(" "),
                one.median_ms
                    .map_or("–".to_string(), |ms| format::duration(ms as f64 / 1e3)),
                format::count(one.too_fast as u64),
                format::count(one.longest_run as u64),
                one.sides.as_ref().map_or("–".to_string(), |sides| {
                    format!("{} / {}", sides.left, sides.right)
                }),
            ]
        })
        .collect();
    table(ui, "annotators", &head, &rows);
}
