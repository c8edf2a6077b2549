//! A corpus's records: narrowed by a filter, counted by label and score, one of them whole.

use eframe::egui::{Align2, Margin, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::corpus_export::export_ui;
use super::padded;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::logic::Core;
use crate::app::state::corpora::{
    Beside, CorpusBrowser, has_condition, quoted, toggle, toggle_score,
};
use crate::app::state::library::Library;
use crate::app::state::paths::Paths;
use crate::app::theme::{self, space, text};
use crate::app::views::sound;
use crate::app::widgets::button::{Button, focus_ring, segments};
use crate::app::widgets::field;
use crate::app::widgets::found::{FoundRow, found_ui};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::record::{Sounds, origin_words, record_ui};
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::filter::parse;
use crate::operations::corpus::{AnswerNames, Bar, Browsed, LabelFacet, ScoreFacet};

/// From this width on, counts have a column of their own.
const WIDE: f32 = 860.0;
const FACETS: f32 = 214.0;
/// Values of a label that are shown.
const SHOWN_VALUES: usize = 8;
/// Letters of a value, on average, from which on values are texts.
const LONG_VALUE: usize = 40;
const VALUE_ROW: f32 = 22.0;
/// Letters of a number that is written with all its digits.
const SHORT_NUMBER: usize = 6;
const BARS: f32 = 36.0;

pub(super) fn records_ui(
    ui: &mut Ui,
    library: &mut Library,
    paths: &mut Paths,
    commands: &mut Commands,
) {
    let browser = &mut library.records;
    if browser.names.needs_loading() {
        commands.run(Core::load_names);
    }
    let Some(names) = browser.names.value() else {
        padded(ui, |ui| {
            let said = RemoteWords::retry("Reading the corpus…", "The corpus cannot be read");
            if remote_ui(ui, &browser.names, said) {
                commands.run(Core::load_names);
            }
        });
        return;
    };
    let wrong = parse(&browser.filter, &**names).err();
    if wrong.is_none() && browser.browsed.wants(&browser.filter) {
        let filter = browser.filter.clone();
        commands.run(move |core| core.browse_corpus(filter));
    }
    let wrong = wrong.map(|wrong| format::sentence(&wrong.message));
    padded(ui, |ui| head_ui(ui, browser, wrong.as_deref(), commands));
    layout::rule_below(ui, ui.max_rect().x_range());
    let wide = ui.available_width() >= WIDE;
    if wide {
        layout::left_panel(ui, "facets of records", FACETS, |ui| facets_ui(ui, browser));
    }
    let width = (ui.available_width() * 0.4).clamp(190.0, 300.0);
    layout::left_panel(ui, "found records", width, |ui| list_ui(ui, browser));
    layout::central(ui, |ui| {
        if browser.export.is_some() {
            export_ui(ui, browser, paths, commands);
            return;
        }
        if !wide {
            let margin = theme::margin(space::L, space::L, space::S, 0.0);
            layout::padded(ui, margin, |ui| {
                let parts = [(Beside::Record, "Record"), (Beside::Facets, "Counts")];
                segments(ui, "Beside", &mut browser.beside, &parts);
            });
            if browser.beside == Beside::Facets {
                facets_ui(ui, browser);
                return;
            }
        }
        let sounds = Sounds {
            corpus: &library.chosen,
            state: &library.sound,
        };
        shown_ui(ui, browser, sounds, commands);
    });
}

fn head_ui(ui: &mut Ui, browser: &mut CorpusBrowser, wrong: Option<&str>, commands: &mut Commands) {
    let t = theme::of(ui);
    notice_ui(ui, browser, commands);
    ui.horizontal_wrapped(|ui| {
        let width = (ui.available_width() - 330.0).clamp(240.0, 460.0);
        let hint = "Filter records, such as words > 20";
        field::search(ui, &mut browser.filter, "Filter records", hint, width);
        let clear = Button::icon(Icon::Cross, "Clear the filter");
        if clear.clicked_if(ui, !browser.filter.is_empty()) {
            browser.filter.clear();
        }
        let found = browser.found().map_or(0, |found| found.found.len());
        let ready = found > 0 && wrong.is_none();
        let export = Button::secondary("Export…").hint("Write the records found to a file");
        if export.clicked_if(ui, ready) && browser.export.is_none() {
            browser.export = Some(Default::default());
        }
        let has_systems = browser
            .names
            .value()
            .is_some_and(|names| has_systems(names));
        let hint = match has_systems {
            true => {
                "Compare the answers of its systems side by side, in the Case study and in studies"
            }
            false => "This corpus has no responses of systems",
        };
        let add = Button::secondary("Add to Case study").hint(hint);
        if add.clicked_if(ui, has_systems && !browser.adding) {
            commands.run(Core::add_corpus_systems);
        }
    });
    // One line, whatever it says, so that nothing below moves.
    match (wrong, browser.browsed.shown()) {
        (Some(wrong), _) => words::small_coloured(ui, wrong, t.bad),
        (None, Some((_, Err(why)))) => words::small_coloured(ui, why, t.bad),
        (None, Some((filter, Ok(found)))) => {
            let counted = counted_words(found);
            let said = match (browser.browsed.is_pending(), filter.is_empty()) {
                (true, _) => format!("Searching… {counted} before"),
                (false, true) => {
                    format!("{counted}. Filters: {}", examples(found))
                }
                (false, false) => format!("{counted} with such an answer"),
            };
            words::small(ui, said)
        }
        (None, None) => words::small(ui, "Counting…"),
    };
}

fn has_systems(names: &AnswerNames) -> bool {
    use crate::filter::{Kind, Vocabulary};
    let system = names.name("system");
    let system = system.as_ref().map(|name| &name.kind);
    matches!(system, Some(Kind::Choice(systems)) if systems.iter().any(|of| of != "target"))
}

fn counted_words(found: &Browsed) -> String {
    let all = format::counted(found.records, "record", "records");
    let counted = match found.found.len() {
        n if n == found.records => all,
        n => format!("{} of {all}", format::count(n as u64)),
    };
    match found.withheld {
        0 => counted,
        n => format!(
            "{counted} ({} of blind studies hidden)",
            format::count(n as u64)
        ),
    }
}

/// What a filter over these records can say.
fn examples(found: &Browsed) -> String {
    let label = found.labels.iter().find_map(|label| {
        let is_fixed = ["system", "split"].contains(&label.name.as_str());
        let is_text = is_free_text(label);
        let (value, _) = label.values.first().filter(|_| !is_fixed && !is_text)?;
        Some(format!("{} = {}", label.name, quoted(value)?))
    });
    let score = found.scores.first();
    let score = score.map(|score| format!("{} > {}", score.name, plain(score.mean)));
    let all = [
        label,
        score,
        Some("words > 20".into()),
        Some("system = target".into()),
    ];
    let some: Vec<String> = all.into_iter().flatten().take(3).collect();
    some.join(" and ")
}

fn plain(value: f64) -> String {
    // Few digits, and as a filter reads it.
    let rounded = (value * 100.0).round() / 100.0;
    rounded.to_string()
}

fn notice_ui(ui: &mut Ui, browser: &mut CorpusBrowser, commands: &mut Commands) {
    let Some(notice) = browser.notice.clone() else {
        return;
    };
    let (tone, title, detail) = match &notice {
        Ok(words) => (Tone::Info, words.as_str(), ""),
        Err(why) => (Tone::Bad, "Its systems were not added", why.as_str()),
    };
    let is_added = notice
        .as_ref()
        .is_ok_and(|words| words.starts_with("In the Case study"));
    notice::strip(ui, tone, title, detail, |ui| {
        if Button::icon(Icon::Cross, "Dismiss").clicked(ui) {
            browser.notice = None;
        }
        if is_added && Button::quiet("Open the Case study").clicked(ui) {
            commands.run(Core::go_to_cases);
        }
    });
    ui.add_space(space::XS);
}

fn list_ui(ui: &mut Ui, browser: &mut CorpusBrowser) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(found) = browser.found() else {
        return;
    };
    if found.found.is_empty() {
        let is_blind = found.withheld == found.records;
        padded(ui, |ui| {
            ui.label(match is_blind {
                true => {
                    "Blind studies have all records. They are shown here once these are unblinded."
                }
                false => "No record matches.",
            });
            if is_blind {
                return;
            }
            ui.add_space(space::S);
            if Button::secondary("Clear the filter").clicked(ui) {
                browser.filter.clear();
            }
        });
        return;
    }
    let chosen = found_ui(ui, "records", &browser.rows, browser.shown, |at| {
        let row = found.found.get(at)?;
        let responses = match row.responses {
            0 => String::new(),
            1 => " · 1 response".to_string(),
            n => format!(" · {n} responses"),
        };
        let target = if row.has_target { " · target" } else { "" };
        Some(FoundRow {
            name: format!("Record {}: {}", row.id, row.text),
            head: format!("{}{target}{responses}", row.id),
            text: &row.text,
            text_top: 22.0,
            pinned: false,
        })
    });
    browser.shown = chosen.or(browser.shown);
}

fn shown_ui(ui: &mut Ui, browser: &mut CorpusBrowser, sounds: Sounds<'_>, commands: &mut Commands) {
    let Some(place) = browser.place() else {
        return;
    };
    if browser.record.wants(&place) {
        commands.run(move |core| core.load_record(place));
    }
    match browser.record.shown() {
        None => padded(ui, |ui| drop(words::secondary(ui, "Reading the record…"))),
        Some((_, Err(why))) => padded(ui, |ui| {
            notice::failed(ui, "The record cannot be read", Some(why));
        }),
        Some((place, Ok(record))) => {
            layout::scrolled(ui, ("record", place), |ui| {
                padded(ui, |ui| {
                    ui.set_width(ui.available_width());
                    let salt = format!("record {place}");
                    let pressed = record_ui(ui, record, &salt, None, Some(sounds));
                    sound::play(pressed, commands);
                    ui.add_space(space::XL);
                });
            });
        }
    }
}

/// Counts by label, then scores; a click narrows.
fn facets_ui(ui: &mut Ui, browser: &mut CorpusBrowser) {
    let Some(found) = browser.found() else {
        return;
    };
    let filter = browser.filter.clone();
    let mut narrowed = None;
    layout::scrolled(ui, "facets", |ui| {
        let margin = Margin::symmetric(space::L as i8, space::S as i8);
        layout::padded(ui, margin, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 0.0;
            if found.labels.is_empty() && found.scores.is_empty() {
                words::secondary(
                    ui,
                    "Nothing is counted: no record is found, or none has labels or scores.",
                );
            }
            for facet in &found.labels {
                if let Some(condition) = label_ui(ui, facet, &filter) {
                    narrowed = Some(toggle(&filter, &condition));
                }
            }
            for facet in &found.scores {
                if let Some(conditions) = score_ui(ui, facet) {
                    narrowed = Some(toggle_score(&filter, &facet.name, &conditions));
                }
            }
            ui.add_space(space::XL);
        });
    });
    if let Some(filter) = narrowed {
        browser.filter = filter;
    }
}

/// The values of a label. Gives the condition that was clicked.
fn label_ui(ui: &mut Ui, facet: &LabelFacet, filter: &str) -> Option<String> {
    let mut clicked = None;
    words::bold(ui, &facet.name);
    ui.add_space(space::XS);
    if is_free_text(facet) {
        words::small(
            ui,
            format!(
                "nearly always another: {} values",
                format::count(facet.distinct as u64)
            ),
        )
        .on_hover_text("Find a part of it with ~ in the filter");
        ui.add_space(space::M);
        return None;
    }
    let most = facet.values.first().map_or(1, |(_, n)| *n).max(1);
    for (value, n) in facet.values.iter().take(SHOWN_VALUES) {
        let condition = quoted(value).map(|value| format!("{} = {value}", facet.name));
        let on = condition
            .as_ref()
            .is_some_and(|of| has_condition(filter, of));
        if value_ui(ui, &facet.name, value, *n, *n as f32 / most as f32, on) && condition.is_some()
        {
            clicked = condition;
        }
    }
    let more = facet.distinct.saturating_sub(SHOWN_VALUES);
    let more = (more > 0).then(|| format::counted(more, "more value", "more values"));
    let without = facet.without;
    let without =
        (without > 0).then(|| format!("{} without", format::counted(without, "record", "records")));
    let rest: Vec<String> = [more, without].into_iter().flatten().collect();
    if !rest.is_empty() {
        words::small(ui, rest.join(", "));
    }
    ui.add_space(space::M);
    clicked
}

/// Whether a label is a text of its own in nearly every record, so that its values are nothing to choose by.
fn is_free_text(facet: &LabelFacet) -> bool {
    let letters = facet.values.iter().map(|(value, _)| value.chars().count());
    let are_long = letters.sum::<usize>() > facet.values.len() * LONG_VALUE;
    let come_once = facet.values.first().is_none_or(|(_, n)| *n == 1);
    facet.distinct > SHOWN_VALUES && (are_long || come_once)
}

fn value_ui(ui: &mut Ui, label: &str, value: &str, n: usize, share: f32, on: bool) -> bool {
    let t = theme::of(ui);
    let room = vec2(ui.available_width(), VALUE_ROW);
    let (rect, response) = ui.allocate_exact_size(room, Sense::click());
    let count = format::count(n as u64);
    let name = format!("{label} {value}, {count}");
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &name));
    layout::fill_row(
        ui,
        rect.expand2(vec2(space::XS, 0.0)),
        4,
        on,
        response.hovered(),
    );
    let bar = Rect::from_min_size(
        pos2(rect.left(), rect.bottom() - 3.0),
        vec2((rect.width() * share).max(2.0), 2.0),
    );
    ui.painter().rect_filled(bar, 1, t.accent);
    let middle = rect.center().y - 2.0;
    let painter = ui.painter();
    let right = words::paint_small(
        painter,
        pos2(rect.right(), middle),
        Align2::RIGHT_CENTER,
        &count,
        t.secondary,
    );
    let room = right.left() - rect.left() - space::S;
    let line = value.lines().next().unwrap_or_default().to_string();
    let mut job = eframe::egui::text::LayoutJob::simple_singleline(line, text::small(), t.text);
    job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(room);
    let galley = painter.layout_job(job);
    let at = pos2(rect.left(), middle - galley.size().y / 2.0);
    painter.galley(at, galley, t.text);
    focus_ring(ui, &response, rect);
    let clicked = response.clicked();
    if !on {
        response.on_hover_text(value);
    }
    clicked
}

/// A score: its mean and range, and how its values are spread. Gives the range that was clicked.
fn score_ui(ui: &mut Ui, facet: &ScoreFacet) -> Option<Vec<String>> {
    let t = theme::of(ui);
    let mut clicked = None;
    words::bold(ui, &facet.name);
    let mean = format!(
        "mean {} of {}",
        format::number(facet.mean),
        format::counted(facet.n, "value", "values")
    );
    words::small(ui, mean);
    words::small(ui, origin_words(facet.origin)).on_hover_text("Who gave these values");
    ui.add_space(space::XS);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), BARS), Sense::hover());
    let most = facet.bars.iter().map(|bar| bar.n).max().unwrap_or(1).max(1) as f32;
    let width = (rect.width() / facet.bars.len().max(1) as f32).min(28.0);
    for (at, bar) in facet.bars.iter().enumerate() {
        let left = rect.left() + width * at as f32;
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(width, rect.height()));
        let response = ui.interact(cell, ui.scope_id().with((&facet.name, at)), Sense::click());
        let count = format::count(bar.n as u64);
        let said = match bar.from == bar.to {
            true => format!("{} {}: {count}", facet.name, exact(bar.from)),
            false => format!(
                "{} {} to {}: {count}",
                facet.name,
                format::number(bar.from),
                format::number(bar.to)
            ),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
        let height = (rect.height() * bar.n as f32 / most).max(if bar.n > 0 { 2.0 } else { 0.0 });
        let filled = cell
            .with_min_y(rect.bottom() - height)
            .shrink2(vec2(1.0, 0.0));
        let colour = if response.hovered() {
            t.accent_hover
        } else {
            t.accent
        };
        ui.painter().rect_filled(filled, 1, colour);
        focus_ring(ui, &response, cell);
        if response.clicked() {
            clicked = Some(conditions(&facet.name, bar, at + 1 == facet.bars.len()));
        }
        response.on_hover_text(said);
    }
    layout::rule(ui, rect.x_range(), rect.bottom());
    let end = rect.left() + width * facet.bars.len() as f32;
    let (below, _) = ui.allocate_exact_size(vec2(ui.available_width(), 16.0), Sense::hover());
    let painter = ui.painter();
    let value = |value: f64| match facet.bars.iter().all(|bar| bar.from == bar.to) {
        // Means of several values can have any number of digits, and both ends stand in one line.
        true if exact(value).len() <= SHORT_NUMBER => exact(value),
        _ => format::number(value),
    };
    words::paint_small(
        painter,
        below.left_top(),
        Align2::LEFT_TOP,
        value(facet.least),
        t.secondary,
    );
    if facet.greatest > facet.least {
        let (at, anchor) = match end - below.left() > 60.0 {
            true => (pos2(end, below.top()), Align2::RIGHT_TOP),
            false => (pos2(below.left() + 60.0, below.top()), Align2::LEFT_TOP),
        };
        words::paint_small(painter, at, anchor, value(facet.greatest), t.secondary);
    }
    if let Some([low, high]) = facet.range {
        let range = format!("could be {} to {}", exact(low), exact(high));
        words::small(ui, range);
    }
    ui.add_space(space::M);
    clicked
}

/// What narrows a score to a bar.
fn conditions(score: &str, bar: &Bar, is_last: bool) -> Vec<String> {
    let Bar { from, to, .. } = bar;
    let until = if is_last { "<=" } else { "<" };
    match from == to {
        true => vec![format!("{score} = {from}")],
        false => vec![
            format!("{score} >= {from}"),
            format!("{score} {until} {to}"),
        ],
    }
}

/// A number with all its digits.
fn exact(value: f64) -> String {
    format::typeset(&value.to_string())
}
