//! The command palette: everything that can be done, found by typing.

use std::collections::BTreeSet;

use eframe::egui::gui_zoom::kb_shortcuts::{ZOOM_IN, ZOOM_OUT, ZOOM_RESET};
use eframe::egui::{
    Align2, Frame, Id, Key, KeyboardShortcut, Modal, Modifiers, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::ViewState;
use crate::app::command::{Command, Commands, Zoom};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::place::Place;
use crate::app::shortcuts;
use crate::app::state::{QUICKSTART, QueueMode, State, ThemeChoice};
use crate::app::theme::{self, space};
use crate::app::widgets::chart::AlongX;
use crate::app::widgets::field;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::engine::Control;
use crate::operations::launch::PlannedRun;
use crate::store::{RunId, RunStatus};

/// How many offers are shown.
const MAX_OFFERS: usize = 40;

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

struct Offer {
    words: String,
    keys: Option<KeyboardShortcut>,
    command: Command,
}

#[derive(Default)]
struct Offers(Vec<Offer>);

impl Offers {
    fn add(&mut self, words: impl Into<String>, command: Command) {
        self.0.push(Offer {
            words: words.into(),
            keys: None,
            command,
        });
    }

    fn add_with_keys(
        &mut self,
        words: impl Into<String>,
        keys: KeyboardShortcut,
        command: Command,
    ) {
        self.0.push(Offer {
            words: words.into(),
            keys: Some(keys),
            command,
        });
    }
}

fn offers(state: &State, chosen: &BTreeSet<RunId>) -> Vec<Offer> {
    let mut found = Offers::default();
    if let Some(run) = state.active() {
        for (control, keys) in shortcuts::run_controls(run.status) {
            let words = match control {
                Control::Resume => "Resume",
                Control::Pause => "Pause",
                Control::Stop => "Stop",
                Control::Checkpoint => "Save a checkpoint now in",
                _ => "Evaluate",
            };
            let words = format!("{words} run {}, {}", run.id, run.name);
            let command = Command::run(move |core| core.control(control));
            found.add_with_keys(words, keys, command);
        }
    }
    for place in Place::all() {
        let words = format!("Go to {}", place.title());
        found.add_with_keys(words, place.shortcut(), Command::Go(place));
    }
    if let Some(edit) = state.notices.undo.last() {
        let words = format!("Undo: {edit}");
        found.add_with_keys(words, shortcuts::UNDO, Command::run(Core::undo));
    }
    found.add_with_keys("Filter runs", shortcuts::FILTER, Command::FilterRuns);
    if chosen.len() > 1 {
        let runs = chosen.iter().copied().collect();
        let words = format!("Compare {} chosen runs", format::count(chosen.len() as u64));
        found.add(words, Command::run(|core| core.compare(runs)));
    }
    let show = Command::run(|core| core.state.notices.log_open = true);
    found.add("Show what went wrong", show);
    everyday(state, &mut found);
    let files = state.experiments.files.value().into_iter().flatten();
    for file in files.flatten() {
        let name = file.name.clone();
        found.add(format!("Set up {name}"), Command::SetUp(name));
        // An experiment that lacks nothing can be queued as it is.
        let needs = state.experiments.needs.value();
        let needs = needs.and_then(|needs| needs.files.get(&file.name));
        if needs.is_some_and(Vec::is_empty) {
            let planned = vec![PlannedRun::of(file)];
            let words = format!("Queue {}", file.name);
            found.add(words, Command::run(|core| core.enqueue(planned)));
        }
    }
    for row in state.runs.rows() {
        let run = row.id;
        let command = Command::run(move |core| core.open_run(run));
        found.add(format!("Open run {run}, {}", row.name), command);
    }
    found.0
}

/// What the pages offer as well: the queue, resuming, and how the window looks.
fn everyday(state: &State, found: &mut Offers) {
    let free = !state.is_full() && state.live.launching.is_none();
    if let Some(file) = state.experiment(QUICKSTART).filter(|_| free) {
        let planned = PlannedRun::of(file);
        found.add("Start Quickstart", Command::run(|core| core.start(planned)));
    }
    let run = state.live.run.as_ref().filter(|_| free);
    if let Some(run) =
        run.filter(|run| !run.status.is_active() && run.status != RunStatus::Finished)
    {
        let words = format!("Resume run {}, {}", run.id, run.name);
        let run = run.id;
        found.add(words, Command::run(move |core| core.resume_run(run)));
    }
    if !state.experiments.queue.runs.is_empty() {
        let held = state.experiments.queue.mode != QueueMode::Running;
        let words = if held {
            "Start the queue"
        } else {
            "Hold the queue"
        };
        found.add(words, Command::run(move |core| core.pause_queue(!held)));
    }
    for (choice, words) in [
        (ThemeChoice::Light, "Theme: light"),
        (ThemeChoice::Dark, "Theme: dark"),
        (ThemeChoice::System, "Theme: follow the system"),
    ] {
        if state.prefs.theme != choice {
            let command = Command::run(move |core| core.state.prefs.theme = choice);
            found.add(words, command);
        }
    }
    for (along, words) in [
        (AlongX::Step, "Plots along steps"),
        (AlongX::Relative, "Plots along time since the beginning"),
        (AlongX::Wall, "Plots along the time of day"),
    ] {
        if state.prefs.along != along {
            let command = Command::run(move |core| core.state.prefs.along = along);
            found.add(words, command);
        }
    }
    found.add_with_keys("Zoom in", ZOOM_IN, Command::Zoom(Zoom::In));
    found.add_with_keys("Zoom out", ZOOM_OUT, Command::Zoom(Zoom::Out));
    if state.prefs.zoom != 1.0 {
        let reset = Command::Zoom(Zoom::Reset);
        found.add_with_keys("Zoom to 100 %", ZOOM_RESET, reset);
    }
    let copy = Command::Copy(state.store.clone());
    found.add("Copy the folder of the store", copy);
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
    let mut shown: Vec<Offer> = all.into_iter().filter(fits).take(MAX_OFFERS).collect();
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
    // Anchored at the top, so that the field does not move as the list shrinks.
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
        // Full height where there is more to show, even right after the list was short.
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
                    ui.label("Nothing matches.");
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
    layout::fill_row(ui, rect, 4, here, response.hovered());
    if here {
        ui.scroll_to_rect(rect, None);
    }
    let at = pos2(rect.left() + space::S, rect.center().y);
    words::paint_body(ui.painter(), at, Align2::LEFT_CENTER, &offer.words, t.text);
    if let Some(keys) = &offer.keys {
        let at = pos2(rect.right() - space::L, rect.center().y);
        let keys = ui.ctx().format_shortcut(keys);
        words::paint_small(ui.painter(), at, Align2::RIGHT_CENTER, keys, t.secondary);
    }
    response.clicked()
}
