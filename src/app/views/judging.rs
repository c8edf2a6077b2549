//! The judging page: one item, the keys below it, nothing else.
//!
//! Draws an annotator's own pages; what it is given has no place for a system. The next item shows only
//! after the store has answered that the last one is on disk.

use eframe::egui;
use eframe::egui::{
    Align, Align2, Event, EventFilter, Frame, Key, Label, Layout, Margin, Modifiers, Panel, Rect,
    RichText, Role, ScrollArea, Sense, StrokeKind, TextEdit, Ui, WidgetInfo, pos2, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::desk::Task;
use crate::app::format;
use crate::app::people::{Given, Judging};
use crate::app::state::{Loaded, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::dialogue::utterance_in;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, Aspect, COMMENT_LIMIT, Choice, Deed, Score};
use crate::study::page::{Page, Shown};

/// How long an answer is acknowledged before the next item shows, in seconds.
const ACKNOWLEDGED: f64 = 0.08;
/// The widest that the two answers get together.
const CARDS: f32 = 760.0;

/// What a key or a button asks for.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Answer(Choice),
    Point(u8),
    Skip,
    Flag,
    Comment,
    Undo,
    Read,
    Leave,
}

pub fn judging_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let now = ui.input(|input| input.time);
    let Some(judging) = &mut state.people.judging else {
        return;
    };
    if let Loaded::Failed(why) = &judging.desk {
        Frame::new()
            .inner_margin(Margin::same(space::L as i8))
            .show(ui, |ui| {
                notice::strip(ui, Tone::Bad, "The items cannot be read", why, |ui| {
                    if ui.add(Button::secondary("Back to studies")).clicked() {
                        commands.push(Command::LeaveJudging);
                    }
                });
            });
        return;
    }
    if judging.desk.value().is_none() {
        ui.centered_and_justified(|ui| words::secondary(ui, "Reading the items…"));
        return;
    }
    move_on(ui, judging, now);
    progress_ui(ui, judging);
    let mut asked = keys(ui, judging);
    Panel::bottom("judging keys")
        .show_separator_line(false)
        .resizable(false)
        .frame(Frame::new().inner_margin(Margin::symmetric(space::L as i8, space::M as i8)))
        .show(ui, |ui| foot_ui(ui, judging, &mut asked));
    egui::CentralPanel::default()
        .frame(Frame::new())
        .show(ui, |ui| body_ui(ui, judging, &mut asked));
    for asked in asked {
        carry_out(judging, asked, now, commands);
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
        // What had the keyboard on the last page does not have it on this one.
        if let Some(focused) = ui.memory(|memory| memory.focused()) {
            ui.memory_mut(|memory| memory.surrender_focus(focused));
        }
        ui.ctx().request_repaint();
    } else if given.recorded {
        let wait = std::time::Duration::from_secs_f64(left.max(0.0));
        ui.ctx().request_repaint_after(wait);
    }
}

fn carry_out(judging: &mut Judging, asked: Asked, now: f64, commands: &mut Commands) {
    match asked {
        Asked::Leave if judging.reading => {
            judging.reading = false;
            judging.turn();
            return;
        }
        Asked::Leave => {
            commands.push(Command::LeaveJudging);
            return;
        }
        Asked::Read => {
            judging.reading = !judging.reading;
            return;
        }
        _ => {}
    }
    if judging.reading || judging.given.is_some() {
        // What is not on disk yet comes first.
        return;
    }
    let (study, annotator) = (judging.study, judging.annotator);
    let mut given = Given {
        answer: None,
        settles: false,
        time: now,
        recorded: false,
    };
    if asked == Asked::Undo {
        if let Some(last) = judging.draft.iter().rposition(Option::is_some) {
            judging.draft[last] = None;
            return;
        }
        judging.given = Some(given);
        commands.push(Command::Desk(Task::Undo { study, annotator }));
        return;
    }
    let Some(page) = judging.page() else { return };
    let item = page.item;
    let flagged = judging
        .desk
        .value()
        .is_some_and(|desk| desk.state(page).flagged);
    let deed = match asked {
        Asked::Answer(choice) => Deed::Answer(Answer::Choice(choice)),
        Asked::Point(points) => {
            let Some(place) = judging.draft.iter().position(Option::is_none) else {
                return;
            };
            judging.draft[place] = Score::try_from(points).ok();
            match judging.rating() {
                Some(rating) => Deed::Answer(Answer::Rating(rating)),
                None => return,
            }
        }
        Asked::Skip => Deed::Skip,
        Asked::Flag => Deed::Flag(!flagged),
        Asked::Comment => {
            match judging.comment.take() {
                // The field was open: what stands in it is the comment.
                Some(comment) => {
                    let comment = comment.trim().chars().take(COMMENT_LIMIT).collect();
                    Deed::Comment(comment)
                }
                None => {
                    let desk = judging.desk.value();
                    let state = desk
                        .zip(judging.page())
                        .map(|(desk, page)| desk.state(page));
                    judging.comment = Some(state.unwrap_or_default().comment);
                    return;
                }
            }
        }
        Asked::Undo | Asked::Read | Asked::Leave => return,
    };
    given.answer = match &deed {
        Deed::Answer(answer) => Some(*answer),
        _ => None,
    };
    given.settles = matches!(deed, Deed::Answer(_) | Deed::Skip);
    judging.given = Some(given);
    let shown_ms = judging.shown_ms();
    commands.push(Command::Desk(Task::Judge {
        study,
        annotator,
        item,
        deeds: vec![deed],
        shown_ms,
    }));
}

fn keys(ui: &Ui, judging: &Judging) -> Vec<Asked> {
    let mut asked = Vec::new();
    if judging.comment.is_some() {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Enter) || pressed(Key::Escape) {
            asked.push(Asked::Comment);
        }
        return asked;
    }
    let pressed = |key| {
        ui.input_mut(|input| {
            // A key that is held down answers one item only.
            let fresh = input.events.iter().any(|event| {
                matches!(event, Event::Key { key: k, pressed: true, repeat: false, .. } if *k == key)
            });
            input.consume_key(Modifiers::NONE, key) && fresh
        })
    };
    if pressed(Key::Escape) {
        asked.push(Asked::Leave);
    }
    if judging.reading {
        if pressed(Key::Enter) || pressed(Key::Space) {
            asked.push(Asked::Leave);
        }
        return asked;
    }
    if pressed(Key::Questionmark) || pressed(Key::I) {
        asked.push(Asked::Read);
    }
    if pressed(Key::U) || pressed(Key::Backspace) {
        asked.push(Asked::Undo);
    }
    let kind = judging.desk.value().map(|desk| desk.head.kind);
    match kind {
        Some(StudyKind::AbTest) => {
            let answers = [
                (Key::ArrowLeft, Choice::Left),
                (Key::ArrowRight, Choice::Right),
                (Key::ArrowDown, Choice::Tie),
            ];
            let answers = answers.into_iter().filter(|(key, _)| pressed(*key));
            asked.extend(answers.map(|(_, choice)| Asked::Answer(choice)));
        }
        Some(StudyKind::Rating) => {
            let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
            let points = (1..).zip(digits).filter(|(_, key)| pressed(*key));
            asked.extend(points.map(|(points, _)| Asked::Point(points)));
        }
        None => {}
    }
    for (key, what) in [
        (Key::S, Asked::Skip),
        (Key::F, Asked::Flag),
        (Key::C, Asked::Comment),
    ] {
        if pressed(key) {
            asked.push(what);
        }
    }
    asked
}

/// One thin line over the whole width, and how many are done.
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

fn body_ui(ui: &mut Ui, judging: &mut Judging, asked: &mut Vec<Asked>) {
    ui.add_space(3.0);
    head_ui(ui, judging, asked);
    if judging.reading {
        instructions_ui(ui, judging, asked);
        return;
    }
    let Some(page) = judging.page().cloned() else {
        all_done_ui(ui, judging, asked);
        return;
    };
    let id = egui::Id::unique("height of a judged item");
    let room = ui.available_height();
    let before: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(room);
    ScrollArea::vertical()
        // Each item begins at its end, where the answers are.
        .id_salt(("item", page.item))
        .auto_shrink(false)
        .stick_to_bottom(true)
        .show(ui, |ui| {
            let above = ((room - before) * 0.4).max(space::S);
            ui.add_space(above);
            let top = ui.cursor().top();
            column(ui, size::PROSE, |ui| {
                for (turn, utterance) in page.context.iter().enumerate() {
                    utterance_in(ui, utterance, turn % 2 == 0, text::heading());
                }
            });
            ui.add_space(space::L);
            column(ui, CARDS, |ui| answers_ui(ui, judging, &page, asked));
            let height = ui.cursor().top() - top;
            if (height - before).abs() > 1.0 {
                ui.data_mut(|data| data.insert_temp(id, height));
                ui.ctx().request_repaint();
            }
        });
}

/// A column in the middle, at most this wide.
fn column(ui: &mut Ui, most: f32, content: impl FnOnce(&mut Ui)) {
    let width = (ui.available_width() - 2.0 * space::L).min(most);
    let left = (ui.available_width() - width) / 2.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(left);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::S, space::S);
            ui.set_width(width);
            content(ui);
        });
    });
}

fn head_ui(ui: &mut Ui, judging: &Judging, asked: &mut Vec<Asked>) {
    let t = theme::of(ui);
    let Some(desk) = judging.desk.value() else {
        return;
    };
    let progress = desk.progress();
    Frame::new()
        .inner_margin(Margin::symmetric(space::L as i8, space::S as i8))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let done = format!(
                    "{} of {}",
                    format::count(progress.answered as u64),
                    format::count(progress.assigned as u64)
                );
                ui.label(RichText::new(done).color(t.secondary));
                let mut more = Vec::new();
                if progress.skipped > 0 {
                    more.push(format!("{} skipped", progress.skipped));
                }
                if let Some(left) = time_left(judging) {
                    more.push(left);
                }
                ui.label(
                    RichText::new(more.join(", "))
                        .font(text::small())
                        .color(t.secondary),
                );
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let leave = Button::icon(Icon::Cross, "Leave; everything is on disk (Esc)");
                    if ui.add(leave).clicked() {
                        // Out of the page, whatever is in view.
                        asked.push(Asked::Leave);
                    }
                    let read = Button::icon(Icon::Info, "Read the instructions (I)");
                    if !judging.reading && ui.add(read).clicked() {
                        asked.push(Asked::Read);
                    }
                });
            });
        });
}

/// What is left at the pace of this sitting, after some items.
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

fn instructions_ui(ui: &mut Ui, judging: &Judging, asked: &mut Vec<Asked>) {
    let Some(desk) = judging.desk.value() else {
        return;
    };
    ScrollArea::vertical()
        .id_salt("instructions")
        .auto_shrink(false)
        .show(ui, |ui| {
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
                    _ => "Go on",
                };
                if ui
                    .add(Button::primary(begin).tall().hint("Enter"))
                    .clicked()
                {
                    asked.push(Asked::Leave);
                }
            });
        });
}

fn all_done_ui(ui: &mut Ui, judging: &Judging, asked: &mut Vec<Asked>) {
    let progress = judging
        .desk
        .value()
        .map(|desk| desk.progress())
        .unwrap_or_default();
    let explanation = match progress.assigned {
        0 => "No item is given to this annotator yet. The fourth annotator gets the items on which three differ.".to_string(),
        n => format!("All {n} items are judged, and on disk. U takes the last answer back."),
    };
    if notice::empty(
        ui,
        Icon::Check,
        "Nothing is left to judge",
        &explanation,
        "Back to studies",
    ) {
        asked.push(Asked::Leave);
    }
}

fn answers_ui(ui: &mut Ui, judging: &Judging, page: &Page, asked: &mut Vec<Asked>) {
    let given = judging.given.and_then(|given| given.answer);
    match &page.shown {
        Shown::Pair { left, right } => {
            let width = ((ui.available_width() - space::M) / 2.0).floor();
            let height = [left, right]
                .map(|response| card_height(ui, response, width))
                .into_iter()
                .fold(72.0, f32::max);
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                for (label, response, choice) in
                    [("1", left, Choice::Left), ("2", right, Choice::Right)]
                {
                    let answer = Answer::Choice(choice);
                    let marked =
                        given == Some(answer) || given == Some(Answer::Choice(Choice::Tie));
                    if card_ui(ui, label, response, vec2(width, height), marked) {
                        asked.push(Asked::Answer(choice));
                    }
                }
            });
            ui.add_space(space::M);
            let caps = [
                ("←", "1 is better", Asked::Answer(Choice::Left)),
                ("↓", "Tie", Asked::Answer(Choice::Tie)),
                ("→", "2 is better", Asked::Answer(Choice::Right)),
            ];
            keycaps_ui(ui, &caps, true, asked);
        }
        Shown::Single { response } => {
            let width = ui.available_width();
            let height = card_height(ui, response, width);
            card_ui(ui, "Response", response, vec2(width, height), false);
            ui.add_space(space::M);
            scales_ui(ui, judging, asked);
            ui.add_space(space::XS);
            let hint = "Press 1 to 5 for each of the three, one after the other";
            words::small(ui, hint);
        }
    }
}

/// Room for the label above and the padding around the text.
const CARD_LABEL: f32 = 22.0;

fn card_text(ui: &Ui, response: &str, width: f32) -> std::sync::Arc<egui::Galley> {
    let t = theme::of(ui);
    let room = width - 2.0 * space::L;
    ui.painter()
        .layout(response.to_string(), text::heading(), t.text, room)
}

fn card_height(ui: &Ui, response: &str, width: f32) -> f32 {
    card_text(ui, response, width).size().y + CARD_LABEL + 2.0 * space::M
}

/// An answer. True when it was clicked.
fn card_ui(ui: &mut Ui, label: &str, response: &str, room: egui::Vec2, marked: bool) -> bool {
    let t = theme::of(ui);
    let single = label == "Response";
    let sense = if single {
        Sense::hover()
    } else {
        Sense::click()
    };
    let (rect, card) = ui.allocate_exact_size(room, sense);
    let name = match single {
        true => format!("Response: {response}"),
        false => format!("Response {label}: {response}"),
    };
    let role = if single { Role::Label } else { Role::Button };
    card.widget_info(|| WidgetInfo::labeled(role, true, &name));
    let fill = match (marked, card.hovered() && !single) {
        (true, _) => t.selected,
        (false, true) => t.hover,
        (false, false) => t.raised,
    };
    let stroke = if marked {
        t.focus_ring()
    } else {
        t.line_stroke()
    };
    ui.painter()
        .rect(rect, size::RADIUS, fill, stroke, StrokeKind::Inside);
    let inner = rect.shrink2(vec2(space::L, space::M));
    ui.painter().text(
        inner.min,
        Align2::LEFT_TOP,
        label,
        text::small(),
        t.secondary,
    );
    let galley = card_text(ui, response, room.x);
    ui.painter()
        .galley(inner.min + vec2(0.0, CARD_LABEL), galley, t.text);
    focus_ring(ui, &card, rect);
    card.clicked()
}

/// Three scales of five points, one below the other.
fn scales_ui(ui: &mut Ui, judging: &Judging, asked: &mut Vec<Asked>) {
    let t = theme::of(ui);
    let active = judging.aspect();
    let fits = ui.available_width() >= 600.0;
    for aspect in Aspect::ALL {
        let here = active == Some(aspect);
        let score = judging.draft[aspect as usize];
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            let (rect, _) = ui.allocate_exact_size(vec2(100.0, 32.0), Sense::hover());
            let colour = if here { t.text } else { t.secondary };
            let at = pos2(rect.left() + space::M, rect.center().y);
            ui.painter().text(
                at,
                Align2::LEFT_CENTER,
                aspect.title(),
                text::heading(),
                colour,
            );
            if here {
                let mark = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
                ui.painter().rect_filled(mark, 1, t.accent);
            }
            for (points, word) in (1..).zip(Score::WORDS) {
                let chosen = score.is_some_and(|score| score.points() == points);
                let label = match fits {
                    true => format!("{points}  {word}"),
                    false => points.to_string(),
                };
                let name = format!("{} {points}, {word}", aspect.title());
                let width = if fits { 116.0 } else { 44.0 };
                if point_ui(ui, &label, &name, width, chosen, here) {
                    asked.push(Asked::Point(points));
                }
            }
        });
    }
}

fn point_ui(ui: &mut Ui, label: &str, name: &str, width: f32, chosen: bool, here: bool) -> bool {
    let t = theme::of(ui);
    let sense = if here { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 32.0), sense);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, here, chosen, name));
    let (fill, stroke, colour) = match (chosen, here) {
        (true, _) => (t.selected, t.focus_ring(), t.text),
        (false, true) if response.hovered() => (t.hover, t.line_stroke(), t.text),
        (false, true) => (t.raised, t.line_stroke(), t.text),
        (false, false) => (t.ground, t.line_stroke(), t.secondary),
    };
    ui.painter()
        .rect(rect, size::RADIUS, fill, stroke, StrokeKind::Inside);
    ui.painter().text(
        rect.center(),
        Align2::CENTER_CENTER,
        label,
        text::body(),
        colour,
    );
    focus_ring(ui, &response, rect);
    here && response.clicked()
}

fn foot_ui(ui: &mut Ui, judging: &mut Judging, asked: &mut Vec<Asked>) {
    if let Some(why) = &judging.refused {
        notice::strip(ui, Tone::Bad, "Not recorded; answer again", why, |_| {});
        ui.add_space(space::S);
    }
    if judging.reading || judging.at.is_none() {
        return;
    }
    if let Some(comment) = &mut judging.comment {
        comment_ui(ui, comment, asked);
        return;
    }
    let state = judging
        .desk
        .value()
        .zip(judging.page())
        .map(|(desk, page)| desk.state(page))
        .unwrap_or_default();
    if !state.comment.is_empty() {
        column(ui, CARDS, |ui| {
            words::small(ui, format!("Comment: {}", state.comment));
        });
    }
    let flag = if state.flagged { "Flagged" } else { "Flag" };
    let rest = [
        ("S", "Skip", Asked::Skip),
        ("F", flag, Asked::Flag),
        ("C", "Comment", Asked::Comment),
        ("U", "Undo", Asked::Undo),
    ];
    keycaps_ui(ui, &rest, false, asked);
}

fn comment_ui(ui: &mut Ui, comment: &mut String, asked: &mut Vec<Asked>) {
    column(ui, CARDS, |ui| {
        let field = TextEdit::singleline(comment)
            .hint_text("A comment for whoever made the study; Enter keeps it")
            .desired_width(f32::INFINITY)
            .min_size(vec2(0.0, size::ROW));
        let response = ui.add(field).accessible_name("Comment");
        if !response.has_focus() {
            if response.lost_focus() {
                asked.push(Asked::Comment);
            } else {
                response.request_focus();
            }
        }
        ui.memory_mut(|memory| {
            let filter = EventFilter {
                escape: true,
                ..EventFilter::default()
            };
            memory.set_focus_lock_filter(response.id, filter);
        });
    });
}

/// Keys with what they do, side by side in the middle; each can be clicked.
fn keycaps_ui(ui: &mut Ui, caps: &[(&str, &str, Asked)], large: bool, asked: &mut Vec<Asked>) {
    if caps.is_empty() {
        return;
    }
    let t = theme::of(ui);
    let font = if large { text::heading() } else { text::body() };
    let gap = if large { space::XL } else { space::L };
    let height = if large { 34.0 } else { 26.0 };
    let widths: Vec<f32> = caps
        .iter()
        .map(|(_, words, _)| {
            let galley = ui
                .painter()
                .layout_no_wrap((*words).to_string(), font.clone(), t.text);
            (height + space::S + galley.size().x + space::S).ceil()
        })
        .collect();
    let total = widths.iter().sum::<f32>() + gap * (caps.len() - 1) as f32;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        ui.add_space((ui.available_width() - total).max(0.0) / 2.0 - gap.min(0.0));
        for ((key, words, what), width) in caps.iter().zip(widths) {
            let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, *words));
            if response.hovered() {
                ui.painter().rect_filled(rect, size::RADIUS, t.hover);
            }
            let cap = Rect::from_min_size(rect.min, egui::Vec2::splat(height)).shrink(2.0);
            ui.painter().rect(
                cap,
                size::RADIUS - 1,
                t.raised,
                t.line_stroke(),
                StrokeKind::Inside,
            );
            key_mark(ui, cap, key, &font);
            let at = pos2(rect.left() + height + space::S, rect.center().y);
            let colour = if large { t.text } else { t.secondary };
            ui.painter()
                .text(at, Align2::LEFT_CENTER, words, font.clone(), colour);
            focus_ring(ui, &response, rect);
            if response.clicked() {
                asked.push(what.clone());
            }
        }
    });
}

/// What is on a key: a letter, or an arrow as it is drawn elsewhere in the window.
fn key_mark(ui: &Ui, cap: Rect, key: &str, font: &egui::FontId) {
    use crate::app::widgets::icon::paint;
    let t = theme::of(ui);
    let icon = match key {
        "←" => Some(Icon::Left),
        "→" => Some(Icon::Right),
        "↓" => Some(Icon::Down),
        _ => None,
    };
    match icon {
        Some(icon) => paint(ui.painter(), cap.shrink(cap.height() * 0.25), icon, t.text),
        None => {
            let centre = Align2::CENTER_CENTER;
            ui.painter()
                .text(cap.center(), centre, key, font.clone(), t.text);
        }
    }
}
