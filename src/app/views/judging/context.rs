//! The conversation of a judged item, aligned to the bottom of its area; a long one scrolls.

use eframe::egui::{Id, Key, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::parts::{CARDS, column};
use crate::app::state::judging::Judging;
use crate::app::theme::{size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::dialogue::utterance_in;
use crate::app::widgets::icon::Icon;
use crate::data::Role;
use crate::study::page::Page;

/// What was drawn of the current item.
#[derive(Clone, Copy)]
struct Seen {
    item: u32,
    height: f32,
    /// The height that does not fit.
    hidden: f32,
    /// Where the next frame scrolls to.
    scroll_to: Option<f32>,
}

/// The height of the conversation as it was last drawn, and the space below it; of another item, none.
pub(super) fn context_height(ui: &Ui, judging: &Judging, page: &Page) -> f32 {
    let seen: Option<Seen> = ui.data(|data| data.get_temp(seen_id(judging)));
    let seen = seen.filter(|seen| seen.item == page.item);
    seen.map_or(0.0, |seen| seen.height + space::L)
}

fn seen_id(judging: &Judging) -> Id {
    Id::unique(("judged item", judging.study, judging.annotator))
}

/// Draws the conversation over the whole width, in this height.
pub(super) fn context_ui(ui: &mut Ui, judging: &Judging, page: &Page, height: f32) {
    let (rect, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), height),
        eframe::egui::Sense::hover(),
    );
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(rect));
    let id = seen_id(judging);
    let seen: Option<Seen> = ui.data(|data| data.get_temp(id));
    let fresh = seen.is_none_or(|seen| seen.item != page.item);
    let before = seen.map_or(height, |seen| seen.height);
    let mut area = ScrollArea::vertical()
        .id_salt(("item", page.item))
        .auto_shrink(false);
    if let Some(offset) = seen.and_then(|seen| seen.scroll_to) {
        area = area.vertical_scroll_offset(offset);
    }
    let shown = area.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.add_space((height - before).max(0.0));
        let top = ui.cursor().top();
        let mut tops = Vec::new();
        column(ui, CARDS, |ui| {
            for (turn, utterance) in page.context.iter().enumerate() {
                tops.push(ui.cursor().top());
                utterance_in(ui, utterance, Role::of(&page.roles, turn), text::heading());
            }
        });
        let view = ui.clip_rect().top();
        let above = tops.iter().filter(|top| **top < view - 1.0).count();
        (ui.cursor().top() - top, above)
    });
    let (height_of_all, above) = shown.inner;
    let mut now = Seen {
        item: page.item,
        height: height_of_all,
        hidden: (shown.content_size.y - shown.inner_rect.height()).max(0.0),
        scroll_to: None,
    };
    let hidden = now.hidden;
    let offset = shown.state.clamped_offset().y;
    // A conversation scrolled to its end stays there when the page shrinks.
    let pushed = seen.is_some_and(|seen| hidden != seen.hidden && offset >= seen.hidden - 1.0);
    if fresh || pushed || (now.height - before).abs() > 1.0 {
        // Each item starts at its end; the frame is discarded so that it never flashes elsewhere.
        now.scroll_to = Some(hidden);
        ui.ctx()
            .request_discard("the height of a judged item is known");
    } else {
        let wanted = (offset + scroll_ui(ui, shown.inner_rect, above)).clamp(0.0, hidden);
        if wanted != offset {
            now.scroll_to = Some(wanted);
            ui.ctx().request_repaint();
        }
    }
    ui.data_mut(|data| data.insert_temp(id, now));
}

/// How far keys scroll, and the button that says that so many turns begin above.
fn scroll_ui(ui: &mut Ui, view: Rect, above: usize) -> f32 {
    let page = view.height() * 0.8;
    let steps = [
        (Key::ArrowUp, -48.0),
        (Key::PageUp, -page),
        (Key::PageDown, page),
        (Key::Home, -1e6),
        (Key::End, 1e6),
    ];
    let typing = ui.ctx().text_edit_focused();
    let pressed = |key| !typing && ui.input(|input| input.key_pressed(key));
    let mut by: f32 = steps
        .into_iter()
        .map(|(key, by)| if pressed(key) { by } else { 0.0 })
        .sum();
    if above > 0 {
        let room = vec2(250.0, size::ROW);
        let at = pos2(view.center().x - room.x / 2.0, view.top() + space::XS);
        let words = format!("Earlier turns: {above}, press Page up");
        let earlier = Button::primary(&words).with_icon(Icon::Up);
        if ui.put(Rect::from_min_size(at, room), earlier).clicked() {
            by -= page;
        }
    }
    by
}
