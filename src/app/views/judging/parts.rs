//! What the parts of the judging page share: its centred column, and key caps.

use eframe::egui;
use eframe::egui::{Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::input::Input;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;

/// The greatest width of the two answers together.
pub(super) const CARDS: f32 = 760.0;

/// The width of a column that is at most this wide.
pub(super) fn column_width(ui: &Ui, most: f32) -> f32 {
    (ui.available_width() - 2.0 * space::L).min(most)
}

/// A centred column, at most this wide.
pub(super) fn column(ui: &mut Ui, most: f32, content: impl FnOnce(&mut Ui)) {
    let width = column_width(ui, most);
    let left = (ui.available_width() - width) / 2.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(left);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::S, space::S);
            ui.set_width(width);
            content(ui);
        });
    });
}

/// Key caps with labels, centred side by side; each can be clicked.
pub(super) fn keycaps_ui(
    ui: &mut Ui,
    caps: &[(&[&str], &str, Input)],
    large: bool,
    inputs: &mut Vec<Input>,
) {
    if caps.is_empty() {
        return;
    }
    let t = theme::of(ui);
    let font = if large { text::heading() } else { text::body() };
    let gap = if large { space::XL } else { space::L };
    let height = if large { 34.0 } else { 26.0 };
    let widths: Vec<f32> = caps
        .iter()
        .map(|(keys, words, _)| {
            let galley = words::galley(ui, *words, font.clone(), t.text);
            (keys.len() as f32 * height + space::S + galley.size().x + space::S).ceil()
        })
        .collect();
    let total = widths.iter().sum::<f32>() + gap * (caps.len() - 1) as f32;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        ui.add_space((ui.available_width() - total).max(0.0) / 2.0 - gap.min(0.0));
        for ((keys, words, what), width) in caps.iter().zip(widths) {
            let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, *words));
            if response.hovered() {
                ui.painter().rect_filled(rect, size::RADIUS, t.hover);
            }
            let mut left = rect.left();
            for key in *keys {
                let corner = pos2(left, rect.top());
                let cap = Rect::from_min_size(corner, egui::Vec2::splat(height)).shrink(2.0);
                layout::surface(ui, cap, size::RADIUS - 1, t.raised, t.line_stroke());
                key_mark(ui, cap, key, &font);
                left += height;
            }
            let at = pos2(left + space::S, rect.center().y);
            let colour = if large { t.text } else { t.secondary };
            ui.painter()
                .text(at, Align2::LEFT_CENTER, words, font.clone(), colour);
            focus_ring(ui, &response, rect);
            if response.clicked() {
                inputs.push(what.clone());
            }
        }
    });
}

/// The symbol on a key: a letter, or an arrow icon.
fn key_mark(ui: &Ui, cap: Rect, key: &str, font: &egui::FontId) {
    use crate::app::widgets::icon::paint;
    let t = theme::of(ui);
    let icon = match key {
        "←" => Some(Icon::Left),
        "→" => Some(Icon::Right),
        "↓" => Some(Icon::Down),
        _ => None,
    };
    match icon {
        Some(icon) => paint(ui.painter(), cap.shrink(cap.height() * 0.25), icon, t.text),
        None => {
            let centre = Align2::CENTER_CENTER;
            ui.painter()
                .text(cap.center(), centre, key, font.clone(), t.text);
        }
    }
}
