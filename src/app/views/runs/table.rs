//! The table of runs: headers that sort, rows that open, groups with mean and deviation.
//!
//! The whole table is one tab stop: arrows move, Enter opens, Space selects, Delete deletes. Arrows also find it while
//! nothing else has the focus.

mod cell;
mod heads;
mod layout;
mod row;

use eframe::egui::{self, Key, Popup, Rect, ScrollArea, Sense, Ui, UiBuilder, vec2};
use heads::{HEAD, heads_ui};
use layout::TableLayout;
use row::{group_ui, row_ui};

use super::{RunsView, Shelf};
use crate::app::command::Commands;
use crate::app::format::Now;
use crate::app::queries::runs::Listed;
use crate::app::state::Prefs;
use crate::app::theme::size;
use crate::catalog::{Column, Entry, Group, groups, sort_by_mean};
use crate::operations::runs::Edit;
use crate::store::RunId;

/// How many rows a page key moves.
const PAGE: isize = 12;

/// A line of the table: a group's head, or a run.
enum Line<'a> {
    Group(Group<'a>),
    Run(&'a Listed),
}

/// Draws the rows. Column widths depend on `all` rows of the shelf, so that a filter does not change them.
pub(super) fn table_ui(
    ui: &mut Ui,
    rows: &[&Listed],
    all: &[&Listed],
    view: &mut RunsView,
    prefs: &Prefs,
    now: Now,
    commands: &mut Commands,
) {
    let room = ui.available_width();
    let groups = grouped(rows, view, prefs);
    let measured = groups.as_deref().unwrap_or_default();
    let layout = TableLayout::of(ui, all, measured, prefs, now, room);
    let lines = lines(rows, groups);
    let order: Vec<RunId> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Run(row) => Some(row.entry.row.id),
            Line::Group(_) => None,
        })
        .collect();
    keep_current(ui, view, &order);
    if view.filter.take_left()
        && let Some(run) = view.current
    {
        ui.memory_mut(|memory| memory.request_focus(row_id(run)));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    // The headers stay above the rows and scroll sideways with them.
    let (head, _) = ui.allocate_exact_size(vec2(room, HEAD), Sense::hover());
    let mut above = ui.new_child(UiBuilder::new().max_rect(head));
    above.set_clip_rect(head.intersect(ui.clip_rect()));
    let from = head.min - vec2(view.across, 0.0);
    heads_ui(&mut above, from, &layout, view, rows);
    let mut scroll_to = moved(ui, view, rows, &order, commands);
    let shown = ScrollArea::new([layout.total > room, true])
        .id_salt("runs")
        .auto_shrink(false)
        .show_rows(ui, size::ROW, lines.len(), |ui, range| {
            ui.set_min_width(layout.total);
            if let Some(at) = scroll_to.take().and_then(|run| place_of(&lines, run)) {
                let top = ui.min_rect().top() + (at as f32 - range.start as f32) * size::ROW;
                let across = ui.clip_rect().x_range();
                ui.scroll_to_rect(Rect::from_x_y_ranges(across, top..=top + size::ROW), None);
            }
            for line in lines.get(range).unwrap_or_default() {
                match line {
                    Line::Group(group) => group_ui(ui, group, &layout, view, prefs),
                    Line::Run(row) => row_ui(ui, row, &layout, view, now, commands),
                }
            }
        });
    let across = shown.state.clamped_offset().x;
    if across != view.across {
        view.across = across;
        ui.request_repaint();
    }
}

/// Where the current run is gone, the one in its place becomes current and keeps the focus.
fn keep_current(ui: &Ui, view: &mut RunsView, order: &[RunId]) {
    let place = |run: RunId| order.iter().position(|known| *known == run);
    if let Some(at) = view.current.and_then(place) {
        view.current_at = at;
        return;
    }
    let had_focus = view
        .current
        .is_some_and(|run| ui.memory(|memory| memory.has_focus(row_id(run))));
    let last = order.len().saturating_sub(1);
    view.current_at = match view.current {
        Some(_) => view.current_at.min(last),
        None => 0,
    };
    view.current = order.get(view.current_at).copied();
    if let Some(run) = view.current.filter(|_| had_focus) {
        ui.memory_mut(|memory| memory.request_focus(row_id(run)));
    }
}

/// The groups, sorted; `None` where runs are not grouped.
fn grouped<'a>(rows: &[&'a Listed], view: &RunsView, prefs: &Prefs) -> Option<Vec<Group<'a>>> {
    let by = prefs.group.as_deref()?.parse::<Column>().ok()?;
    let entries: Vec<&Entry> = rows.iter().map(|row| &row.entry).collect();
    let mut groups = groups(&entries, &by);
    if view.sort.is_figure() {
        // By what their headers show.
        sort_by_mean(&mut groups, &view.sort, view.descending);
    }
    Some(groups)
}

fn lines<'a>(rows: &[&'a Listed], groups: Option<Vec<Group<'a>>>) -> Vec<Line<'a>> {
    let Some(groups) = groups else {
        return rows.iter().map(|row| Line::Run(row)).collect();
    };
    let mut lines = Vec::new();
    for group in groups {
        let members: Vec<RunId> = group.members.iter().map(|entry| entry.row.id).collect();
        lines.push(Line::Group(group));
        let of_group = rows
            .iter()
            .filter(|row| members.contains(&row.entry.row.id));
        lines.extend(of_group.map(|row| Line::Run(row)));
    }
    lines
}

fn place_of(lines: &[Line<'_>], run: RunId) -> Option<usize> {
    lines
        .iter()
        .position(|line| matches!(line, Line::Run(row) if row.entry.row.id == run))
}

fn row_id(run: RunId) -> egui::Id {
    egui::Id::unique(("row of run", run.0))
}

/// Handles keys; returns the row to scroll to.
fn moved(
    ui: &Ui,
    view: &mut RunsView,
    rows: &[&Listed],
    order: &[RunId],
    commands: &mut Commands,
) -> Option<RunId> {
    let current = view.current?;
    let (focused, free) = ui.memory(|memory| {
        let focused = memory.focused();
        let free = focused.is_none() && memory.top_modal_layer().is_none();
        (focused == Some(row_id(current)), free)
    });
    if !focused && (!free || Popup::is_any_open(ui.ctx())) {
        return None;
    }
    let at = order.iter().position(|run| *run == current)?;
    let last = order.len() - 1;
    // A slow frame may bring several presses.
    let presses = |key| ui.input(|input| input.num_presses(key)) as isize;
    let pressed = |key| presses(key) > 0;
    let lines = presses(Key::ArrowDown) - presses(Key::ArrowUp);
    let pages = presses(Key::PageDown) - presses(Key::PageUp);
    let to = match (pressed(Key::Home), pressed(Key::End)) {
        (true, _) => 0,
        (_, true) => last,
        _ => at.saturating_add_signed(lines + PAGE * pages).min(last),
    };
    if !focused {
        // The first press shows where it is.
        let keys = [Key::ArrowDown, Key::ArrowUp, Key::PageDown, Key::PageUp];
        if !keys.into_iter().any(pressed) {
            return None;
        }
        ui.memory_mut(|memory| memory.request_focus(row_id(current)));
        ui.request_repaint();
        return Some(current);
    }
    if pressed(Key::Space) {
        tick(view, current);
    }
    if pressed(Key::Delete) && view.shelf != Shelf::Deleted {
        let mut rows = rows.iter().map(|row| &row.entry.row);
        let is_active = rows.any(|row| row.id == current && row.status.is_active());
        commands.run(move |core| match is_active {
            true => {
                let words = format!("Run {current} is in progress; stop it before it is deleted");
                core.show_done(words, false);
            }
            false => core.edit(Edit::Delete(vec![current])),
        });
    }
    let run = order[to];
    if run == current {
        return None;
    }
    view.current = Some(run);
    ui.memory_mut(|memory| memory.request_focus(row_id(run)));
    ui.request_repaint();
    Some(run)
}

fn tick(view: &mut RunsView, run: RunId) {
    if !view.chosen.remove(&run) {
        view.chosen.insert(run);
    }
}
