//! The place Playground: a conversation with any checkpoint, or with two side by side.

mod side;
mod talk;

use std::path::Path;

use eframe::egui::{
    Align, Event, Frame, Key, KeyboardShortcut, Layout, Margin, Modifiers, Panel, TextEdit, Ui,
    vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::logic::Core;
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::state::playground::{ModelSource, Playground};
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;

/// Inserts a new line in the text field.
const NEW_LINE: KeyboardShortcut = KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter);

pub fn playground_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    if state.playground.models.value().is_none() {
        let words = RemoteWords::retry(
            "Looking for checkpoints…",
            "The checkpoints cannot be listed",
        );
        layout::padded(ui, space::L, |ui| {
            if remote_ui(ui, &state.playground.models, words) {
                commands.run(Core::load_models);
            }
        });
        return;
    }
    let mut runs = state.playground.runs().iter();
    let nobody = runs.all(|run| run.answering.is_empty());
    if nobody && state.playground.sides[0].from == ModelSource::Run {
        empty_ui(ui, &mut state.playground, commands);
        return;
    }
    let width = if ui.available_width() >= 1000.0 {
        316.0
    } else {
        272.0
    };
    let t = theme::of(ui);
    Panel::right("who answers")
        .exact_size(width)
        .resizable(false)
        .frame(Frame::new().fill(t.ground))
        .show(ui, |ui| side::side_ui(ui, state, commands));
    let busy = in_progress(state);
    Panel::bottom("what is said")
        .resizable(false)
        .frame(Frame::new().inner_margin(Margin::symmetric(space::L as i8, space::M as i8)))
        .show(ui, |ui| {
            if let Some(busy) = &busy {
                words::small(ui, busy);
            }
            write_ui(ui, state, commands);
        });
    let store = state.store.clone();
    layout::central(ui, |ui| {
        talk::talk_ui(ui, &mut state.playground, Path::new(&store), commands)
    });
}

fn empty_ui(ui: &mut Ui, playground: &mut Playground, commands: &mut Commands) {
    let explanation = "A run saves checkpoints of its generator and of its policy as it goes; each of them can be \
                       talked to here. Quickstart makes the first within a minute.";
    let title = "No checkpoint to talk to yet";
    if notice::empty(
        ui,
        Icon::Playground,
        title,
        explanation,
        "Choose an experiment",
    ) {
        commands.push(Command::Go(Place::Experiments));
    }
    ui.add_space(space::S);
    ui.vertical_centered(|ui| {
        if Button::quiet("Talk to a model folder").clicked(ui) {
            playground.sides[0].from = ModelSource::Folder;
        }
        if Button::quiet("Reload").clicked(ui) {
            commands.run(Core::load_models);
        }
    });
}

/// The note while a run is in progress.
fn in_progress(state: &State) -> Option<String> {
    let here = state.active().map(|run| run.name.clone());
    let elsewhere = state.runs.rows().find(|row| row.status.is_active());
    let elsewhere = elsewhere.map(|row| format!("{}, of another program,", row.name));
    let name = here.or(elsewhere)?;
    Some(format!(
        "{name} is in progress: answers share its processor, and slow it down a little while they are made."
    ))
}

fn write_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let playground = &mut state.playground;
    let answering = playground.is_answering();
    let id = eframe::egui::Id::unique("what is said");
    let sends = ui.memory(|memory| memory.has_focus(id)) && enter(ui);
    let field = TextEdit::multiline(&mut playground.draft)
        .id(id)
        .hint_text("Say something, as the speaker would")
        .return_key(NEW_LINE)
        .desired_rows(2)
        .desired_width(f32::INFINITY)
        .min_size(vec2(0.0, 2.0 * size::ROW));
    ui.add(field).accessible_name("What the speaker says");
    if playground.focus {
        playground.focus = false;
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    ui.add_space(space::XS);
    let blocked_by = playground.blocked_by();
    let mut send = sends;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        if answering {
            let words = if playground.stopping {
                "Stopping…"
            } else {
                "Stop"
            };
            let stop = Button::secondary(words)
                .with_icon(Icon::Stop)
                .hint("What there is of the answer is dropped");
            let ready = !playground.stopping;
            if stop.clicked_if(ui, ready) {
                commands.run(Core::stop_replies);
            }
        } else {
            let ready = blocked_by.is_none() && !playground.draft.trim().is_empty();
            let hint = blocked_by.unwrap_or("Enter sends, Shift+Enter begins a new line");
            let button = Button::primary("Send").hint(hint);
            send |= button.clicked_if(ui, ready);
        }
        again_ui(ui, playground, &state.devices, blocked_by, commands);
        // In a narrow window only the button's tooltip says it.
        if ui.available_width() > 240.0 {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                words::small(ui, "Enter sends, Shift+Enter begins a new line");
            });
        }
    });
    if send {
        playground.say(&state.devices);
        commands.run(Core::begin_replies);
    }
}

/// Regenerate, undo, clear and copy.
fn again_ui(
    ui: &mut Ui,
    playground: &mut Playground,
    devices: &[(&str, &str)],
    blocked_by: Option<&str>,
    commands: &mut Commands,
) {
    let there = !playground.turns.is_empty();
    let free = there && !playground.is_answering();
    let enabled = |ui: &mut Ui, ready: bool, button: Button<'_>| button.clicked_if(ui, ready);
    let hint = match (blocked_by, playground.greedy) {
        (Some(why), _) => why,
        (None, true) => "Asks again; greedy answers stay the same while nothing else is changed",
        (None, false) => "Another answer to the last thing words, with the next seed",
    };
    let again = Button::secondary("Regenerate").hint(hint);
    if enabled(ui, free && blocked_by.is_none(), again) {
        playground.regenerate(devices);
        commands.run(Core::begin_replies);
    }
    let undo = Button::quiet("Undo").hint("Takes the last thing words back into the field");
    if enabled(ui, free, undo) {
        playground.undo();
    }
    if !there && !playground.cleared.is_empty() {
        let back = Button::quiet("Bring back").hint("The conversation before it was cleared");
        if ui.add(back).clicked() {
            playground.restore();
        }
    } else if enabled(ui, free, Button::quiet("Clear").hint("Begins anew")) {
        playground.clear();
    }
    let copy = Button::quiet("Copy all").hint("The conversation as text");
    if enabled(ui, there, copy) {
        commands.push(Command::Copy(playground.text()));
    }
}

/// Whether Enter was pressed without Shift; removes the event, so that the field does not get it.
fn enter(ui: &Ui) -> bool {
    ui.input_mut(|input| {
        let before = input.events.len();
        input.events.retain(|event| {
            !matches!(event, Event::Key { key: Key::Enter, pressed: true, modifiers, .. }
                if !modifiers.shift)
        });
        input.events.len() < before
    })
}
