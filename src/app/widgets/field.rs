//! Text fields, lists to choose from, sliders and check boxes.

use eframe::egui::{
    Align, Align2, ComboBox, Id, Key, Layout, PopupCloseBehavior, Rect, Response, Role, Sense,
    TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::button::focus_ring;
use super::icon::{self, Icon};
use super::layout;
use super::text as words;
use crate::app::theme::{self, size, space};

/// A single-line field. `hint` is shown while it is empty.
pub fn search(ui: &mut Ui, words: &mut String, name: &str, hint: &str, width: f32) -> Response {
    let field = TextEdit::singleline(words)
        .hint_text(hint.to_string())
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(width, size::ROW))
        .desired_width(width);
    ui.add(field).accessible_name(name)
}

/// Whether Enter was pressed in a single-line field.
pub fn entered(ui: &Ui, field: &Response) -> bool {
    field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// Lists with more options than this have a search field.
const MANY: usize = 16;

/// A drop-down list. Returns the newly chosen option.
pub fn combo<'a>(
    ui: &mut Ui,
    name: &str,
    chosen: &str,
    options: &[&'a str],
    width: f32,
) -> Option<&'a str> {
    let mut picked = None;
    let many = options.len() > MANY;
    let close = match many {
        true => PopupCloseBehavior::CloseOnClickOutside,
        false => PopupCloseBehavior::CloseOnClick,
    };
    let list = ComboBox::from_id_salt(name)
        .selected_text(chosen.to_string())
        .width(width)
        .truncate()
        .close_behavior(close)
        .icon(|ui, rect, visuals, _| {
            let rect = Rect::from_center_size(rect.center(), Vec2::splat(12.0));
            icon::paint(ui.painter(), rect, Icon::Chevron, visuals.fg_stroke.color);
        });
    let mut options_ui = |ui: &mut Ui| {
        // Keep the text clear of the scroll bar.
        ui.spacing_mut().button_padding.x = space::M;
        let (part, enter) = match many {
            true => find_ui(ui, name),
            false => (String::new(), false),
        };
        let fits = |word: &&&str| {
            let word = word.to_lowercase();
            part.split_whitespace().all(|part| word.contains(part))
        };
        let mut found = options.iter().filter(fits).peekable();
        if found.peek().is_none() {
            ui.label("Nothing matches");
        }
        if enter {
            picked = found.peek().map(|word| **word);
        }
        for word in found {
            if ui.selectable_label(*word == chosen, *word).clicked() {
                picked = Some(*word);
            }
        }
        if picked.is_some() {
            ui.close();
        }
    };
    // Never wider, whatever is chosen.
    let size = vec2(width, size::ROW);
    let layout = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_max_width(width);
        list.show_ui(ui, &mut options_ui)
            .response
            .accessible_name(name);
    });
    picked.filter(|word| *word != chosen)
}

/// A drop-down list of values with names. Returns the newly chosen value.
pub fn choose<K: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    chosen: K,
    options: &[(K, String)],
    width: f32,
) -> Option<K> {
    let names: Vec<&str> = options.iter().map(|(_, words)| words.as_str()).collect();
    let now = options.iter().position(|(key, _)| *key == chosen);
    let picked = combo(ui, name, now.map_or("", |at| names[at]), &names, width)?;
    let at = names.iter().position(|words| *words == picked)?;
    Some(options[at].0)
}

/// The search field of a list. Returns what was typed, in lower case, and whether Enter was pressed.
fn find_ui(ui: &mut Ui, name: &str) -> (String, bool) {
    let id = Id::unique(("find in", name));
    // The last pass in which it was visible, and its text.
    let now = ui.ctx().cumulative_pass_nr();
    let kept: Option<(u64, String)> = ui.data(|data| data.get_temp(id));
    let (last, mut part) = kept.unwrap_or_default();
    let opened = last + 1 < now;
    if opened {
        part.clear();
    }
    let width = ui.available_width().max(180.0);
    let field = search(ui, &mut part, &format!("Find in {name}"), "Find", width);
    if opened {
        field.request_focus();
        field.scroll_to_me(Some(Align::Min));
    }
    let enter = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    ui.data_mut(|data| data.insert_temp(id, (now, part.clone())));
    (part.to_lowercase(), enter)
}

/// A slider from 0 to `most`, which the arrow keys move as well.
pub fn slider(ui: &mut Ui, name: &str, value: &mut f64, most: f64, width: f32) -> Response {
    let t = theme::of(ui);
    let (rect, mut response) =
        ui.allocate_exact_size(vec2(width, size::ROW), Sense::click_and_drag());
    let rail = Rect::from_center_size(rect.center(), vec2(width - 12.0, 4.0));
    let before = *value;
    if let Some(pointer) = response.interact_pointer_pos() {
        let share = ((pointer.x - rail.left()) / rail.width()).clamp(0.0, 1.0);
        *value = f64::from(share) * most;
    }
    if response.has_focus() {
        ui.memory_mut(|memory| {
            let filter = eframe::egui::EventFilter {
                horizontal_arrows: true,
                ..Default::default()
            };
            memory.set_focus_lock_filter(response.id, filter);
        });
        let moved = ui.input(|input| {
            f64::from(
                input.num_presses(Key::ArrowRight) as i32
                    - input.num_presses(Key::ArrowLeft) as i32,
            )
        });
        *value += moved * most / 50.0;
    }
    *value = (value.clamp(0.0, most) * 100.0).round() / 100.0;
    if *value != before {
        response.mark_changed();
    }
    let now = *value;
    response.widget_info(|| WidgetInfo::slider(ui.is_enabled(), now, name));
    let x = rail.left() + rail.width() * (now / most) as f32;
    ui.painter().rect_filled(rail, 2, t.line);
    ui.painter().rect_filled(rail.with_max_x(x), 2, t.accent);
    let fill = if response.hovered() || response.dragged() {
        t.accent_hover
    } else {
        t.accent
    };
    ui.painter().circle(
        pos2(x, rail.center().y),
        6.0,
        fill,
        eframe::egui::Stroke::new(2.0, t.ground),
    );
    focus_ring(ui, &response, rect.shrink2(vec2(0.0, 5.0)));
    response
}

/// A check box.
pub fn tick(ui: &mut Ui, words: &str, on: &mut bool) -> Response {
    let t = theme::of(ui);
    let galley = words::galley(ui, words, theme::text::body(), t.text);
    let (rect, mut response) =
        ui.allocate_exact_size(vec2(galley.size().x + 24.0, 26.0), Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    let ticked = *on;
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), ticked, words));
    let mark = Rect::from_center_size(pos2(rect.left() + 8.0, rect.center().y), Vec2::splat(16.0));
    let (fill, line) = match (ticked, response.hovered()) {
        (true, _) => (t.accent, t.accent),
        (false, true) => (t.hover, t.faint),
        (false, false) => (t.raised, t.faint),
    };
    layout::surface(ui, mark, 4, fill, eframe::egui::Stroke::new(1.0, line));
    if ticked {
        icon::paint(ui.painter(), mark.shrink(2.0), Icon::Check, t.on_accent);
    }
    ui.painter().galley(
        pos2(rect.left() + 24.0, rect.center().y - galley.size().y / 2.0),
        galley,
        t.text,
    );
    focus_ring(ui, &response, mark);
    response
}

/// Text that a popup keeps while it is closed.
pub fn remembered(ui: &Ui, id: Id) -> String {
    ui.data(|data| data.get_temp(id)).unwrap_or_default()
}
