//! Items that one annotator answered differently at several places, with a button for each answer that may count.

use eframe::egui::Ui;

use super::parts::contested_words;
use crate::app::command::Commands;
use crate::app::state::people::StudiesState;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::operations::studies::ContestedItem;
use crate::store::StudyRow;
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
    ui.horizontal_wrapped(|ui| {
        for answer in &item.answers {
            let label = format!("{who}, item {number}: {}", answer_words(answer));
            if Button::secondary(&label).clicked(ui) {
                let (study, annotator, answer) = (study.id, item.annotator, *answer);
                commands.run(move |core| core.decide(study, annotator, number, answer));
            }
        }
    });
}

fn answer_words(answer: &Answer) -> String {
    match answer {
        Answer::Choice(Choice::Left) => "left is better".to_string(),
        Answer::Choice(Choice::Right) => "right is better".to_string(),
        Answer::Choice(Choice::Tie) => "tie".to_string(),
        Answer::Rating(rating) => format!(
            "empathy {}, relevance {}, fluency {}",
            rating.empathy.points(),
            rating.relevance.points(),
            rating.fluency.points()
        ),
    }
}
