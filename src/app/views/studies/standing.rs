//! Pauses, excludes or replaces an annotator of a blind study.

use eframe::egui::Ui;

use super::parts::{path_ui, standing_words};
use crate::app::command::Commands;
use crate::app::state::people::{StandingForm, StudiesState};
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;
use crate::store::StudyRow;
use crate::study::standing::Standing;

/// What was chosen of an annotator.
enum Chosen {
    Stand(Standing),
    Replace,
    Nothing,
}

pub(super) fn standing_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let Some(form) = &mut studies.standing else {
        return;
    };
    let annotator = study
        .annotators
        .iter()
        .find(|one| one.number == form.annotator);
    let Some(annotator) = annotator else {
        studies.standing = None;
        return;
    };
    let (chosen, dismissed) = modal(ui, "standing", 460.0, |ui| {
        words::heading(ui, &format!("{} {}", annotator.pseudonym, annotator.name));
        words::secondary(ui, standing_words(annotator.standing));
        ui.horizontal(|ui| {
            path_ui(
                ui,
                &mut form.reason,
                "Reason",
                "Why; it stays with the study",
                420.0,
            );
        });
        let mut chosen = None;
        let is_given = !form.reason.trim().is_empty();
        ui.horizontal(|ui| {
            let offered: &[(&str, Standing)] = match annotator.standing {
                Standing::Judging => {
                    &[("Pause", Standing::Paused), ("Exclude", Standing::Excluded)]
                }
                Standing::Paused => &[
                    ("Let judge again", Standing::Judging),
                    ("Exclude", Standing::Excluded),
                ],
                Standing::Excluded => &[("Let judge again", Standing::Judging)],
            };
            for (label, standing) in offered {
                if Button::secondary(label).clicked_if(ui, is_given) {
                    chosen = Some(Chosen::Stand(*standing));
                }
            }
        });
        ui.add_space(space::XS);
        words::secondary(
            ui,
            "Or somebody else judges all of their items, and they are excluded:",
        );
        ui.horizontal(|ui| {
            path_ui(
                ui,
                &mut form.substitute,
                "Substitute",
                "Name of who judges instead",
                260.0,
            );
            let ready = is_given && !form.substitute.trim().is_empty();
            if Button::secondary("Replace").clicked_if(ui, ready) {
                chosen = Some(Chosen::Replace);
            }
        });
        ui.add_space(space::S);
        if Button::secondary("Leave it").clicked(ui) {
            chosen = Some(Chosen::Nothing);
        }
        chosen
    });
    let StandingForm {
        annotator,
        reason,
        substitute,
    } = form.clone();
    let study = study.id;
    match &chosen {
        Some(Chosen::Stand(standing)) => {
            let standing = *standing;
            commands.run(move |core| core.set_standing(study, annotator, standing, reason));
        }
        Some(Chosen::Replace) => {
            commands.run(move |core| core.replace_annotator(study, annotator, substitute, reason));
        }
        Some(Chosen::Nothing) | None => {}
    }
    if chosen.is_some() || dismissed {
        studies.standing = None;
    }
}
