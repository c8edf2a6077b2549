//! The last notice, with its undo button; and the error log.

use eframe::egui::{Align2, Area, Frame, Id, Margin, Order, RichText, ScrollArea, Ui, vec2};

use crate::app::command::{Command, Commands};
use crate::app::logic::Core;
use crate::app::shortcuts;
use crate::app::state::{Notice, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;

/// How long a notice is shown.
const SHOWN_MS: i64 = 12_000;

pub fn notices_ui(ui: &Ui, state: &mut State, commands: &mut Commands) {
    latest_ui(ui, state, commands);
    log_ui(ui, state, commands);
}

fn latest_ui(ui: &Ui, state: &mut State, commands: &mut Commands) {
    let Some(Notice {
        words: done,
        at,
        undoable,
    }) = state.notices.latest.clone()
    else {
        return;
    };
    let left = SHOWN_MS - (state.now_ms - at);
    if left <= 0 {
        state.notices.latest = None;
        return;
    }
    // Repaint once, when it disappears.
    ui.ctx()
        .request_repaint_after(std::time::Duration::from_millis(left as u64));
    let t = theme::of(ui);
    let above = size::STATUS_ROW + space::M;
    Area::new(Id::unique("said"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_BOTTOM, vec2(0.0, -above))
        .show(ui.ctx(), |ui| {
            let margin = Margin::symmetric(space::M as i8, space::XS as i8);
            Frame::popup(ui.style())
                .inner_margin(margin)
                .show(ui, |ui| {
                    ui.horizontal(|ui| {
                        words::label(ui, &done, t.text);
                        if undoable && !state.notices.undo.is_empty() {
                            let undo = Button::secondary("Undo").shortcut(shortcuts::UNDO).low();
                            if ui.add(undo).clicked() {
                                commands.run(Core::undo);
                            }
                        }
                        if Button::icon(Icon::Cross, "Dismiss").low().clicked(ui) {
                            state.notices.latest = None;
                        }
                    });
                });
        });
}

/// In the status row: the number of errors that have not been seen.
pub fn log_button_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let new = state.notices.log.len().saturating_sub(state.notices.seen);
    if new == 0 {
        return;
    }
    let words = match new {
        1 => "1 problem".to_string(),
        n => format!("{n} problems"),
    };
    let button = Button::quiet(&words)
        .with_icon(Icon::Warning)
        .low()
        .hint("Show what went wrong");
    if ui.add(button).clicked() {
        commands.run(|core| core.state.notices.log_open = true);
    }
}

fn log_ui(ui: &Ui, state: &mut State, commands: &mut Commands) {
    if !state.notices.log_open {
        return;
    }
    state.notices.seen = state.notices.log.len();
    let t = theme::of(ui);
    let (close, dismissed) = modal(ui, "log", 600.0, |ui| {
        words::heading(ui, "What went wrong");
        if state.notices.log.is_empty() {
            words::secondary(ui, "Nothing, since the window was opened.");
        }
        let height = (ui.ctx().content_rect().height() - 200.0).clamp(120.0, 360.0);
        let log = ScrollArea::vertical()
            .max_height(height)
            .min_scrolled_height(height);
        log.show(ui, |ui| {
            for (at, line) in state.notices.log.iter().rev() {
                ui.horizontal_top(|ui| {
                    let time = RichText::new(state.clock.time(*at))
                        .font(text::small())
                        .color(t.secondary);
                    ui.label(time);
                    words::selectable(ui, line);
                });
            }
        });
        ui.horizontal(|ui| {
            if !state.notices.log.is_empty() && Button::secondary("Copy all").clicked(ui) {
                let lines = state.notices.log.iter();
                let lines = lines.map(|(at, line)| format!("{}  {line}\n", state.clock.exact(*at)));
                commands.push(Command::Copy(lines.collect()));
            }
            Button::primary("Close").clicked(ui)
        })
        .inner
    });
    if close || dismissed {
        state.notices.log_open = false;
    }
}
