//! The status of a run as a dot and a word; progress lines; numbers with units.

use eframe::egui::{Color32, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::text as words;
use crate::app::theme::{self, ThemeTokens, space, text};
use crate::store::RunStatus;

pub fn colour(t: &ThemeTokens, status: RunStatus) -> Color32 {
    match status {
        RunStatus::Running => t.accent,
        RunStatus::Paused | RunStatus::Interrupted => t.warning,
        RunStatus::Finished => t.good,
        RunStatus::Failed | RunStatus::Damaged => t.bad,
        RunStatus::Stopped => t.secondary,
    }
}

pub fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "Running",
        RunStatus::Paused => "Paused",
        RunStatus::Finished => "Finished",
        RunStatus::Failed => "Failed",
        RunStatus::Stopped => "Stopped",
        RunStatus::Interrupted => "Interrupted",
        RunStatus::Damaged => "Damaged",
    }
}

pub fn status(ui: &mut Ui, status: RunStatus) -> Response {
    let t = theme::of(ui);
    let galley = words::galley(ui, word(status), text::body(), t.text);
    let (rect, response) = ui.allocate_exact_size(
        vec2(galley.size().x + 14.0, galley.size().y),
        Sense::hover(),
    );
    ui.painter().circle_filled(
        pos2(rect.left() + 4.0, rect.center().y),
        3.5,
        colour(t, status),
    );
    ui.painter()
        .galley(pos2(rect.left() + 14.0, rect.top()), galley, t.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, word(status)));
    response
}

/// A thin progress line, filled to `fraction`.
pub fn progress_line(ui: &Ui, rect: Rect, fraction: f32, colour: Color32) {
    let t = theme::of(ui);
    let radius = rect.height() / 2.0;
    ui.painter().rect_filled(rect, radius, t.line);
    let width = (rect.width() * fraction.clamp(0.0, 1.0)).max(if fraction > 0.0 {
        rect.height()
    } else {
        0.0
    });
    ui.painter().rect_filled(
        Rect::from_min_size(rect.min, vec2(width, rect.height())),
        radius,
        colour,
    );
}

/// A number with its unit: "412 tok/s".
pub fn figure(ui: &mut Ui, value: &str, unit: &str, hint: &str) {
    let t = theme::of(ui);
    let value_galley = words::galley(ui, value, text::body(), t.text);
    let unit_galley = words::galley(ui, unit, text::body(), t.secondary);
    let gap = if unit.is_empty() { 0.0 } else { space::XS };
    let height = value_galley.size().y;
    let width = value_galley.size().x + gap + unit_galley.size().x;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    ui.painter().galley(rect.min, value_galley.clone(), t.text);
    ui.painter().galley(
        rect.min + vec2(value_galley.size().x + gap, 0.0),
        unit_galley,
        t.secondary,
    );
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{value} {unit}")));
    response.on_hover_text(hint);
}
