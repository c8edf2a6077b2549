//! The frame around every place: the rail, the title row with the run's status, the status row.
//!
//! Draws from the state and emits commands; knows no thread.

mod rail;
mod run_state;

use eframe::egui;
use eframe::egui::{
    Align, CentralPanel, Frame, KeyboardShortcut, Layout, Margin, Panel, RichText, Sense, Ui, Vec2,
    vec2,
};

use super::command::{Command, Commands};
use super::format;
use super::logic::Core;
use super::place::Place;
use super::shortcuts::{FILTER, PALETTE, UNDO, run_controls};
use super::state::State;
use super::state::model::RunModel;
use super::theme::{self, size, space};
use super::views::{ViewState, consent, judging, live, notices, palette, place_ui};
use super::widgets::button::Button;
use super::widgets::icon::{self, Icon};
use super::widgets::status::figure;
use super::widgets::text as words;
use crate::app::widgets::layout;
use crate::engine::Control;
use crate::metrics::declared;
use crate::store::RunStatus;

/// Width reserved for how a run ended.
const ENDED: f32 = 600.0;
/// The widest that a number in the status row gets.
const FIGURE: f32 = 108.0;

pub fn window_ui(ui: &mut Ui, state: &mut State, views: &mut ViewState, commands: &mut Commands) {
    let t = theme::of(ui);
    shortcuts(ui, state, commands);
    if state.prefs.place == Place::Studies && state.people.judging.is_some() {
        // An annotator sees nothing else.
        CentralPanel::default()
            .frame(Frame::new().fill(t.ground))
            .show(ui, |ui| judging::judging_ui(ui, state, commands));
        return;
    }
    Panel::left("rail")
        .exact_size(size::RAIL)
        .resizable(false)
        .frame(Frame::new().fill(t.panel))
        .show(ui, |ui| rail::rail_ui(ui, state, commands));
    let bar = |fill| {
        Frame::new()
            .fill(fill)
            .inner_margin(Margin::symmetric(space::L as i8, 0))
    };
    Panel::top("title")
        .exact_size(size::TITLE_ROW)
        .show_separator_line(false)
        .frame(bar(t.ground))
        .show(ui, |ui| title_ui(ui, state, commands));
    Panel::bottom("status")
        .exact_size(size::STATUS_ROW)
        .show_separator_line(false)
        .frame(bar(t.panel))
        .show(ui, |ui| status_ui(ui, state, commands));
    CentralPanel::default()
        .frame(Frame::new().fill(t.ground))
        .show(ui, |ui| {
            place_ui(ui, state.prefs.place, state, views, commands)
        });
    notices::notices_ui(ui, state, commands);
    consent::consent_ui(ui, state, commands);
    palette::palette_ui(ui, state, views, commands);
}

fn shortcuts(ui: &Ui, state: &State, commands: &mut Commands) {
    let pressed = |keys: &KeyboardShortcut| ui.input_mut(|input| input.consume_shortcut(keys));
    for place in Place::all() {
        if pressed(&place.shortcut()) {
            commands.push(Command::Go(place));
        }
    }
    // Runs and systems are hidden from an annotator.
    let judges = state.prefs.place == Place::Studies && state.people.judging.is_some();
    if !judges && pressed(&PALETTE) {
        commands.push(Command::Palette);
    }
    if !judges && pressed(&FILTER) {
        commands.push(Command::FilterRuns);
    }
    // In a text field these keys undo typing.
    if !judges && !state.notices.undo.is_empty() && !ui.ctx().text_edit_focused() && pressed(&UNDO)
    {
        commands.run(Core::undo);
    }
    if let Some(run) = state.active().filter(|_| !judges) {
        for (control, keys) in run_controls(run.status) {
            if !pressed(&keys) {
                continue;
            }
            // The keys act on the run that is looked at.
            if state.shows_other_than(run.id) {
                let words = format!(
                    "{} is for run {}, which is not the one shown; its buttons are below",
                    ui.ctx().format_shortcut(&keys),
                    run.id
                );
                commands.run(move |core| core.show_done(words, false));
            } else {
                commands.run(move |core| core.control(control));
            }
        }
    }
}

fn title_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::M;
        let open = state.runs.open.as_ref();
        let open = open.filter(|_| state.prefs.place == Place::Runs);
        if open.is_some() && Button::icon(Icon::Left, "Back to all runs").clicked(ui) {
            commands.run(Core::close_run);
        }
        let (title, detail) = match (state.prefs.place, open) {
            (Place::Runs, Some(open)) => {
                let page = open.page.value();
                let name = page.map_or_else(String::new, |page| page.model.name.clone());
                let detail = page.map_or_else(String::new, |page| run_detail(&page.model));
                (format!("{name} #{}", open.id), detail)
            }
            (Place::Live, _) => {
                let elsewhere = state.live.elsewhere.as_ref();
                let elsewhere = elsewhere.and_then(|open| Some(&open.page.value()?.model));
                let run = state.live.run.as_ref().or(elsewhere);
                let detail = run.map(|run| {
                    let number = (run.id.0 > 0).then(|| format!(" #{}", run.id));
                    let number = number.unwrap_or_default();
                    format!("{}{number}, {}", run.name, run_detail(run))
                });
                ("Live".to_string(), detail.unwrap_or_default())
            }
            (place, _) => (place.title().to_string(), String::new()),
        };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            run_state::run_state_ui(ui, state, commands);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                words::title(ui, &title);
                if !detail.is_empty() {
                    ui.add(egui::Label::new(RichText::new(detail).color(t.secondary)).truncate());
                }
            });
        });
    });
    let rect = ui.max_rect().expand2(vec2(space::L, 0.0));
    layout::rule(ui, rect.x_range(), rect.bottom() - 0.5);
}

fn run_detail(run: &RunModel) -> String {
    if run.experiment == run.name {
        format!("seed {}", run.seed)
    } else {
        format!("{}, seed {}", run.experiment, run.seed)
    }
}

fn status_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let t = theme::of(ui);
    let rect = ui.max_rect().expand2(vec2(space::L, 0.0));
    layout::rule(ui, rect.x_range(), rect.top() + 0.5);
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        match state.active() {
            Some(run) => controls_ui(ui, state, run, commands),
            None if ended_here(state).is_some() => {}
            None if state.elsewhere().is_some() => {
                if let Some(row) = state.elsewhere() {
                    let words =
                        format!("Run {} is in progress in another window or program", row.id);
                    words::label(ui, words, t.secondary);
                }
            }
            None => {
                let words = match state.experiments.queue.runs.len() {
                    _ if state.live.launching.is_some() => "Checking data and weights…".into(),
                    0 => "No run in progress".to_string(),
                    1 => "No run in progress, one waits in the queue".to_string(),
                    n => format!("No run in progress, {n} wait in the queue"),
                };
                words::label(ui, words, t.secondary);
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            store_ui(ui, state);
            notices::log_button_ui(ui, state, commands);
            if let Some(run) = state.active() {
                alerts_ui(ui, run, state.shows_other_than(run.id), commands);
            }
            let words = format!("Commands  {}", ui.ctx().format_shortcut(&PALETTE));
            let button = Button::quiet(&words)
                .low()
                .hint("Everything that can be done");
            // How the run ended has priority.
            let room = ended_here(state).is_none() || ui.available_width() > ENDED;
            if room && ui.add(button).clicked() {
                commands.push(Command::Palette);
            }
            if let Some(run) = ended_here(state) {
                ui.spacing_mut().item_spacing.x = space::S;
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let free = state.live.launching.is_none();
                    live::ended_ui(ui, run, free, commands);
                });
            }
            if let Some(run) = state.active().filter(|run| !state.shows_other_than(run.id)) {
                let memory = declared(declared::RESIDENT_MEMORY).map(|metric| metric.definition);
                // In a narrow window the buttons leave no room for these.
                let bytes = run.last(declared::RESIDENT_MEMORY);
                if let Some(bytes) = bytes.filter(|_| ui.available_width() > FIGURE) {
                    let bytes = format::bytes(bytes.max(0.0) as u64);
                    figure(ui, &bytes, "", &memory.unwrap_or_default());
                }
                let speed = run.tokens_per_second();
                let running = run.status == RunStatus::Running && ui.available_width() > FIGURE;
                if let Some(speed) = speed.filter(|_| running) {
                    let speed = format::count(speed.max(0.0).round() as u64);
                    figure(ui, &speed, "tok/s", "Tokens per second in this stage");
                }
            }
        });
    });
}

/// The number of alerts of the run in progress; a click leads to the last.
fn alerts_ui(ui: &mut Ui, run: &RunModel, named: bool, commands: &mut Commands) {
    let Some(last) = run.alerts().next() else {
        return;
    };
    let words = match run.alerts().count() {
        1 => "1 alert".to_string(),
        n => format!("{n} alerts"),
    };
    let words = match named {
        true => format!("{words} of run {}", run.id),
        false => words,
    };
    let button = Button::quiet(&words)
        .with_icon(Icon::Warning)
        .alarming()
        .low();
    if ui.add(button.hint(&last.words())).clicked()
        && let Some(stage) = last.stage
    {
        commands.push(Command::ShowStep(stage, last.step));
    }
}

/// The run of the place Live, if that is shown and the run has ended.
fn ended_here(state: &State) -> Option<&RunModel> {
    let run = state.live.run.as_ref();
    let ended = run.filter(|run| !run.status.is_active());
    ended.filter(|_| state.prefs.place == Place::Live && state.live.launching.is_none())
}

fn controls_ui(ui: &mut Ui, state: &State, run: &RunModel, commands: &mut Commands) {
    for (control, keys) in run_controls(run.status) {
        let (words, icon, hint) = match control {
            Control::Resume => ("Resume", Icon::Play, "continue"),
            Control::Pause => ("Pause", Icon::Pause, "wait after this step"),
            Control::Stop => (
                "Stop",
                Icon::Stop,
                "save a checkpoint and end; it can be resumed",
            ),
            Control::Checkpoint => (
                "Checkpoint",
                Icon::Flag,
                "save a checkpoint after this step",
            ),
            _ => (
                "Evaluate",
                Icon::Gauge,
                "score the validation subset after this step",
            ),
        };
        // Below another run's page nothing is done to this one without its name.
        let named = state.shows_other_than(run.id);
        let words = match named {
            true => format!("{words} run {}", run.id),
            false => words.to_string(),
        };
        let hint = format!("Run {}, {}: {hint}", run.id, run.name);
        let button = Button::secondary(&words).with_icon(icon).hint(&hint);
        let button = match named {
            true => button,
            false => button.shortcut(keys),
        };
        if button.clicked_if(ui, !state.live.stopping) {
            commands.run(move |core| core.control(control));
        }
    }
}

fn store_ui(ui: &mut Ui, state: &State) {
    let t = theme::of(ui);
    let stored = format!("Everything shown is on disk in {}", state.store);
    let (icon, colour, words, hint) = match state.runs.list.failure() {
        Some(why) => (Icon::Warning, t.bad, "Store cannot be read", why),
        None => match &state.read_only {
            Some(why) => (Icon::Warning, t.warning, "Store: read-only", why.as_str()),
            None => (Icon::Check, t.good, "Store", stored.as_str()),
        },
    };
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().item_spacing.x = space::XS;
            words::label(ui, words, t.secondary);
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(14.0), Sense::hover());
            icon::paint(ui.painter(), rect, icon, colour);
        })
        .response;
    response.on_hover_text(hint);
}
