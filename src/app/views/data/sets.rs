//! The data sets: the list, and an overview of one.

use std::collections::BTreeMap;
use std::path::Path;

use eframe::egui::{Align, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::import::import_ui;
use super::{browse, corpus_browse, corpus_import, fact, padded, prose};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::naming::set_title;
use crate::app::state::State;
use crate::app::state::library::{Library, SetTab};
use crate::app::state::paths::Paths;
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::{focus_ring, segments};
use crate::app::widgets::cells::{cell, line, row};
use crate::app::widgets::layout;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::data::corpus::Counts;
use crate::data::library::{
    BUILTIN, EMPATHETIC_DIALOGUES, ListedSet, MENTAL_HEALTH_SUBREDDITS, NAMES,
};
use crate::data::{EmpathyLevel, SetSummary, Split};

const NAME: f32 = 150.0;
const FIGURE: f32 = 92.0;
const ROW: f32 = 56.0;

pub(super) fn sets_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let store = state.store.clone();
    let State { library, paths, .. } = state;
    let width = if ui.available_width() >= 1000.0 {
        280.0
    } else {
        224.0
    };
    layout::left_panel(ui, "data sets", width, |ui| list_ui(ui, library));
    layout::central(ui, |ui| {
        if library.importing {
            scrolled(ui, "import a corpus", |ui| {
                corpus_import::import_ui(ui, library, paths, commands);
            });
        } else {
            set_ui(ui, library, paths, Path::new(&store), commands);
        }
    });
}

fn list_ui(ui: &mut Ui, library: &mut Library) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut chosen = None;
    for set in library.sets.value().into_iter().flatten() {
        let here = set.name == library.chosen && !library.importing;
        if listed_ui(ui, set, here) {
            chosen = Some(set.name.clone());
        }
    }
    if let Some(name) = chosen {
        library.importing = false;
        library.choose(&name);
    }
}

fn listed_ui(ui: &mut Ui, set: &ListedSet, here: bool) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let title = set_title(&set.name);
    response.widget_info(|| WidgetInfo::selected(Role::Row, true, here, format!("Set {title}")));
    layout::fill_row(ui, rect, 0, here, response.hovered());
    let counted = |count: Option<usize>, what: &str| {
        count.map(|count| format!("{} {what}", format::count(count as u64)))
    };
    let held: Vec<String> = [
        counted(set.examples, "examples"),
        counted(set.labelled_pairs, "labelled pairs"),
        counted(set.preference_pairs, "preference pairs"),
        counted(set.records, "records"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let held = match set.imported {
        true if set.damaged.is_some() => "Damaged".to_string(),
        true => held.join(", "),
        false => "Not imported yet".to_string(),
    };
    let left = rect.left() + space::L;
    let title = words::galley(ui, title, text::body(), t.text);
    words::paint_strong(ui, pos2(left, rect.top() + 10.0), title, t.text);
    let painter = ui.painter().with_clip_rect(rect);
    words::paint_small(
        &painter,
        pos2(left, rect.top() + 32.0),
        eframe::egui::Align2::LEFT_TOP,
        held,
        t.secondary,
    );
    focus_ring(ui, &response, rect.shrink(2.0));
    response.clicked()
}

fn set_ui(
    ui: &mut Ui,
    library: &mut Library,
    paths: &mut Paths,
    store: &Path,
    commands: &mut Commands,
) {
    let Some(set) = library.set().cloned() else {
        return;
    };
    padded(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            words::heading(ui, set_title(&set.name));
            ui.add_space(space::S);
            let mut tabs = Vec::new();
            if set.imported {
                tabs.extend([(SetTab::Overview, "Overview"), (SetTab::Browse, "Browse")]);
            }
            if set.name != BUILTIN && NAMES.contains(&set.name.as_str()) {
                let words = if set.imported {
                    "Import again"
                } else {
                    "Import"
                };
                tabs.push((SetTab::Import, words));
            }
            segments(ui, "Set", &mut library.tab, &tabs);
        });
    });
    match library.tab {
        SetTab::Overview => scrolled(ui, "overview", |ui| {
            about_ui(ui, &set);
            overview_ui(ui, library, &set, commands);
        }),
        SetTab::Browse if set.records.is_some() => {
            corpus_browse::records_ui(ui, library, paths, commands);
        }
        SetTab::Browse => browse::browse_ui(ui, library, commands),
        SetTab::Import => scrolled(ui, "import", |ui| {
            about_ui(ui, &set);
            import_ui(ui, library, &set, paths, store, commands);
        }),
    }
}

fn scrolled(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui)) {
    layout::scrolled(ui, name, |ui| {
        padded(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            content(ui);
            ui.add_space(space::XL);
        });
    });
}

/// What a set is, its authors and its licence.
fn about_ui(ui: &mut Ui, set: &ListedSet) {
    let about = match set.name.as_str() {
        _ if set.damaged.is_some() => "What lies in the store under this name cannot be read.",
        _ if set.preference_pairs.is_some() => {
            "Pairs of responses to one context, the first of which was preferred. What the stage DPO learns from."
        }
        _ if set.records.is_some() => {
            "Records of a file that was imported, with all labels and scores that it gives them."
        }
        EMPATHETIC_DIALOGUES => {
            "Conversations about an emotional situation (Rashkin et al. 2019), 32 emotions. Its licence is CC BY-NC \
             4.0. What generators and policies of the paper learn from."
        }
        MENTAL_HEALTH_SUBREDDITS => {
            "Posts and responses of peers, with the level of each mechanism (Sharma et al. 2020). For academic, \
             non-commercial use, with citation. What the paper's identifiers learn from."
        }
        _ => {
            "Written for this project and part of the program: small, for Quickstart and for tests."
        }
    };
    prose(ui, about);
}

fn overview_ui(ui: &mut Ui, library: &mut Library, set: &ListedSet, commands: &mut Commands) {
    let name = set.name.to_string();
    let summary = library.summaries.entry(name.clone()).or_default();
    let words = RemoteWords::retry("Counting…", "The set cannot be read");
    let again = remote_ui(ui, summary, words);
    if summary.needs_loading() || again {
        commands.run(|core| core.load_summary(name));
    }
    if let Some(summary) = summary.value() {
        summary_ui(ui, summary);
    }
}

fn summary_ui(ui: &mut Ui, summary: &SetSummary) {
    let number = |count: usize| format::count(count as u64);
    if let Some(splits) = &summary.splits {
        ui.add_space(space::S);
        words::bold(ui, "Splits");
        let rows = Split::ALL.map(|split| {
            let of = splits.get(split);
            let counts = vec![number(of.conversations), number(of.pairs)];
            (sentence(split.key()), counts)
        });
        let heads = ["Conversations", "Examples"];
        table(ui, &heads, &rows);
    }
    if let Some(pairs) = summary.labelled_pairs {
        ui.add_space(space::S);
        words::bold(ui, &format!("Levels of {} labelled pairs", number(pairs)));
        let rows: Vec<_> = summary
            .levels
            .iter()
            .map(|level| {
                let counts = level.counts.iter().chain([&level.unknown]);
                let counts = counts.map(|count| number(*count)).collect();
                (level.mechanism.title().to_string(), counts)
            })
            .collect();
        let [no, weak, strong] = EmpathyLevel::ALL.map(EmpathyLevel::title);
        table(ui, &[no, weak, strong, "Unknown"], &rows);
    }
    if let Some(pairs) = summary.preference_pairs {
        ui.add_space(space::S);
        words::bold(ui, &format!("{} preference pairs", number(pairs)));
        for study in &summary.studies {
            words::secondary(ui, format!("{}.", study.words()));
        }
    }
    if let Some(counts) = &summary.records {
        records_ui(ui, counts);
    }
    let lengths = summary.lengths.iter().map(|length| {
        let figures = vec![
            format::fixed(length.mean, 1),
            number(length.median),
            number(length.percentile_95),
            number(length.longest),
        ];
        (sentence(&length.text.replace('_', " ")), figures)
    });
    let rows: Vec<_> = lengths.collect();
    if !rows.is_empty() {
        ui.add_space(space::S);
        words::bold(ui, "Lengths in words");
        table(ui, &["Mean", "Median", "95 %", "Longest"], &rows);
    }
    if !summary.emotions.is_empty() {
        ui.add_space(space::S);
        emotions_ui(ui, summary);
    }
    ui.add_space(space::S);
    fact(ui, "Fingerprint", &summary.fingerprint);
}

/// What the records of a corpus have, and why it is nothing to train on where that is so.
fn records_ui(ui: &mut Ui, counts: &Counts) {
    let number = |count: usize| format::count(count as u64);
    ui.add_space(space::S);
    words::bold(ui, &format!("{} records", number(counts.records)));
    let named = [
        ("With a context".to_string(), counts.with_context),
        ("With a target".to_string(), counts.with_target),
    ];
    let rows = |of: &BTreeMap<String, usize>| -> Vec<(String, Vec<String>)> {
        let rows = of.iter();
        rows.map(|(name, count)| (name.clone(), vec![number(*count)]))
            .collect()
    };
    table(ui, &["Records"], &rows(&BTreeMap::from(named)));
    for (head, of) in [
        ("Responses", &counts.systems),
        ("Labels", &counts.labels),
        ("Scores", &counts.scores),
        ("Verdicts", &counts.verdicts),
    ] {
        if !of.is_empty() {
            ui.add_space(space::S);
            table(ui, &[head], &rows(of));
        }
    }
    if counts.examples == 0 {
        prose(
            ui,
            "No record has a context with a target or exactly one response, so there is nothing here to train on.",
        );
    }
}

fn emotions_ui(ui: &mut Ui, summary: &SetSummary) {
    let t = theme::of(ui);
    let title = format!("{} emotions, by conversations", summary.emotions.len());
    words::bold(ui, &title);
    let most = summary.emotions.first().map_or(1, |of| of.conversations);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::L, space::XS);
        for of in &summary.emotions {
            let (rect, response) = ui.allocate_exact_size(vec2(164.0, 22.0), Sense::hover());
            let share = of.conversations as f32 / most.max(1) as f32;
            let track = eframe::egui::Rect::from_min_size(
                pos2(rect.left(), rect.bottom() - 3.0),
                vec2(rect.width() * share, 2.0),
            );
            ui.painter().rect_filled(track, 1, t.accent);
            let name = crate::app::format::sentence(&of.emotion);
            let middle = rect.center().y - 2.0;
            words::paint_body(
                ui.painter(),
                pos2(rect.left(), middle),
                eframe::egui::Align2::LEFT_CENTER,
                &name,
                t.text,
            );
            let count = format::count(of.conversations as u64);
            words::paint_small(
                ui.painter(),
                pos2(rect.right(), middle),
                eframe::egui::Align2::RIGHT_CENTER,
                &count,
                t.secondary,
            );
            response
                .widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name} {count}")));
        }
    });
}

fn sentence(words: &str) -> String {
    crate::app::format::sentence(words)
}

pub(super) fn table(ui: &mut Ui, heads: &[&str], rows: &[(String, Vec<String>)]) {
    let t = theme::of(ui);
    let width = NAME + heads.len() as f32 * FIGURE;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        row(ui, |ui| {
            cell(ui, NAME, Align::Min, |_| {});
            for head in heads {
                cell(ui, FIGURE, Align::Max, |ui| {
                    words::small_label(ui, *head, t.secondary);
                });
            }
        });
        for (name, figures) in rows {
            line(ui, width);
            row(ui, |ui| {
                cell(ui, NAME, Align::Min, |ui| {
                    words::label(ui, name, t.text);
                });
                for figure in figures {
                    cell(ui, FIGURE, Align::Max, |ui| {
                        words::label(ui, figure, t.text);
                    });
                }
            });
        }
    });
}
