//! The tables below the curves of compared runs.

use eframe::egui::{
    Align, Grid, Label, Layout, Popup, PopupCloseBehavior, RichText, ScrollArea, Ui,
    scroll_area::ScrollBarVisibility, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::text as words;
use crate::catalog::Entry;
use crate::catalog::figures::profiles;
use crate::catalog::load::Comparison;
use crate::catalog::sheets::{
    SeedSpread, changes_sheet, differences_sheet, over_seeds_sheet, results_sheet,
    seed_differences_sheet, settings_sheet,
};
use crate::report::{Sheet, signature_lines};

/// The table over seeds.
const SEEDS: &str = "seeds";

/// The tables, each with the name of its files.
pub type Sheets = Vec<(&'static str, Sheet)>;

pub fn sheets(entries: &[&Entry], found: Option<&Comparison>, spread: SeedSpread) -> Sheets {
    let provenance = found.map_or(&[][..], |found| &found.provenance);
    let over_seeds = found.map(|found| &found.over_seeds);
    let means = over_seeds.and_then(|of| over_seeds_sheet(of, provenance, spread));
    let between = over_seeds.and_then(|of| seed_differences_sheet(of, provenance));
    [
        ("settings", Some(settings_sheet(entries))),
        ("changes", changes_sheet(entries)),
        ("results", Some(results_sheet(entries, found))),
        (SEEDS, means),
        ("differences", Some(differences_sheet(entries, found))),
        ("seed-differences", between),
    ]
    .into_iter()
    .filter_map(|(name, sheet)| Some((name, sheet?)))
    .collect()
}

pub fn sheets_ui(
    ui: &mut Ui,
    sheets: &Sheets,
    found: Option<&Comparison>,
    spread: &mut SeedSpread,
    commands: &mut Commands,
) {
    for (name, sheet) in sheets {
        sheet_ui(ui, name, sheet, commands);
        if let (&SEEDS, Some(found)) = (name, found) {
            ui.horizontal(|ui| {
                let kinds = [
                    (SeedSpread::Interval, "95 % interval"),
                    (SeedSpread::Deviation, "Standard deviation"),
                ];
                words::label(ui, "Beside a mean", theme::of(ui).secondary);
                segments(ui, "Beside a mean", spread, &kinds);
                profiles_ui(ui, found, commands);
            });
        }
        ui.add_space(space::L);
    }
}

fn profiles_ui(ui: &mut Ui, found: &Comparison, commands: &mut Commands) {
    let hint = "Share of F1 of seed × mechanism above each threshold; CSV, SVG, PNG into the store's folder exports";
    let save = Button::quiet("Save the performance profiles").low();
    let any = found
        .over_seeds
        .groups
        .iter()
        .any(|group| group.aggregates.is_some());
    if any
        && save.hint(hint).clicked(ui)
        && let Some(figure) = profiles(&found.over_seeds, &found.provenance)
    {
        let name = "compare-profiles".to_string();
        commands.run(|core| core.save_figure(name, figure));
    }
}

pub fn sheet_ui(ui: &mut Ui, name: &str, sheet: &Sheet, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        words::heading(ui, &sheet.title);
        if !sheet.rows.is_empty() {
            ui.add_space(space::S);
            let button = ui.add(
                Button::quiet("Save or copy")
                    .low()
                    .hint("As CSV, LaTeX or Markdown"),
            );
            Popup::menu(&button)
                .close_behavior(PopupCloseBehavior::CloseOnClick)
                .show(|ui| {
                    if Button::quiet("Save files")
                        .hint("Into the store's folder exports")
                        .clicked(ui)
                    {
                        let name = format!("compare-{name}");
                        let sheet = sheet.clone();
                        commands.run(|core| core.save_sheet(name, sheet));
                    }
                    for (words, text) in [
                        ("Copy CSV", sheet.csv()),
                        ("Copy LaTeX", sheet.latex()),
                        ("Copy Markdown", sheet.markdown()),
                    ] {
                        if Button::quiet(words).clicked(ui) {
                            commands.push(Command::Copy(text));
                        }
                    }
                });
        }
    });
    ui.add_space(space::XS);
    if !sheet.rows.is_empty() {
        let roomy = ui.available_width() > 1000.0;
        // Of a table below the window the bar would lie over the plots.
        let bar = match ui.cursor().top() < ui.clip_rect().bottom() {
            true => ScrollBarVisibility::VisibleWhenNeeded,
            false => ScrollBarVisibility::AlwaysHidden,
        };
        let scroll = ScrollArea::horizontal().id_salt(name);
        scroll.scroll_bar_visibility(bar).show(ui, |ui| {
            // Rows as high as their text, not as buttons.
            ui.spacing_mut().interact_size.y = 0.0;
            let gap = match roomy {
                true => space::XL,
                false => space::M,
            };
            Grid::new(name).spacing(vec2(gap, space::S)).show(ui, |ui| {
                for (title, number) in &sheet.columns {
                    let title = RichText::new(title).font(text::small()).color(t.secondary);
                    cell_ui(ui, title, *number);
                }
                ui.end_row();
                for row in &sheet.rows {
                    for (cell, (_, number)) in row.iter().zip(&sheet.columns) {
                        let words = match number {
                            true => format::typeset(cell),
                            false => cell.clone(),
                        };
                        cell_ui(ui, RichText::new(words).color(t.text), *number);
                    }
                    ui.end_row();
                }
            });
            // Room for the scroll bar.
            ui.add_space(space::M);
        });
    }
    for note in &sheet.notes {
        words::secondary(ui, note.as_str());
    }
    for line in signature_lines(&sheet.signatures) {
        let line = RichText::new(line).font(text::small()).color(t.secondary);
        ui.add(Label::new(line).wrap().selectable(true));
    }
}

fn cell_ui(ui: &mut Ui, words: RichText, number: bool) {
    let label = Label::new(words).extend().selectable(true);
    match number {
        true => {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.add(label))
                .inner
        }
        false => ui.add(label),
    };
}
