//! A set's examples: search as you type, one of them in full.

use std::time::{Duration, Instant};

use eframe::egui::Ui;

use super::{fact, padded};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::format::sentence;
use crate::app::logic::Core;
use crate::app::state::library::{Browser, ExampleFilter, Group, Library};
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::dialogue::utterance_ui;
use crate::app::widgets::field;
use crate::app::widgets::found::{FoundRow, found_ui};
use crate::app::widgets::layout;
use crate::app::widgets::levels::labelled;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::data::preferences::PreferencePair;
use crate::data::{EmpathyLevel, Example, LabelledPair, Mechanism, Role, Split};
use crate::operations::data::SetEntry;

/// How long a frame may search.
const BUDGET: Duration = Duration::from_millis(3);
/// Examples searched between two checks of the time.
const STRETCH: usize = 256;
const ANY_EMOTION: &str = "Any emotion";

pub(super) fn browse_ui(ui: &mut Ui, library: &mut Library, commands: &mut Commands) {
    let browser = &mut library.browser;
    if browser.set.needs_loading() {
        commands.run(Core::open_set);
    }
    if browser.set.value().is_none() {
        let said = RemoteWords::retry("Reading the examples…", "The set cannot be read");
        padded(ui, |ui| {
            if remote_ui(ui, &browser.set, said) {
                commands.run(Core::open_set);
            }
        });
        return;
    }
    continue_search(ui, browser);
    padded(ui, |ui| filters_ui(ui, browser));
    layout::rule_below(ui, ui.max_rect().x_range());
    let width = (ui.available_width() * 0.42).clamp(220.0, 360.0);
    layout::left_panel(ui, "found examples", width, |ui| list_ui(ui, browser));
    layout::central(ui, |ui| shown_ui(ui, browser));
}

/// Continues the search within the frame's budget.
fn continue_search(ui: &Ui, browser: &mut Browser) {
    let until = Instant::now() + BUDGET;
    while !browser.is_done() && Instant::now() < until {
        browser.search_more(STRETCH);
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
    let named = |group: Group| (Some(group), group.title().to_string());
    ui.horizontal_wrapped(|ui| {
        let hint = "Words of an example";
        field::search(ui, &mut filter.words, "Find examples", hint, 190.0);
        let mut groups = vec![(None, "Any split".to_string())];
        if dialogues {
            groups.extend(Split::ALL.map(|split| named(Group::Split(split))));
        }
        if pairs {
            groups.push(named(Group::Pairs));
        }
        if groups.len() > 2
            && let Some(group) = field::choose(ui, "Split", filter.group, &groups, 110.0)
        {
            filter.group = group;
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
    let mut options = vec![(None, "Any level".to_string())];
    for mechanism in Mechanism::ALL {
        options.extend(EmpathyLevel::ALL.map(|level| {
            let words = format!("{} {}", mechanism.title(), level.title().to_lowercase());
            (Some((mechanism, level)), words)
        }));
    }
    if let Some(level) = field::choose(ui, "Level", filter.level, &options, 130.0) {
        filter.level = level;
    }
}

fn list_ui(ui: &mut Ui, browser: &mut Browser) {
    ui.spacing_mut().item_spacing.y = 0.0;
    if browser.is_done() && browser.found.is_empty() {
        padded(ui, |ui| {
            ui.label("No example matches.");
            if Button::secondary("Clear the filter").clicked(ui) {
                browser.filter = ExampleFilter::default();
            }
        });
        return;
    }
    let Some(set) = browser.set.value() else {
        return;
    };
    let chosen = found_ui(ui, "examples", &browser.found, browser.shown, |at| {
        let (head, said) = match set.entry(at)? {
            SetEntry::Example(split, example) => (
                format!("{} · {}", sentence(&example.emotion), split.key()),
                example.context.last().map_or("", String::as_str),
            ),
            SetEntry::Pair(pair) => ("Labelled pair".to_string(), pair.seeker_post.as_str()),
            SetEntry::Preference(pair) => (
                "Preference pair".to_string(),
                pair.context.last().map_or("", String::as_str),
            ),
        };
        Some(FoundRow {
            name: format!("Example {}: {said}", at + 1),
            head,
            text: said.lines().next().unwrap_or(""),
            text_top: 22.0,
            pinned: false,
        })
    });
    browser.shown = chosen.or(browser.shown);
}

fn shown_ui(ui: &mut Ui, browser: &Browser) {
    let entry = browser
        .set
        .value()
        .zip(browser.shown)
        .and_then(|(set, at)| set.entry(at));
    let Some(entry) = entry else { return };
    layout::scrolled(ui, ("example", browser.shown), |ui| {
        padded(ui, |ui| {
            ui.set_width(ui.available_width().min(theme::size::PROSE));
            ui.spacing_mut().item_spacing.y = space::S;
            match entry {
                SetEntry::Example(split, example) => example_ui(ui, split, example),
                SetEntry::Pair(pair) => pair_ui(ui, pair),
                SetEntry::Preference(pair) => preference_ui(ui, pair),
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
        utterance_ui(ui, utterance, Role::of(&example.roles, turn));
    }
    words::strong(ui, "Target", text::small(), theme::of(ui).accent);
    words::selectable(ui, &example.target);
    ui.add_space(space::S);
    fact(ui, "Split", &sentence(split.key()));
    fact(ui, "Conversation", &example.conversation);
    fact(ui, "Turn", &example.turn.to_string());
}

fn preference_ui(ui: &mut Ui, pair: &PreferencePair) {
    words::heading(ui, "Preference pair");
    for (role, utterance) in pair.turns().iter() {
        utterance_ui(ui, utterance, role);
    }
    let t = theme::of(ui);
    words::strong(ui, "Chosen", text::small(), t.accent);
    words::selectable(ui, &pair.chosen);
    words::strong(ui, "Rejected", text::small(), t.secondary);
    words::selectable(ui, &pair.rejected);
    if let Some(judged) = &pair.judgement {
        let votes = judged.votes;
        ui.add_space(space::S);
        fact(
            ui,
            "Study",
            &format!("{}, item {}", judged.title, judged.item),
        );
        fact(ui, "Chosen wrote", &judged.chosen_system);
        fact(ui, "Rejected wrote", &judged.rejected_system);
        let counted = format!("{} : {}, {} ties", votes.chosen, votes.rejected, votes.tie);
        fact(ui, "Judgements", &counted);
    }
}

fn pair_ui(ui: &mut Ui, pair: &LabelledPair) {
    words::heading(ui, "Labelled pair");
    labelled(ui, &pair.levels);
    let t = theme::of(ui);
    words::strong(ui, "Seeker", text::small(), t.secondary);
    words::selectable(ui, &pair.seeker_post);
    words::strong(ui, "Response", text::small(), t.accent);
    words::selectable(ui, &pair.response_post);
    ui.add_space(space::S);
    fact(ui, "Post", &pair.seeker_id);
    fact(ui, "Response", &pair.response_id);
}
