//! The conversation: what was said, and the answers with their levels.

use std::path::Path;

use eframe::egui::{Align, Label, Layout, Rect, RichText, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::side::SIDES;
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::format::sentence;
use crate::app::state::playground::{Playground, Turn};
use crate::app::state::reply::{Reply, ReplyState};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::dialogue::utterance_ui;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::levels::identified;
use crate::app::widgets::text as words;
use crate::data::Role;

/// The greatest width of a conversation with one model.
const ALONE: f32 = 760.0;

enum ReplyAction {
    Copy(String),
    Command(String),
    Continue(usize),
}

pub(super) fn talk_ui(
    ui: &mut Ui,
    playground: &mut Playground,
    store: &Path,
    commands: &mut Commands,
) {
    let mut done = None;
    ScrollArea::vertical()
        .id_salt("conversation")
        .auto_shrink(false)
        .stick_to_bottom(true)
        .show(ui, |ui| {
            layout::padded(ui, space::L, |ui| {
                ui.set_width(ui.available_width());
                if playground.turns.is_empty() {
                    begin_ui(ui, playground);
                }
                let last = playground.turns.len().saturating_sub(1);
                for (at, turn) in playground.turns.iter().enumerate() {
                    ui.push_id(at, |ui| {
                        if let Some(chosen) = turn_ui(ui, playground, turn, at == last, store) {
                            done = Some((at, chosen));
                        }
                    });
                }
            });
        });
    match done {
        Some((_, ReplyAction::Copy(words) | ReplyAction::Command(words))) => {
            commands.push(Command::Copy(words));
        }
        Some((at, ReplyAction::Continue(with))) => {
            if let Some(turn) = playground.turns.get_mut(at) {
                turn.continued = with;
            }
        }
        None => {}
    }
}

fn begin_ui(ui: &mut Ui, playground: &Playground) {
    ui.set_max_width(size::PROSE.min(ui.available_width()));
    let Some(who) = playground.model(0) else {
        words::heading(ui, "Nobody answers yet");
        words::secondary(ui, "Choose a run and a checkpoint, or a model folder.");
        return;
    };
    let other = playground.model(1).filter(|_| playground.beside);
    let who = match other {
        Some(other) => format!("{} and {}", who.words(), other.words()),
        None => who.words(),
    };
    words::heading(ui, "Say something");
    words::secondary(
        ui,
        format!(
            "You are the speaker, who tells what happened; {who} answers as the listener. The whole \
             conversation is the context of each answer, as in training."
        ),
    );
}

fn turn_ui(
    ui: &mut Ui,
    playground: &Playground,
    turn: &Turn,
    last: bool,
    store: &Path,
) -> Option<ReplyAction> {
    let mut done = None;
    let two = turn.replies.len() > 1;
    let width = ui.available_width();
    let width = if two { width } else { width.min(ALONE) };
    layout::column(ui, width, |ui| {
        ui.spacing_mut().item_spacing.y = space::S;
        utterance_ui(ui, &turn.said, Role::Speaker);
        if !two {
            if let Some(reply) = turn.replies.first() {
                ui.horizontal_top(|ui| {
                    ui.add_space(space::XXL);
                    ui.vertical(|ui| done = reply_ui(ui, playground, reply, None, store));
                });
            }
            return;
        }
        let gap = space::L;
        let each = ((width - gap) / 2.0).floor();
        let top = ui.cursor().min;
        let mut bottom = top.y;
        for (at, reply) in turn.replies.iter().enumerate() {
            let left = top.x + at as f32 * (each + gap);
            let room = Rect::from_min_max(pos2(left, top.y), pos2(left + each, f32::INFINITY));
            let column = UiBuilder::new()
                .max_rect(room)
                .layout(Layout::top_down(Align::Min))
                .id_salt(at);
            let mut column = ui.new_child(column);
            column.set_width(each);
            let mark = SideBySide {
                side: at,
                continued: turn.continued == at,
                last,
            };
            let chosen = reply_ui(&mut column, playground, reply, Some(mark), store);
            bottom = bottom.max(column.min_rect().bottom());
            done = done.take().or(chosen);
        }
        ui.allocate_rect(
            Rect::from_min_max(top, pos2(top.x + width, bottom)),
            eframe::egui::Sense::hover(),
        );
    });
    ui.add_space(space::L);
    done
}

/// One of two answers side by side.
struct SideBySide {
    side: usize,
    continued: bool,
    /// Whether the choice between the two is still open.
    last: bool,
}

fn reply_ui(
    ui: &mut Ui,
    playground: &Playground,
    reply: &Reply,
    mark: Option<SideBySide>,
    store: &Path,
) -> Option<ReplyAction> {
    let t = theme::of(ui);
    let mut done = None;
    let (left, top) = (ui.cursor().left(), ui.cursor().top());
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(space::M);
        ui.vertical(|ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing = vec2(space::S, space::XS);
            done = head_ui(ui, playground, reply, mark.as_ref(), store);
            state_ui(ui, &reply.state);
            levels_ui(ui, reply);
            foot_ui(ui, reply);
            if let Some(mark) = &mark
                && mark.last
                && !mark.continued
                && reply.response().is_some()
            {
                let button = Button::secondary("Continue with this")
                    .low()
                    .hint("Continue the conversation with this answer instead of the other");
                if ui.add(button).clicked() {
                    done = Some(ReplyAction::Continue(mark.side));
                }
            }
        });
    });
    let bar = Rect::from_min_max(pos2(left, top), pos2(left + 2.0, ui.min_rect().bottom()));
    let continued = mark.as_ref().is_none_or(|mark| mark.continued);
    ui.painter()
        .rect_filled(bar, 1, if continued { t.accent } else { t.line });
    done
}

fn head_ui(
    ui: &mut Ui,
    playground: &Playground,
    reply: &Reply,
    mark: Option<&SideBySide>,
    store: &Path,
) -> Option<ReplyAction> {
    let t = theme::of(ui);
    let mut done = None;
    ui.horizontal(|ui| {
        ui.set_min_height(22.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if let Some(response) = reply.response() {
                let command = Button::quiet("Command")
                    .low()
                    .hint("Copy the command that gives this answer in a terminal");
                if ui.add(command).clicked() {
                    done = Some(ReplyAction::Command(playground.command(reply, store)));
                }
                if Button::icon(Icon::Copy, "Copy the answer")
                    .low()
                    .clicked(ui)
                {
                    done = Some(ReplyAction::Copy(response.text.clone()));
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                let mut who = sentence(&reply.prompt.model.words());
                if let Some(mark) = mark {
                    who = format!("{}  {who}", SIDES[mark.side]);
                }
                if mark.is_some_and(|mark| mark.continued) {
                    who.push_str(", continued");
                }
                let colour = if mark.is_none_or(|mark| mark.continued) {
                    t.accent
                } else {
                    t.secondary
                };
                words::strong(ui, &who, text::small(), colour);
            });
        });
    });
    done
}

fn state_ui(ui: &mut Ui, state: &ReplyState) {
    let t = theme::of(ui);
    let (shown, colour) = match state {
        ReplyState::Waiting => ("Waiting…".to_string(), t.secondary),
        ReplyState::Opening => ("Opening the model…".to_string(), t.secondary),
        ReplyState::Words(words) if words.is_empty() => ("…".to_string(), t.secondary),
        ReplyState::Words(words) => (format!("{words} …"), t.secondary),
        ReplyState::Complete(response) if response.text.is_empty() => {
            ("(empty)".to_string(), t.secondary)
        }
        ReplyState::Complete(response) => (response.text.clone(), t.text),
        ReplyState::Stopped => (
            "Stopped; what there was of it was dropped.".to_string(),
            t.secondary,
        ),
        ReplyState::Failed(why) => (format!("No answer: {why}"), t.bad),
    };
    let label = Label::new(RichText::new(shown).color(colour)).wrap();
    ui.add(label.selectable(true));
}

fn levels_ui(ui: &mut Ui, reply: &Reply) {
    match &reply.levels {
        Some(Ok(levels)) => identified(ui, levels),
        Some(Err(why)) => {
            let why = format!("No levels: {why}");
            words::small_coloured(ui, why, theme::of(ui).bad);
        }
        None if reply.response().is_some() && reply.is_pending() => {
            words::small(ui, "Identifying levels…");
        }
        None => {}
    }
}

/// The measurements of an answer.
fn foot_ui(ui: &mut Ui, reply: &Reply) {
    let Some(response) = reply.response() else {
        return;
    };
    let drawn = match reply.prompt.greedy {
        true => "greedy".to_string(),
        false => format!("seed {}", reply.prompt.seed),
    };
    let tokens = match response.tokens {
        1 => "1 token".to_string(),
        n => format!("{n} tokens"),
    };
    let cut = if response.ended {
        ""
    } else {
        " · cut at the longest length"
    };
    let logprob = format::fixed(f64::from(response.logprob), 1);
    let time = match response.seconds {
        seconds @ 0.0..1.0 => format!("{} ms", format::fixed(1000.0 * seconds, 0)),
        seconds => format!("{} s", format::fixed(seconds, 1)),
    };
    let foot = format!("{drawn} · {tokens} · log-prob {logprob} · {time}{cut}");
    words::small(ui, foot).on_hover_text(
        "Log-prob: natural logarithm of the probability of the whole answer under the model's full softmax, \
         untempered; the time is that of drawing alone",
    );
}
