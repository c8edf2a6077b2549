//! The place Case study: a context with the answers of the chosen systems side by side, found as one types.

mod case;
mod filters;
mod list;
mod parts;
mod score;
mod take;

use std::time::{Duration, Instant};

use case::case_ui;
use eframe::egui::{Frame, Panel, Ui};
use filters::filters_ui;
use list::list_ui;
use parts::padded;
use take::{take_ui, taking_ui, told_ui};

use crate::app::command::{Command, Commands};
use crate::app::state::people::CasesState;
use crate::app::state::{Loaded, State};
use crate::app::theme::{size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::app::workers::desk::Task;

/// How long a frame may search.
const BUDGET: Duration = Duration::from_millis(3);

/// Cases looked at between two looks at the clock.
const STRETCH: usize = 64;

pub fn cases_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let cases = &mut state.people.cases;
    match &cases.book {
        Loaded::Nothing => {
            padded(ui, |ui| {
                words::secondary(ui, "Reading the cases…");
            });
            return;
        }
        Loaded::Failed(why) => {
            let why = why.clone();
            padded(ui, |ui| {
                notice::strip(ui, Tone::Bad, "The cases cannot be read", &why, |ui| {
                    if ui.add(Button::secondary("Try again")).clicked() {
                        commands.push(Command::Desk(Task::Cases));
                    }
                });
            });
            return;
        }
        Loaded::Value(book) if book.systems.is_empty() => {
            empty_ui(ui, cases, commands);
            return;
        }
        Loaded::Value(_) => {}
    }
    search_on(ui, cases);
    filters_ui(ui, cases);
    taking_ui(ui, cases, commands);
    let wide = ui.available_width() >= 900.0;
    let width = if wide { 340.0 } else { 260.0 };
    Panel::left("found cases")
        .exact_size(width)
        .resizable(false)
        .frame(Frame::new())
        .show(ui, |ui| list_ui(ui, cases));
    eframe::egui::CentralPanel::default()
        .frame(Frame::new())
        .show(ui, |ui| {
            case_ui(ui, cases, &mut state.people.tables.table, commands)
        });
}

fn empty_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    padded(ui, |ui| {
        ui.set_max_width(size::PROSE.min(ui.available_width()));
        words::heading(ui, "No systems yet");
        words::secondary(
            ui,
            "Here stand the answers of any systems to the same context, side by side. A system's responses \
             are taken in from a text file in test order, JSONL or CSV, or given by one of our own checkpoints.",
        );
        ui.add_space(space::S);
        told_ui(ui, cases, commands);
        // Once something is taken in, its cases are on their way and the form has done its work.
        if cases.told.is_none() {
            let busy = cases.working.is_some();
            let form = cases.taking.get_or_insert_default();
            if take_ui(ui, form, busy, commands) {
                cases.taking = None;
            }
        }
        if ui.add(Button::secondary("Look again")).clicked() {
            commands.push(Command::Desk(Task::Cases));
        }
    });
}

/// Goes on with the search as far as the frame allows.
fn search_on(ui: &Ui, cases: &mut CasesState) {
    if cases.search.filter() != &cases.filter {
        cases.search_again();
    }
    let Loaded::Value(book) = &cases.book else {
        return;
    };
    let until = Instant::now() + BUDGET;
    while !cases.searched && Instant::now() < until {
        cases.searched = !cases.search.go_on(book, STRETCH);
    }
    if cases.searched {
        let found = &cases.search.found;
        let in_sight = cases
            .shown
            .is_some_and(|at| found.binary_search(&at).is_ok());
        if !in_sight && let Some(first) = found.first() {
            cases.show(*first);
        }
    } else {
        ui.ctx().request_repaint();
    }
}
