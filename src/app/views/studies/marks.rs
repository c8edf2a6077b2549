//! The lead's own name and note of a study, its archive, and its deletion, which can be undone. Annotators see none of them.

use eframe::egui::Ui;

use super::parts::path_ui;
use crate::app::command::Commands;
use crate::app::state::people::StudiesState;
use crate::app::widgets::button::Button;
use crate::store::{StudyMark, StudyRow};

pub(super) fn marks_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let id = study.id;
    let typed = studies.marks.take().filter(|(of, _)| *of == id);
    let (_, mut typed) = typed.unwrap_or_else(|| (id, study.marks.clone()));
    let mut set = |mark: StudyMark| commands.run(move |core| core.mark_study(id, mark));
    ui.horizontal_wrapped(|ui| {
        path_ui(
            ui,
            &mut typed.name,
            "Own name",
            "A name of your own; annotators see the title",
            300.0,
        );
        path_ui(ui, &mut typed.note, "Note", "A note, for you alone", 300.0);
        let changed = (&typed.name, &typed.note) != (&study.marks.name, &study.marks.note);
        if Button::secondary("Save name and note").clicked_if(ui, changed) {
            set(StudyMark::Name(typed.name.clone()));
            set(StudyMark::Note(typed.note.clone()));
        }
    });
    ui.horizontal_wrapped(|ui| {
        let marks = &study.marks;
        let archive = if marks.archived {
            "Take out of the archive"
        } else {
            "Archive study"
        };
        if Button::quiet(archive).clicked(ui) {
            set(StudyMark::Archived(!marks.archived));
        }
        let delete = if marks.deleted {
            "Bring study back"
        } else {
            "Delete study"
        };
        let hint = "It can be brought back until it is removed for good";
        if Button::quiet(delete).hint(hint).clicked(ui) {
            set(StudyMark::Deleted(!marks.deleted));
        }
    });
    studies.marks = Some((id, typed));
}
