//! The place Tables: Tables I-VI in the paper's layout, with its values in shaded columns.

use eframe::egui::{
    Align, Align2, Label, Layout, Margin, Rect, RichText, ScrollArea, Sense, Ui, Vec2, pos2, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::state::people::{SystemList, TablesState};
use crate::app::state::remote::Remote;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::field;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::metrics::Digits;
use crate::report::signature_lines;
use crate::report::tables::{Cell, Format, Row, Table, TableNumber};
use crate::store::StudyRow;
use crate::study::definition::StudyKind;

/// The greatest width of the first column.
const NAME: f32 = 340.0;
const OURS: f32 = 138.0;
/// Without an interval.
const PLAIN: f32 = 76.0;

pub fn tables_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let people = &mut state.people;
    let tables = &mut people.tables;
    let wanted = (tables.table, tables.chosen());
    if tables.made.wants(&wanted) {
        commands.run(Core::load_table);
    }
    layout::scrolled(ui, "tables", |ui| {
        layout::padded(
            ui,
            Margin::symmetric(space::L as i8, space::M as i8),
            |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::S;
                ui.horizontal_wrapped(|ui| {
                    let options = TableNumber::ALL.map(|table| (table, table.roman()));
                    if segments(ui, "Table", &mut tables.table, &options) {
                        tables.notice = None;
                    }
                    ui.add_space(space::S);
                    export_ui(ui, tables, commands);
                });
                words::heading(ui, tables.table.title());
                choices_ui(ui, tables, &people.systems, people.studies.rows.value());
                if let Some(words) = &tables.notice {
                    words::secondary(ui, words);
                }
                match tables.made.shown() {
                    None => {
                        words::secondary(ui, "Making the table…");
                    }
                    Some((_, Err(why))) => {
                        notice::strip(ui, Tone::Warning, "The table cannot be made", why, |_| {});
                    }
                    Some((_, Ok(made))) if made.number != tables.table.number() => {}
                    Some((_, Ok(made))) => table_ui(ui, made),
                }
                ui.add_space(space::XL);
            },
        );
    });
}

fn export_ui(ui: &mut Ui, tables: &TablesState, commands: &mut Commands) {
    let Some((_, Ok(made))) = tables.made.shown() else {
        return;
    };
    if made.number != tables.table.number() {
        return;
    }
    for (format, words, hint) in [
        (
            Format::Latex,
            "Copy LaTeX",
            "A document that compiles as it is",
        ),
        (Format::Markdown, "Copy Markdown", "A Markdown table"),
        (Format::Csv, "Copy CSV", "Intervals in columns of their own"),
    ] {
        if Button::secondary(words).hint(hint).clicked(ui) {
            commands.push(Command::Copy(made.write(format)));
        }
    }
    let hint = "All three forms, into the folder tables of the store";
    if Button::secondary("Save files").hint(hint).clicked(ui) {
        commands.run(Core::save_table);
    }
}

fn choices_ui(
    ui: &mut Ui,
    tables: &mut TablesState,
    systems: &Remote<SystemList>,
    studies: Option<&Vec<StudyRow>>,
) {
    use TableNumber::{AbTest, Ablation, Automatic, Cases, Identifiers, Rating};
    let table = tables.table;
    if let Some(known) = systems.value() {
        if matches!(table, Identifiers | Automatic | Ablation) {
            let runs = known.runs.iter();
            let runs = runs.map(|run| (run.id.0, format!("{} #{}", run.name, run.id)));
            ticks_ui(ui, "Runs", runs.collect(), &mut tables.runs, "No runs yet.");
        }
        if table == Automatic {
            let scored = known.scores.iter();
            let scored = scored.map(|one| (one.system.clone(), one.system.clone()));
            let none = "No system is scored yet; Score systems in Case study does it.";
            ticks_ui(ui, "Systems", scored.collect(), &mut tables.systems, none);
        }
        if table == Cases {
            let all = known.systems.iter();
            let all = all.map(|one| (one.name.clone(), one.name.clone()));
            let none = "No systems yet.";
            ticks_ui(ui, "Systems", all.collect(), &mut tables.systems, none);
        }
    }
    let kind = match table {
        Rating => StudyKind::Rating,
        AbTest => StudyKind::AbTest,
        _ => return,
    };
    let ready = studies.into_iter().flatten();
    let ready = ready.filter(|row| row.head.kind == kind && row.is_own && row.unblinding.is_some());
    let ready = ready.map(|row| (row.id.0, format!("{} #{}", row.head.title, row.id)));
    let none = "No such study is unblinded yet.";
    ticks_ui(ui, "Studies", ready.collect(), &mut tables.studies, none);
}

fn ticks_ui<K: Ord + Clone>(
    ui: &mut Ui,
    name: &str,
    options: Vec<(K, String)>,
    chosen: &mut std::collections::BTreeSet<K>,
    none: &str,
) {
    let t = theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        words::label(ui, name, t.secondary);
        if options.is_empty() {
            words::label(ui, none, t.secondary);
        }
        for (key, words) in options {
            let mut on = chosen.contains(&key);
            if field::tick(ui, &words, &mut on).changed() {
                match on {
                    true => chosen.insert(key),
                    false => chosen.remove(&key),
                };
            }
        }
    });
}

fn table_ui(ui: &mut Ui, table: &Table) {
    if table.number == TableNumber::Cases.number() {
        cases_ui(ui, table);
    } else {
        figures_ui(ui, table);
    }
    ui.add_space(space::S);
    let notes = table.notes_below().into_iter();
    for note in notes.chain(signature_lines(&table.signatures)) {
        let t = theme::of(ui);
        let words = RichText::new(note).font(text::small()).color(t.secondary);
        ui.add(Label::new(words).wrap().selectable(true));
    }
}

/// Columns may come in pairs, ours and the paper's; a reported one is narrow and shaded.
fn figures_ui(ui: &mut Ui, table: &Table) {
    let widths: Vec<f32> = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let long = column.title != "reported" && column.title.len() > 12;
            let bracketed = table.rows.iter().any(|row| {
                let cell = row.cells.get(at);
                matches!(
                    cell,
                    Some(Cell::Figure {
                        interval: Some(_),
                        ..
                    })
                )
            });
            if long || bracketed { OURS } else { PLAIN }
        })
        .collect();
    let names = table.rows.iter().map(|row| &row.name);
    let name = names
        .chain([&table.names])
        .map(|words| {
            let colour = theme::of(ui).text;
            let galley = words::galley(ui, words, text::body(), colour);
            galley.size().x + space::L
        })
        .fold(0.0, f32::max)
        .min(NAME);
    let width = name + widths.iter().sum::<f32>();
    ScrollArea::horizontal().id_salt("table").show(ui, |ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        let height = size::ROW * (table.rows.len() + 1) as f32;
        let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
        let t = theme::of(ui);
        let mut x = rect.left() + name;
        for (column, width) in table.columns.iter().zip(&widths) {
            if column.reported {
                let shade = Rect::from_min_size(pos2(x, rect.top()), vec2(*width, height));
                ui.painter().rect_filled(shade, 0, t.hover);
            }
            x += width;
        }
        let row_rect = |at: usize| {
            let top = rect.top() + size::ROW * at as f32;
            Rect::from_min_size(pos2(rect.left(), top), vec2(width, size::ROW))
        };
        head_ui(ui, table, name, &widths, row_rect(0));
        for (at, row) in table.rows.iter().enumerate() {
            let place = row_rect(at + 1);
            layout::rule(ui, place.x_range(), place.top());
            row_ui(ui, row, name, &widths, place);
        }
        ui.add_space(space::M);
    });
}

fn head_ui(ui: &mut Ui, table: &Table, name: f32, widths: &[f32], place: Rect) {
    let t = theme::of(ui);
    let at = pos2(place.left(), place.center().y);
    words::paint_small(
        ui.painter(),
        at,
        Align2::LEFT_CENTER,
        &table.names,
        t.secondary,
    );
    let mut x = place.left() + name;
    for (column, width) in table.columns.iter().zip(widths) {
        x += width;
        let at = pos2(x - space::S, place.center().y);
        words::paint_small(
            ui.painter(),
            at,
            Align2::RIGHT_CENTER,
            &column.title,
            t.secondary,
        );
    }
}

fn row_ui(ui: &mut Ui, row: &Row, name: f32, widths: &[f32], place: Rect) {
    let t = theme::of(ui);
    let room = Rect::from_min_size(place.min, vec2(name, place.height()));
    let mut child = ui.new_child(
        eframe::egui::UiBuilder::new()
            .max_rect(room)
            .layout(Layout::left_to_right(Align::Center)),
    );
    child.add(Label::new(RichText::new(&row.name).color(t.text)).truncate());
    let mut x = place.left() + name;
    for (cell, width) in row.cells.iter().zip(widths) {
        let room = Rect::from_min_size(pos2(x, place.top()), vec2(*width, place.height()));
        x += width;
        let mut child = ui.new_child(
            eframe::egui::UiBuilder::new()
                .max_rect(room.shrink2(vec2(space::S, 0.0)))
                .layout(Layout::right_to_left(Align::Center)),
        );
        child.spacing_mut().item_spacing.x = space::XS;
        let (figure, interval) = written(cell);
        if !interval.is_empty() {
            child.label(
                RichText::new(interval)
                    .font(text::small())
                    .color(t.secondary),
            );
        }
        let colour = if *cell == Cell::Nothing {
            t.secondary
        } else {
            t.text
        };
        child.label(RichText::new(figure).color(colour));
    }
}

fn written(cell: &Cell) -> (String, String) {
    match cell {
        Cell::Nothing => ("–".to_string(), String::new()),
        Cell::Words(words) => (words.clone(), String::new()),
        Cell::Figure { value, interval } => {
            let interval = interval.map_or(String::new(), |(low, high)| {
                let [low, high] = [low, high].map(|each| format::figure(each, Digits::RESULT));
                format!("[{low}, {high}]")
            });
            (format::figure(*value, Digits::RESULT), interval)
        }
    }
}

fn cases_ui(ui: &mut Ui, table: &Table) {
    let t = theme::of(ui);
    for row in &table.rows {
        let Some(cell) = row.cells.first() else {
            ui.add_space(space::S);
            words::bold(ui, &row.name);
            continue;
        };
        ui.horizontal_top(|ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(110.0, 18.0), Sense::hover());
            let at = pos2(rect.left(), rect.top());
            words::paint_body(ui.painter(), at, Align2::LEFT_TOP, &row.name, t.secondary);
            let words = RichText::new(written(cell).0).color(t.text);
            ui.add(Label::new(words).wrap().selectable(true));
        });
    }
}
