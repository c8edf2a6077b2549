//! The cases that were found, one a row.

use eframe::egui::{Key, Modifiers, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use super::parts::padded;
use crate::app::format::sentence;
use crate::app::state::people::CasesState;
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::icon::{self, Icon};
use crate::study::cases::{Case, CaseFilter};

const ROW: f32 = 44.0;

pub(super) fn list_ui(ui: &mut Ui, cases: &mut CasesState) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    if cases.searched && cases.search.found.is_empty() {
        padded(ui, |ui| {
            ui.label("No case matches.");
            if ui.add(Button::secondary("Clear the filter")).clicked() {
                let systems = std::mem::take(&mut cases.filter.systems);
                cases.filter = CaseFilter {
                    systems,
                    ..CaseFilter::default()
                };
            }
        });
        return;
    }
    let moved = moved(ui, cases);
    let mut chosen = None;
    let mut area = ScrollArea::vertical().id_salt("cases").auto_shrink(false);
    if let Some(at) = moved {
        // The row moved to comes into view, in the upper third.
        let above = (at as f32 - ui.available_height() / ROW / 3.0).max(0.0);
        area = area.vertical_scroll_offset(above * ROW);
        chosen = cases.search.found.get(at).copied();
    }
    let found = &cases.search.found;
    let Some(book) = cases.book.value() else {
        return;
    };
    area.show_rows(ui, ROW, found.len(), |ui, rows| {
        for at in found.get(rows).unwrap_or(&[]) {
            if let Some(case) = book.cases.get(*at)
                && row_ui(ui, case, *at, cases.shown == Some(*at))
            {
                chosen = Some(*at);
            }
        }
    });
    let edge = ui.max_rect();
    ui.painter()
        .vline(edge.right() - 0.5, edge.y_range(), t.line_stroke());
    if let Some(at) = chosen {
        cases.show(at);
    }
}

/// The row that the arrow keys lead to, while nothing is typed.
fn moved(ui: &Ui, cases: &CasesState) -> Option<usize> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let found = &cases.search.found;
    let here = found.iter().position(|at| Some(*at) == cases.shown);
    let last = found.len().checked_sub(1)?;
    if pressed(Key::ArrowDown) {
        return Some(here.map_or(0, |here| (here + 1).min(last)));
    }
    if pressed(Key::ArrowUp) {
        return Some(here.map_or(0, |here| here.saturating_sub(1)));
    }
    None
}

fn row_ui(ui: &mut Ui, case: &Case, at: usize, shown: bool) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let said = case.context.utterances.last().map_or("", String::as_str);
    response.widget_info(|| {
        WidgetInfo::selected(Role::Row, true, shown, format!("Case {}: {said}", at + 1))
    });
    let fill = match (shown, response.hovered()) {
        (true, _) => Some(t.selected),
        (false, true) => Some(t.hover),
        (false, false) => None,
    };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, 0, fill);
    }
    let left = rect.left() + space::L;
    let room = rect.width() - 2.0 * space::L;
    let line = |words: &str, font, colour, room: f32| {
        let mut job =
            eframe::egui::text::LayoutJob::simple_singleline(words.to_string(), font, colour);
        job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(room);
        ui.painter().layout_job(job)
    };
    let emotion = sentence(case.context.emotion.as_deref().unwrap_or(""));
    let head = line(
        &format!("{}  {emotion}", at + 1),
        text::small(),
        t.secondary,
        room - 20.0,
    );
    ui.painter()
        .galley(pos2(left, rect.top() + 6.0), head, t.secondary);
    let body = line(said, text::body(), t.text, room);
    ui.painter()
        .galley(pos2(left, rect.top() + 21.0), body, t.text);
    if case.pin.is_some() {
        let mark = eframe::egui::Rect::from_center_size(
            pos2(rect.right() - space::L, rect.top() + 13.0),
            vec2(12.0, 12.0),
        );
        icon::paint(ui.painter(), mark, Icon::Pin, t.accent);
    }
    focus_ring(ui, &response, rect.shrink(2.0));
    response.clicked()
}
