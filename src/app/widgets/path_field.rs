//! A field for the path of a file or folder: typed, completed from what is there, or chosen in the system's
//! dialog.

use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::{
    Align, Align2, Area, Frame, Id, Key, Layout, Modifiers, Order, Rect, Response, Role, Sense,
    TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use super::button::Button;
use crate::app::theme::{self, size, space, text};
use crate::app::workers::finder::{Ask, Paths};

/// What a field of a path is for.
#[derive(Clone, Copy, Debug)]
pub struct PathField<'a> {
    /// Its name for screen readers, and for what is chosen in a dialog.
    pub name: &'a str,
    pub hint: &'a str,
    /// Whether files are meant, rather than folders.
    pub files: bool,
    /// Of field and button together.
    pub width: f32,
}

/// What is remembered of a field while it is in sight.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// The offer that Enter takes, once the arrows chose one.
    offer: Option<usize>,
    /// Offers were put away by Escape until something is typed.
    away: bool,
    /// The dialog gave nothing.
    nothing: bool,
}

/// Draws the field. Gives what is to be asked for it; the answers come in `paths`.
pub fn path_field(
    ui: &mut Ui,
    typed: &mut String,
    paths: &mut Paths,
    of: PathField<'_>,
) -> Option<Ask> {
    let mut ask = None;
    let id = Id::unique(("path", of.name));
    let mut memory: Memory = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if let Some(picked) = paths.picked(of.name) {
        memory.nothing = picked.is_none();
        if let Some(path) = picked {
            *typed = path.display().to_string();
        }
    }
    let room = vec2(of.width, size::ROW);
    ui.allocate_ui_with_layout(room, Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let before = typed.clone();
        let focused = ui.memory(|memory| memory.has_focus(id));
        let offers = offers(paths, typed, focused && !memory.away);
        let taken = keys(ui, &mut memory, offers.len());
        let width = (of.width - 84.0).max(120.0);
        let response = field_ui(ui, id, typed, of, width);
        let clicked = offers_ui(ui, response.rect, offers, memory.offer);
        if let Some(path) = taken.or(clicked).and_then(|at| offers.get(at)) {
            typed.clone_from(path);
            memory.offer = None;
            end_of_text(ui, id, typed);
        }
        if *typed != before || response.gained_focus() {
            memory.away = false;
            memory.nothing &= *typed == before;
            ask = Some(Ask::Complete {
                typed: typed.clone(),
                files: of.files,
            });
        }
        ui.add_enabled_ui(paths.browsing.is_none(), |ui| {
            let hint = match memory.nothing {
                true => "The dialog gave no path; it can be typed as well".to_string(),
                false => format!("Choose: {}", of.name.to_lowercase()),
            };
            if ui.add(Button::secondary("Browse…").hint(&hint)).clicked() {
                paths.browsing = Some(of.name.to_string());
                ask = Some(Ask::Browse {
                    field: of.name.to_string(),
                    title: of.name.to_string(),
                    files: of.files,
                });
            }
        });
    });
    ui.data_mut(|data| data.insert_temp(id, memory));
    ask
}

fn field_ui(ui: &mut Ui, id: Id, typed: &mut String, of: PathField<'_>, width: f32) -> Response {
    let field = TextEdit::singleline(typed)
        .id(id)
        .hint_text(of.hint.to_string())
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(width, size::ROW))
        .desired_width(width);
    ui.add(field).accessible_name(of.name)
}

/// What fits the text, where the field has the keyboard and that is not there already.
fn offers<'a>(paths: &'a Paths, typed: &str, focused: bool) -> &'a [String] {
    let (asked, found) = &paths.fitting;
    match found.as_slice() {
        [only] if only.trim_end_matches('/') == typed.trim_end_matches('/') => &[],
        found if focused && asked == typed => found,
        _ => &[],
    }
}

/// Arrows choose an offer, Enter and Tab take it, Escape puts the offers away.
fn keys(ui: &Ui, memory: &mut Memory, offers: usize) -> Option<usize> {
    let Some(last) = offers.checked_sub(1) else {
        memory.offer = None;
        return None;
    };
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    if pressed(Key::ArrowDown) {
        memory.offer = Some(memory.offer.map_or(0, |at| (at + 1).min(last)));
    }
    if pressed(Key::ArrowUp) {
        memory.offer = memory.offer.and_then(|at| at.checked_sub(1));
    }
    if pressed(Key::Escape) {
        memory.away = true;
        memory.offer = None;
    }
    let at = memory.offer.filter(|at| *at <= last)?;
    (pressed(Key::Enter) || pressed(Key::Tab)).then_some(at)
}

fn offers_ui(ui: &Ui, field: Rect, offers: &[String], at: Option<usize>) -> Option<usize> {
    if offers.is_empty() {
        return None;
    }
    let t = theme::of(ui);
    let mut clicked = None;
    Area::new(Id::unique("paths that fit"))
        .order(Order::Foreground)
        .fixed_pos(field.left_bottom() + vec2(0.0, 4.0))
        .show(ui.ctx(), |ui| {
            Frame::popup(ui.style())
                .inner_margin(space::XS)
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for (place, path) in offers.iter().enumerate() {
                        // Not focusable: the keyboard stays in the field.
                        let size = vec2(field.width() - 2.0 * space::XS - 2.0, 24.0);
                        let (rect, response) =
                            ui.allocate_exact_size(size, Sense::CLICK | Sense::HOVER);
                        let here = at == Some(place);
                        response.widget_info(|| {
                            WidgetInfo::selected(Role::ListBoxOption, true, here, path)
                        });
                        if here || response.hovered() {
                            let fill = if here { t.selected } else { t.hover };
                            ui.painter().rect_filled(rect, 4, fill);
                        }
                        ui.painter().text(
                            pos2(rect.left() + space::S, rect.center().y),
                            Align2::LEFT_CENTER,
                            last_part(path),
                            text::body(),
                            t.text,
                        );
                        if response.clicked() {
                            clicked = Some(place);
                        }
                    }
                });
        });
    clicked
}

/// The name at the end of a path.
fn last_part(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    let cut = trimmed.rfind('/').map_or(0, |at| at + 1);
    path.get(cut..).unwrap_or(path)
}

/// Puts the cursor behind what was filled in.
fn end_of_text(ui: &Ui, id: Id, text: &str) {
    if let Some(mut state) = TextEdit::load_state(ui.ctx(), id) {
        let end = CCursor::new(text.chars().count());
        state.cursor.set_char_range(Some(CCursorRange::one(end)));
        state.store(ui.ctx(), id);
    }
    ui.memory_mut(|memory| memory.request_focus(id));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_a_path_is_shown() {
        assert_eq!(last_part("/data/t5/"), "t5/");
        assert_eq!(last_part("t5"), "t5");
        assert_eq!(last_part("/"), "/");
    }
}
