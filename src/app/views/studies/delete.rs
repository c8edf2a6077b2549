//! Asks before a deleted study is removed for good; one that was judged asks for more.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::people::StudiesState;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;
use crate::store::StudyRow;

pub(super) fn delete_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let hint = "Removes the study from this store; the responses of its systems stay";
    if study.marks.deleted && Button::quiet("Remove for good…").hint(hint).clicked(ui) {
        studies.deleting = Some(false);
    }
    let Some(with_judgements) = &mut studies.deleting else {
        return;
    };
    let judged: u64 = study
        .annotators
        .iter()
        .map(|one| one.progress.answered as u64)
        .sum();
    let was_touched = study.annotators.iter().any(|one| {
        let progress = one.progress;
        progress.answered + progress.skipped + progress.flagged + progress.contested > 0
    });
    let ((delete, keep), dismissed) = modal(ui, "delete study", 420.0, |ui| {
        words::heading(ui, &format!("Remove study {} for good?", study.id));
        let detail = match study.is_own {
            true => "This cannot be undone. Packs that were sent out can no longer be merged.",
            false => "This cannot be undone. Save the pack first if it is to be sent back.",
        };
        words::secondary(ui, detail);
        if was_touched {
            let label = match judged {
                0 => "Delete what was judged in it too".to_string(),
                1 => "Delete its judgement too".to_string(),
                n => format!("Delete its {} judgements too", format::count(n)),
            };
            field::tick(ui, &label, with_judgements);
        }
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let ready = *with_judgements || !was_touched;
            let delete = Button::primary("Remove study").clicked_if(ui, ready);
            (delete, Button::secondary("Keep it").clicked(ui))
        })
        .inner
    });
    if delete {
        let (id, with_judgements) = (study.id, *with_judgements);
        commands.run(move |core| core.delete_study(id, with_judgements));
    }
    if delete || keep || dismissed {
        studies.deleting = None;
    }
}
