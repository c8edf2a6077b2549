//! The models that answer, the identifiers, and the sampling settings.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::queries::paths::PathKind;
use crate::app::state::State;
use crate::app::state::paths::Paths;
use crate::app::state::playground::{LevelsBy, ModelSource, Playground, SETTINGS};
use crate::app::theme::{self, size, space};
use crate::app::views::{path_ui, run_words};
use crate::app::widgets::button::{Button, segments, switch};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::store::RunId;

pub(super) fn side_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let State {
        playground, paths, ..
    } = state;
    layout::scrolled(ui, "who answers", |ui| {
        layout::padded(ui, space::L, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            ui.horizontal(|ui| {
                words::heading(ui, "Who answers");
                let again = Button::icon(Icon::Revert, "Look for new checkpoints").low();
                if ui.add(again).clicked() {
                    commands.run(Core::load_models);
                }
            });
            who_ui(ui, playground, 0, paths, commands);
            ui.horizontal(|ui| {
                switch(ui, "Side by side", &mut playground.beside);
                ui.label("Side by side with another");
            });
            if playground.beside {
                who_ui(ui, playground, 1, paths, commands);
            }
            open_ui(ui, playground, commands);
            ui.add_space(space::S);
            judge_ui(ui, playground);
            ui.add_space(space::S);
            drawing_ui(ui, playground);
        });
    });
}

/// The names of the two sides.
pub(super) const SIDES: [&str; 2] = ["A", "B"];

fn who_ui(
    ui: &mut Ui,
    playground: &mut Playground,
    at: usize,
    paths: &mut Paths,
    commands: &mut Commands,
) {
    let side = SIDES[at];
    let width = ui.available_width();
    let mut changed = false;
    ui.horizontal(|ui| {
        if playground.beside {
            words::label(ui, side, theme::of(ui).secondary);
        }
        let kinds = [
            (ModelSource::Run, "Run"),
            (ModelSource::Folder, "Model folder"),
        ];
        let name = format!("{side} is a");
        changed |= segments(ui, &name, &mut playground.sides[at].from, &kinds);
    });
    match playground.sides[at].from {
        ModelSource::Run => changed |= run_ui(ui, playground, at, width),
        ModelSource::Folder => {
            let name = format!("Model folder of {side}");
            let of = PathField {
                name: &name,
                hint: "Folder with config.json",
                kind: PathKind::Model,
                width,
            };
            path_ui(ui, &mut playground.sides[at].folder, paths, of, commands);
        }
    }
    if changed && at == 0 {
        playground.reset_settings();
    }
}

/// Run and checkpoint. True when another was chosen.
fn run_ui(ui: &mut Ui, playground: &mut Playground, at: usize, width: f32) -> bool {
    let runs: Vec<(Option<RunId>, String)> = playground
        .runs()
        .iter()
        .filter(|run| !run.answering.is_empty())
        .map(|run| (Some(run.row.id), run_words(run)))
        .collect();
    if runs.is_empty() {
        words::small(ui, "No run has saved a checkpoint yet.");
        return false;
    }
    let name = format!("Run of {}", SIDES[at]);
    let side = &mut playground.sides[at];
    let picked = field::choose(ui, &name, side.run, &runs, width - space::S);
    if picked.is_some() {
        side.run = picked.flatten();
        side.at = None;
    }
    checkpoint_ui(ui, playground, at, width) | picked.is_some()
}

fn checkpoint_ui(ui: &mut Ui, playground: &mut Playground, at: usize, width: f32) -> bool {
    let Some(run) = playground.run(at) else {
        return false;
    };
    let latest = run.latest().map(|row| (row.stage, row.step));
    // The latest is chosen by naming none.
    let choice = |step: (Stage, u64)| Some(step).filter(|_| latest != Some(step));
    let rows = run.answering.iter().rev();
    let options: Vec<(Option<(Stage, u64)>, String)> = rows
        .map(|row| {
            let words = format!("{} {}", row.stage.title(), row.step);
            match choice((row.stage, row.step)) {
                None => (None, format!("{words}, the latest")),
                step => (step, words),
            }
        })
        .collect();
    let now = playground.sides[at].at.and_then(choice);
    let name = format!("Checkpoint of {}", SIDES[at]);
    let picked = field::choose(ui, &name, now, &options, width - space::S);
    if let Some(step) = picked {
        playground.sides[at].at = step;
    }
    picked.is_some()
}

/// The open models, and a button that closes them.
fn open_ui(ui: &mut Ui, playground: &Playground, commands: &mut Commands) {
    let open = playground.open_words();
    ui.horizontal(|ui| {
        ui.set_min_height(22.0);
        let close = Button::quiet("Close")
            .low()
            .hint("Gives their memory back; the next question opens them again");
        ui.with_layout(
            eframe::egui::Layout::right_to_left(eframe::egui::Align::Center),
            |ui| {
                let free = !playground.is_answering();
                if open.is_some() && close.clicked_if(ui, free) {
                    commands.run(Core::close_models);
                }
                ui.with_layout(
                    eframe::egui::Layout::left_to_right(eframe::egui::Align::Center),
                    |ui| words::small(ui, open.as_deref().unwrap_or("No model is open yet")),
                );
            },
        );
    });
}

fn judge_ui(ui: &mut Ui, playground: &mut Playground) {
    words::heading(ui, "Levels by");
    let models = playground.runs();
    let whose = if playground.beside { "A's" } else { "its" };
    let own = match playground.run(0) {
        Some(run) if run.identifiers => format!("Identifiers of {whose} run, {}", run.row.id),
        Some(run) => format!("None: {whose} run, {}, has no identifiers", run.row.id),
        None => format!("Identifiers of {whose} run"),
    };
    let mut options = vec![(LevelsBy::Own, own)];
    let runs = models.iter().filter(|run| run.identifiers);
    options.extend(runs.map(|run| (LevelsBy::Run(run.row.id), run_words(run))));
    options.push((LevelsBy::Nobody, "Nobody".to_string()));
    let there = options.iter().any(|(by, _)| *by == playground.levels_by);
    let now = if there {
        playground.levels_by
    } else {
        LevelsBy::Nobody
    };
    let width = ui.available_width() - space::S;
    if let Some(by) = field::choose(ui, "Levels by", now, &options, width) {
        playground.levels_by = by;
    }
    let why = "Identifiers say the level of each mechanism in an answer, with its probability. A run's are \
               those that its first stage trained.";
    words::secondary(ui, why);
}

fn drawing_ui(ui: &mut Ui, playground: &mut Playground) {
    let changed = SETTINGS
        .iter()
        .filter(|path| playground.form.is_changed(path))
        .count();
    ui.horizontal(|ui| {
        words::heading(ui, "Sampling");
        if changed > 0 {
            let revert = Button::quiet("As the run has it")
                .low()
                .with_icon(Icon::Revert);
            if ui.add(revert).clicked() {
                playground.form.revert_all();
            }
        }
    });
    ui.horizontal(|ui| {
        ui.set_min_height(size::ROW);
        switch(ui, "Greedy", &mut playground.greedy)
            .on_hover_text("Always the likeliest token; nothing is drawn");
        ui.label("Greedy, nothing is drawn");
    });
    ui.spacing_mut().item_spacing.y = space::XS;
    // Settings that apply to sampling only come first, and are disabled for greedy answers.
    let (drawn, always) = SETTINGS.split_at(3);
    ui.add_enabled_ui(!playground.greedy, |ui| {
        playground.form.compact_ui(ui, drawn);
        playground.form.compact_ui(ui, &["run.seed"]);
    });
    let always: Vec<&str> = always
        .iter()
        .copied()
        .filter(|path| *path != "run.seed")
        .collect();
    playground.form.compact_ui(ui, &always);
}
