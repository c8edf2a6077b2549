//! A field for the path of a file or folder: typed, completed, or chosen in the system's dialog.

use eframe::egui::text::{CCursor, CCursorRange};
use eframe::egui::{
    Align, Align2, Area, Frame, Id, Key, Layout, Margin, Modifiers, Order, Rect, Response, Role,
    Sense, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use super::button::Button;
use super::icon::Icon;
use super::layout;
use super::text as words;
use crate::app::naming::model_title;
use crate::app::queries::paths::{PathKind, Picked};
use crate::app::state::paths::Paths;
use crate::app::theme::{self, size, space};

#[derive(Clone, Copy, Debug)]
pub struct PathField<'a> {
    /// For screen readers, and to match the dialog's result.
    pub name: &'a str,
    pub hint: &'a str,
    pub kind: PathKind,
    /// Width of field and button together.
    pub width: f32,
}

/// What a field requests; the answers are in `Paths`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathWants {
    pub completions: bool,
    pub dialog: bool,
}

/// What a field keeps between frames.
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// The completion chosen by the arrow keys.
    offer: Option<usize>,
    /// Completions are hidden by Escape until something is typed.
    away: bool,
    /// The dialog gave no path, and its note was not dismissed.
    nothing: NoPath,
}

/// Why a dialog gave no path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum NoPath {
    #[default]
    None,
    /// NoPath was chosen in it.
    NotChosen,
    /// No dialog opens on this machine.
    NoDialog,
}

impl NoPath {
    /// The note beside the field.
    fn words(self) -> Option<&'static str> {
        match self {
            NoPath::None => None,
            NoPath::NotChosen => Some("No path was chosen. It can be typed or pasted as well."),
            NoPath::NoDialog => {
                Some("No file dialog opens on this machine. Type or paste the path here.")
            }
        }
    }
}

pub fn path_field(
    ui: &mut Ui,
    typed: &mut String,
    paths: &mut Paths,
    of: PathField<'_>,
) -> PathWants {
    let mut wants = PathWants::default();
    let id = Id::unique(("path", of.name));
    let mut memory: Memory = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if let Some(picked) = paths.take_picked(of.name) {
        memory.nothing = match &picked {
            Picked::Path(path) => {
                *typed = path.display().to_string();
                NoPath::None
            }
            Picked::Nothing => NoPath::NotChosen,
            Picked::NoDialog => NoPath::NoDialog,
        };
        if memory.nothing != NoPath::None {
            // Focus the field: the path has to be typed.
            ui.memory_mut(|memory| memory.request_focus(id));
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
        if let Some(words) = memory.nothing.words() {
            let away = nothing_ui(ui, response.rect, words);
            if away {
                memory.nothing = NoPath::None;
            }
        }
        if let Some(path) = taken.or(clicked).and_then(|at| offers.get(at)) {
            typed.clone_from(path);
            memory.offer = None;
            end_of_text(ui, id, typed);
        }
        if *typed != before || response.gained_focus() {
            memory.away = false;
            if *typed != before {
                memory.nothing = NoPath::None;
            }
            wants.completions = true;
        }
        ui.add_enabled_ui(paths.browsing.is_none(), |ui| {
            let hint = match &paths.browsing {
                Some(_) => "A dialog is being opened, or is open".to_string(),
                None => format!("Choose: {}", of.name.to_lowercase()),
            };
            wants.dialog = Button::secondary("Browse…").hint(&hint).clicked(ui);
        });
    });
    ui.data_mut(|data| data.insert_temp(id, memory));
    wants
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

/// The completions, while the field is focused and they would change the text.
fn offers<'a>(paths: &'a Paths, typed: &str, focused: bool) -> &'a [String] {
    let Some(((completed, _), Ok(found))) = paths.completions.shown() else {
        return &[];
    };
    match found.as_slice() {
        [only] if only.trim_end_matches('/') == typed.trim_end_matches('/') => &[],
        found if focused && completed == typed => found,
        _ => &[],
    }
}

/// Arrows choose a completion, Enter and Tab accept it, Escape hides them.
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

/// A note above the field, which moves nothing. True when it was dismissed.
fn nothing_ui(ui: &Ui, field: Rect, words: &str) -> bool {
    let t = theme::of(ui);
    let mut away = false;
    Area::new(Id::unique("no path was given"))
        .order(Order::Foreground)
        .pivot(Align2::LEFT_BOTTOM)
        .fixed_pos(field.left_top() - vec2(0.0, 4.0))
        .show(ui.ctx(), |ui| {
            let margin = Margin::symmetric(space::M as i8, space::XS as i8);
            Frame::popup(ui.style())
                .inner_margin(margin)
                .show(ui, |ui| {
                    ui.horizontal(|ui| {
                        words::label(ui, words, t.text);
                        let cross = Button::icon(Icon::Cross, "Dismiss").low();
                        away = ui.add(cross).clicked();
                    });
                });
        });
    away
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
                        layout::fill_row(ui, rect, 4, here, response.hovered());
                        words::paint_body(
                            ui.painter(),
                            pos2(rect.left() + space::S, rect.center().y),
                            Align2::LEFT_CENTER,
                            last_part(path),
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

/// The name at the end of a path, or that of the model whose folder it is.
fn last_part(path: &str) -> String {
    let title = model_title(path);
    if title != path {
        return title;
    }
    let trimmed = path.trim_end_matches('/');
    let cut = trimmed.rfind('/').map_or(0, |at| at + 1);
    path.get(cut..).unwrap_or(path).to_string()
}

/// Moves the cursor to the end of the text.
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
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;

    /// A field after its dialog had this outcome.
    fn after(picked: Picked) -> Harness<'static, (String, Paths)> {
        let mut paths = Paths::default();
        paths.put_picked("Folder".into(), picked);
        let draw = |ui: &mut Ui, (typed, paths): &mut (String, Paths)| {
            ui.add_space(80.0);
            let of = PathField {
                name: "Folder",
                hint: "Folder",
                kind: PathKind::Folder,
                width: 400.0,
            };
            path_field(ui, typed, paths, of);
        };
        let mut window = Harness::new_ui_state(draw, (String::new(), paths));
        window.run();
        window
    }

    #[test]
    fn a_dialog_that_does_not_open_is_noted_beside_the_field_until_a_path_is_typed() {
        const NOTE: &str = "No file dialog opens on this machine. Type or paste the path here.";
        let mut window = after(Picked::NoDialog);
        let note = window.get_by_label(NOTE).rect();
        let field = window.get_by_label("Folder").rect();
        assert!(note.bottom() <= field.top(), "nothing is covered");
        // The field is focused.
        window.get_by_label("Folder").type_text("/data");
        window.run();
        assert!(window.query_by_label(NOTE).is_none());
        assert_eq!(window.state().0, "/data");
        let mut window = after(Picked::NoDialog);
        window.get_by_label("Dismiss").click();
        window.run();
        assert!(window.query_by_label(NOTE).is_none());
    }

    #[test]
    fn a_chosen_path_is_filled_in_and_no_choice_is_noted() {
        let window = after(Picked::Path("/models/t5".into()));
        assert_eq!(window.state().0, "/models/t5");
        assert!(window.query_by_label("Dismiss").is_none());
        let window = after(Picked::Nothing);
        assert!(
            window
                .query_by_label_contains("No path was chosen")
                .is_some()
        );
    }

    #[test]
    fn the_last_part_of_a_path_is_shown() {
        assert_eq!(last_part("/data/t5/"), "t5/");
        assert_eq!(last_part("t5"), "t5");
        assert_eq!(last_part("/"), "/");
        assert_eq!(last_part("/hub/models--ada--tiny/snapshots/01"), "ada/tiny");
    }
}
