//! The table of runs: heads that sort, rows that open, groups with mean and deviation.
//!
//! The whole table is one stop of the Tab key: arrows move, Enter opens, Space ticks, Delete deletes.

use eframe::egui;
use eframe::egui::{
    Align, Align2, EventFilter, Key, Label, Layout, Rect, Response, RichText, Role, ScrollArea,
    Sense, Shape, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::{RunsView, Shelf, chosen_columns};
use crate::app::command::{Command, Commands};
use crate::app::format::{self, Clock};
use crate::app::state::Prefs;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::status;
use crate::app::workers::keeper::Edit;
use crate::app::workers::reader::Listed;
use crate::catalog::{Cell, Column, Entry, Group, groups};
use crate::metrics::declared::declared;
use crate::store::{RunId, RunRow};

const HEAD: f32 = 40.0;
const TICK: f32 = 30.0;
const SKETCH: f32 = 84.0;
const GAP: f32 = space::M;

/// A line of the table: a group's head, or a run.
enum Line<'a> {
    Group(Group<'a>),
    Run(&'a Listed),
}

struct Layouted {
    columns: Vec<(Column, f32)>,
    sketch: Option<String>,
    total: f32,
}

/// Least width, and whether the column takes of what is left.
fn width(column: &Column) -> (f32, bool) {
    match column.name() {
        "id" => (36.0, false),
        "seed" | "step" => (40.0, false),
        "name" => (108.0, true),
        "experiment" => (96.0, true),
        "note" | "tag" => (110.0, true),
        "status" => (92.0, false),
        "stage" => (132.0, false),
        "started" | "ended" => (104.0, false),
        _ if column.measured_on().is_some_and(|on| on.len() > 10) => (104.0, false),
        _ if column.metric().is_some() && column.title().len() < 10 => (60.0, false),
        _ => (84.0, false),
    }
}

fn layouted(prefs: &Prefs, available: f32) -> Layouted {
    let columns = chosen_columns(prefs);
    let sketch = prefs.sketch.clone();
    let fixed = TICK + if sketch.is_some() { SKETCH + GAP } else { 0.0 };
    let least: f32 = columns
        .iter()
        .map(|column| width(column).0 + GAP)
        .sum::<f32>()
        + fixed;
    let takers = columns.iter().filter(|column| width(column).1).count();
    let more = ((available - least) / takers.max(1) as f32).max(0.0);
    let columns: Vec<(Column, f32)> = columns
        .into_iter()
        .map(|column| {
            let (least, takes) = width(&column);
            // A name is not made wider than any name is.
            let wide = if takes {
                (least + more).min(420.0)
            } else {
                least
            };
            (column, wide)
        })
        .collect();
    let total = columns.iter().map(|(_, width)| width + GAP).sum::<f32>() + fixed;
    Layouted {
        columns,
        sketch,
        total: total.max(available),
    }
}

pub(super) fn table_ui(
    ui: &mut Ui,
    rows: &[&Listed],
    view: &mut RunsView,
    prefs: &Prefs,
    time: (Clock, i64),
    commands: &mut Commands,
) {
    let layout = layouted(prefs, ui.available_width() - space::S);
    let lines = lines(rows, prefs);
    let order: Vec<RunId> = lines
        .iter()
        .filter_map(|line| match line {
            Line::Run(row) => Some(row.entry.row.id),
            Line::Group(_) => None,
        })
        .collect();
    if !view.current.is_some_and(|run| order.contains(&run)) {
        view.current = order.first().copied();
    }
    ScrollArea::horizontal()
        .id_salt("runs across")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.set_min_width(layout.total);
            ui.spacing_mut().item_spacing.y = 0.0;
            heads_ui(ui, &layout, view, rows);
            let mut scroll_to = moved(ui, view, &order, commands);
            ScrollArea::vertical()
                .id_salt("runs")
                .auto_shrink(false)
                .show_rows(ui, size::ROW, lines.len(), |ui, range| {
                    if let Some(at) = scroll_to.take().and_then(|run| place_of(&lines, run)) {
                        let top =
                            ui.min_rect().top() + (at as f32 - range.start as f32) * size::ROW;
                        let rect = Rect::from_min_size(
                            pos2(ui.min_rect().left(), top),
                            vec2(1.0, size::ROW),
                        );
                        ui.scroll_to_rect(rect, None);
                    }
                    for line in lines.get(range).unwrap_or_default() {
                        match line {
                            Line::Group(group) => group_ui(ui, group, &layout, prefs),
                            Line::Run(row) => row_ui(ui, row, &layout, view, time, commands),
                        }
                    }
                });
        });
}

fn lines<'a>(rows: &[&'a Listed], prefs: &Prefs) -> Vec<Line<'a>> {
    let group = prefs
        .group
        .as_deref()
        .and_then(|name| name.parse::<Column>().ok());
    let Some(by) = group else {
        return rows.iter().map(|row| Line::Run(row)).collect();
    };
    let entries: Vec<&Entry> = rows.iter().map(|row| &row.entry).collect();
    let mut lines = Vec::new();
    for group in groups(&entries, &by) {
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

/// Moves through the rows by keys; gives the row that came into sight.
fn moved(ui: &Ui, view: &mut RunsView, order: &[RunId], commands: &mut Commands) -> Option<RunId> {
    let current = view.current?;
    if !ui.memory(|memory| memory.has_focus(row_id(current))) {
        return None;
    }
    let at = order.iter().position(|run| *run == current)?;
    let last = order.len() - 1;
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let to = if pressed(Key::ArrowDown) {
        at + 1
    } else if pressed(Key::ArrowUp) {
        at.saturating_sub(1)
    } else if pressed(Key::PageDown) {
        at + 12
    } else if pressed(Key::PageUp) {
        at.saturating_sub(12)
    } else if pressed(Key::Home) {
        0
    } else if pressed(Key::End) {
        last
    } else {
        at
    };
    if pressed(Key::Space) {
        tick(view, current);
    }
    if pressed(Key::Delete) && view.shelf != Shelf::Deleted {
        commands.push(Command::Edit(Edit::Delete(vec![current])));
    }
    let run = order[to.min(last)];
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

fn heads_ui(ui: &mut Ui, layout: &Layouted, view: &mut RunsView, rows: &[&Listed]) {
    let t = theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(layout.total, HEAD), Sense::hover());
    let tick_rect = Rect::from_min_size(rect.min, vec2(TICK, HEAD));
    let all = !rows.is_empty()
        && rows
            .iter()
            .all(|row| view.chosen.contains(&row.entry.row.id));
    let response = ui.interact(tick_rect, ui.scope_id().with("choose all"), Sense::click());
    response
        .widget_info(|| WidgetInfo::selected(Role::CheckBox, true, all, "Choose every run shown"));
    mark_ui(ui, tick_rect, all, response.hovered());
    focus_ring(ui, &response, tick_rect.shrink(7.0));
    if response.clicked() {
        view.chosen.clear();
        if !all {
            view.chosen.extend(rows.iter().map(|row| row.entry.row.id));
        }
    }
    let mut x = rect.left() + TICK;
    for (column, width) in &layout.columns {
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(*width, HEAD));
        x += width + GAP;
        head_ui(ui, cell, column, view);
    }
    if let Some(metric) = layout.sketch.as_deref().and_then(declared) {
        let at = pos2(x, rect.center().y);
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(SKETCH, HEAD));
        let painter = ui.painter().with_clip_rect(cell);
        painter.text(
            at,
            Align2::LEFT_BOTTOM,
            metric.name,
            text::small(),
            t.secondary,
        );
        painter.text(
            at,
            Align2::LEFT_TOP,
            "over its steps",
            text::small(),
            t.secondary,
        );
        ui.interact(cell, ui.scope_id().with("sketch head"), Sense::hover())
            .on_hover_text(metric.definition);
    }
    ui.painter()
        .hline(rect.x_range(), rect.bottom() - 0.5, t.line_stroke());
}

fn head_ui(ui: &mut Ui, rect: Rect, column: &Column, view: &mut RunsView) {
    let t = theme::of(ui);
    let name = column.to_string();
    let response = ui.interact(rect, ui.scope_id().with(("head", &name)), Sense::click());
    let sorted = view.sort == *column;
    let title = column.title();
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::ColumnHeader,
            true,
            format!("Sort by {}", head_words(column)),
        )
    });
    let colour = if sorted || response.hovered() {
        t.text
    } else {
        t.secondary
    };
    let painter = ui.painter().with_clip_rect(rect);
    let number = column.is_number();
    let on = column.measured_on();
    let (x, align) = if number {
        (rect.right(), Align::Max)
    } else {
        (rect.left(), Align::Min)
    };
    let middle = rect.center().y;
    let (y, vertical) = match on {
        Some(_) => (middle, Align::Max),
        None => (middle, Align::Center),
    };
    let shown = painter.text(
        pos2(x, y),
        Align2([align, vertical]),
        &title,
        text::small(),
        colour,
    );
    if let Some(on) = on {
        painter.text(
            pos2(x, middle),
            Align2([align, Align::Min]),
            on,
            text::small(),
            t.secondary,
        );
    }
    if sorted {
        let icon = if view.descending {
            Icon::Down
        } else {
            Icon::Up
        };
        let at = if number {
            shown.left() - 8.0
        } else {
            shown.right() + 8.0
        };
        let mark = Rect::from_center_size(pos2(at, shown.center().y), egui::Vec2::splat(10.0));
        icon::paint(&painter, mark, icon, t.text);
    }
    focus_ring(ui, &response, rect.shrink(2.0));
    if response.on_hover_text(column.definition()).clicked() {
        if sorted {
            view.descending = !view.descending;
        } else {
            view.sort = column.clone();
            view.descending = number || column.name() == "started";
        }
    }
}

/// A head for those who hear it: with what its figures were measured on.
fn head_words(column: &Column) -> String {
    match column.measured_on() {
        Some(on) if on != "last" => format!("{}, {on}", column.title()),
        _ => column.title(),
    }
}

fn mark_ui(ui: &Ui, cell: Rect, ticked: bool, hovered: bool) {
    let t = theme::of(ui);
    let mark = Rect::from_center_size(
        pos2(cell.left() + 10.0, cell.center().y),
        egui::Vec2::splat(15.0),
    );
    let (fill, line) = match (ticked, hovered) {
        (true, _) => (t.accent, t.accent),
        (false, true) => (t.hover, t.faint),
        (false, false) => (t.raised, t.line),
    };
    ui.painter().rect(
        mark,
        4,
        fill,
        Stroke::new(1.0, line),
        egui::StrokeKind::Inside,
    );
    if ticked {
        icon::paint(ui.painter(), mark.shrink(2.0), Icon::Check, t.on_accent);
    }
}

fn group_ui(ui: &mut Ui, group: &Group<'_>, layout: &Layouted, prefs: &Prefs) {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(layout.total, size::ROW), Sense::hover());
    ui.painter().rect_filled(rect, 0, t.panel);
    let by = prefs.group.as_deref().unwrap_or_default();
    let value = match &group.value {
        Cell::Missing => "none".to_string(),
        Cell::Number(value) => format!("{value}"),
        Cell::Text(text) => text.clone(),
        Cell::Moment(at) => at.to_string(),
    };
    let n = group.members.len();
    let title = format!("{by} {value}, {n} run{}", if n == 1 { "" } else { "s" });
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, format!("Group {title}")));
    let painter = ui.painter().with_clip_rect(rect);
    let mut x = rect.left() + TICK;
    let mut taken = painter
        .text(
            pos2(rect.left() + space::S, rect.center().y),
            Align2::LEFT_CENTER,
            &title,
            text::body(),
            t.text,
        )
        .right();
    for (column, width) in &layout.columns {
        let right = x + width;
        x += width + GAP;
        let figure = column.metric().is_some() || column.name().starts_with("test.");
        let Some(spread) = group.spread(column).filter(|_| figure) else {
            continue;
        };
        let words = match spread.deviation {
            Some(deviation) => format!(
                "{} ± {}",
                format::number(spread.mean),
                format::significant(deviation, 2)
            ),
            None => format::number(spread.mean),
        };
        let galley = painter.layout_no_wrap(words, text::small(), t.text);
        let left = right - galley.size().x;
        if left < taken + space::XS {
            continue;
        }
        taken = right;
        let at = pos2(left, rect.center().y - galley.size().y / 2.0);
        let cell = Rect::from_min_size(at, galley.size());
        painter.galley(at, galley, t.text);
        ui.interact(
            cell,
            ui.scope_id().with(("spread", column.to_string(), &title)),
            Sense::hover(),
        )
        .on_hover_text(format!(
            "Mean ± sample standard deviation of {} over n = {} runs",
            column.title(),
            spread.n
        ));
    }
}

fn row_ui(
    ui: &mut Ui,
    row: &Listed,
    layout: &Layouted,
    view: &mut RunsView,
    time: (Clock, i64),
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    let run = &row.entry.row;
    let current = view.current == Some(run.id);
    let (rect, _) = ui.allocate_exact_size(vec2(layout.total, size::ROW), Sense::hover());
    // One row at a time can have the keyboard, so that Tab passes the table in one step.
    let sense = if current {
        Sense::click()
    } else {
        Sense::CLICK
    };
    let response = ui.interact(rect.with_min_x(rect.left() + TICK), row_id(run.id), sense);
    let chosen = view.chosen.contains(&run.id);
    response.widget_info(|| {
        WidgetInfo::selected(
            Role::Row,
            true,
            chosen,
            format!("Run {}, {}", run.id, run.name),
        )
    });
    let tick_rect = Rect::from_min_size(rect.min, vec2(TICK, size::ROW));
    let box_id = ui.scope_id().with(("tick", run.id.0));
    let box_response = ui.interact(tick_rect, box_id, Sense::CLICK | Sense::HOVER);
    box_response.widget_info(|| {
        WidgetInfo::selected(
            Role::CheckBox,
            true,
            chosen,
            format!("Choose run {}", run.id),
        )
    });
    if chosen {
        ui.painter().rect_filled(rect, 0, t.selected);
    } else if response.hovered() || box_response.hovered() {
        ui.painter().rect_filled(rect, 0, t.hover);
    }
    mark_ui(ui, tick_rect, chosen, box_response.hovered());
    if box_response.clicked() {
        view.current = Some(run.id);
        tick(view, run.id);
    }
    keyboard(ui, &response);
    let enter = response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if response.clicked_by(egui::PointerButton::Primary) || enter || accesskit_click(ui, &response)
    {
        view.current = Some(run.id);
        commands.push(Command::OpenRun(run.id));
    }
    let mut x = rect.left() + TICK;
    for (column, width) in &layout.columns {
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(*width, size::ROW));
        x += width + GAP;
        cell_ui(ui, cell, column, &row.entry, time);
    }
    if layout.sketch.is_some() {
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(SKETCH, size::ROW));
        sketch_ui(ui, cell, &row.sketch);
    }
    if response.has_focus() {
        ui.painter()
            .rect_stroke(rect, 0, t.focus_ring(), egui::StrokeKind::Inside);
    }
}

/// Arrows are the table's own while a row has the keyboard.
fn keyboard(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let filter = EventFilter {
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}

/// A screen reader clicks without a pointer.
fn accesskit_click(ui: &Ui, response: &Response) -> bool {
    response.clicked()
        && !ui.input(|input| input.key_pressed(Key::Space) || input.key_pressed(Key::Enter))
}

fn cell_ui(ui: &mut Ui, rect: Rect, column: &Column, entry: &Entry, (clock, now_ms): (Clock, i64)) {
    let t = theme::of(ui);
    let row = &entry.row;
    let right = column.is_number();
    let layout = match right {
        true => Layout::right_to_left(Align::Center),
        false => Layout::left_to_right(Align::Center),
    };
    ui.scope_builder(UiBuilder::new().max_rect(rect).layout(layout), |ui| {
        ui.set_clip_rect(rect.intersect(ui.clip_rect()));
        let plain = |ui: &mut Ui, words: String, colour| {
            ui.add(
                Label::new(RichText::new(words).color(colour))
                    .truncate()
                    .selectable(false),
            )
        };
        match column.name() {
            "status" => {
                let response = status::status(ui, row.status);
                if let Some(error) = &row.error {
                    response.on_hover_text(error);
                }
            }
            "stage" => {
                let words = row
                    .stage
                    .map_or_else(String::new, |stage| stage_words(row, stage.title()));
                plain(ui, words, t.secondary);
            }
            "id" | "seed" | "experiment" => {
                let words = cell_words(&column.cell(entry));
                plain(ui, words, t.secondary);
            }
            _ => match column.cell(entry) {
                Cell::Missing if right => {
                    plain(ui, "–".into(), t.faint);
                }
                Cell::Missing => {}
                Cell::Number(value) => {
                    let words =
                        match column.metric().is_some() || column.name().starts_with("test.") {
                            true => format::number(value),
                            false => format!("{value}"),
                        };
                    plain(ui, words, t.text);
                }
                Cell::Moment(at) => {
                    plain(ui, clock.relative(at, now_ms), t.secondary)
                        .on_hover_text(clock.exact(at));
                }
                Cell::Text(words) => {
                    plain(ui, words, t.text);
                }
            },
        }
    });
}

fn cell_words(cell: &Cell) -> String {
    match cell {
        Cell::Missing => "–".into(),
        Cell::Number(value) => format!("{value}"),
        Cell::Text(text) => text.clone(),
        Cell::Moment(at) => at.to_string(),
    }
}

/// A curve in a few pixels: its shape only, over all its steps.
fn sketch_ui(ui: &Ui, cell: Rect, values: &[f32]) {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if values.len() < 2 || !low.is_finite() {
        return;
    }
    let t = theme::of(ui);
    let inner = cell.shrink2(vec2(2.0, 6.0));
    let span = (high - low).max(f32::MIN_POSITIVE);
    let at = |place: usize, value: f32| {
        let x = inner.left() + inner.width() * place as f32 / (values.len() - 1) as f32;
        let y = if high == low {
            inner.center().y
        } else {
            inner.bottom() - inner.height() * (value - low) / span
        };
        pos2(x, y)
    };
    let painter = ui.painter().with_clip_rect(cell);
    let mut stretch = Vec::new();
    for (place, value) in values.iter().enumerate() {
        if value.is_finite() {
            stretch.push(at(place, *value));
        } else if !stretch.is_empty() {
            painter.add(Shape::line(
                std::mem::take(&mut stretch),
                Stroke::new(1.2, t.secondary),
            ));
        }
    }
    painter.add(Shape::line(stretch, Stroke::new(1.2, t.secondary)));
}

fn stage_words(run: &RunRow, stage: &str) -> String {
    match run.total {
        0 => stage.to_string(),
        total => format!(
            "{stage} {}/{}",
            format::count(run.step),
            format::count(total)
        ),
    }
}
