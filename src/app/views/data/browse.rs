//! A set's examples: found as one types, one shown whole.

use std::time::{Duration, Instant};

use eframe::egui::{
    CentralPanel, Frame, Key, Label, Modifiers, Panel, RichText, Role, ScrollArea, Sense, Ui,
    WidgetInfo, pos2, vec2,
};

use super::{fact, padded};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::format::sentence;
use crate::app::logic::Core;
use crate::app::state::library::{Browser, ExampleFilter, Group, Library};
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::dialogue::utterance_ui;
use crate::app::widgets::field;
use crate::app::widgets::levels::labelled;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::data::{EmpathyLevel, Example, LabelledPair, Mechanism, Split};
use crate::operations::data::{OpenSet, SetEntry};

/// How long a frame may search.
const BUDGET: Duration = Duration::from_millis(3);
/// Examples looked at between two looks at the clock.
const STRETCH: usize = 256;
const ROW: f32 = 44.0;
const ANY_GROUP: &str = "Any split";
const ANY_EMOTION: &str = "Any emotion";
const ANY_LEVEL: &str = "Any level";

pub(super) fn browse_ui(ui: &mut Ui, library: &mut Library, commands: &mut Commands) {
    let browser = &mut library.browser;
    if browser.set.needs_loading() {
        commands.run(Core::open_set);
    }
    if browser.set.value().is_none() {
        let said = RemoteWords {
            pending: "Reading the examples…",
            failed: "The set cannot be read",
            action: Some("Try again"),
        };
        padded(ui, |ui| {
            if remote_ui(ui, &browser.set, said) {
                commands.run(Core::open_set);
            }
        });
        return;
    }
    search_on(ui, browser);
    padded(ui, |ui| filters_ui(ui, browser));
    let t = theme::of(ui);
    let top = ui.cursor().top();
    ui.painter()
        .hline(ui.max_rect().x_range(), top, t.line_stroke());
    ui.add_space(1.0);
    let width = (ui.available_width() * 0.42).clamp(220.0, 360.0);
    Panel::left("found examples")
        .exact_size(width)
        .resizable(false)
        .frame(Frame::new())
        .show(ui, |ui| list_ui(ui, browser));
    CentralPanel::default()
        .frame(Frame::new())
        .show(ui, |ui| shown_ui(ui, browser));
}

/// Goes on with the search as far as the frame allows.
fn search_on(ui: &Ui, browser: &mut Browser) {
    let until = Instant::now() + BUDGET;
    while !browser.is_done() && Instant::now() < until {
        browser.go_on(STRETCH);
    }
    if !browser.is_done() {
        ui.ctx().request_repaint();
    }
}

fn filters_ui(ui: &mut Ui, browser: &mut Browser) {
    let Some(set) = browser.set.value() else {
        return;
    };
    let (dialogues, pairs) = (set.dialogues.is_some(), set.levels.is_some());
    let all = set.len() as u64;
    let done = browser.is_done();
    let filter = &mut browser.filter;
    ui.horizontal_wrapped(|ui| {
        let hint = "Words of an example";
        field::search(ui, &mut filter.words, "Find examples", hint, 190.0);
        let mut groups: Vec<Group> = Vec::new();
        if dialogues {
            groups.extend(Split::ALL.map(Group::Split));
        }
        if pairs {
            groups.push(Group::Pairs);
        }
        if groups.len() > 1 {
            let options: Vec<&str> = [ANY_GROUP]
                .into_iter()
                .chain(groups.iter().map(|group| group.title()))
                .collect();
            let now = filter.group.map_or(ANY_GROUP, Group::title);
            if let Some(picked) = field::combo(ui, "Split", now, &options, 110.0) {
                filter.group = groups.into_iter().find(|group| group.title() == picked);
            }
        }
        if dialogues {
            let options: Vec<&str> = [ANY_EMOTION]
                .into_iter()
                .chain(browser.emotions.iter().map(String::as_str))
                .collect();
            let chosen = filter.emotion.clone();
            let now = chosen.as_deref().unwrap_or(ANY_EMOTION);
            if let Some(picked) = field::combo(ui, "Emotion", now, &options, 110.0) {
                filter.emotion = (picked != ANY_EMOTION).then(|| picked.to_string());
            }
        }
        if pairs {
            level_ui(ui, filter);
        }
        let found = browser.found.len() as u64;
        let more = if done { "" } else { "…" };
        let counted = format!("{} of {}{more}", format::count(found), format::count(all));
        words::small(ui, counted);
    });
}

fn level_ui(ui: &mut Ui, filter: &mut ExampleFilter) {
    let all = Mechanism::ALL
        .into_iter()
        .flat_map(|mechanism| EmpathyLevel::ALL.map(|level| (mechanism, level)));
    let named: Vec<((Mechanism, EmpathyLevel), String)> = all
        .map(|(mechanism, level)| {
            let words = format!("{} {}", mechanism.title(), level.title().to_lowercase());
            ((mechanism, level), words)
        })
        .collect();
    let options: Vec<&str> = [ANY_LEVEL]
        .into_iter()
        .chain(named.iter().map(|(_, words)| words.as_str()))
        .collect();
    let now = named.iter().find(|(of, _)| Some(*of) == filter.level);
    let now = now.map_or(ANY_LEVEL, |(_, words)| words.as_str());
    if let Some(picked) = field::combo(ui, "Level", now, &options, 130.0) {
        let found = named.iter().find(|(_, words)| words == picked);
        filter.level = found.map(|(of, _)| *of);
    }
}

fn list_ui(ui: &mut Ui, browser: &mut Browser) {
    ui.spacing_mut().item_spacing.y = 0.0;
    if browser.is_done() && browser.found.is_empty() {
        padded(ui, |ui| {
            ui.label("No example matches.");
            if ui.add(Button::secondary("Clear the filter")).clicked() {
                browser.filter = ExampleFilter::default();
            }
        });
        return;
    }
    let mut chosen = None;
    let mut area = ScrollArea::vertical()
        .id_salt("examples")
        .auto_shrink(false);
    if let Some(at) = moved(ui, browser) {
        // The row moved to comes into view, in the upper third.
        let above = (at as f32 - ui.available_height() / ROW / 3.0).max(0.0);
        area = area.vertical_scroll_offset(above * ROW);
        chosen = browser.found.get(at).copied();
    }
    let Some(set) = browser.set.value() else {
        return;
    };
    area.show_rows(ui, ROW, browser.found.len(), |ui, rows| {
        for at in browser.found.get(rows).unwrap_or(&[]) {
            if row_ui(ui, set, *at, browser.shown == Some(*at)) {
                chosen = Some(*at);
            }
        }
    });
    browser.shown = chosen.or(browser.shown);
}

/// The row that the arrow keys lead to, while nothing is typed.
fn moved(ui: &Ui, browser: &Browser) -> Option<usize> {
    if ui.ctx().egui_wants_keyboard_input() {
        return None;
    }
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
    let here = browser
        .found
        .iter()
        .position(|at| Some(*at) == browser.shown);
    let last = browser.found.len().checked_sub(1)?;
    if pressed(Key::ArrowDown) {
        return Some(here.map_or(0, |here| (here + 1).min(last)));
    }
    if pressed(Key::ArrowUp) {
        return Some(here.map_or(0, |here| here.saturating_sub(1)));
    }
    None
}

fn row_ui(ui: &mut Ui, set: &OpenSet, at: usize, here: bool) -> bool {
    let t = theme::of(ui);
    let Some(entry) = set.entry(at) else {
        return false;
    };
    let (head, said) = match entry {
        SetEntry::Example(split, example) => (
            format!("{} · {}", sentence(&example.emotion), split.key()),
            example.context.last().map_or("", String::as_str),
        ),
        SetEntry::Pair(pair) => ("Labelled pair".to_string(), pair.seeker_post.as_str()),
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    response.widget_info(|| {
        WidgetInfo::selected(Role::Row, true, here, format!("Example {}: {said}", at + 1))
    });
    if here || response.hovered() {
        let fill = if here { t.selected } else { t.hover };
        ui.painter().rect_filled(rect, 0, fill);
    }
    let left = rect.left() + space::L;
    let line = |words: &str, font, colour, y: f32| {
        let first = words.lines().next().unwrap_or("");
        let mut job =
            eframe::egui::text::LayoutJob::simple_singleline(first.to_string(), font, colour);
        let room = rect.width() - 2.0 * space::L;
        job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(room);
        let galley = ui.painter().layout_job(job);
        ui.painter().galley(pos2(left, y), galley, colour);
    };
    line(&head, text::small(), t.secondary, rect.top() + 6.0);
    line(said, text::body(), t.text, rect.top() + 22.0);
    focus_ring(ui, &response, rect.shrink(2.0));
    response.clicked()
}

fn shown_ui(ui: &mut Ui, browser: &Browser) {
    let entry = browser
        .set
        .value()
        .zip(browser.shown)
        .and_then(|(set, at)| set.entry(at));
    let Some(entry) = entry else { return };
    ScrollArea::vertical()
        .id_salt(("example", browser.shown))
        .auto_shrink(false)
        .show(ui, |ui| {
            padded(ui, |ui| {
                ui.set_width(ui.available_width().min(theme::size::PROSE));
                ui.spacing_mut().item_spacing.y = space::S;
                match entry {
                    SetEntry::Example(split, example) => example_ui(ui, split, example),
                    SetEntry::Pair(pair) => pair_ui(ui, pair),
                }
            });
        });
}

fn example_ui(ui: &mut Ui, split: Split, example: &Example) {
    words::heading(ui, &sentence(&example.emotion));
    if !example.situation.is_empty() {
        words::secondary(ui, &example.situation);
    }
    for (turn, utterance) in example.context.iter().enumerate() {
        // The target is the listener's, so that the last of the context is the speaker's.
        let speaker = (example.context.len() - turn) % 2 == 1;
        utterance_ui(ui, utterance, speaker);
    }
    words::strong(ui, "Target", text::small(), theme::of(ui).accent);
    said_ui(ui, &example.target);
    ui.add_space(space::S);
    fact(ui, "Split", &sentence(split.key()));
    fact(ui, "Conversation", &example.conversation);
    fact(ui, "Turn", &example.turn.to_string());
}

fn pair_ui(ui: &mut Ui, pair: &LabelledPair) {
    words::heading(ui, "Labelled pair");
    labelled(ui, &pair.levels);
    let t = theme::of(ui);
    words::strong(ui, "Seeker", text::small(), t.secondary);
    said_ui(ui, &pair.seeker_post);
    words::strong(ui, "Response", text::small(), t.accent);
    said_ui(ui, &pair.response_post);
    ui.add_space(space::S);
    fact(ui, "Post", &pair.seeker_id);
    fact(ui, "Response", &pair.response_id);
}

fn said_ui(ui: &mut Ui, words: &str) {
    let words = RichText::new(words).color(theme::of(ui).text);
    ui.add(Label::new(words).wrap().selectable(true));
}
