//! The answers of a page: two cards to choose between, or one with its three scales.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::style::ScrollAnimation;
use eframe::egui::{
    Align, Align2, Color32, Galley, Id, Label, Layout, Rect, RichText, Role, ScrollArea, Sense, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};

use super::input::Input;
use super::parts::{CARDS, column_width, keycaps_ui};
use crate::app::state::judging::Judging;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::study::aspects::Aspect;
use crate::study::judgement::{Answer, Choice, Score, Scores};
use crate::study::page::{Page, Shown};

/// Height of the keys below two answers.
pub(super) const KEYS: f32 = 34.0;
const POINT: f32 = 32.0;
/// Height of the words above and below a scale of a study's own.
const OWN_WORDS: f32 = 18.0;
/// Height of the hint below the scales.
const HINT: f32 = 20.0;
/// Width of the names of the scales.
const ASPECT: f32 = 100.0;

/// Height of the scales below one answer, and their hint.
pub(super) fn scales_height(judging: &Judging) -> f32 {
    let each = match own(judging) {
        false => POINT + space::S,
        true => 2.0 * OWN_WORDS + POINT + space::S,
    };
    judging.aspects().len() as f32 * each + HINT
}

/// Whether a rating asks the study's own aspects.
fn own(judging: &Judging) -> bool {
    let desk = judging.desk.value();
    desk.is_some_and(|desk| desk.head.aspects.is_some())
}

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
    let mut scrolled = scrolled(ui, judging, page);
    let by = std::mem::take(&mut scrolled.by) * (height - CARD_MARGINS);
    scrolled.hidden = 0.0;
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
                    let drawn = card.ui(ui, vec2(width, height), marked, by);
                    scrolled.hidden = scrolled.hidden.max(drawn.hidden);
                    if drawn.clicked {
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
            scrolled.hidden = card.ui(ui, room, false, by).hidden;
            ui.add_space(space::S);
            let given = given.and_then(Answer::scores);
            scales_ui(ui, judging, given, inputs);
            words::small(ui, rating_hint(judging));
        }
    }
    if scrolled.hidden > 1.0 && !answers_scroll(ui, judging, page) {
        // The foot names the keys.
        ui.ctx().request_repaint();
    }
    ui.data_mut(|data| data.insert_temp(scrolled_id(judging), scrolled));
}

/// Height of the label above the text.
const CARD_LABEL: f32 = 22.0;
/// What of a card's height is not its text.
pub(super) const CARD_MARGINS: f32 = CARD_LABEL + 2.0 * space::M;
/// The width of a letter, about.
pub(super) const LETTER: f32 = 7.5;

/// The width of the text of an answer in its card.
pub(super) fn answer_width(ui: &Ui, page: &Page) -> f32 {
    let column = column_width(ui, CARDS);
    let card = match page.shown {
        Shown::Pair { .. } => ((column - space::M) / 2.0).floor(),
        Shown::Single { .. } => column,
    };
    card - 2.0 * space::L
}

/// The height of a card that shows the whole of the longest answer of a page.
pub(super) fn answer_height(ui: &Ui, page: &Page, width: f32) -> f32 {
    let height = |text: &str| answer_galley(ui, text, width).size().y.ceil();
    let heights = page.shown.responses().map(height);
    CARD_MARGINS + heights.fold(0.0, f32::max)
}

fn answer_galley(ui: &Ui, text: &str, width: f32) -> Arc<Galley> {
    let colour = theme::of(ui).text;
    ui.painter()
        .layout(text.to_string(), text::heading(), colour, width)
}

/// What keys scroll of the answers in view.
#[derive(Clone, Copy)]
struct Scrolled {
    item: u32,
    /// The most of what does not fit of an answer.
    hidden: f32,
    /// What the next frame scrolls by.
    by: f32,
}

fn scrolled(ui: &Ui, judging: &Judging, page: &Page) -> Scrolled {
    let known: Option<Scrolled> = ui.data(|data| data.get_temp(scrolled_id(judging)));
    let own = known.filter(|known| known.item == page.item);
    own.unwrap_or(Scrolled {
        item: page.item,
        hidden: 0.0,
        by: 0.0,
    })
}

fn scrolled_id(judging: &Judging) -> Id {
    Id::unique(("judged answers", judging.study, judging.annotator))
}

/// Whether an answer is longer than its card, so that keys scroll it.
pub(super) fn answers_scroll(ui: &Ui, judging: &Judging, page: &Page) -> bool {
    scrolled(ui, judging, page).hidden > 1.0
}

/// Scrolls the answers by a part of what is in view of them.
pub(super) fn scroll_answers(ui: &Ui, judging: &Judging, page: &Page, by: f32) {
    let mut now = scrolled(ui, judging, page);
    now.by += by;
    ui.data_mut(|data| data.insert_temp(scrolled_id(judging), now));
    ui.ctx().request_repaint();
}

/// Beside the label of an answer that goes on below.
const MORE: &str = "more below (J)";

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

/// What became of a card.
struct DrawnCard {
    clicked: bool,
    /// The height of its text that does not fit.
    hidden: f32,
}

impl Card<'_> {
    /// Draws the card, its text scrolled on by so much.
    fn ui(&self, ui: &mut Ui, room: egui::Vec2, marked: bool, by: f32) -> DrawnCard {
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
        let shown = ScrollArea::vertical()
            .id_salt(("answer", item, label))
            .auto_shrink(false)
            .show(&mut child, |ui| {
                let galley = answer_galley(ui, response, below.width());
                let (at, _) = ui.allocate_exact_size(galley.size(), Sense::hover());
                ui.painter().galley(at.min, galley, t.text);
                if by != 0.0 {
                    ui.scroll_with_delta_animation(vec2(0.0, -by), ScrollAnimation::none());
                }
            });
        let hidden = (shown.content_size.y - shown.inner_rect.height()).max(0.0);
        if hidden - shown.state.clamped_offset().y > 1.0 {
            // The text goes on below.
            let at = inner.right_top();
            words::paint_small(ui.painter(), at, Align2::RIGHT_TOP, MORE, t.accent);
        }
        focus_ring(ui, &card, rect);
        DrawnCard {
            clicked: card.clicked(),
            hidden,
        }
    }
}

/// The keys of the scales.
fn rating_hint(judging: &Judging) -> String {
    if !own(judging) {
        return "Press 1 to 5 for each of the three, one after the other".to_string();
    }
    let most = judging.aspects().iter().map(|aspect| aspect.points).max();
    let keys = match most.unwrap_or_default() {
        11 => "1 to 9, 0 for 10 or - for 11",
        10 => "1 to 9 or 0 for 10",
        most => return format!("Press 1 to {most} for each, one after the other"),
    };
    format!("Press {keys} for each, one after the other")
}

/// The scales, one below the other.
fn scales_ui(ui: &mut Ui, judging: &Judging, given: Option<Scores>, inputs: &mut Vec<Input>) {
    let active = match judging.looking {
        Some(_) => None,
        None => judging.aspect(),
    };
    let earlier = judging.earlier.and_then(Answer::scores);
    let own = own(judging);
    for (at, aspect) in judging.aspects().iter().enumerate() {
        let of = |scores: Option<Scores>| scores.and_then(|s| s.points().get(at).copied());
        let scale = Scale {
            aspect,
            here: active == Some(at),
            score: of(given).or(judging.draft.get(at).copied().flatten()),
            earlier: of(earlier),
        };
        let chosen = match own {
            true => scale.own_ui(ui),
            false => scale.paper_ui(ui),
        };
        if let Some(points) = chosen {
            inputs.push(Input::Score(at, points));
        }
    }
}

/// The scale of an aspect.
struct Scale<'a> {
    aspect: &'a Aspect,
    /// Whether it is next.
    here: bool,
    score: Option<u8>,
    /// What was taken back.
    earlier: Option<u8>,
}

impl Scale<'_> {
    /// A scale of the paper's, with a word on each point, beside its name; gives the point that was clicked.
    fn paper_ui(&self, ui: &mut Ui) -> Option<u8> {
        let t = theme::of(ui);
        // The scales are as wide as the card.
        let each = ((ui.available_width() - ASPECT) / 5.0 - space::S).floor();
        let fits = each >= 96.0;
        let mut clicked = None;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::S;
            let (rect, _) = ui.allocate_exact_size(vec2(ASPECT, POINT), Sense::hover());
            let colour = if self.here { t.text } else { t.secondary };
            let at = pos2(rect.left() + space::M, rect.center().y);
            ui.painter().text(
                at,
                Align2::LEFT_CENTER,
                &self.aspect.name,
                text::heading(),
                colour,
            );
            self.mark_ui(ui, rect);
            for (points, word) in (1..).zip(Score::WORDS) {
                let label = match (fits, self.earlier == Some(points)) {
                    (true, false) => format!("{points}  {word}"),
                    (true, true) => format!("{points}  taken back"),
                    (false, _) => points.to_string(),
                };
                let width = if fits { each } else { 44.0 };
                if self.point_ui(ui, points, word, &label, width) {
                    clicked = Some(points);
                }
            }
        });
        clicked
    }

    /// A scale of the study's own: its question above, what its ends mean below; gives the point that was clicked.
    fn own_ui(&self, ui: &mut Ui) -> Option<u8> {
        let t = theme::of(ui);
        let width = ui.available_width();
        let mut clicked = None;
        let Aspect {
            name,
            question,
            low,
            high,
            points: most,
            ..
        } = self.aspect;
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::XS, 0.0);
            let (head, _) = ui.allocate_exact_size(vec2(width, OWN_WORDS), Sense::hover());
            let asked = match question.is_empty() {
                true => name.clone(),
                false => format!("{name}: {question}"),
            };
            let colour = if self.here { t.text } else { t.secondary };
            let inner = head.with_min_x(head.left() + space::M);
            line_ui(ui, inner, Align::Min, &asked, colour);
            self.mark_ui(ui, head);
            let n = f32::from(*most);
            let each = ((width - (n - 1.0) * space::XS) / n).floor();
            ui.horizontal(|ui| {
                for points in 1..=*most {
                    let label = match self.earlier == Some(points) && each >= 96.0 {
                        true => format!("{points}  taken back"),
                        false => points.to_string(),
                    };
                    let word = self.aspect.word(points);
                    if self.point_ui(ui, points, word, &label, each) {
                        clicked = Some(points);
                    }
                }
            });
            let (ends, _) = ui.allocate_exact_size(vec2(width, OWN_WORDS), Sense::hover());
            let (left, right) = ends.split_left_right_at_fraction(0.5);
            line_ui(ui, left, Align::Min, low, t.secondary);
            line_ui(ui, right, Align::Max, high, t.secondary);
        });
        clicked
    }

    /// Marks the scale that is next.
    fn mark_ui(&self, ui: &Ui, rect: Rect) {
        if self.here {
            let mark = Rect::from_min_size(rect.min, vec2(3.0, rect.height()));
            let colour = theme::of(ui).accent;
            ui.painter().rect_filled(mark, 1, colour);
        }
    }

    fn point_ui(&self, ui: &mut Ui, points: u8, word: &str, label: &str, width: f32) -> bool {
        let taken_back = self.earlier == Some(points);
        let before = if taken_back { ", taken back" } else { "" };
        let name = &self.aspect.name;
        let name = match word.is_empty() {
            true => format!("{name} {points}{before}"),
            false => format!("{name} {points}, {word}{before}"),
        };
        let point = Point {
            label,
            name: &name,
            width,
            chosen: self.score == Some(points),
            here: self.here,
        };
        point.ui(ui)
    }
}

/// A line of words at one side of a place; what does not fit shows when it is pointed at.
fn line_ui(ui: &mut Ui, room: Rect, side: Align, line: &str, colour: Color32) {
    let layout = match side {
        Align::Max => Layout::right_to_left(Align::Center),
        Align::Min | Align::Center => Layout::left_to_right(Align::Center),
    };
    if !line.is_empty() {
        let mut ui = ui.new_child(UiBuilder::new().max_rect(room).layout(layout));
        let line = RichText::new(line).font(text::body()).color(colour);
        ui.add(Label::new(line).truncate());
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
