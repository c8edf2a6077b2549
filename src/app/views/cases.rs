//! The place Case study: a context with the answers of the chosen systems side by side, found as one types.

mod case;
mod filters;
mod import;
mod list;
mod score;

use std::time::{Duration, Instant};

use case::case_ui;
use eframe::egui::Ui;
use filters::filters_ui;
use import::{forms_ui, import_ui, notice_ui};
use list::list_ui;

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::state::people::CasesState;
use crate::app::theme::{size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::layout;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;

/// How long a frame may search.
const BUDGET: Duration = Duration::from_millis(3);

/// Cases looked at between two looks at the clock.
const STRETCH: usize = 64;

pub fn cases_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let cases = &mut state.people.cases;
    let Some(book) = cases.book.value() else {
        let said = RemoteWords {
            pending: "Reading the cases…",
            failed: "The cases cannot be read",
            action: Some("Try again"),
        };
        layout::padded(ui, space::L, |ui| {
            if remote_ui(ui, &cases.book, said) {
                commands.run(Core::load_cases);
            }
        });
        return;
    };
    if book.systems.is_empty() {
        empty_ui(ui, cases, commands);
        return;
    }
    search_on(ui, cases);
    filters_ui(ui, cases);
    forms_ui(ui, cases, commands);
    let wide = ui.available_width() >= 900.0;
    let width = if wide { 340.0 } else { 260.0 };
    layout::left_panel(ui, "found cases", width, |ui| list_ui(ui, cases));
    layout::central(ui, |ui| {
        case_ui(ui, cases, &mut state.people.tables.table, commands)
    });
}

fn empty_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    layout::padded(ui, space::L, |ui| {
        ui.set_max_width(size::PROSE.min(ui.available_width()));
        words::heading(ui, "No systems yet");
        words::secondary(
            ui,
            "Here stand the answers of any systems to the same context, side by side. A system's responses \
             are taken in from a text file in test order, JSONL or CSV, or given by one of our own checkpoints.",
        );
        ui.add_space(space::S);
        notice_ui(ui, cases, commands);
        // Once something is imported, its cases are on their way and the form has done its work.
        if cases.notice.is_none() {
            let busy = cases.task.is_some();
            let form = cases.importing.get_or_insert_default();
            if import_ui(ui, form, busy, commands) {
                cases.importing = None;
            }
        }
        if Button::secondary("Look again").clicked(ui) {
            commands.run(Core::load_cases);
        }
    });
}

/// Goes on with the search as far as the frame allows.
fn search_on(ui: &Ui, cases: &mut CasesState) {
    if cases.search.filter() != &cases.filter {
        cases.search_again();
    }
    let Some(book) = cases.book.value() else {
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
