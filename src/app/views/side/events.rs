//! What happened in a run, as a list; an event at a step leads there.

use eframe::egui::{
    Align, Label, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2,
};

use super::parts::inset;
use crate::app::format::{self, Clock, sentence};
use crate::app::state::model::RunModel;
use crate::app::theme::{self, space};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::text as words;
use crate::experiment::{Severity, Stage, change_of};
use crate::store::{EventRow, EventSort};

/// The height of an event in a list.
const EVENT_HEIGHT: f32 = 40.0;

/// What happened, the latest first. Gives the place that was chosen to be looked at.
pub fn events_ui(ui: &mut Ui, run: &RunModel, clock: Clock) -> Option<(Stage, u64)> {
    if run.events.is_empty() {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Stages, checkpoints, warnings and what was asked of the run stand here.",
            );
        });
        return None;
    }
    let mut chosen = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt(("events", run.id))
        .auto_shrink(false)
        .show_rows(ui, EVENT_HEIGHT, run.events.len(), |ui, rows| {
            for n in rows {
                let at = run.events.len() - 1 - n;
                if let Some(event) = run.events.get(at)
                    && event_ui(ui, event, at, clock)
                {
                    chosen = event.stage.map(|stage| (stage, event.step));
                }
            }
        });
    chosen
}

/// One event in two lines: what, and where and when. True when it was chosen, which only one that
/// stands at a step can be.
fn event_ui(ui: &mut Ui, event: &EventRow, at: usize, clock: Clock) -> bool {
    let t = theme::of(ui);
    let height = EVENT_HEIGHT;
    let row = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
    let leads = event.step > 0 && event.stage.is_some();
    let sense = if leads {
        Sense::click()
    } else {
        Sense::hover()
    };
    let response = ui.interact(row, ui.scope_id().with(("event", at)), sense);
    if leads {
        let label = format!("Show {}", what(event));
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &label));
        if response.hovered() {
            ui.painter().rect_filled(row, 0, t.hover);
        }
        focus_ring(ui, &response, row.shrink(2.0));
    }
    let (icon, colour) = match (event.sort, event.severity) {
        (_, Some(Severity::Alert)) => (Icon::Warning, t.bad),
        (_, Some(Severity::Warning)) => (Icon::Warning, t.warning),
        (EventSort::Stage, _) => (Icon::Play, t.secondary),
        (EventSort::StageDone, _) => (Icon::Check, t.good),
        (EventSort::Control, _) => (Icon::Settings, t.secondary),
        (EventSort::Status | EventSort::Note, _) => (Icon::Info, t.secondary),
    };
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), height),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.set_min_height(height);
            ui.add_space(space::L);
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
            icon::paint(ui.painter(), rect, icon, colour);
            ui.vertical(|ui| {
                ui.set_max_width(ui.available_width() - space::L);
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.add_space(3.0);
                // What is cut off is told under the pointer by the label itself.
                ui.add(Label::new(RichText::new(what(event)).color(t.text)).truncate());
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = space::XS;
                    if let Some(stage) = event.stage.filter(|_| event.step > 0) {
                        words::small(
                            ui,
                            format!("{} step {},", stage.title(), format::count(event.step)),
                        );
                    }
                    words::small(ui, clock.time(event.wall_ms))
                        .on_hover_text(clock.exact(event.wall_ms));
                });
            });
        },
    );
    response.clicked()
}

/// An event in words.
pub fn what(event: &EventRow) -> String {
    let stage = event.stage.map_or("Stage", Stage::title);
    match event.sort {
        EventSort::Stage => format!("{stage} began"),
        EventSort::StageDone => format!("{stage} done"),
        EventSort::Status => sentence(&event.text),
        EventSort::Control => match change_of(&event.text) {
            Some(change) => format!("Set: {}", change.words()),
            None => format!("Asked: {}", event.text),
        },
        EventSort::Note => event.text.clone(),
    }
}
