//! The form by which a system's responses are taken in from a file or given by one of our own checkpoints, what is
//! under way, and what was done last.

use eframe::egui::{Align2, Sense, Ui, vec2};

use super::parts::padded;
use super::score::score_ui;
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::state::people::{CasesState, TakeForm, TakeFrom, number};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status::progress_line;
use crate::app::workers::desk::Task;
use crate::app::workers::errand::{Work, Working};
use crate::systems::Answering;

/// The fields of a system to take in. True when the form is to be closed.
pub(super) fn take_ui(
    ui: &mut Ui,
    form: &mut TakeForm,
    busy: bool,
    commands: &mut Commands,
) -> bool {
    ui.spacing_mut().item_spacing.y = space::S;
    let width = ui.available_width().min(420.0);
    let from = [
        (TakeFrom::File, "From a file"),
        (TakeFrom::Checkpoint, "From a checkpoint"),
    ];
    segments(ui, "Where the responses are from", &mut form.from, &from);
    match form.from {
        TakeFrom::File => {
            let hint = "File of responses (.txt, .jsonl, .csv)";
            field::search(ui, &mut form.file, "File of responses", hint, width);
        }
        TakeFrom::Checkpoint => {
            let hint = "Run, such as 3 or 3@1200, or folder of a T5";
            field::search(ui, &mut form.model, "Checkpoint", hint, width);
            ui.horizontal(|ui| {
                field::search(ui, &mut form.seed, "Seed", "Seed; else the run's", 150.0);
                let hint = "Always the likeliest token instead of drawing";
                field::tick(ui, "Greedy", &mut form.greedy).on_hover_text(hint);
            });
        }
    }
    let hint = "Name of the system";
    field::search(ui, &mut form.system, hint, hint, width);
    let hint = "File of its contexts; else the imported test split";
    field::search(ui, &mut form.contexts, "File of contexts", hint, width);
    if let Some(why) = &form.refused {
        notice::strip(
            ui,
            Tone::Bad,
            "The responses were not taken in",
            why,
            |_| {},
        );
    }
    let mut close = false;
    ui.horizontal(|ui| {
        let source = match form.from {
            TakeFrom::File => &form.file,
            TakeFrom::Checkpoint => &form.model,
        };
        let named = !source.trim().is_empty() && !form.system.trim().is_empty();
        let (words, ready) = match form.from {
            TakeFrom::File => ("Take in responses", named),
            TakeFrom::Checkpoint => ("Let it answer", named && !busy),
        };
        let take = Button::primary(words);
        if ui.add_enabled_ui(ready, |ui| ui.add(take).clicked()).inner {
            match wanted(form) {
                Ok(command) => {
                    form.refused = None;
                    commands.push(command);
                }
                Err(why) => form.refused = Some(why),
            }
        }
        close = ui.add(Button::quiet("Cancel")).clicked();
    });
    close
}

fn wanted(form: &TakeForm) -> Result<Command, String> {
    let contexts = form.contexts.trim();
    let contexts = (!contexts.is_empty()).then(|| contexts.into());
    let system = form.system.trim().to_string();
    Ok(match form.from {
        TakeFrom::File => Command::Desk(Task::TakeResponses {
            file: form.file.trim().into(),
            system,
            contexts,
        }),
        TakeFrom::Checkpoint => {
            let seed = form.seed.trim();
            let model = form.model.trim().parse();
            Command::Errand(Work::Answer {
                answering: Answering {
                    // Whatever is typed is a run or a folder.
                    model: model.unwrap_or_else(|never| match never {}),
                    greedy: form.greedy,
                    seed: (!seed.is_empty())
                        .then(|| number("Seed", seed))
                        .transpose()?,
                    device: None,
                },
                system,
                contexts,
            })
        }
    })
}

/// What was done last, what is under way, and the forms while they are open.
pub(super) fn taking_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    let nothing = cases.told.is_none() && cases.working.is_none();
    if nothing && cases.taking.is_none() && cases.scoring.is_none() {
        return;
    }
    let t = theme::of(ui);
    padded(ui, |ui| {
        told_ui(ui, cases, commands);
        let busy = cases.working.is_some();
        if let Some(form) = &mut cases.taking
            && take_ui(ui, form, busy, commands)
        {
            cases.taking = None;
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
    let (across, bottom) = (ui.min_rect().x_range(), ui.cursor().top());
    ui.painter().hline(across, bottom, t.line_stroke());
    ui.add_space(1.0);
}

/// What was done last, and what is under way.
pub(super) fn told_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    if let Some(told) = cases.told.clone() {
        notice::strip(ui, Tone::Info, &told, "", |ui| {
            if ui.add(Button::icon(Icon::Cross, "Dismiss")).clicked() {
                cases.told = None;
            }
        });
    }
    if let Some(working) = &cases.working {
        working_ui(ui, working, commands);
    }
}

fn working_ui(ui: &mut Ui, working: &Working, commands: &mut Commands) {
    let t = theme::of(ui);
    let doing = match working.doing.as_str() {
        "" => "Opening the model…".to_string(),
        doing => format!(
            "{doing}: {} of {}",
            format::count(working.done as u64),
            format::count(working.of as u64)
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
        painter.text(
            rect.left_top(),
            Align2::LEFT_TOP,
            &doing,
            text::body(),
            t.text,
        );
        let line = rect
            .with_min_y(rect.bottom() - 5.0)
            .with_max_y(rect.bottom() - 2.0);
        let share = working.done as f32 / working.of.max(1) as f32;
        progress_line(ui, line, share, t.accent);
        let words = if working.stopping {
            "Stopping…"
        } else {
            "Stop"
        };
        let stop = Button::secondary(words);
        let clicked = ui.add_enabled_ui(!working.stopping, |ui| ui.add(stop).clicked());
        if clicked.inner {
            commands.push(Command::StopErrand);
        }
    });
}
