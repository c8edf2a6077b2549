//! What the parts of the place Studies share: descriptions of studies, and form fields.

use std::path::PathBuf;

use eframe::egui::{Align2, Sense, Ui, pos2, vec2};

use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::{self, size};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::text as words;
use crate::store::{AnnotatorRow, StudyId, StudyRow};
use crate::study::definition::StudyKind;
use crate::study::standing::Standing;

pub(super) fn kind_words(kind: StudyKind) -> &'static str {
    match kind {
        StudyKind::AbTest => "A/B test",
        StudyKind::Rating => "Rating",
    }
}

pub(super) fn status_words(study: &StudyRow) -> &'static str {
    match (&study.unblinding, study.is_own) {
        (Some(_), _) => "unblinded",
        (None, true) => "blind",
        (None, false) => "came as a pack",
    }
}

/// How many items wait to be given to a fourth annotator; none if none does.
pub(super) fn split_words(study: &StudyRow) -> Option<String> {
    match study.split_unassigned {
        0 => None,
        1 => Some("1 item on which three differ waits for a fourth annotator.".to_string()),
        n => Some(format!(
            "{} items on which three differ wait for a fourth annotator.",
            format::count(n as u64)
        )),
    }
}

/// How many items one annotator answered differently at several places.
pub(super) fn contested_words(who: &str, items: usize) -> String {
    let answered = match items {
        1 => "1 item".to_string(),
        n => format!("{} items", format::count(n as u64)),
    };
    format!("{who} answered {answered} differently at several places; none of these answers counts")
}

pub(super) fn standing_words(standing: Standing) -> &'static str {
    match standing {
        Standing::Judging => "Can judge.",
        Standing::Paused => "Paused: cannot judge for now; what they judged counts.",
        Standing::Excluded => "Excluded: what they judged is kept and counts nowhere.",
    }
}

/// Judgements given and assigned, of those who are not excluded.
pub(super) fn totals(study: &StudyRow) -> (u64, u64) {
    let counted = || {
        let annotators = study.annotators.iter();
        annotators.filter(|one| one.standing.counts())
    };
    let sum = |of: fn(&AnnotatorRow) -> usize| counted().map(|one| of(one) as u64).sum();
    (
        sum(|one| one.progress.answered),
        sum(|one| one.progress.assigned),
    )
}

pub(super) fn pack_row_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    from_the_right: bool,
    commands: &mut Commands,
) {
    let ready = !studies.pack.trim().is_empty();
    let mut take = false;
    let button = |ui: &mut Ui| {
        let hint = "To judge it here, or to merge what came back";
        let button = Button::secondary("Import pack").hint(hint);
        button.clicked_if(ui, ready)
    };
    if from_the_right {
        take |= button(ui);
    }
    let hint = "Path of a pack (.emprl.json)";
    take |= path_ui(ui, &mut studies.pack, "Path of a pack", hint, 260.0);
    if !from_the_right {
        take |= button(ui);
    }
    if take && ready {
        let path = PathBuf::from(studies.pack.trim());
        studies.pack.clear();
        commands.run(|core| core.receive_pack(path));
    }
}

/// A single-line field. True when Enter was pressed in it.
pub(super) fn path_ui(ui: &mut Ui, value: &mut String, name: &str, hint: &str, width: f32) -> bool {
    let response = field::search(ui, value, name, hint, width);
    response.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter))
}

/// A row of a form.
pub(super) fn line(ui: &mut Ui, name: &str, hint: &str, content: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(150.0, size::ROW), Sense::hover());
        let at = pos2(rect.left(), rect.center().y);
        words::paint_body(ui.painter(), at, Align2::LEFT_CENTER, name, t.secondary);
        if !hint.is_empty() {
            response.on_hover_text(hint);
        }
        ui.vertical(content);
    });
}

pub(super) fn short_field(ui: &mut Ui, name: &str, value: &mut String, unit: &str) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        field::search(ui, value, name, "", 72.0);
        if !unit.is_empty() {
            words::label(ui, unit, t.secondary);
        }
    });
}

pub(super) fn study_title(id: StudyId) -> String {
    format!("study {id}")
}
