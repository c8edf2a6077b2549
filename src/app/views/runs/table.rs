//! The table of runs: its header, which sorts, and its rows, which open.

use eframe::egui;
use eframe::egui::{Align, Label, Layout, Rect, RichText, Role, Sense, Ui, Vec2, WidgetInfo};
use egui_extras::{Column, TableBuilder, TableRow};

use super::{Field, Sort, fields};
use crate::app::command::{Command, Commands};
use crate::app::format::{self, Clock};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::status;
use crate::store::RunRow;

pub(super) fn table_ui(
    ui: &mut Ui,
    rows: &[&RunRow],
    sort: &mut Sort,
    time: (Clock, i64),
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    let fields = fields(ui.available_width());
    let across = ui.available_rect_before_wrap().x_range();
    let painter = ui.painter().clone();
    ui.spacing_mut().item_spacing.y = 0.0;
    let mut table = TableBuilder::new(ui)
        .sense(Sense::click())
        .cell_layout(Layout::left_to_right(Align::Center))
        .auto_shrink(false);
    for (_, width) in &fields {
        table = table.column(match width {
            Some(width) => Column::exact(*width),
            None => Column::remainder().at_least(100.0).clip(true),
        });
    }
    let mut below_header = 0.0;
    table
        .header(size::ROW, |mut header| {
            for (field, _) in fields.iter().copied() {
                header.col(|ui| {
                    below_header = ui.max_rect().bottom();
                    header_ui(ui, field, sort);
                });
            }
        })
        .body(|body| {
            body.rows(size::ROW, rows.len(), |mut row| {
                let run = rows[row.index()];
                cells(&mut row, run, &fields, time);
                let response = row.response();
                response.widget_info(|| {
                    WidgetInfo::labeled(Role::Row, true, format!("Run {}, {}", run.id, run.name))
                });
                let enter =
                    response.has_focus() && response.ctx.input(|i| i.key_pressed(egui::Key::Enter));
                if response.clicked() || enter {
                    commands.push(Command::OpenRun(run.id));
                }
                if response.has_focus() {
                    let painter = response
                        .ctx
                        .layer_painter(response.layer_id)
                        .with_clip_rect(response.interact_rect);
                    painter.rect_stroke(response.rect, 0, t.focus_ring(), egui::StrokeKind::Inside);
                }
            });
        });
    painter.hline(across, below_header, t.line_stroke());
}

fn header_ui(ui: &mut Ui, field: Field, sort: &mut Sort) {
    let t = theme::of(ui);
    let rect = ui.max_rect();
    let response = ui.interact(rect, ui.scope_id().with(field.title()), Sense::click());
    let sorted = sort.by == field;
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::ColumnHeader,
            true,
            format!("Sort by {}", field.title()),
        )
    });
    let colour = if sorted || response.hovered() {
        t.text
    } else {
        t.secondary
    };
    let galley = ui
        .painter()
        .layout_no_wrap(field.title().to_owned(), text::small(), colour);
    let number = field.is_number();
    let x = if number {
        rect.right() - space::S - galley.size().x
    } else {
        rect.left()
    };
    let width = galley.size().x;
    ui.painter().galley(
        egui::pos2(x, rect.center().y - galley.size().y / 2.0),
        galley,
        colour,
    );
    if sorted {
        let icon = if sort.descending {
            Icon::Down
        } else {
            Icon::Up
        };
        let at = if number { x - 9.0 } else { x + width + 9.0 };
        icon::paint(
            ui.painter(),
            Rect::from_center_size(egui::pos2(at, rect.center().y), Vec2::splat(10.0)),
            icon,
            t.text,
        );
    }
    focus_ring(ui, &response, rect.shrink(2.0));
    if response.on_hover_text(field.hint()).clicked() {
        *sort = Sort {
            by: field,
            descending: if sorted {
                !sort.descending
            } else {
                field.is_number() || field == Field::Started
            },
        };
    }
}

fn cells(
    row: &mut TableRow<'_, '_>,
    run: &RunRow,
    fields: &[(Field, Option<f32>)],
    (clock, now_ms): (Clock, i64),
) {
    for (field, _) in fields.iter().copied() {
        row.col(|ui| {
            let t = theme::of(ui);
            let plain = |ui: &mut Ui, words: String, colour| {
                ui.add(
                    Label::new(RichText::new(words).color(colour))
                        .truncate()
                        .selectable(false),
                )
            };
            let number = |ui: &mut Ui, words: String, colour| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add_space(space::S);
                    ui.add(Label::new(RichText::new(words).color(colour)).selectable(false));
                });
            };
            match field {
                Field::Id => number(ui, run.id.to_string(), t.secondary),
                Field::Name => {
                    plain(ui, run.name.clone(), t.text);
                }
                Field::Experiment => {
                    plain(ui, run.experiment.clone(), t.secondary);
                }
                Field::Seed => number(ui, run.seed.to_string(), t.secondary),
                Field::Status => {
                    let response = status::status(ui, run.status);
                    if let Some(error) = &run.error {
                        response.on_hover_text(error);
                    }
                }
                Field::Stage => {
                    let words = run
                        .stage
                        .map_or_else(String::new, |stage| stage_words(run, stage.title()));
                    plain(ui, words, t.secondary);
                }
                Field::Started => {
                    plain(ui, clock.relative(run.started, now_ms), t.secondary)
                        .on_hover_text(clock.exact(run.started));
                }
                Field::EmpF1 | Field::Reward | Field::Kl | Field::Ppl => {
                    let value = field.metric().and_then(|metric| run.summary.get(metric));
                    match value {
                        Some(value) => number(ui, format::number(*value), t.text),
                        None => number(ui, "–".into(), t.faint),
                    }
                }
            }
        });
    }
}

fn stage_words(run: &RunRow, stage: &str) -> String {
    if run.total > 0 {
        format!(
            "{stage} {}/{}",
            format::count(run.step),
            format::count(run.total)
        )
    } else {
        stage.to_string()
    }
}
