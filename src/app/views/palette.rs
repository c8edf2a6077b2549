//! The palette: everything that can be done, found by typing.

use std::collections::BTreeSet;

use eframe::egui::gui_zoom::kb_shortcuts::{ZOOM_IN, ZOOM_OUT, ZOOM_RESET};
use eframe::egui::{
    Align2, Frame, Id, Key, KeyboardShortcut, Modal, Modifiers, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::ViewState;
use crate::app::command::{Command, Commands, Zoom};
use crate::app::logic::Core;
use crate::app::place::Place;
use crate::app::shortcuts;
use crate::app::state::{Held, QUICKSTART, State, ThemeChoice};
use crate::app::theme::{self, space, text};
use crate::app::widgets::chart::AlongX;
use crate::app::widgets::field;
use crate::engine::Control;
use crate::operations::launch::PlannedRun;
use crate::store::{RunId, RunStatus};

/// Offers shown at once.
const MOST: usize = 40;

/// Whether it is open, and what is being looked for.
#[derive(Debug, Default)]
pub struct Palette {
    pub open: bool,
    text: String,
    at: usize,
}

impl Palette {
    pub fn toggle(&mut self) {
        *self = Palette {
            open: !self.open,
            ..Palette::default()
        };
    }
}

/// Something that can be done.
struct Offer {
    words: String,
    keys: Option<KeyboardShortcut>,
    command: Command,
}

fn offers(state: &State, chosen: &BTreeSet<RunId>) -> Vec<Offer> {
    let mut found = Vec::new();
    let mut add = |words: String, keys: Option<KeyboardShortcut>, command: Command| {
        found.push(Offer {
            words,
            keys,
            command,
        });
    };
    if let Some(run) = state.active() {
        let (words, pause) = match run.status {
            RunStatus::Paused => ("Resume the run", Control::Resume),
            _ => ("Pause the run", Control::Pause),
        };
        for (words, keys, control) in [
            (words, shortcuts::PAUSE, pause),
            ("Stop the run", shortcuts::STOP, Control::Stop),
            (
                "Save a checkpoint now",
                shortcuts::CHECKPOINT,
                Control::Checkpoint,
            ),
            ("Evaluate now", shortcuts::EVALUATE, Control::Evaluate),
        ] {
            let command = Command::run(move |core| core.control(control));
            add(words.into(), Some(keys), command);
        }
    }
    for place in Place::all() {
        add(
            format!("Go to {}", place.title()),
            Some(place.shortcut()),
            Command::Go(place),
        );
    }
    if let Some(edit) = state.notices.undo.last() {
        add(
            format!("Undo: {edit}"),
            Some(shortcuts::UNDO),
            Command::run(Core::undo),
        );
    }
    add(
        "Filter runs".into(),
        Some(shortcuts::FILTER),
        Command::FilterRuns,
    );
    if chosen.len() > 1 {
        let runs = chosen.iter().copied().collect();
        let command = Command::run(|core| core.compare(runs));
        add(
            format!("Compare {} chosen runs", chosen.len()),
            None,
            command,
        );
    }
    let show = Command::run(|core| core.state.notices.log_open = true);
    add("Show what went wrong".into(), None, show);
    found.extend(everyday(state));
    let mut add = |words: String, keys: Option<KeyboardShortcut>, command: Command| {
        found.push(Offer {
            words,
            keys,
            command,
        });
    };
    for file in state
        .experiments
        .files
        .value()
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = file.name.clone();
        add(format!("Set up {name}"), None, Command::SetUp(name));
        // What lacks nothing can wait for its turn as it is.
        let needs = state.experiments.needs.value();
        let needs = needs.and_then(|needs| needs.files.get(&file.name));
        if needs.is_some_and(Vec::is_empty) {
            let planned = vec![PlannedRun::of(file)];
            let words = format!("Queue {}", file.name);
            add(words, None, Command::run(|core| core.enqueue(planned)));
        }
    }
    for row in state.runs.rows() {
        let run = row.id;
        let command = Command::run(move |core| core.open_run(run));
        add(format!("Open run {run}, {}", row.name), None, command);
    }
    found
}

/// What the pages offer besides: the queue, runs that can go on, and how the window looks.
fn everyday(state: &State) -> Vec<Offer> {
    let mut found = Vec::new();
    let mut add = |words: &str, keys: Option<KeyboardShortcut>, command: Command| {
        found.push(Offer {
            words: words.to_string(),
            keys,
            command,
        });
    };
    let free = state.active().is_none() && state.live.launching.is_none();
    if let Some(file) = state.experiment(QUICKSTART).filter(|_| free) {
        let planned = PlannedRun::of(file);
        let command = Command::run(|core| core.start(planned));
        add("Start Quickstart", None, command);
    }
    let ended = state
        .live
        .run
        .as_ref()
        .filter(|run| !run.status.is_active());
    if let Some(run) = ended.filter(|run| free && run.status != RunStatus::Finished) {
        let words = format!("Resume run {}, {}", run.id, run.name);
        let run = run.id;
        add(&words, None, Command::run(move |core| core.resume_run(run)));
    }
    if !state.experiments.queue.runs.is_empty() {
        let held = state.experiments.queue.held != Held::No;
        let words = if held {
            "Start the queue"
        } else {
            "Hold the queue"
        };
        add(
            words,
            None,
            Command::run(move |core| core.hold_queue(!held)),
        );
    }
    for (choice, words) in [
        (ThemeChoice::Light, "Theme: light"),
        (ThemeChoice::Dark, "Theme: dark"),
        (ThemeChoice::System, "Theme: follow the system"),
    ] {
        if state.prefs.theme != choice {
            let command = Command::run(move |core| core.state.prefs.theme = choice);
            add(words, None, command);
        }
    }
    for (along, words) in [
        (AlongX::Step, "Plots along steps"),
        (AlongX::Relative, "Plots along time since the beginning"),
        (AlongX::Wall, "Plots along the time of day"),
    ] {
        if state.prefs.along != along {
            let command = Command::run(move |core| core.state.prefs.along = along);
            add(words, None, command);
        }
    }
    add("Zoom in", Some(ZOOM_IN), Command::Zoom(Zoom::In));
    add("Zoom out", Some(ZOOM_OUT), Command::Zoom(Zoom::Out));
    if state.prefs.zoom != 1.0 {
        add(
            "Zoom to 100 %",
            Some(ZOOM_RESET),
            Command::Zoom(Zoom::Reset),
        );
    }
    let store = state.store.clone();
    add("Copy the folder of the store", None, Command::Copy(store));
    found
}

/// Draws the palette while it is open.
pub fn palette_ui(ui: &Ui, state: &State, views: &mut ViewState, commands: &mut Commands) {
    let palette = &mut views.palette;
    if !palette.open {
        return;
    }
    let all = offers(state, &views.runs.chosen);
    let wanted = palette.text.to_lowercase();
    let fits = |offer: &Offer| {
        let words = offer.words.to_lowercase();
        wanted.split_whitespace().all(|word| words.contains(word))
    };
    let mut shown: Vec<Offer> = all.into_iter().filter(fits).take(MOST).collect();
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::ArrowDown) {
        palette.at += 1;
    }
    if pressed(Key::ArrowUp) {
        palette.at = palette.at.saturating_sub(1);
    }
    palette.at = palette.at.min(shown.len().saturating_sub(1));
    let mut taken = pressed(Key::Enter).then_some(palette.at);
    let t = theme::of(ui);
    let frame = Frame::popup(ui.style()).inner_margin(space::S);
    let id = Id::unique("palette");
    // From a fixed height downwards, so that the field stays while what fits becomes less.
    let top = (ui.ctx().content_rect().height() * 0.14).floor();
    let area = Modal::default_area(id).anchor(Align2::CENTER_TOP, vec2(0.0, top));
    let modal = Modal::new(id)
        .area(area)
        .backdrop_color(t.backdrop())
        .frame(frame);
    let answer = modal.show(ui.ctx(), |ui| {
        ui.set_width(520.0);
        ui.spacing_mut().item_spacing.y = space::XS;
        let before = palette.text.clone();
        let hint = "What do you want to do?";
        let response = field::search(ui, &mut palette.text, "Find something to do", hint, 516.0);
        response.request_focus();
        if palette.text != before {
            palette.at = 0;
        }
        let height = (ui.ctx().content_rect().height() - top - 120.0).clamp(120.0, 340.0);
        // As high as that where there is more to show, however low the window was before.
        ScrollArea::vertical()
            .max_height(height)
            .min_scrolled_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (at, offer) in shown.iter().enumerate() {
                    if offer_ui(ui, offer, at == palette.at) {
                        taken = Some(at);
                    }
                }
                if shown.is_empty() {
                    ui.label("Nothing is called so.");
                }
            });
    });
    let taken = taken.filter(|at| *at < shown.len());
    if taken.is_some() || answer.should_close() {
        palette.open = false;
    }
    if let Some(at) = taken {
        commands.push(shown.swap_remove(at).command);
    }
}

fn offer_ui(ui: &mut Ui, offer: &Offer, here: bool) -> bool {
    let t = theme::of(ui);
    let width = ui.available_width();
    // Not focusable: the keyboard stays in the field.
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::CLICK | Sense::HOVER);
    response.widget_info(|| {
        WidgetInfo::selected(
            Role::ListBoxOption,
            true,
            here,
            format!("Do: {}", offer.words),
        )
    });
    if here || response.hovered() {
        ui.painter()
            .rect_filled(rect, 4, if here { t.selected } else { t.hover });
    }
    if here {
        ui.scroll_to_rect(rect, None);
    }
    let at = pos2(rect.left() + space::S, rect.center().y);
    ui.painter()
        .text(at, Align2::LEFT_CENTER, &offer.words, text::body(), t.text);
    if let Some(keys) = &offer.keys {
        let at = pos2(rect.right() - space::L, rect.center().y);
        let keys = ui.ctx().format_shortcut(keys);
        ui.painter()
            .text(at, Align2::RIGHT_CENTER, keys, text::small(), t.secondary);
    }
    response.clicked()
}
