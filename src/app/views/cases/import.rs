//! The form that imports a system's responses from a file or generates them with a checkpoint, the task in
//! progress, and the last notice.

use eframe::egui::{Align2, Sense, Ui, vec2};

use super::score::score_ui;
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::state::people::{
    CasesState, ImportResponsesForm, ResponseSource, SystemTask, number,
};
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status::progress_line;
use crate::app::widgets::text as words;
use crate::operations::models::BestOf;
use crate::operations::responses::{Generate, Import, Responder};

/// The form. True when it is to be closed.
pub(super) fn import_ui(
    ui: &mut Ui,
    form: &mut ImportResponsesForm,
    busy: bool,
    commands: &mut Commands,
) -> bool {
    ui.spacing_mut().item_spacing.y = space::S;
    let width = ui.available_width().min(420.0);
    let from = [
        (ResponseSource::File, "From a file"),
        (ResponseSource::Checkpoint, "From a checkpoint"),
    ];
    segments(ui, "Where the responses are from", &mut form.from, &from);
    match form.from {
        ResponseSource::File => {
            let hint = "File of responses (text, JSON or CSV)";
            field::search(ui, &mut form.file, "File of responses", hint, width);
        }
        ResponseSource::Checkpoint => {
            let hint = "Run, such as 3 or 3@1200, or a model's folder";
            field::search(ui, &mut form.model, "Checkpoint", hint, width);
            ui.horizontal(|ui| {
                field::search(ui, &mut form.seed, "Seed", "Seed; else the run's", 150.0);
                let hint = "Best of, such as 8";
                field::search(ui, &mut form.best_of, "Best of", hint, 150.0);
                let hint = "Always the likeliest token instead of drawing";
                field::tick(ui, "Greedy", &mut form.greedy).on_hover_text(hint);
            });
        }
    }
    let hint = "Name of the system";
    field::search(ui, &mut form.system, hint, hint, width);
    let hint = "File of its contexts; else the imported test split";
    field::search(ui, &mut form.contexts, "File of contexts", hint, width);
    notice::failed(
        ui,
        "The responses were not imported",
        form.refused.as_deref(),
    );
    let mut close = false;
    ui.horizontal(|ui| {
        let source = match form.from {
            ResponseSource::File => &form.file,
            ResponseSource::Checkpoint => &form.model,
        };
        let named = !source.trim().is_empty() && !form.system.trim().is_empty();
        let (words, ready) = match form.from {
            ResponseSource::File => ("Import responses", named),
            ResponseSource::Checkpoint => ("Generate responses", named && !busy),
        };
        let take = Button::primary(words);
        if take.clicked_if(ui, ready) {
            match command(form) {
                Ok(command) => {
                    form.refused = None;
                    commands.push(command);
                }
                Err(why) => form.refused = Some(why),
            }
        }
        close = Button::quiet("Cancel").clicked(ui);
    });
    close
}

fn command(form: &ImportResponsesForm) -> Result<Command, String> {
    let contexts = form.contexts.trim();
    let contexts = (!contexts.is_empty()).then(|| contexts.into());
    let system = form.system.trim().to_string();
    Ok(match form.from {
        ResponseSource::File => {
            let import = Import {
                file: form.file.trim().into(),
                system,
                contexts,
                by: None,
                replace: false,
            };
            Command::run(|core| core.import_responses(import))
        }
        ResponseSource::Checkpoint => {
            let seed = form.seed.trim();
            let model = form.model.trim().parse();
            let best_of = match form.best_of.trim() {
                "" => None,
                _ if form.greedy => {
                    return Err("Greedy draws one response: leave Best of empty".into());
                }
                text => {
                    let best_of = text.parse().ok().and_then(BestOf::new);
                    Some(best_of.ok_or("Best of: a whole number, 2 or more")?)
                }
            };
            let generate = Generate {
                answering: Responder {
                    // Parsing cannot fail: it is a run or else a folder.
                    model: model.unwrap_or_else(|never| match never {}),
                    greedy: form.greedy,
                    seed: (!seed.is_empty())
                        .then(|| number("Seed", seed))
                        .transpose()?,
                    device: None,
                    best_of,
                    identifiers: None,
                },
                system,
                contexts,
                replace: false,
            };
            Command::run(|core| core.generate_responses(generate))
        }
    })
}

/// The last notice, the task in progress, and the open forms.
pub(super) fn forms_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    let nothing = cases.notice.is_none() && cases.task.is_none();
    if nothing && cases.importing.is_none() && cases.scoring.is_none() {
        return;
    }
    layout::padded(ui, space::L, |ui| {
        notice_ui(ui, cases, commands);
        let busy = cases.task.is_some();
        if let Some(form) = &mut cases.importing
            && import_ui(ui, form, busy, commands)
        {
            cases.importing = None;
        }
        let book = cases.book.value();
        let chosen = cases.filter.systems.iter();
        let systems: Vec<&str> = chosen
            .filter_map(|at| Some(book?.systems.get(*at)?.as_str()))
            .collect();
        if let Some(form) = &mut cases.scoring
            && score_ui(ui, form, &systems, busy, commands)
        {
            cases.scoring = None;
        }
    });
    layout::rule_below(ui, ui.min_rect().x_range());
}

/// The last notice, and the task in progress.
pub(super) fn notice_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    if let Some(words) = cases.notice.clone() {
        notice::strip(ui, Tone::Info, &words, "", |ui| {
            if Button::icon(Icon::Cross, "Dismiss").clicked(ui) {
                cases.notice = None;
            }
        });
    }
    if let Some(task) = &cases.task {
        task_ui(ui, task, commands);
    }
}

fn task_ui(ui: &mut Ui, task: &SystemTask, commands: &mut Commands) {
    let t = theme::of(ui);
    let progress = &task.progress;
    let stopping = task.pending.is_cancelled();
    let doing = match progress.doing.as_str() {
        "" => "Opening the model…".to_string(),
        doing => format!(
            "{doing}: {} of {}",
            format::count(progress.done as u64),
            format::count(progress.of as u64)
        ),
    };
    ui.horizontal(|ui| {
        let room = vec2(
            (ui.available_width() - 120.0).clamp(120.0, 420.0),
            size::ROW,
        );
        let (rect, response) = ui.allocate_exact_size(room, Sense::hover());
        let label = || {
            let role = eframe::egui::Role::ProgressIndicator;
            eframe::egui::WidgetInfo::labeled(role, true, &doing)
        };
        response.widget_info(label);
        let painter = ui.painter();
        words::paint_body(painter, rect.left_top(), Align2::LEFT_TOP, &doing, t.text);
        let line = rect
            .with_min_y(rect.bottom() - 5.0)
            .with_max_y(rect.bottom() - 2.0);
        let share = progress.done as f32 / progress.of.max(1) as f32;
        progress_line(ui, line, share, t.accent);
        let words = if stopping { "Stopping…" } else { "Stop" };
        let stop = Button::secondary(words);
        let clicked = ui.add_enabled_ui(!stopping, |ui| ui.add(stop).clicked());
        if clicked.inner {
            commands.run(Core::stop_task);
        }
    });
}
