//! Judging in a browser from this window: where to listen, then a link for each annotator.

use eframe::egui::Ui;

use super::parts::path_ui;
use crate::app::command::{Command, Commands};
use crate::app::logic::Core;
use crate::app::state::serving::Serving;
use crate::app::theme::space;
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::store::StudyRow;

const LANGUAGES: [(&str, &str); 4] = [
    ("en", "English"),
    ("es", "Spanish"),
    ("zh", "Chinese"),
    ("ar", "Arabic"),
];

pub(super) fn serving_ui(
    ui: &mut Ui,
    serving: &mut Serving,
    study: &StudyRow,
    commands: &mut Commands,
) {
    notice::failed(
        ui,
        "It cannot be judged in a browser",
        serving.job.failure(),
    );
    match serving.study {
        Some(served) if served == study.id => links_ui(ui, serving, commands),
        Some(other) => {
            words::secondary(
                ui,
                format!(
                    "Study {other} is being judged in browsers; one study at a time is served."
                ),
            );
        }
        None => start_ui(ui, serving, study, commands),
    }
}

fn start_ui(ui: &mut Ui, serving: &mut Serving, study: &StudyRow, commands: &mut Commands) {
    ui.horizontal_wrapped(|ui| {
        let hint = "A link for each annotator, as long as this window is open; links that were made before stop working. \
                    `emprl study serve` offers HTTPS, crowd platforms and more";
        let start = Button::secondary("Judge in a browser").hint(hint);
        let ready = !serving.address.trim().is_empty();
        if start.clicked_if(ui, ready) {
            let (study, address) = (study.id, serving.address.trim().to_string());
            let language = serving.language;
            commands.run(move |core| core.serve_study(study, address, language));
        }
        path_ui(ui, &mut serving.address, "Address to listen at", "127.0.0.1:8420", 160.0);
        segments(ui, "Language of the pages", &mut serving.language, &LANGUAGES);
    });
}

fn links_ui(ui: &mut Ui, serving: &Serving, commands: &mut Commands) {
    let Some(at) = &serving.at else {
        words::secondary(ui, "Opening…");
        return;
    };
    let detail = match at.is_private {
        true => {
            "Each link is one annotator's, on this machine only. Answers are in this list as they come."
        }
        false => {
            "Each link is one annotator's. Without HTTPS whoever listens on the way can read links and answers: use \
                  it in a network that you trust, or `emprl study serve` with a certificate."
        }
    };
    let tone = if at.is_private {
        Tone::Info
    } else {
        Tone::Warning
    };
    notice::block(
        ui,
        tone,
        "Judged in a browser while this window is open",
        detail,
        |ui| {
            ui.add_space(space::XS);
            for (pseudonym, name, url) in &at.links {
                ui.horizontal(|ui| {
                    let copy = format!("Copy the link of {pseudonym}");
                    if Button::icon(Icon::Copy, &copy).clicked(ui) {
                        commands.push(Command::Copy(url.clone()));
                    }
                    words::secondary(ui, format!("{pseudonym} {name}  {url}"));
                });
            }
            if Button::secondary("Stop serving").clicked(ui) {
                commands.run(Core::stop_serving);
            }
        },
    );
}
