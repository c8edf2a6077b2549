//! A pack that is imported only after a word of the lead: it is not as it was sent, or the study is unblinded.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::state::people::{DoubtedPack, StudiesState};
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::notice::{self, Tone};
use crate::store::MergeTerms;

pub(super) fn doubted_ui(ui: &mut Ui, studies: &mut StudiesState, commands: &mut Commands) {
    let Some(DoubtedPack { file, doubts }) = studies.doubted.clone() else {
        return;
    };
    let mut details = Vec::new();
    if let Some(what) = &doubts.edited {
        details.push(format!(
            "It is not as it was sent: {what}. Ask for the file again; or take it in, and its judgements are marked."
        ));
    }
    if doubts.late > 0 {
        let (judgements, them) = match doubts.late {
            1 => ("1 judgement comes".to_string(), "it"),
            n => (format!("{n} judgements come"), "them"),
        };
        details.push(format!(
            "The study is unblinded, and {judgements} in after that. Count {them}, or keep {them} without counting; \
             results say which."
        ));
    }
    let (is_edited, is_late) = (doubts.edited.is_some(), doubts.late > 0);
    let name = file.file_name().unwrap_or(file.as_os_str());
    let title = format!("Import {}?", name.to_string_lossy());
    let mut terms = None;
    let mut cancel = false;
    notice::block(ui, Tone::Warning, &title, &details.join(" "), |ui| {
        ui.add_space(space::XS);
        ui.horizontal_wrapped(|ui| {
            let choices: &[(&str, bool)] = match (is_edited, is_late) {
                (true, true) => &[
                    ("Take it in and count it", true),
                    ("Take it in without counting", false),
                ],
                (true, false) => &[("Take it in, marked as edited", false)],
                (false, _) => &[
                    ("Count what came late", true),
                    ("Keep it without counting", false),
                ],
            };
            for (label, count_late) in choices {
                if Button::secondary(label).clicked(ui) {
                    terms = Some(MergeTerms {
                        take_edited: is_edited,
                        count_late: *count_late,
                    });
                }
            }
            cancel = Button::secondary("Leave it out").clicked(ui);
        });
    });
    ui.add_space(space::S);
    if let Some(terms) = terms {
        commands.run(move |core| core.receive_doubted(file, terms));
    }
    if cancel {
        studies.doubted = None;
    }
}
