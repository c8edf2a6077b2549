//! The place Case study: a context with the answers of the chosen systems side by side, found as one types.

use std::time::{Duration, Instant};

use eframe::egui::{
    Align, Frame, Key, Label, Layout, Margin, Modifiers, Panel, RichText, Role, ScrollArea, Sense,
    StrokeKind, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::command::{Command, Commands, Place};
use crate::app::desk::Task;
use crate::app::format;
use crate::app::people::{CasesState, TakeForm};
use crate::app::state::{Loaded, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::dialogue::{sentence, utterance_ui};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::levels::levels;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::report::tables::TableNumber;
use crate::study::cases::{AnswerLevels, Case, CaseBook, CaseFilter};

/// How long a frame may search.
const BUDGET: Duration = Duration::from_millis(3);
/// Cases looked at between two looks at the clock.
const STRETCH: usize = 64;
const ROW: f32 = 44.0;
const ANY_EMOTION: &str = "Any emotion";

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

fn padded(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    Frame::new()
        .inner_margin(Margin::same(space::L as i8))
        .show(ui, content);
}

fn empty_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    padded(ui, |ui| {
        ui.set_max_width(size::PROSE.min(ui.available_width()));
        words::heading(ui, "No systems yet");
        words::secondary(
            ui,
            "Here stand the answers of any systems to the same context, side by side. A system's responses \
             are taken in from a text file in test order, JSONL or CSV; in a terminal `emprl responses \
             generate` lets our own checkpoints give theirs.",
        );
        ui.add_space(space::S);
        // Once something is taken in, its cases are on their way and the form has done its work.
        if cases.told.is_none() {
            take_ui(ui, cases.taking.get_or_insert_default(), commands);
        }
        if ui.add(Button::secondary("Look again")).clicked() {
            commands.push(Command::Desk(Task::Cases));
        }
    });
}

/// The fields of responses to take in. True when the form is to be closed.
fn take_ui(ui: &mut Ui, form: &mut TakeForm, commands: &mut Commands) -> bool {
    ui.spacing_mut().item_spacing.y = space::S;
    let width = ui.available_width().min(420.0);
    field::search(
        ui,
        &mut form.file,
        "File of responses",
        "File of responses (.txt, .jsonl, .csv)",
        width,
    );
    field::search(
        ui,
        &mut form.system,
        "Name of the system",
        "Name of the system",
        width,
    );
    let hint = "File of its contexts; else the imported test split";
    field::search(ui, &mut form.contexts, "File of contexts", hint, width);
    if let Some(why) = &form.refused {
        notice::strip(
            ui,
            Tone::Bad,
            "The responses were not taken in",
            why,
            |_| {},
        );
    }
    let mut close = false;
    ui.horizontal(|ui| {
        let ready = !form.file.trim().is_empty() && !form.system.trim().is_empty();
        let take = Button::primary("Take in responses");
        if ui.add_enabled_ui(ready, |ui| ui.add(take).clicked()).inner {
            let contexts = form.contexts.trim();
            commands.push(Command::Desk(Task::TakeResponses {
                file: form.file.trim().into(),
                system: form.system.trim().to_string(),
                contexts: (!contexts.is_empty()).then(|| contexts.into()),
            }));
        }
        close = ui.add(Button::quiet("Cancel")).clicked();
    });
    close
}

/// What was taken in last, and the form while it is open.
fn taking_ui(ui: &mut Ui, cases: &mut CasesState, commands: &mut Commands) {
    let mut close = false;
    if cases.told.is_some() || cases.taking.is_some() {
        padded(ui, |ui| {
            if let Some(told) = cases.told.clone() {
                notice::strip(ui, Tone::Info, &told, "", |ui| {
                    if ui.add(Button::icon(Icon::Cross, "Dismiss")).clicked() {
                        cases.told = None;
                    }
                });
            }
            if let Some(form) = &mut cases.taking {
                close = take_ui(ui, form, commands);
            }
        });
    }
    if close {
        cases.taking = None;
    }
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

fn filters_ui(ui: &mut Ui, cases: &mut CasesState) {
    let t = theme::of(ui);
    let margin = Margin::symmetric(space::L as i8, space::S as i8);
    Frame::new().inner_margin(margin).show(ui, |ui| {
        let Loaded::Value(book) = &cases.book else {
            return;
        };
        let filter = &mut cases.filter;
        ui.horizontal_wrapped(|ui| {
            let hint = "Words of context, target or answers";
            field::search(ui, &mut filter.words, "Find cases", hint, 250.0);
            let mut options = vec![ANY_EMOTION];
            options.extend(cases.emotions.iter().map(String::as_str));
            let chosen = filter.emotion.clone();
            let chosen = chosen.as_deref().unwrap_or(ANY_EMOTION);
            if let Some(emotion) = field::combo(ui, "Emotion", chosen, &options, 130.0) {
                filter.emotion = (emotion != ANY_EMOTION).then(|| emotion.to_string());
            }
            let hint = "Their levels differ; where no levels are known, their words";
            field::tick(ui, "Systems disagree", &mut filter.disagree).on_hover_text(hint);
            let hint = "An answer of a chosen system misses a level of the target";
            field::tick(ui, "Level mismatch", &mut filter.misses_target).on_hover_text(hint);
            field::tick(ui, "Pinned", &mut filter.pinned);
        });
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
            ui.label(
                RichText::new("Systems")
                    .font(text::small())
                    .color(t.secondary),
            );
            for (at, name) in book.systems.iter().enumerate() {
                system_chip(ui, filter, at, name);
            }
            let add = Button::quiet("Add system").with_icon(Icon::Plus).low();
            if ui.add(add.hint("Take in a system's responses")).clicked() {
                cases.taking.get_or_insert_default();
            }
            ui.add_space(space::S);
            let found = cases.search.found.len() as u64;
            let all = book.cases.len() as u64;
            let more = if cases.searched { "" } else { "…" };
            let counted = match found == all {
                true => format!("{} cases", format::count(all)),
                false => format!(
                    "{} of {} cases{more}",
                    format::count(found),
                    format::count(all)
                ),
            };
            let label = ui.label(RichText::new(counted).color(t.secondary));
            if book.withheld > 0 {
                label.on_hover_text(format!(
                    "{} more are in studies that are still blind",
                    format::count(book.withheld as u64)
                ));
                let held = format!(
                    "{} withheld while blind",
                    format::count(book.withheld as u64)
                );
                ui.label(RichText::new(held).font(text::small()).color(t.secondary));
            }
        });
    });
    let rect = ui.min_rect();
    let bottom = ui.cursor().top();
    ui.painter().hline(rect.x_range(), bottom, t.line_stroke());
    ui.add_space(1.0);
}

fn system_chip(ui: &mut Ui, filter: &mut CaseFilter, at: usize, name: &str) {
    let t = theme::of(ui);
    let on = filter.systems.contains(&at);
    let colour = if on { t.text } else { t.secondary };
    let galley = ui
        .painter()
        .layout_no_wrap(name.to_string(), text::small(), colour);
    let room = galley.size() + vec2(16.0, 8.0);
    let (rect, response) = ui.allocate_exact_size(room, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, format!("Show {name}")));
    let fill = match (on, response.hovered()) {
        (true, _) => t.selected,
        (false, true) => t.hover,
        (false, false) => t.ground,
    };
    ui.painter().rect(
        rect,
        size::RADIUS,
        fill,
        t.line_stroke(),
        StrokeKind::Inside,
    );
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    focus_ring(ui, &response, rect);
    if response.clicked() {
        match filter.systems.iter().position(|system| *system == at) {
            Some(place) => {
                filter.systems.remove(place);
            }
            None => {
                filter.systems.push(at);
                filter.systems.sort_unstable();
            }
        }
    }
}

fn list_ui(ui: &mut Ui, cases: &mut CasesState) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    if cases.searched && cases.search.found.is_empty() {
        padded(ui, |ui| {
            ui.label("No case matches.");
            if ui.add(Button::secondary("Clear the filter")).clicked() {
                let systems = std::mem::take(&mut cases.filter.systems);
                cases.filter = CaseFilter {
                    systems,
                    ..CaseFilter::default()
                };
            }
        });
        return;
    }
    let moved = moved(ui, cases);
    let mut chosen = None;
    let mut area = ScrollArea::vertical().id_salt("cases").auto_shrink(false);
    if let Some(at) = moved {
        // The row moved to comes into view, in the upper third.
        let above = (at as f32 - ui.available_height() / ROW / 3.0).max(0.0);
        area = area.vertical_scroll_offset(above * ROW);
        chosen = cases.search.found.get(at).copied();
    }
    let found = &cases.search.found;
    let Loaded::Value(book) = &cases.book else {
        return;
    };
    area.show_rows(ui, ROW, found.len(), |ui, rows| {
        for at in found.get(rows).unwrap_or(&[]) {
            if let Some(case) = book.cases.get(*at)
                && row_ui(ui, case, *at, cases.shown == Some(*at))
            {
                chosen = Some(*at);
            }
        }
    });
    let edge = ui.max_rect();
    ui.painter()
        .vline(edge.right() - 0.5, edge.y_range(), t.line_stroke());
    if let Some(at) = chosen {
        cases.show(at);
    }
}

/// The row that the arrow keys lead to, while nothing is typed.
fn moved(ui: &Ui, cases: &CasesState) -> Option<usize> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let found = &cases.search.found;
    let here = found.iter().position(|at| Some(*at) == cases.shown);
    let last = found.len().checked_sub(1)?;
    if pressed(Key::ArrowDown) {
        return Some(here.map_or(0, |here| (here + 1).min(last)));
    }
    if pressed(Key::ArrowUp) {
        return Some(here.map_or(0, |here| here.saturating_sub(1)));
    }
    None
}

fn row_ui(ui: &mut Ui, case: &Case, at: usize, shown: bool) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let said = case.context.utterances.last().map_or("", String::as_str);
    response.widget_info(|| {
        WidgetInfo::selected(Role::Row, true, shown, format!("Case {}: {said}", at + 1))
    });
    let fill = match (shown, response.hovered()) {
        (true, _) => Some(t.selected),
        (false, true) => Some(t.hover),
        (false, false) => None,
    };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect, 0, fill);
    }
    let left = rect.left() + space::L;
    let room = rect.width() - 2.0 * space::L;
    let line = |words: &str, font, colour, room: f32| {
        let mut job =
            eframe::egui::text::LayoutJob::simple_singleline(words.to_string(), font, colour);
        job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(room);
        ui.painter().layout_job(job)
    };
    let emotion = sentence(case.context.emotion.as_deref().unwrap_or(""));
    let head = line(
        &format!("{}  {emotion}", at + 1),
        text::small(),
        t.secondary,
        room - 20.0,
    );
    ui.painter()
        .galley(pos2(left, rect.top() + 6.0), head, t.secondary);
    let body = line(said, text::body(), t.text, room);
    ui.painter()
        .galley(pos2(left, rect.top() + 21.0), body, t.text);
    if case.pin.is_some() {
        let mark = eframe::egui::Rect::from_center_size(
            pos2(rect.right() - space::L, rect.top() + 13.0),
            vec2(12.0, 12.0),
        );
        icon::paint(ui.painter(), mark, Icon::Pin, t.accent);
    }
    focus_ring(ui, &response, rect.shrink(2.0));
    response.clicked()
}

fn case_ui(ui: &mut Ui, cases: &mut CasesState, table: &mut TableNumber, commands: &mut Commands) {
    let Loaded::Value(book) = &cases.book else {
        return;
    };
    let Some(case) = cases.shown.and_then(|at| book.cases.get(at)) else {
        padded(ui, |ui| {
            words::secondary(ui, "Choose a case on the left.");
        });
        return;
    };
    ScrollArea::vertical()
        .id_salt(("case", &case.key.0))
        .auto_shrink(false)
        .show(ui, |ui| {
            padded(ui, |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                case_head_ui(ui, case, book, &mut cases.note, table, commands);
                if let Some(why) = &cases.refused {
                    notice::strip(ui, Tone::Bad, "The pin is not kept", why, |_| {});
                }
                ui.scope(|ui| {
                    ui.set_max_width(size::PROSE.min(ui.available_width()));
                    if let Some(situation) = &case.context.situation {
                        words::secondary(ui, format!("Situation: {situation}"));
                    }
                    for (turn, utterance) in case.context.utterances.iter().enumerate() {
                        utterance_ui(ui, utterance, turn % 2 == 0);
                    }
                });
                ui.add_space(space::S);
                answers_ui(ui, case, book, &cases.filter.systems);
                ui.add_space(space::XL);
            });
        });
}

fn case_head_ui(
    ui: &mut Ui,
    case: &Case,
    book: &CaseBook,
    note: &mut String,
    table: &mut TableNumber,
    commands: &mut Commands,
) {
    let pin = |note: Option<String>| {
        Command::Desk(Task::Pin {
            case: case.key.clone(),
            note,
        })
    };
    ui.horizontal_wrapped(|ui| {
        let emotion = case
            .context
            .emotion
            .as_deref()
            .unwrap_or("no emotion given");
        words::heading(ui, &sentence(emotion));
        ui.add_space(space::S);
        match &case.pin {
            None => {
                let hint = "Keep this case for Table VI";
                if ui
                    .add(Button::secondary("Pin").with_icon(Icon::Pin).hint(hint))
                    .clicked()
                {
                    commands.push(pin(Some(note.trim().to_string())));
                }
            }
            Some(kept) => {
                if ui
                    .add(Button::secondary("Unpin").with_icon(Icon::Pin))
                    .clicked()
                {
                    commands.push(pin(None));
                }
                let width = 220.0_f32.min(ui.available_width() - space::L).max(80.0);
                let field = TextEdit::singleline(note)
                    .hint_text("A note for the pin")
                    .desired_width(width)
                    .min_size(vec2(width, size::ROW));
                let typed = ui.add(field).accessible_name("Note of the pin");
                if typed.lost_focus() && note.trim() != kept {
                    commands.push(pin(Some(note.trim().to_string())));
                }
            }
        }
        let pinned = book.pinned().len();
        if pinned > 0 {
            let words = match pinned {
                1 => "Table VI of 1 pinned case".to_string(),
                n => format!("Table VI of {n} pinned cases"),
            };
            let button = Button::quiet(&words)
                .with_icon(Icon::Tables)
                .hint("See and export it");
            if ui.add(button).clicked() {
                *table = TableNumber::Cases;
                commands.push(Command::Go(Place::Tables));
            }
        }
    });
}

/// The target first, then the answers; two or three beside each other where there is room.
fn answers_ui(ui: &mut Ui, case: &Case, book: &CaseBook, systems: &[usize]) {
    let target = case.context.target.as_deref().unwrap_or("");
    let target_levels = systems
        .iter()
        .find_map(|system| case.answers.get(*system)?.as_ref()?.levels);
    let mut cards: Vec<Card<'_>> = vec![Card {
        name: "Target",
        text: target,
        levels: target_levels.map(|levels| (levels, true)),
    }];
    for system in systems {
        let Some(name) = book.systems.get(*system) else {
            continue;
        };
        let answer = case.answers.get(*system).and_then(Option::as_ref);
        cards.push(Card {
            name,
            text: answer.map_or("(no answer)", |answer| &answer.text),
            levels: answer
                .and_then(|answer| answer.levels)
                .map(|levels| (levels, false)),
        });
    }
    let across = (((ui.available_width() + space::M) / 300.0) as usize).clamp(1, 3);
    let width = (ui.available_width() - space::M * (across - 1) as f32) / across as f32;
    for row in cards.chunks(across) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for card in row {
                ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    card.draw(ui);
                });
            }
        });
    }
}

struct Card<'a> {
    name: &'a str,
    text: &'a str,
    /// Levels, and whether it is the target's that are wanted of them.
    levels: Option<(AnswerLevels, bool)>,
}

impl Card<'_> {
    fn draw(&self, ui: &mut Ui) {
        let t = theme::of(ui);
        let is_target = self.name == "Target";
        Frame::new()
            .fill(t.panel)
            .stroke(t.line_stroke())
            .corner_radius(size::RADIUS)
            .inner_margin(Margin::same(space::M as i8))
            .show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::XS;
                ui.spacing_mut().interact_size.y = 0.0;
                ui.horizontal(|ui| {
                    let colour = if is_target { t.secondary } else { t.text };
                    words::strong(ui, self.name, text::small(), colour);
                    if let Some((levels, false)) = self.levels {
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            let agreement = format!("{} of 3 as the target", levels.agreement());
                            ui.label(
                                RichText::new(agreement)
                                    .font(text::small())
                                    .color(t.secondary),
                            );
                        });
                    }
                });
                ui.add(
                    Label::new(RichText::new(self.text).color(t.text))
                        .wrap()
                        .selectable(true),
                );
                match self.levels {
                    Some((known, true)) => levels(ui, &known.target, None),
                    Some((known, false)) => levels(ui, &known.response, Some(&known.target)),
                    None => {}
                }
            });
    }
}
