//! The events of a run as a list; one at a step leads there.

use std::sync::Arc;

use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Galley, Label, Rangef, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::parts::inset;
use crate::app::format::{self, Clock};
use crate::app::state::model::{RunModel, is_checkpoint};
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::text as words;
use crate::experiment::{Event, EventKind, Severity, Stage};

/// The height of an event on one line.
const EVENT_HEIGHT: f32 = 42.0;
/// The height of one line of it.
const LINE: f32 = 17.0;
const ICON: f32 = 14.0;
const ABOVE: f32 = 5.0;

#[derive(Debug, Default)]
pub struct EventsView {
    /// Whether checkpoints are shown, which are many.
    checkpoints: bool,
}

/// The events, the latest first. Returns the step that was clicked.
pub fn events_ui(
    ui: &mut Ui,
    run: &RunModel,
    view: &mut EventsView,
    clock: Clock,
) -> Option<(Stage, u64)> {
    if run.events.is_empty() {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Stages, checkpoints, warnings and requests to the run appear here.",
            );
        });
        return None;
    }
    let mut chosen = None;
    let checkpoints = run.events.iter().filter(|event| is_checkpoint(event));
    let checkpoints = checkpoints.count();
    if checkpoints > 0 {
        inset(ui, |ui| {
            let words = format!("With {} checkpoints", format::count(checkpoints as u64));
            field::tick(ui, &words, &mut view.checkpoints);
        });
    }
    ScrollArea::vertical()
        .id_salt(("events", run.id))
        .auto_shrink(false)
        .show_viewport(ui, |ui, seen| {
            let (left, width) = (ui.min_rect().left(), ui.available_width());
            let top = ui.min_rect().top();
            let mut y = 0.0;
            let events = run.events.iter().enumerate().rev();
            for (at, event) in events.filter(|(_, event)| view.checkpoints || !is_checkpoint(event))
            {
                let words = words_of(ui, event, width - ICON - 2.0 * space::L - space::S);
                let height = EVENT_HEIGHT - LINE + words.size().y.max(LINE);
                if seen.y_range().intersects(Rangef::new(y, y + height)) {
                    let row = Rect::from_min_size(pos2(left, top + y), vec2(width, height));
                    if event_ui(ui, event, at, row, words, clock) {
                        chosen = event.stage.map(|stage| (stage, event.step));
                    }
                }
                y += height;
            }
            ui.allocate_space(vec2(width, y));
        });
    chosen
}

/// The text of an event: on one line, except for warnings and alerts.
fn words_of(ui: &Ui, event: &Event, width: f32) -> Arc<Galley> {
    let colour = theme::of(ui).text;
    let mut job = LayoutJob::simple(event.words(), text::body(), colour, width);
    if event
        .kind
        .severity()
        .is_none_or(|severity| severity < Severity::Warning)
    {
        job.wrap.max_rows = 1;
        job.wrap.break_anywhere = true;
    }
    ui.painter().layout_job(job)
}

/// One event, with its step and time below. True when clicked; only events at a step can be.
fn event_ui(
    ui: &mut Ui,
    event: &Event,
    at: usize,
    row: Rect,
    words: Arc<Galley>,
    clock: Clock,
) -> bool {
    let t = theme::of(ui);
    let leads = event.step > 0 && event.stage.is_some();
    let sense = if leads {
        Sense::click()
    } else {
        Sense::hover()
    };
    let response = ui.interact(row, ui.scope_id().with(("event", at)), sense);
    if leads {
        let label = format!("Show {}", event.words());
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &label));
        if response.hovered() {
            ui.painter().rect_filled(row, 0, t.hover);
        }
        focus_ring(ui, &response, row.shrink(2.0));
    }
    let (icon, colour) = match (&event.kind, event.kind.severity()) {
        (_, Some(Severity::Alert)) => (Icon::Warning, t.bad),
        (_, Some(Severity::Warning)) => (Icon::Warning, t.warning),
        (EventKind::StageBegun { .. }, _) => (Icon::Play, t.secondary),
        (EventKind::StageDone, _) => (Icon::Check, t.good),
        (EventKind::Control { .. }, _) => (Icon::Settings, t.secondary),
        _ => (Icon::Info, t.secondary),
    };
    let at = pos2(row.left() + space::L, row.top() + ABOVE + 1.0);
    let mark = Rect::from_min_size(at, Vec2::splat(ICON));
    icon::paint(ui.painter(), mark, icon, colour);
    let room = Rect::from_min_max(pos2(mark.right() + space::S, row.top()), row.max);
    let mut inner = ui.new_child(UiBuilder::new().max_rect(room));
    inner.spacing_mut().item_spacing.y = 0.0;
    inner.spacing_mut().interact_size.y = 0.0;
    inner.add_space(ABOVE);
    // The label shows truncated text as a tooltip.
    inner.add(Label::new(words));
    inner.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        if let Some(stage) = event.stage.filter(|_| event.step > 0) {
            words::small(
                ui,
                format!("{} step {},", stage.title(), format::count(event.step)),
            );
        }
        words::small(ui, clock.time(event.wall_ms)).on_hover_text(clock.exact(event.wall_ms));
    });
    response.clicked()
}
