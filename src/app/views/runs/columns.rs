//! What the table shows: its columns, the sketched curve, and grouping.

use std::borrow::Cow;

use eframe::egui::{Popup, PopupCloseBehavior, ScrollArea, Ui};

use super::{Named, RunsView, chosen_columns};
use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::Prefs;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::catalog::{Column, vocabulary};
use crate::experiment::RecordedSettings;
use crate::filter::{Kind, Part, Vocabulary};
use crate::metrics::declared::{MetricDecl, all_with, declared};

/// How many names are offered.
const OFFERED: usize = 60;
const NO_GROUPS: &str = "Not grouped";

/// A choice of what runs are grouped by: fields of their record, and settings that differ among them.
pub fn group_ui(ui: &mut Ui, prefs: &mut Prefs, differing: &[String]) {
    let mut options: Vec<String> = vec![NO_GROUPS.into()];
    options.extend(["experiment", "seed", "status", "device", "tag"].map(String::from));
    // The seed is listed already.
    let settings = differing.iter().filter(|path| *path != "run.seed");
    options.extend(settings.take(40).cloned());
    if let Some(group) = prefs.group.clone().filter(|group| !options.contains(group)) {
        options.push(group);
    }
    let chosen = prefs.group.clone().unwrap_or_else(|| NO_GROUPS.into());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    if prefs.group.is_some() {
        words::label(ui, "Group by", theme::of(ui).secondary);
    }
    if let Some(picked) = field::combo(ui, "Group by", &chosen, &options, 132.0) {
        prefs.group = (picked != NO_GROUPS).then(|| picked.to_string());
    }
}

pub fn columns_ui(
    ui: &mut Ui,
    view: &mut RunsView,
    prefs: &mut Prefs,
    named: Named<'_>,
    commands: &mut Commands,
) {
    let button = ui.add(Button::secondary("Columns").with_icon(Icon::Settings));
    Popup::menu(&button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(360.0)
        .show(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let mut columns = chosen_columns(prefs);
            let before = columns.clone();
            present_ui(ui, &mut columns);
            ui.separator();
            let width = ui.available_width();
            field::search(
                ui,
                &mut view.find_column,
                "Find a column",
                "Find a metric, setting or figure",
                width,
            );
            offered_ui(ui, &view.find_column, named, &mut columns);
            ui.separator();
            sketch_ui(ui, prefs, named.recorded, commands);
            if Button::quiet("As delivered")
                .with_icon(Icon::Revert)
                .clicked(ui)
            {
                columns = crate::catalog::DEFAULT_COLUMNS.map(super::column).to_vec();
            }
            if columns != before && !columns.is_empty() {
                prefs.columns = columns.iter().map(ToString::to_string).collect();
            }
        });
}

/// The current columns: move, remove, and for curves which value.
fn present_ui(ui: &mut Ui, columns: &mut Vec<Column>) {
    let mut swap = None;
    let mut gone = None;
    ScrollArea::vertical()
        .id_salt("present")
        .max_height(260.0)
        .show(ui, |ui| {
            for at in 0..columns.len() {
                let column = columns[at].clone();
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = 0.0;
                    let name = column.to_string();
                    if Button::icon(Icon::Up, &format!("Move {name} to the left"))
                        .low()
                        .clicked(ui)
                        && at > 0
                    {
                        swap = Some((at, at - 1));
                    }
                    if Button::icon(Icon::Down, &format!("Move {name} to the right"))
                        .low()
                        .clicked(ui)
                        && at + 1 < columns.len()
                    {
                        swap = Some((at, at + 1));
                    }
                    if Button::icon(Icon::Cross, &format!("Remove {name}"))
                        .low()
                        .clicked(ui)
                    {
                        gone = Some(at);
                    }
                    ui.add_space(space::S);
                    let on = column.measured_on().map(|on| format!(", {on}"));
                    let title = column.title() + &on.unwrap_or_default();
                    ui.label(title).on_hover_text(column.definition());
                    if column.metric().is_some() {
                        ui.add_space(space::S);
                        for part in Part::ALL {
                            let here = column.part() == part;
                            let words = if here {
                                format!("[{}]", part.key())
                            } else {
                                part.key().to_string()
                            };
                            if Button::quiet(&words)
                                .low()
                                .hint(&format!("Show the {} value", part.key()))
                                .clicked(ui)
                            {
                                columns[at] = column.with_part(part);
                            }
                        }
                    }
                });
            }
        });
    if let Some((from, to)) = swap {
        columns.swap(from, to);
    }
    if let Some(at) = gone {
        columns.remove(at);
    }
}

fn offered_ui(ui: &mut Ui, find: &str, named: Named<'_>, columns: &mut Vec<Column>) {
    let t = theme::of(ui);
    let wanted = find.to_lowercase();
    let fits = |name: &str, help: &str| {
        wanted
            .split_whitespace()
            .all(|word| name.to_lowercase().contains(word) || help.to_lowercase().contains(word))
    };
    ScrollArea::vertical()
        .id_salt("offered")
        .max_height(180.0)
        .show(ui, |ui| {
            // What other programs named first: there is no other way to come by it.
            let settings = named.differing.iter();
            let settings = settings.filter(|path| RecordedSettings::is_path(path));
            let others = named.recorded.iter().chain(settings);
            let others = others.filter_map(|name| vocabulary().name(name));
            let names = others.chain(vocabulary().names().iter().map(Cow::Borrowed));
            let names = names.filter(|name| fits(&name.name, &name.help));
            for name in names.take(OFFERED) {
                let Ok(column) = name.name.parse::<Column>() else {
                    continue;
                };
                if columns.iter().any(|known| known.name() == column.name()) {
                    continue;
                }
                let add = format!("Add {}", name.name);
                ui.horizontal(|ui| {
                    if Button::icon(Icon::Plus, &add).low().clicked(ui) {
                        columns.push(column);
                    }
                    ui.label(&name.name);
                    let kind = if matches!(name.kind, Kind::Number { curve: true }) {
                        ""
                    } else {
                        "  "
                    };
                    words::small_label(ui, format!("{kind}{}", name.help), t.secondary);
                });
            }
        });
}

fn sketch_ui(ui: &mut Ui, prefs: &mut Prefs, recorded: &[String], commands: &mut Commands) {
    const NONE: &str = "No sketch";
    let title = |key: &Option<String>| {
        key.as_deref()
            .and_then(declared)
            .map_or(NONE.to_string(), |metric| metric.full_name())
    };
    ui.horizontal(|ui| {
        words::small(ui, "Sketched curve");
        let known: Vec<MetricDecl> = all_with(recorded.iter().map(String::as_str)).collect();
        let names: Vec<String> = known.iter().map(MetricDecl::full_name).collect();
        let options = names.iter().map(String::as_str);
        let options: Vec<&str> = [NONE].into_iter().chain(options).collect();
        let chosen = title(&prefs.sketch);
        if let Some(picked) = field::combo(ui, "Sketched curve", &chosen, &options, 200.0) {
            let metric = known.iter().find(|metric| metric.full_name() == picked);
            prefs.sketch = metric.map(|metric| metric.key.to_string());
            commands.run(Core::list_runs);
        }
    });
}
