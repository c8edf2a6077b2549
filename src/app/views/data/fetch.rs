//! Fetching a model from a hub, and how far a fetch is.

use eframe::egui::{Sense, Ui, vec2};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::state::library::{FetchForm, FetchProgress};
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status::progress_line;
use crate::app::widgets::text as words;
use crate::operations::fetch::FetchedModel;

/// Width of the name's field, and of the file's.
const NAME: f32 = 300.0;
const FILE: f32 = 180.0;

pub(super) fn fetch_ui(ui: &mut Ui, form: &mut FetchForm, commands: &mut Commands) {
    words::heading(ui, "Fetch a model");
    super::prose(
        ui,
        "From a Hugging Face hub into its cache, which other programs on this machine use too. Nothing is fetched \
         before you press the button. HF_TOKEN is sent where it is set; HF_ENDPOINT names another hub.",
    );
    ui.horizontal_wrapped(|ui| {
        let hint = "OWNER/NAME, or t5-small";
        let name = field::search(ui, &mut form.name, "Model to fetch", hint, NAME);
        let hint = "One file only (GGUF)";
        let file = field::search(ui, &mut form.file, "File to fetch", hint, FILE);
        let ready = !form.name.trim().is_empty() && !form.fetched.is_pending();
        let fetch = Button::primary("Fetch").with_icon(Icon::Down);
        let entered = field::entered(ui, &name) || field::entered(ui, &file);
        if fetch.clicked_if(ui, ready) || (entered && ready) {
            commands.run(Core::fetch_model);
        }
    });
    if form.fetched.is_pending() {
        let title = format!("Fetching {}", form.asked);
        if progress_ui(ui, &title, form.progress.as_ref()) {
            form.fetched.cancel();
        }
    }
    let title = format!("{} was not fetched", form.asked);
    notice::failed(ui, &title, form.fetched.failure());
    if let Some(fetched) = form.fetched.value() {
        fetched_ui(ui, fetched, commands);
    }
}

fn fetched_ui(ui: &mut Ui, fetched: &FetchedModel, commands: &mut Commands) {
    let came = match fetched.received {
        0 => "was there already".to_string(),
        bytes => format!("is there, {} fetched", format::bytes(bytes)),
    };
    let title = format!("{} {came}", fetched.name);
    let model = fetched.model.display().to_string();
    notice::strip(ui, Tone::Info, &title, &model, |ui| {
        if Button::icon(Icon::Copy, "Copy the path").clicked(ui) {
            commands.push(Command::Copy(model.clone()));
        }
    });
}

/// How far a fetch is, with a button that stops it. True when it was clicked.
pub(super) fn progress_ui(ui: &mut Ui, title: &str, progress: Option<&FetchProgress>) -> bool {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        let (rect, _) = ui.allocate_exact_size(vec2(NAME, 4.0), Sense::hover());
        let fraction = progress.map_or(0.0, |at| at.done as f32 / at.of.max(at.done).max(1) as f32);
        progress_line(ui, rect, fraction, theme::of(ui).accent);
        let at = match progress {
            Some(FetchProgress { file, done, of }) if *of > 0 => {
                format!(
                    "{title}: {} of {}, {file}",
                    format::bytes(*done),
                    format::bytes(*of)
                )
            }
            _ => format!("{title}…"),
        };
        words::small(ui, at);
        let hint = "What arrived is kept, and the next fetch goes on from there";
        Button::quiet("Cancel").hint(hint).clicked(ui)
    })
    .inner
}
