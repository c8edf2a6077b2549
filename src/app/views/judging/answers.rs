//! The answers of a page: two cards to choose between, or one with its three scales.

use eframe::egui;
use eframe::egui::{Align2, Rect, Role, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, pos2, vec2};

use super::input::Input;
use super::parts::keycaps_ui;
use crate::app::state::judging::Judging;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::study::judgement::{Answer, Aspect, Choice, Rating, Score};
use crate::study::page::{Page, Shown};

/// Height of the keys below two answers.
pub(super) const KEYS: f32 = 34.0;
/// Height of the three scales below one answer, and their hint.
pub(super) const SCALES: f32 = 3.0 * (POINT + space::S) + 20.0;
const POINT: f32 = 32.0;
/// Width of the names of the scales.
const ASPECT: f32 = 100.0;

/// Draws the answers in cards of this height, and the keys below.
pub(super) fn answers_ui(
    ui: &mut Ui,
    judging: &Judging,
    page: &Page,
    height: f32,
    inputs: &mut Vec<Input>,
) {
    let given = judging.given.and_then(|given| given.answer);
    let looked_at = judging.looking.is_some().then(|| judging.desk.value());
    let looked_at = looked_at.flatten().and_then(|desk| desk.state(page).answer);
    let given = given.or(looked_at);
    match &page.shown {
        Shown::Pair { left, right } => {
            let width = ((ui.available_width() - space::M) / 2.0).floor();
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                for (label, response, choice) in
                    [("1", left, Choice::Left), ("2", right, Choice::Right)]
                {
                    let answer = Answer::Choice(choice);
                    let marked =
                        given == Some(answer) || given == Some(Answer::Choice(Choice::Tie));
                    let card = Card {
                        item: page.item,
                        label,
                        response,
                        note: match judging.earlier {
                            Some(Answer::Choice(Choice::Tie)) => "taken back: a tie",
                            earlier if earlier == Some(answer) => "taken back: this one is better",
                            _ => "",
                        },
                    };
                    if card.ui(ui, vec2(width, height), marked) {
                        inputs.push(Input::Answer(choice));
                    }
                }
            });
            ui.add_space(space::S);
            let caps = [
                (
                    &["←", "1"][..],
                    "Left is better",
                    Input::Answer(Choice::Left),
                ),
                (&["↓", "3"], "Tie", Input::Answer(Choice::Tie)),
                (&["→", "2"], "Right is better", Input::Answer(Choice::Right)),
            ];
            keycaps_ui(ui, &caps, true, inputs);
        }
        Shown::Single { response } => {
            let room = vec2(ui.available_width(), height);
            let card = Card {
                item: page.item,
                label: SINGLE,
                response,
                note: "",
            };
            card.ui(ui, room, false);
            ui.add_space(space::S);
            let given = given.and_then(Answer::rating);
            scales_ui(ui, judging, given, inputs);
            let hint = "Press 1 to 5 for each of the three, one after the other";
            words::small(ui, hint);
        }
    }
}

/// Height of the label above the text.
const CARD_LABEL: f32 = 22.0;

/// The label of an answer that stands alone.
const SINGLE: &str = "Response";

/// An answer; one that is longer than its card scrolls in it.
struct Card<'a> {
    item: u32,
    label: &'a str,
    response: &'a str,
    /// Behind the label: what was taken back.
    note: &'a str,
}

impl Card<'_> {
    /// True when it was clicked.
    fn ui(&self, ui: &mut Ui, room: egui::Vec2, marked: bool) -> bool {
        let Card {
            item,
            label,
            response,
            note,
        } = self;
        let t = theme::of(ui);
        let single = *label == SINGLE;
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
        layout::surface(ui, rect, size::RADIUS, fill, stroke);
        let inner = rect.shrink2(vec2(space::L, space::M));
        let head = match note.is_empty() {
            true => (*label).to_string(),
            false => format!("{label}  ({note})"),
        };
        words::paint_small(ui.painter(), inner.min, Align2::LEFT_TOP, head, t.secondary);
        let below = inner.with_min_y(inner.top() + CARD_LABEL);
        let mut child = ui.new_child(UiBuilder::new().max_rect(below));
        ScrollArea::vertical()
            .id_salt(("answer", item, label))
            .auto_shrink(false)
            .show(&mut child, |ui| {
                let galley = ui.painter().layout(
                    response.to_string(),
                    text::heading(),
                    t.text,
                    below.width(),
                );
                let (at, _) = ui.allocate_exact_size(galley.size(), Sense::hover());
                ui.painter().galley(at.min, galley, t.text);
            });
        focus_ring(ui, &card, rect);
        card.clicked()
    }
}

/// Three scales of five points.
fn scales_ui(ui: &mut Ui, judging: &Judging, given: Option<Rating>, inputs: &mut Vec<Input>) {
    let t = theme::of(ui);
    let active = match judging.looking {
        Some(_) => None,
        None => judging.aspect(),
    };
    let earlier = judging.earlier.and_then(Answer::rating);
    // The scales are as wide as the card.
    let each = ((ui.available_width() - ASPECT) / 5.0 - space::S).floor();
    let fits = each >= 96.0;
    for aspect in Aspect::ALL {
        let here = active == Some(aspect);
        let score = given.map(|rating| rating.get(aspect));
        let score = score.or(judging.draft[aspect as usize]);
        let earlier = earlier.map(|rating| rating.get(aspect).points());
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            let (rect, _) = ui.allocate_exact_size(vec2(ASPECT, POINT), Sense::hover());
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
                let taken_back = earlier == Some(points);
                let label = match (fits, taken_back) {
                    (true, false) => format!("{points}  {word}"),
                    (true, true) => format!("{points}  taken back"),
                    (false, _) => points.to_string(),
                };
                let before = if taken_back { ", taken back" } else { "" };
                let name = format!("{} {points}, {word}{before}", aspect.title());
                let point = Point {
                    label: &label,
                    name: &name,
                    width: if fits { each } else { 44.0 },
                    chosen,
                    here,
                };
                if point.ui(ui) {
                    inputs.push(Input::Score(aspect, points));
                }
            }
        });
    }
}

/// A point of a scale; it can be clicked whichever scale is next.
struct Point<'a> {
    label: &'a str,
    name: &'a str,
    width: f32,
    chosen: bool,
    /// Whether its scale is next.
    here: bool,
}

impl Point<'_> {
    /// True when it was clicked.
    fn ui(&self, ui: &mut Ui) -> bool {
        let t = theme::of(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(self.width, POINT), Sense::click());
        response
            .widget_info(|| WidgetInfo::selected(Role::RadioButton, true, self.chosen, self.name));
        let (fill, stroke, colour) = match (self.chosen, self.here) {
            (true, _) => (t.selected, t.focus_ring(), t.text),
            (false, _) if response.hovered() => (t.hover, t.line_stroke(), t.text),
            (false, true) => (t.raised, t.line_stroke(), t.text),
            (false, false) => (t.ground, t.line_stroke(), t.secondary),
        };
        layout::surface(ui, rect, size::RADIUS, fill, stroke);
        words::paint_body(
            ui.painter(),
            rect.center(),
            Align2::CENTER_CENTER,
            self.label,
            colour,
        );
        focus_ring(ui, &response, rect);
        response.clicked()
    }
}
