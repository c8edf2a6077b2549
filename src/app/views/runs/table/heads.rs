//! The headers of the table of runs: what a column shows and what it was measured on; a click sorts by it.

use eframe::egui::{self, Align, Align2, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::layout::{GAP, SKETCH, SKETCH_GAP, TICK, TableLayout};
use super::row::mark_ui;
use crate::app::queries::runs::Listed;
use crate::app::theme::{self};
use crate::app::views::runs::RunsView;
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::catalog::Column;
use crate::metrics::declared::declared;

pub(super) const HEAD: f32 = 40.0;

/// Draws the headers, beginning at `from`.
pub(super) fn heads_ui(
    ui: &mut Ui,
    from: Pos2,
    layout: &TableLayout,
    view: &mut RunsView,
    rows: &[&Listed],
) {
    let t = theme::of(ui);
    let rect = Rect::from_min_size(from, vec2(layout.total, HEAD));
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
        x += SKETCH_GAP - GAP;
        let at = pos2(x, rect.center().y);
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(SKETCH, HEAD));
        let painter = ui.painter().with_clip_rect(cell);
        words::paint_small(&painter, at, Align2::LEFT_BOTTOM, metric.name, t.secondary);
        words::paint_small(
            &painter,
            at,
            Align2::LEFT_TOP,
            "over its steps",
            t.secondary,
        );
        ui.interact(cell, ui.scope_id().with("sketch head"), Sense::hover())
            .on_hover_text(metric.definition);
    }
    layout::rule(ui, rect.x_range(), rect.bottom() - 0.5);
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
    let shown = words::paint_small(
        &painter,
        pos2(x, y),
        Align2([align, vertical]),
        &title,
        colour,
    );
    if let Some(on) = on {
        words::paint_small(
            &painter,
            pos2(x, middle),
            Align2([align, Align::Min]),
            on,
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

/// A header for screen readers, with what it was measured on.
fn head_words(column: &Column) -> String {
    match column.measured_on() {
        Some(on) if on != "last" => format!("{}, {on}", column.title()),
        _ => column.title(),
    }
}
