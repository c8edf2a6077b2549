//! The column widths of the table of runs: fitted to their content; text columns shrink first.

use eframe::egui::{FontId, Ui};

use super::cell::longest_words;
use super::cell::spread_words;
use crate::app::format::Now;
use crate::app::queries::runs::Listed;
use crate::app::state::Prefs;
use crate::app::theme::{self, space, text};
use crate::app::views::runs::chosen_columns;
use crate::app::widgets::status;
use crate::app::widgets::text as words;
use crate::catalog::{Column, Group};
use crate::store::RunStatus;

pub(super) const TICK: f32 = 30.0;
pub(super) const GAP: f32 = space::M;
pub(super) const SKETCH: f32 = 84.0;
/// The gap between the columns and the sketch.
pub(super) const SKETCH_GAP: f32 = space::XL;

/// How many rows are measured; wider text below is truncated.
const MEASURED: usize = 300;
/// Width of the sort arrow.
const ARROW: f32 = 15.0;
/// The least width of text columns.
const MIN_WIDTH: f32 = 96.0;
/// The greatest width of text columns when the table scrolls.
const MAX_WIDTH: f32 = 220.0;
/// The most that a text column gets of the space left over.
const AIR: f32 = 80.0;

pub(super) struct TableLayout {
    pub columns: Vec<(Column, f32)>,
    pub sketch: Option<String>,
    /// Width of all columns with their gaps.
    pub total: f32,
}

impl TableLayout {
    /// Lays the columns out in `room`. Numbers of `groups` fit with their deviation.
    pub fn of(
        ui: &Ui,
        rows: &[&Listed],
        groups: &[Group<'_>],
        prefs: &Prefs,
        now: Now,
        room: f32,
    ) -> Self {
        let columns: Vec<(Column, f32)> = chosen_columns(prefs)
            .into_iter()
            .map(|column| {
                let width = asked_for(ui, &column, rows, now);
                let spreads = groups
                    .iter()
                    .filter_map(|group| spread_words(group, &column));
                let spread = spreads.map(|(_, [_, whole])| measured(ui, &whole, text::small()));
                let width = spread.fold(width, f32::max).ceil();
                (column, width)
            })
            .collect();
        let sketch = prefs.sketch.clone();
        let sketched = sketch.as_ref().map_or(0.0, |_| SKETCH_GAP + SKETCH);
        let gaps = GAP * columns.len().saturating_sub(1) as f32;
        let fixed = TICK + gaps + sketched + space::S;
        let columns = fitted(columns, room - fixed);
        let total = fixed + columns.iter().map(|(_, width)| width).sum::<f32>();
        TableLayout {
            columns,
            sketch,
            total: total.max(room),
        }
    }
}

/// Shrinks text columns where space is short, and widens them where some is left.
fn fitted(mut columns: Vec<(Column, f32)>, room: f32) -> Vec<(Column, f32)> {
    let asked: f32 = columns.iter().map(|(_, width)| width).sum();
    let gives = |(column, width): &(Column, f32)| match is_words(column) {
        true => (width - MIN_WIDTH).max(0.0),
        false => 0.0,
    };
    let giving: f32 = columns.iter().map(gives).sum();
    let takers = columns
        .iter()
        .filter(|(column, _)| is_words(column))
        .count();
    let more = ((room - asked) / takers.max(1) as f32).min(AIR);
    for column in &mut columns {
        if !is_words(&column.0) {
            continue;
        }
        column.1 = match (asked <= room, asked - giving <= room) {
            (true, _) => column.1 + more,
            (false, true) => column.1 - gives(column) / giving * (asked - room),
            // It scrolls anyway: keep names readable.
            (false, false) => column.1.min(MAX_WIDTH),
        };
    }
    columns
}

/// Whether a column shows text of any length.
fn is_words(column: &Column) -> bool {
    let short = matches!(
        column.name(),
        "status" | "stage" | "started" | "ended" | "archived"
    );
    !short && !column.is_number()
}

/// The width of the header and the cells.
fn asked_for(ui: &Ui, column: &Column, rows: &[&Listed], now: Now) -> f32 {
    let head = measured(ui, &column.title(), text::small()) + ARROW;
    let on = column.measured_on();
    let on = on.map_or(0.0, |on| measured(ui, on, text::small()));
    let cells = match column.name() {
        // Independent of the runs shown, so that nothing moves when one ends.
        "status" => {
            let words = [RunStatus::Interrupted, RunStatus::Finished].map(status::word);
            let widest = words.map(|word| measured(ui, word, text::body()));
            widest.into_iter().fold(0.0, f32::max) + 14.0
        }
        _ => widest(ui, column, rows, now),
    };
    let figure = match column.digits() {
        Some(_) => measured(ui, "0.0000", text::body()),
        None => 0.0,
    };
    head.max(on).max(cells).max(figure).ceil()
}

/// The width of the longest texts of a column.
fn widest(ui: &Ui, column: &Column, rows: &[&Listed], now: Now) -> f32 {
    let mut longest: Vec<(usize, String)> = Vec::new();
    for row in rows.iter().take(MEASURED) {
        let words = longest_words(column, &row.entry, now);
        let letters = words.chars().count();
        if longest.iter().any(|(_, known)| *known == words) {
            continue;
        }
        longest.push((letters, words));
        longest.sort_by_key(|(letters, _)| std::cmp::Reverse(*letters));
        // The font is proportional: measure the longest few.
        longest.truncate(6);
    }
    let widths = longest
        .iter()
        .map(|(_, words)| measured(ui, words, text::body()));
    widths.fold(0.0, f32::max)
}

fn measured(ui: &Ui, words: &str, font: FontId) -> f32 {
    let colour = theme::of(ui).text;
    let galley = words::galley(ui, words, font, colour);
    galley.size().x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<(Column, f32)> {
        let of = |name: &str, width| (name.parse().expect("a column"), width);
        vec![of("name", 180.0), of("stage", 90.0), of("emp_f1", 60.0)]
    }

    fn widths(room: f32) -> [f32; 3] {
        let fitted = fitted(columns(), room);
        [fitted[0].1, fitted[1].1, fitted[2].1]
    }

    #[test]
    fn only_text_columns_shrink_and_grow() {
        assert_eq!(widths(330.0), [180.0, 90.0, 60.0], "just enough");
        assert_eq!(widths(350.0), [200.0, 90.0, 60.0], "some is left");
        assert_eq!(widths(1000.0), [180.0 + AIR, 90.0, 60.0], "much is left");
        assert_eq!(widths(300.0), [150.0, 90.0, 60.0], "a little is missing");
        assert_eq!(widths(200.0), [180.0, 90.0, 60.0], "it is scrolled");
    }

    #[test]
    fn a_table_that_fits_does_not_scroll() {
        for room in [246.0, 280.0, 330.0, 500.0] {
            assert!(widths(room).iter().sum::<f32>() <= room + 0.01, "{room}");
        }
    }
}
