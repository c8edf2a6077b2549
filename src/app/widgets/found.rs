//! A list of what a search found: a row each, chosen by a click or by the arrow keys.

use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{
    FontId, Key, Modifiers, Rect, Role, ScrollArea, Sense, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::button::focus_ring;
use super::icon::{self, Icon};
use super::layout;
use crate::app::theme::{self, space, text};

const ROW: f32 = 44.0;

/// What a row shows: a small line above the text.
pub struct FoundRow<'a> {
    /// For screen readers.
    pub name: String,
    pub head: String,
    pub text: &'a str,
    /// From the top of the row to the text.
    pub text_top: f32,
    pub pinned: bool,
}

/// Draws the items at `found`, the rows in sight by `row_of`. Gives the item that was chosen.
pub fn found_ui<'a>(
    ui: &mut Ui,
    name: &str,
    found: &[usize],
    shown: Option<usize>,
    row_of: impl Fn(usize) -> Option<FoundRow<'a>>,
) -> Option<usize> {
    let mut chosen = None;
    let mut area = ScrollArea::vertical().id_salt(name).auto_shrink(false);
    if let Some(at) = moved(ui, found, shown) {
        // The row moved to comes into view, in the upper third.
        let above = (at as f32 - ui.available_height() / ROW / 3.0).max(0.0);
        area = area.vertical_scroll_offset(above * ROW);
        chosen = found.get(at).copied();
    }
    area.show_rows(ui, ROW, found.len(), |ui, rows| {
        for at in found.get(rows).unwrap_or(&[]) {
            if let Some(row) = row_of(*at)
                && row_ui(ui, &row, shown == Some(*at))
            {
                chosen = Some(*at);
            }
        }
    });
    chosen
}

/// The row that the arrow keys lead to, while nothing is typed.
fn moved(ui: &Ui, found: &[usize], shown: Option<usize>) -> Option<usize> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let here = found.iter().position(|at| Some(*at) == shown);
    let last = found.len().checked_sub(1)?;
    if pressed(Key::ArrowDown) {
        return Some(here.map_or(0, |here| (here + 1).min(last)));
    }
    pressed(Key::ArrowUp).then(|| here.map_or(0, |here| here.saturating_sub(1)))
}

fn row_ui(ui: &mut Ui, row: &FoundRow<'_>, shown: bool) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Row, true, shown, &row.name));
    layout::fill_row(ui, rect, 0, shown, response.hovered());
    let line = |words: &str, font: FontId, colour, top: f32, room: f32| {
        let mut job = LayoutJob::simple_singleline(words.to_string(), font, colour);
        job.wrap = TextWrapping::truncate_at_width(room);
        let at = pos2(rect.left() + space::L, rect.top() + top);
        ui.painter()
            .galley(at, ui.painter().layout_job(job), colour);
    };
    let room = rect.width() - 2.0 * space::L;
    line(&row.head, text::small(), t.secondary, 6.0, room - 20.0);
    line(row.text, text::body(), t.text, row.text_top, room);
    if row.pinned {
        let at = pos2(rect.right() - space::L, rect.top() + 13.0);
        let mark = Rect::from_center_size(at, Vec2::splat(12.0));
        icon::paint(ui.painter(), mark, Icon::Pin, t.accent);
    }
    focus_ring(ui, &response, rect.shrink(2.0));
    response.clicked()
}
