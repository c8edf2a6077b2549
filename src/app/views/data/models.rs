//! Models: fetching one, known folders, checking one, and exporting a checkpoint.

use eframe::egui::{RichText, Ui};

use super::fetch::fetch_ui;
use super::{fact, padded, prose};
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::naming::model_title;
use crate::app::place::Place;
use crate::app::queries::models::ModelRef;
use crate::app::queries::paths::PathKind;
use crate::app::state::State;
use crate::app::state::library::{CheckForm, ExportForm, Library};
use crate::app::state::paths::Paths;
use crate::app::state::playground::ModelSource;
use crate::app::theme::{self, size, space};
use crate::app::views::{path_ui, run_words};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::operations::models::{self, Anatomy, Exported, RunModels};
use crate::store::RunId;

/// The greatest width of a field.
const WIDE: f32 = 560.0;

pub(super) fn models_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let State {
        library,
        paths,
        playground,
        ..
    } = state;
    let mut talk = None;
    layout::scrolled(ui, "models", |ui| {
        padded(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            fetch_ui(ui, &mut library.fetch, commands);
            ui.add_space(space::XL);
            known_ui(ui, library, &mut talk, commands);
            check_ui(ui, &mut library.check, paths, commands);
            ui.add_space(space::XL);
            match playground.models.failure() {
                Some(why) => {
                    let title = "The checkpoints cannot be listed";
                    notice::strip(ui, Tone::Bad, title, why, |_| {});
                }
                None => {
                    let runs = playground.runs();
                    export_ui(ui, &mut library.export, runs, paths, commands);
                }
            }
            ui.add_space(space::XL);
        });
    });
    if let Some(folder) = talk {
        playground.sides[0].from = ModelSource::Folder;
        playground.sides[0].folder = folder;
        playground.reset_settings();
        commands.push(Command::Go(Place::Playground));
    }
}

fn known_ui(ui: &mut Ui, library: &Library, talk: &mut Option<String>, commands: &mut Commands) {
    let t = theme::of(ui);
    words::heading(ui, "Models on this machine");
    prose(
        ui,
        "A Hugging Face folder of T5, Llama, Qwen or SmolLM2 holds config.json, tokenizer.json and model.safetensors (or its shards, or \
         pytorch_model.bin). An experiment starts from one by its setting Model source.",
    );
    for folder in &library.folders {
        let shown = folder.display().to_string();
        ui.push_id(&shown, |ui| {
            ui.horizontal(|ui| {
                ui.set_min_height(size::ROW);
                let busy = library.check.anatomy.is_pending();
                let check = Button::secondary("Check").hint(&shown);
                if check.clicked_if(ui, !busy) {
                    let folder = folder.clone();
                    commands.run(|core| core.check_model(folder));
                }
                let hint = "Talk to it in Playground";
                if Button::quiet("Talk").hint(hint).clicked(ui) {
                    *talk = Some(shown.clone());
                }
                if Button::icon(Icon::Copy, "Copy the path").low().clicked(ui) {
                    commands.push(Command::Copy(shown.clone()));
                }
                let label = RichText::new(model_title(&shown)).color(t.text);
                let label = eframe::egui::Label::new(label).truncate().selectable(true);
                ui.add(label).on_hover_text(&shown);
            });
        });
    }
}

fn check_ui(ui: &mut Ui, form: &mut CheckForm, paths: &mut Paths, commands: &mut Commands) {
    ui.horizontal(|ui| {
        let of = PathField {
            name: "Model folder",
            hint: "Another folder",
            kind: PathKind::Model,
            width: (ui.available_width() - 120.0).min(WIDE),
        };
        path_ui(ui, &mut form.folder, paths, of, commands);
        let ready = !form.folder.trim().is_empty() && !form.anatomy.is_pending();
        let hint = "Reads all of it, so that damage shows, and describes it";
        let check = Button::secondary("Check folder").hint(hint);
        if check.clicked_if(ui, ready) {
            let folder = form.folder.trim().into();
            commands.run(|core| core.check_model(folder));
        }
    });
    if form.anatomy.is_pending() {
        words::busy(ui, "Reading the folder…");
    }
    let folder = form.checked.display();
    notice::failed(
        ui,
        &format!("{folder} cannot be used"),
        form.anatomy.failure(),
    );
    if let Some(anatomy) = form.anatomy.value() {
        words::bold(ui, &folder.to_string());
        anatomy_ui(ui, anatomy);
    }
}

fn anatomy_ui(ui: &mut Ui, anatomy: &Anatomy) {
    ui.spacing_mut().item_spacing.y = space::XS;
    for (name, value) in models::facts(anatomy) {
        fact(ui, name, &value);
    }
    ui.spacing_mut().item_spacing.y = space::S;
}

fn export_ui(
    ui: &mut Ui,
    form: &mut ExportForm,
    runs: &[RunModels],
    paths: &mut Paths,
    commands: &mut Commands,
) {
    words::heading(ui, "Take a checkpoint elsewhere");
    prose(
        ui,
        "Writes a Hugging Face folder that Transformers loads as it is; LoRA is merged into its weights; prefix \
         and value head, where they were trained, lie beside it in files of their own.",
    );
    let there = runs.iter().any(|run| !run.answering.is_empty());
    if !there {
        words::secondary(ui, "No run has saved a checkpoint yet.");
        return;
    }
    let model = ui.horizontal_wrapped(|ui| chosen_ui(ui, form, runs)).inner;
    ui.horizontal(|ui| {
        let of = PathField {
            name: "Folder to write",
            hint: "A new folder, or an empty one",
            kind: PathKind::Folder,
            width: (ui.available_width() - 120.0).min(WIDE),
        };
        path_ui(ui, &mut form.folder, paths, of, commands);
        let ready = !form.folder.trim().is_empty() && !form.exported.is_pending();
        let export = Button::primary("Export").with_icon(Icon::Up);
        let clicked = export.clicked_if(ui, ready && model.is_some());
        if let Some(model) = model.filter(|_| clicked) {
            let folder = form.folder.trim().into();
            commands.run(|core| core.export_model(model, folder));
        }
    });
    if form.exported.is_pending() {
        words::busy(ui, "Writing the folder…");
    }
    notice::failed(ui, "Nothing was exported", form.exported.failure());
    if let Some(exported) = form.exported.value() {
        exported_ui(ui, exported, commands);
    }
}

fn exported_ui(ui: &mut Ui, exported: &Exported, commands: &mut Commands) {
    let folder = exported.folder.display().to_string();
    let title = format!("{} in {folder}", format::bytes(exported.bytes));
    let detail = exported.files.join(", ");
    notice::strip(ui, Tone::Info, &title, &detail, |ui| {
        if Button::icon(Icon::Copy, "Copy the folder").clicked(ui) {
            commands.push(Command::Copy(folder.clone()));
        }
    });
    if let Some(remark) = exported.remark() {
        prose(ui, &format!("{remark}."));
    }
}

/// Run and checkpoint to export.
fn chosen_ui(ui: &mut Ui, form: &mut ExportForm, runs: &[RunModels]) -> Option<ModelRef> {
    let named: Vec<(Option<RunId>, String)> = runs
        .iter()
        .filter(|run| !run.answering.is_empty())
        .map(|run| (Some(run.row.id), run_words(run)))
        .collect();
    if !named.iter().any(|(id, _)| *id == form.run) {
        form.run = named.first().and_then(|(id, _)| *id);
        form.at = None;
    }
    if let Some(run) = field::choose(ui, "Run to export", form.run, &named, 200.0) {
        form.run = run;
        form.at = None;
    }
    let run = runs.iter().find(|run| Some(run.row.id) == form.run)?;
    let rows = run.answering.iter().rev();
    let options: Vec<((Stage, u64), String)> = rows
        .map(|row| {
            (
                (row.stage, row.step),
                format!("{} {}", row.stage.title(), row.step),
            )
        })
        .collect();
    let latest = run.latest().map(|row| (row.stage, row.step))?;
    let there = |at: &(Stage, u64)| options.iter().any(|(known, _)| known == at);
    let now = form.at.filter(there).unwrap_or(latest);
    if let Some(at) = field::choose(ui, "Checkpoint to export", now, &options, 160.0) {
        form.at = Some(at);
    }
    Some(ModelRef::Checkpoint {
        run: run.row.id,
        stage: now.0,
        step: now.1,
    })
}
