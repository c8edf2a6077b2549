//! The filter field: errors are underlined, completions are offered below.

use std::sync::Arc;

use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::{
    Align2, Area, Frame, Galley, Id, Key, Margin, Modifiers, Order, Rect, Role, Sense, Stroke,
    TextBuffer, TextEdit, Ui, UiBuilder, Vec2, WidgetInfo, pos2, vec2,
};

use crate::app::format::sentence;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::catalog::vocabulary;
use crate::filter::{Completion, Filter, FilterError, Vocabulary, complete, parse};

/// A filter as typed.
#[derive(Debug)]
pub struct FilterBar {
    pub text: String,
    /// The last valid one.
    pub last: Filter,
    /// The completion chosen by the arrow keys.
    offer: Option<usize>,
    /// Completions are hidden by Escape until something is typed.
    away: bool,
    /// Completions were shown in the last frame.
    offered: bool,
    /// The user moved on to the table by a key.
    left: bool,
    /// The word being typed may become part of a condition.
    unfinished: bool,
    /// The error, shown once nothing more is offered.
    wrong: Option<String>,
}

impl Default for FilterBar {
    fn default() -> Self {
        FilterBar {
            text: String::new(),
            last: Filter::everything(),
            offer: None,
            away: false,
            offered: false,
            left: false,
            unfinished: false,
            wrong: None,
        }
    }
}

impl FilterBar {
    pub fn clear(&mut self) {
        self.set(String::new());
    }

    /// Whether the text may still become a condition.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// The error, as a sentence.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// Whether the user has just moved on to the table.
    pub fn take_left(&mut self) -> bool {
        std::mem::take(&mut self.left)
    }

    pub fn set(&mut self, text: String) {
        if let Ok(filter) = parse(&text, vocabulary()) {
            self.last = filter;
        }
        self.text = text;
        self.offer = None;
    }
}

/// The id by which other parts of the window focus the filter.
pub fn filter_id() -> Id {
    Id::unique("filter of runs")
}

pub fn filter_ui(ui: &mut Ui, bar: &mut FilterBar, saved: &mut Vec<String>, width: f32) {
    let id = filter_id();
    let wrong = parse(&bar.text, vocabulary()).err();
    let focused = ui.memory(|memory| memory.has_focus(id));
    let cursor = TextEdit::load_state(ui.ctx(), id)
        .and_then(|state| state.cursor.char_range())
        .map_or(bar.text.len(), |range| {
            byte_at(&bar.text, range.primary.index.0)
        });
    let offers = match focused && !bar.away {
        true => complete(&bar.text, cursor, vocabulary()),
        false => Vec::new(),
    };
    let taken = keys(ui, bar, &offers);
    let mut layouter =
        |ui: &Ui, buffer: &dyn TextBuffer, _: f32| laid_out(ui, buffer.as_str(), wrong.as_ref());
    let output = TextEdit::singleline(&mut bar.text)
        .id(id)
        .hint_text("Filter runs, such as kl < 3")
        .align(Align2::LEFT_CENTER)
        // Room for the buttons is always reserved, so that nothing moves.
        .margin(Margin {
            right: (2.0 * size::ROW) as i8,
            ..Margin::symmetric(space::S as i8, 2)
        })
        .min_size(vec2(width, size::ROW))
        .desired_width(width)
        .lock_focus(false)
        .layouter(&mut layouter)
        .show(ui);
    let response = output.response.response;
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter runs"));
    let rect = response.rect;
    if response.changed() {
        bar.away = false;
        bar.offer = None;
    }
    let range = output.cursor_range;
    let cursor = range.map_or(bar.text.len(), |range| {
        byte_at(&bar.text, range.primary.index.0)
    });
    bar.unfinished = response.has_focus() && !bar.away && is_begun(&bar.text, cursor);
    let offered = std::mem::replace(&mut bar.offered, !offers.is_empty());
    if response.lost_focus() && taken.is_none() {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let (escape, enter) = (pressed(Key::Escape), pressed(Key::Enter));
        if escape && offered {
            bar.away = true;
            ui.memory_mut(|memory| memory.request_focus(id));
        } else {
            bar.left = escape || enter;
        }
    }
    let clicked = if focused {
        offers_ui(ui, rect, &offers, bar.offer)
    } else {
        None
    };
    if let Some(completion) = taken.or(clicked).and_then(|at| offers.get(at)) {
        accept(ui, bar, completion);
    }
    ends_ui(ui, rect, bar, saved, wrong.is_none());
    let wrong = wrong.filter(|_| !focused || offers.is_empty());
    bar.wrong = wrong.map(|wrong| sentence(&wrong.message));
}

/// The buttons at the right end of the field.
fn ends_ui(ui: &mut Ui, field: Rect, bar: &mut FilterBar, saved: &mut Vec<String>, valid: bool) {
    if bar.text.trim().is_empty() {
        return;
    }
    let place = |at: f32| {
        let corner = pos2(
            field.right() - at * (size::ROW - 2.0) - 2.0,
            field.top() + 2.0,
        );
        Rect::from_min_size(corner, Vec2::splat(size::ROW - 4.0))
    };
    // Outside the row's layout.
    let ui = &mut ui.new_child(UiBuilder::new().max_rect(field));
    let clear = Button::icon(Icon::Cross, "Clear the filter's text").low();
    if ui.put(place(1.0), clear).clicked() {
        bar.clear();
        return;
    }
    let known = saved.contains(&bar.text);
    let keep = Button::icon(Icon::Pin, "Keep this filter below the field").low();
    if valid && !known && ui.put(place(2.0), keep).clicked() {
        saved.push(bar.text.clone());
    }
}

/// Whether the text before the cursor may be the beginning of a condition. A word that may join a complete condition
/// to another does not count.
fn is_begun(text: &str, cursor: usize) -> bool {
    let last = text.split_whitespace().next_back().unwrap_or_default();
    let in_word = text[..cursor].ends_with(char::is_alphanumeric);
    vocabulary().name(last).is_some()
        || (in_word && !complete(text, cursor, vocabulary()).is_empty())
}

/// Arrows choose a completion, Enter and Tab accept it.
fn keys(ui: &Ui, bar: &mut FilterBar, offers: &[Completion]) -> Option<usize> {
    if offers.is_empty() {
        bar.offer = None;
        return None;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let last = offers.len() - 1;
    if pressed(Key::ArrowDown) {
        bar.offer = Some(bar.offer.map_or(0, |at| (at + 1).min(last)));
    }
    if pressed(Key::ArrowUp) {
        bar.offer = bar.offer.and_then(|at| at.checked_sub(1));
    }
    let at = bar.offer.filter(|at| *at <= last)?;
    (pressed(Key::Enter) || pressed(Key::Tab)).then_some(at)
}

fn accept(ui: &Ui, bar: &mut FilterBar, completion: &Completion) {
    let Some((before, after)) = bar
        .text
        .get(..completion.at.start)
        .zip(bar.text.get(completion.at.end..))
    else {
        return;
    };
    let blank = if after.starts_with(' ') { "" } else { " " };
    let written = format!("{before}{}{blank}", completion.insert);
    let end = written.chars().count();
    let text = format!("{written}{after}");
    bar.set(text);
    let id = filter_id();
    if let Some(mut state) = TextEdit::load_state(ui.ctx(), id) {
        let cursor = CCursorRange::one(CCursor::new(end));
        state.cursor.set_char_range(Some(cursor));
        state.store(ui.ctx(), id);
    }
    ui.memory_mut(|memory| memory.request_focus(id));
}

fn byte_at(text: &str, letter: usize) -> usize {
    text.char_indices()
        .nth(letter)
        .map_or(text.len(), |(at, _)| at)
}

fn laid_out(ui: &Ui, words: &str, wrong: Option<&FilterError>) -> Arc<Galley> {
    let t = theme::of(ui);
    let plain = TextFormat::simple(text::body(), t.text);
    let mut job = LayoutJob::default();
    let marked = wrong.and_then(|wrong| {
        let place = wrong.at.start..wrong.at.end.min(words.len());
        words
            .get(place.clone())
            .filter(|part| !part.is_empty())
            .map(|_| place)
    });
    match marked {
        None => job.append(words, 0.0, plain),
        Some(place) => {
            let underlined = TextFormat {
                underline: Stroke::new(1.5, t.bad),
                ..plain.clone()
            };
            job.append(&words[..place.start], 0.0, plain.clone());
            job.append(&words[place.clone()], 0.0, underlined);
            job.append(&words[place.end..], 0.0, plain);
        }
    }
    ui.painter().layout_job(job)
}

/// The completions, below the field. Returns the one that was clicked.
fn offers_ui(ui: &Ui, field: Rect, offers: &[Completion], chosen: Option<usize>) -> Option<usize> {
    if offers.is_empty() {
        return None;
    }
    let t = theme::of(ui);
    let mut clicked = None;
    Area::new(Id::unique("offers of the filter"))
        .order(Order::Foreground)
        .fixed_pos(field.left_bottom() + vec2(0.0, space::XS))
        .show(ui.ctx(), |ui| {
            Frame::popup(ui.style())
                .inner_margin(space::XS)
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    for (at, offer) in offers.iter().enumerate() {
                        // Not focusable: the keyboard stays in the field.
                        let (rect, response) =
                            ui.allocate_exact_size(vec2(420.0, 24.0), Sense::CLICK | Sense::HOVER);
                        let name = format!("Write {}", offer.insert);
                        response.widget_info(|| {
                            WidgetInfo::selected(
                                Role::ListBoxOption,
                                true,
                                chosen == Some(at),
                                &name,
                            )
                        });
                        if chosen == Some(at) || response.hovered() {
                            ui.painter().rect_filled(rect, 4, t.hover);
                        }
                        let middle = rect.center().y;
                        let left = words::paint_body(
                            ui.painter(),
                            pos2(rect.left() + space::S, middle),
                            Align2::LEFT_CENTER,
                            &offer.insert,
                            t.text,
                        );
                        let painter = ui
                            .painter()
                            .with_clip_rect(rect.with_min_x(left.right() + space::S));
                        words::paint_small(
                            &painter,
                            pos2((left.right() + space::M).max(rect.left() + 150.0), middle),
                            Align2::LEFT_CENTER,
                            &offer.help,
                            t.secondary,
                        );
                        if response.clicked() {
                            clicked = Some(at);
                        }
                    }
                });
        });
    clicked
}

/// The saved filters: a click applies one, the cross removes it.
pub fn saved_ui(ui: &mut Ui, bar: &mut FilterBar, saved: &mut Vec<String>) {
    if saved.is_empty() {
        return;
    }
    ui.add_space(space::XS);
    let mut gone = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        words::small(ui, "Kept:");
        for (at, filter) in saved.iter().enumerate() {
            if Button::secondary(filter)
                .low()
                .hint("Use this filter")
                .clicked(ui)
            {
                bar.set(filter.clone());
            }
            let away = format!("Remove the kept filter {filter}");
            if Button::icon(Icon::Cross, &away).low().clicked(ui) {
                gone = Some(at);
            }
            ui.add_space(space::S);
        }
    });
    if let Some(at) = gone {
        saved.remove(at);
    }
}
