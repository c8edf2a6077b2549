//! The names of a plot's lines, over as many rows as they need.

use eframe::egui::{Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo, pos2, vec2};

use super::definitions_on_hover;
use super::source::LegendEntry;
use crate::app::theme::{self, space, text};
use crate::app::widgets::text as words;
use crate::metrics::declared::MetricDecl;

const ROW: f32 = 16.0;
/// More rows would leave too little of the plot; the readout names all lines.
const MAX_ROWS: usize = 3;

/// Draws the names; returns the line whose name is hovered.
pub fn legend_ui(ui: &mut Ui, lines: &[LegendEntry], metrics: &[MetricDecl]) -> Option<usize> {
    let t = theme::of(ui);
    let width = ui.available_width();
    let galleys: Vec<_> = lines
        .iter()
        .map(|line| words::galley(ui, &line.name, text::small(), t.secondary))
        .collect();
    let widths: Vec<f32> = galleys
        .iter()
        .map(|galley| galley.size().x + 14.0)
        .collect();
    let places = places(&widths, width);
    let rows = places.iter().map(|(row, _)| row + 1).max().unwrap_or(1);
    let (area, _) =
        ui.allocate_exact_size(vec2(width, ROW * rows.min(MAX_ROWS) as f32), Sense::hover());
    let mut emphasis = None;
    for (n, ((line, galley), (row, x))) in lines.iter().zip(galleys).zip(places).enumerate() {
        if row >= MAX_ROWS {
            break;
        }
        let corner = pos2(area.left() + x, area.top() + row as f32 * ROW);
        let rect = Rect::from_min_size(corner, vec2(widths[n].min(width - x), ROW));
        let response = ui.interact(rect, ui.scope_id().with(("legend", n)), Sense::hover());
        let y = rect.center().y;
        if line.dots {
            let dot = pos2(rect.left() + 4.0, y);
            ui.painter().circle_filled(dot, 3.0, line.colour);
        } else {
            let stroke = Stroke::new(2.0, line.colour);
            let ends = [pos2(rect.left(), y), pos2(rect.left() + 11.0, y)];
            match line.dashes {
                Some((dash, gap)) => ui.painter().extend(Shape::dashed_line(
                    &ends,
                    stroke,
                    dash.min(4.0),
                    gap.min(3.0),
                )),
                None => {
                    ui.painter().line_segment(ends, stroke);
                }
            }
        }
        let at = pos2(rect.left() + 14.0, y - galley.size().y / 2.0);
        ui.painter()
            .with_clip_rect(rect.intersect(ui.clip_rect()))
            .galley(at, galley, t.secondary);
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &line.name));
        if response.hovered() {
            emphasis = Some(n);
        }
        if let Some(metric) = metrics.get(n) {
            definitions_on_hover(response, std::slice::from_ref(metric));
        }
    }
    emphasis
}

/// The row and x of each entry, in order.
fn places(widths: &[f32], room: f32) -> Vec<(usize, f32)> {
    let (mut row, mut x) = (0, 0.0);
    widths
        .iter()
        .map(|width| {
            if x > 0.0 && x + width > room {
                row += 1;
                x = 0.0;
            }
            let place = (row, x);
            x += width + space::M;
            place
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::places;

    #[test]
    fn entries_wrap_to_the_next_row() {
        assert_eq!(
            places(&[40.0, 40.0, 40.0], 100.0),
            [(0, 0.0), (0, 52.0), (1, 0.0)]
        );
        assert_eq!(places(&[400.0, 40.0], 100.0), [(0, 0.0), (1, 0.0)]);
        assert!(places(&[], 100.0).is_empty());
    }
}
