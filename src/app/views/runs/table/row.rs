//! A row of the table of runs, and the header of a group.

use eframe::egui::{
    self, Align2, EventFilter, Key, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::cell::{cell_ui, sketch_ui, spread_words};
use super::layout::{GAP, SKETCH, SKETCH_GAP, TICK, TableLayout};
use super::{row_id, tick};
use crate::app::command::Commands;
use crate::app::format::Now;
use crate::app::queries::runs::Listed;
use crate::app::state::Prefs;
use crate::app::theme::{self, size, space, text};
use crate::app::views::runs::RunsView;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::catalog::{Cell, Group};

/// A group of runs: their number, and mean and deviation of their metrics.
pub(super) fn group_ui(
    ui: &mut Ui,
    group: &Group<'_>,
    layout: &TableLayout,
    view: &mut RunsView,
    prefs: &Prefs,
) {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(layout.total, size::ROW), Sense::hover());
    ui.painter().rect_filled(rect, 0, t.panel);
    let by = prefs.group.as_deref().unwrap_or_default();
    let value = match &group.value {
        Cell::Missing => "none".to_string(),
        Cell::Number(value) => format!("{value}"),
        Cell::Held(held) => held.words(),
        Cell::Text(text) => text.clone(),
        Cell::Moment(at) => at.to_string(),
    };
    let n = group.members.len();
    let runs = if n == 1 { "run" } else { "runs" };
    let changed = group.changed_words(by).into_iter();
    let parts = std::iter::once(format!("{by} {value}")).chain(changed);
    let parts = parts.chain([format!("{n} {runs}")]);
    let title = parts.collect::<Vec<_>>().join(", ");
    response.widget_info(|| WidgetInfo::labeled(Role::Row, true, format!("Group {title}")));
    let runs = || group.members.iter().map(|entry| entry.row.id);
    let all = runs().all(|run| view.chosen.contains(&run));
    let tick_rect = Rect::from_min_size(rect.min, vec2(TICK, size::ROW));
    let box_id = ui.scope_id().with(("tick group", &title));
    let ticked = ui.interact(tick_rect, box_id, Sense::CLICK | Sense::HOVER);
    let words = format!("Choose the runs of {by} {value}");
    ticked.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, all, &words));
    mark_ui(ui, tick_rect, all, ticked.hovered());
    if ticked.clicked() {
        match all {
            true => runs().for_each(|run| {
                view.chosen.remove(&run);
            }),
            false => view.chosen.extend(runs()),
        }
    }
    let painter = ui.painter().with_clip_rect(rect);
    let mut x = rect.left() + TICK;
    let mut taken = words::paint_body(
        &painter,
        pos2(x, rect.center().y),
        Align2::LEFT_CENTER,
        &title,
        t.text,
    )
    .right();
    for (column, width) in &layout.columns {
        let right = x + width;
        x += width + GAP;
        let Some((spread, [mean, whole])) = spread_words(group, column) else {
            continue;
        };
        // Only the mean where the deviation does not fit; the tooltip has both.
        let layout = |words: String| painter.layout_no_wrap(words, text::small(), t.text);
        let mut galley = layout(whole.clone());
        if right - galley.size().x < taken + space::XS {
            galley = layout(mean);
        }
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
            "{whole}: mean ± sample standard deviation of {} over n = {} runs",
            column.title(),
            spread.n
        ));
    }
}

/// A run. A click or Enter opens it; its box selects it.
pub(super) fn row_ui(
    ui: &mut Ui,
    row: &Listed,
    layout: &TableLayout,
    view: &mut RunsView,
    now: Now,
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    let run = &row.entry.row;
    let current = view.current == Some(run.id);
    let (rect, _) = ui.allocate_exact_size(vec2(layout.total, size::ROW), Sense::hover());
    // Only the current row is focusable, so that the table is one tab stop.
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
        let id = run.id;
        commands.run(move |core| core.open_run(id));
    }
    let mut x = rect.left() + TICK;
    for (column, width) in &layout.columns {
        let cell = Rect::from_min_size(pos2(x, rect.top()), vec2(*width, size::ROW));
        x += width + GAP;
        cell_ui(ui, cell, column, &row.entry, now);
    }
    if layout.sketch.is_some() {
        let left = x + SKETCH_GAP - GAP;
        let cell = Rect::from_min_size(pos2(left, rect.top()), vec2(SKETCH, size::ROW));
        sketch_ui(ui, cell, &row.sketch);
    }
    if response.has_focus() {
        ui.painter()
            .rect_stroke(rect, 0, t.focus_ring(), egui::StrokeKind::Inside);
    }
}

/// Keeps the arrow keys while a row is focused.
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

/// A check box.
pub(super) fn mark_ui(ui: &Ui, cell: Rect, ticked: bool, hovered: bool) {
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
    layout::surface(ui, mark, 4, fill, Stroke::new(1.0, line));
    if ticked {
        icon::paint(ui.painter(), mark.shrink(2.0), Icon::Check, t.on_accent);
    }
}
