//! The judging page: one item, the keys below it, nothing else.
//!
//! Draws an annotator's own pages, which cannot name a system. The next item shows only after the store has
//! confirmed that the last one is on disk.

mod answers;
mod context;
mod foot;
mod input;
mod parts;

use answers::{
    CARD_MARGINS, KEYS, LETTER, answer_height, answer_width, answers_ui, scales_height,
    scroll_answers,
};
use context::{context_height, context_ui};
use eframe::egui::{Align, Frame, Label, Layout, Margin, Panel, Rect, RichText, Ui, vec2};
use foot::foot_ui;
use input::{Input, handle, keys};
use parts::{CARDS, column};

use crate::app::command::Commands;
use crate::app::format;
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::state::judging::Judging;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice;
use crate::app::widgets::remote::{RemoteWords, failure_ui};
use crate::app::widgets::text as words;
use crate::study::page::{Page, Shown};

/// How long an answer is acknowledged before the next item shows, in seconds.
const ACKNOWLEDGED: f64 = 0.08;

pub fn judging_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let now = ui.input(|input| input.time);
    let Some(judging) = &mut state.people.judging else {
        return;
    };
    if judging.desk.value().is_none() {
        let said = RemoteWords {
            pending: "Reading the items…",
            failed: "The items cannot be read",
            action: Some("Back to studies"),
        };
        let Some(why) = judging.desk.failure() else {
            ui.centered_and_justified(|ui| words::secondary(ui, said.pending));
            return;
        };
        layout::padded(ui, space::L, |ui| {
            if failure_ui(ui, why, said) {
                commands.run(Core::leave_judging);
            }
        });
        return;
    }
    move_on(ui, judging, now);
    progress_ui(ui, judging);
    let mut inputs = keys(ui, judging);
    Panel::bottom("judging keys")
        .show_separator_line(false)
        .resizable(false)
        .frame(Frame::new().inner_margin(Margin::symmetric(space::L as i8, space::M as i8)))
        .show(ui, |ui| foot_ui(ui, judging, &mut inputs));
    layout::central(ui, |ui| body_ui(ui, judging, &mut inputs));
    for input in inputs {
        match (input, judging.page()) {
            (Input::Scroll(by), Some(page)) => scroll_answers(ui, judging, page, by),
            (input, _) => handle(judging, input, now, commands),
        }
    }
}

/// Shows the next item once the last is on disk and was acknowledged.
fn move_on(ui: &Ui, judging: &mut Judging, now: f64) {
    let Some(given) = judging.given.filter(|given| given.settles) else {
        return;
    };
    let left = ACKNOWLEDGED - (now - given.time);
    if given.recorded && left <= 0.0 {
        judging.next();
        // The focus does not carry over to the next page.
        if let Some(focused) = ui.memory(|memory| memory.focused()) {
            ui.memory_mut(|memory| memory.surrender_focus(focused));
        }
        ui.ctx().request_repaint();
    } else if given.recorded {
        let wait = std::time::Duration::from_secs_f64(left.max(0.0));
        ui.ctx().request_repaint_after(wait);
    }
}

/// A thin progress line over the whole width.
fn progress_ui(ui: &Ui, judging: &Judging) {
    let t = theme::of(ui);
    let Some(desk) = judging.desk.value() else {
        return;
    };
    let progress = desk.progress();
    let rect = ui.max_rect();
    let done = progress.answered as f32 / progress.assigned.max(1) as f32;
    let line = Rect::from_min_size(rect.min, vec2(rect.width(), 3.0));
    ui.painter().rect_filled(line, 0, t.line);
    let filled = Rect::from_min_size(rect.min, vec2(rect.width() * done, 3.0));
    ui.painter().rect_filled(filled, 0, t.accent);
}

fn body_ui(ui: &mut Ui, judging: &mut Judging, inputs: &mut Vec<Input>) {
    ui.add_space(3.0);
    head_ui(ui, judging, inputs);
    if judging.reading {
        instructions_ui(ui, judging, inputs);
        return;
    }
    let Some(page) = judging.page().cloned() else {
        all_done_ui(ui, judging, inputs);
        return;
    };
    judging.show(ui.input(|input| input.time));
    let places = Places::of(ui, judging, &page);
    ui.add_space(places.above);
    context_ui(ui, judging, &page, places.context);
    ui.add_space(space::L);
    column(ui, CARDS, |ui| {
        answers_ui(ui, judging, &page, places.card, inputs);
    });
}

/// The heights of the parts of the page. Where the keys are depends on the window and the study only, so that they do
/// not move from item to item.
#[derive(Clone, Copy)]
struct Places {
    above: f32,
    context: f32,
    card: f32,
}

/// The least height of a conversation, and of it in a window that has more, beside a long answer.
const CONTEXT: f32 = 96.0;
const CONTEXT_SHARE: f32 = 0.35;
/// The least height of an answer's text: two lines.
const LINES: f32 = 36.0;

impl Places {
    fn of(ui: &Ui, judging: &Judging, page: &Page) -> Places {
        let room = ui.available_height();
        let below = match page.shown {
            Shown::Single { .. } => scales_height(judging),
            Shown::Pair { .. } => KEYS,
        };
        let card = (room * 0.2).clamp(104.0, 160.0);
        // Many scales leave an answer less, which then scrolls.
        let card = card.min((room - below - 3.0 * space::L - CONTEXT).max(CARD_MARGINS + LINES));
        let left = room - below - card - 3.0 * space::L;
        let width = answer_width(ui, page);
        let is_long = judging.longest_answer().is_some_and(|letters| {
            let lines = (card - CARD_MARGINS) / text::heading().size;
            letters as f32 > lines * width / LETTER
        });
        if !is_long {
            // Most conversations are short and sit at the bottom of their area: this centres the page.
            let context = (left * 0.6).clamp(CONTEXT, 480.0).min(left.max(CONTEXT));
            return Places {
                above: ((left - context) * 0.25).max(0.0),
                context,
                card,
            };
        }
        // A study with long answers has its keys at the bottom, and answers grow from there as far as they need, or
        // as the conversation leaves room.
        let free = room - below - 3.0 * space::L;
        let talk = context_height(ui, judging, page).max(CONTEXT);
        let talk = talk.min((free * CONTEXT_SHARE).max(CONTEXT));
        let wanted = answer_height(ui, page, width);
        let card = wanted.clamp(card, (free - talk).max(card));
        Places {
            above: 0.0,
            context: (free - card).max(CONTEXT),
            card,
        }
    }
}

fn head_ui(ui: &mut Ui, judging: &Judging, inputs: &mut Vec<Input>) {
    let t = theme::of(ui);
    let Some(desk) = judging.desk.value() else {
        return;
    };
    let progress = desk.progress();
    layout::padded(
        ui,
        Margin::symmetric(space::L as i8, space::S as i8),
        |ui| {
            ui.horizontal(|ui| {
                let done = format!(
                    "{} of {}",
                    format::count(progress.answered as u64),
                    format::count(progress.assigned as u64)
                );
                words::label(ui, done, t.secondary);
                let mut more = Vec::new();
                if progress.skipped > 0 {
                    more.push(format!("{} skipped", progress.skipped));
                }
                if let Some(left) = time_left(judging) {
                    more.push(left);
                }
                words::small_label(ui, more.join(", "), t.secondary);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let leave = Button::icon(Icon::Cross, "Leave; everything is on disk (Esc)");
                    if ui.add(leave).clicked() {
                        // Leaves the page, whatever is shown.
                        inputs.push(Input::Leave);
                    }
                    let read = Button::icon(Icon::Info, "Read the instructions (I)");
                    if !judging.reading && ui.add(read).clicked() {
                        inputs.push(Input::Read);
                    }
                });
            });
        },
    );
}

/// The time left at the pace of this session, after a few items.
fn time_left(judging: &Judging) -> Option<String> {
    let recent = judging.pace.get(judging.pace.len().saturating_sub(20)..)?;
    if recent.len() < 3 {
        return None;
    }
    let progress = judging.desk.value()?.progress();
    let left = progress.assigned - progress.answered;
    let mean = recent.iter().sum::<f32>() / recent.len() as f32;
    (left > 0).then(|| format::left(f64::from(mean) * left as f64))
}

fn instructions_ui(ui: &mut Ui, judging: &Judging, inputs: &mut Vec<Input>) {
    let Some(desk) = judging.desk.value() else {
        return;
    };
    layout::scrolled(ui, "instructions", |ui| {
        ui.add_space(space::XXL);
        column(ui, size::PROSE, |ui| {
            words::title(ui, &desk.head.title);
            ui.add_space(space::S);
            for paragraph in desk.head.instructions.lines() {
                ui.add(Label::new(RichText::new(paragraph).font(text::heading())).wrap());
            }
            ui.add_space(space::L);
            let begin = match desk.progress().answered {
                0 => "Begin",
                _ => "Continue",
            };
            if Button::primary(begin).tall().hint("Enter").clicked(ui) {
                inputs.push(Input::Leave);
            }
        });
    });
}

fn all_done_ui(ui: &mut Ui, judging: &Judging, inputs: &mut Vec<Input>) {
    let progress = judging
        .desk
        .value()
        .map(|desk| desk.progress())
        .unwrap_or_default();
    let explanation = all_done_words(progress.assigned);
    if notice::empty(
        ui,
        Icon::Check,
        "Nothing is left to judge",
        &explanation,
        "Back to studies",
    ) {
        inputs.push(Input::Leave);
    }
}

/// What is said where nothing is left of so many items.
fn all_done_words(assigned: usize) -> String {
    match assigned {
        0 => "No item is given to this annotator yet. The fourth annotator gets the items on which three differ.".to_string(),
        1 => "The only item is judged, and on disk. U takes the answer back.".to_string(),
        n => format!("All {n} items are judged, and on disk. U takes the last answer back."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_is_not_called_several() {
        assert!(all_done_words(1).starts_with("The only item is judged"));
        assert!(all_done_words(2).starts_with("All 2 items are judged"));
    }
}
