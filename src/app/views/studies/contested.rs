//! Items that one annotator answered differently at several places, with a button for each answer that may count, for
//! neither, and for all items at once.

use eframe::egui::Ui;

use super::parts::contested_words;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::operations::studies::{ContestedItem, Place, place_words};
use crate::store::StudyRow;
use crate::study::history::Decision;
use crate::study::judgement::{Answer, Choice};
use crate::study::page::Shown;

/// Items shown at once; the next ones follow as these are decided.
const SHOWN: usize = 20;

pub(super) fn contested_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let contested = study
        .annotators
        .iter()
        .filter(|one| one.progress.contested > 0);
    let titles: Vec<String> = contested
        .map(|one| contested_words(&one.pseudonym, one.progress.contested))
        .collect();
    if titles.is_empty() {
        return;
    }
    let may_decide = study.is_own && study.unblinding.is_none();
    let detail = match (may_decide, study.is_own) {
        (true, _) => "Decide which answer counts, or let the annotator judge these items again.",
        (false, true) => "The study is unblinded, so it can no longer be decided which one counts.",
        (false, false) => "Judge these items again, or let it be decided where the study was made.",
    };
    let items = studies.contested.as_ref().filter(|(of, _)| *of == study.id);
    notice::block(ui, Tone::Warning, &titles.join("; "), detail, |ui| {
        if !may_decide {
            return;
        }
        ui.add_space(space::XS);
        match items {
            None => {
                if Button::secondary("Decide…").clicked(ui) {
                    let study = study.id;
                    commands.run(move |core| core.load_contested(study));
                }
            }
            Some((_, items)) => {
                for annotator in &study.annotators {
                    let own = items.iter().filter(|one| one.annotator == annotator.number);
                    let own: Vec<&ContestedItem> = own.collect();
                    if own.len() > 1 {
                        all_ui(ui, study, &own, commands);
                    }
                }
                for item in items.iter().take(SHOWN) {
                    item_ui(ui, study, item, commands);
                }
                if items.len() > SHOWN {
                    words::small(ui, format!("and {} more", items.len() - SHOWN));
                }
            }
        }
    });
    ui.add_space(space::S);
}

/// One decision for all items of an annotator.
fn all_ui(ui: &mut Ui, study: &StudyRow, own: &[&ContestedItem], commands: &mut Commands) {
    let (who, annotator) = (&own[0].pseudonym, own[0].annotator);
    words::secondary(
        ui,
        format!("{who}, all {} items", format::count(own.len() as u64)),
    );
    ui.horizontal_wrapped(|ui| {
        for (place, what) in [
            (Place::First, "keep what came in first"),
            (Place::Second, "take what came in second"),
            (Place::Neither, "neither"),
        ] {
            if Button::secondary(&format!("{who}, all: {what}")).clicked(ui) {
                let study = study.id;
                commands.run(move |core| core.decide_all(study, annotator, place));
            }
        }
    });
    ui.add_space(space::XS);
}

fn item_ui(ui: &mut Ui, study: &StudyRow, item: &ContestedItem, commands: &mut Commands) {
    let (who, number) = (&item.pseudonym, item.page.item);
    let last = item.page.context.last().map_or("", String::as_str);
    words::secondary(ui, format!("{who}, item {number}: {last}"));
    match &item.page.shown {
        Shown::Pair { left, right } => {
            words::small(ui, format!("Left: {left}"));
            words::small(ui, format!("Right: {right}"));
        }
        Shown::Single { response } => {
            words::small(ui, format!("Response: {response}"));
        }
    }
    let given = item.answers.iter();
    let given = given.map(|one| {
        format!(
            "{}: {}",
            answer_words(study, &one.answer),
            place_words(&one.from)
        )
    });
    words::small(ui, given.collect::<Vec<_>>().join("; "));
    ui.horizontal_wrapped(|ui| {
        let mut decide = |ui: &mut Ui, what: &str, decision: Decision| {
            let label = format!("{who}, item {number}: {what}");
            if Button::secondary(&label).clicked(ui) {
                let (study, annotator) = (study.id, item.annotator);
                commands.run(move |core| core.decide(study, annotator, number, decision));
            }
        };
        for given in &item.answers {
            decide(
                ui,
                &answer_words(study, &given.answer),
                Decision::Counts(given.answer),
            );
        }
        decide(ui, "neither", Decision::Neither);
    });
}

fn answer_words(study: &StudyRow, answer: &Answer) -> String {
    match answer {
        Answer::Choice(Choice::Left) => "left is better".to_string(),
        Answer::Choice(Choice::Right) => "right is better".to_string(),
        Answer::Choice(Choice::Tie) => "tie".to_string(),
        rated @ (Answer::Rating(_) | Answer::Scores(_)) => {
            let scores = rated.scores();
            let scores = scores.iter().flat_map(|scores| scores.points());
            let named = study.head.aspects().iter().zip(scores);
            let named = named.map(|(aspect, score)| match study.head.aspects {
                Some(_) => format!("{} {score}", aspect.name),
                None => format!("{} {score}", aspect.name.to_lowercase()),
            });
            named.collect::<Vec<_>>().join(", ")
        }
    }
}
