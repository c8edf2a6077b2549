//! The text of a chart: values at its right end, and the readout under the pointer.

use eframe::egui::{
    Align2, Color32, FontId, LayerId, Order, Pos2, Rect, StrokeKind, Ui, Vec2, pos2, vec2,
};

use super::drawn::{Drawn, PlotArea};
use super::{Chart, ChartLine, ChartView, GUTTER, Y_AXIS};
use crate::app::format;
use crate::app::theme::{self, ThemeTokens, size, space, text};
use crate::app::widgets::text as words;
use crate::app::widgets::ticks;
use crate::series::XAxis;

const ROW: f32 = 16.0;
/// How near the pointer must be to a mark to show its text, in points.
const NEAR: f32 = 5.0;

struct Row {
    colour: Option<Color32>,
    name: String,
    /// The value, the raw value, and the difference from the pin.
    cells: [String; 3],
    order: f64,
}

/// The last value of each line at its right end, or its value at the pointer.
pub(super) fn gutter(ui: &Ui, outer: Rect, place: &PlotArea, drawn: &[Drawn<'_>], at: Option<f64>) {
    let frame = place.transform.frame();
    let mut labels: Vec<(f32, Color32, String)> = drawn
        .iter()
        .filter_map(|line| {
            let (value, y) = line.shown_value(at)?;
            let y = place.transform.position_from_point_y(y);
            let y = y.clamp(frame.top(), frame.bottom());
            Some((y, line.colour, format::figure(value, line.digits)))
        })
        .collect();
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (low, high) = (frame.top() + 4.0, frame.bottom() - 4.0);
    let room = ((high - low) / 13.0).max(1.0) as usize + 1;
    let all = labels.len();
    let labels = &mut labels;
    if all > room {
        // Thin out labels that do not fit; the readout shows all.
        let mut n = 0;
        labels.retain(|_| {
            n += 1;
            (n * room) / all != ((n - 1) * room) / all
        });
    }
    spread(labels, |label| &mut label.0, 13.0, low, high);
    for (y, colour, words) in labels.iter() {
        let at = pos2(outer.right() - GUTTER + space::S, *y);
        words::paint_small(ui.painter(), at, Align2::LEFT_CENTER, words, *colour);
    }
}

impl Chart<'_> {
    /// The values at `x`, the largest first; above the lines if they are `low`, else below.
    pub(super) fn paint_readout(
        &self,
        ui: &Ui,
        pointer: Pos2,
        place: &PlotArea,
        x: f64,
        low: bool,
        view: &ChartView,
    ) {
        let Some(head) = self.head(x, view) else {
            return;
        };
        let t = theme::of(ui);
        let mut rows = self.values(x, view);
        rows.extend(
            self.events_at(x, place)
                .into_iter()
                .map(|(colour, name)| Row {
                    colour: Some(colour),
                    name,
                    cells: Default::default(),
                    order: f64::NEG_INFINITY,
                }),
        );
        let painter = ui
            .ctx()
            .layer_painter(LayerId::new(Order::Tooltip, self.id.with("readout")));
        let measure = |words: &str, font: FontId| -> f32 {
            if words.is_empty() {
                return 0.0;
            }
            let galley = painter.layout_no_wrap(words.to_owned(), font, t.text);
            galley.size().x
        };
        let widest = |of: &dyn Fn(&Row) -> f32| rows.iter().map(of).fold(0.0, f32::max);
        let names = widest(&|row| match row.cells[0].is_empty() {
            true => 0.0,
            false => measure(&row.name, text::small()),
        });
        let notes = widest(&|row| match row.cells[0].is_empty() {
            true => measure(&row.name, text::small()),
            false => 0.0,
        });
        let columns = [0, 1, 2].map(|n| widest(&|row| measure(&row.cells[n], text::small())));
        let cells: f32 = columns
            .iter()
            .filter(|width| **width > 0.0)
            .map(|width| width + space::M)
            .sum();
        let width = (space::M + names + space::XS + cells)
            .max(space::M + notes)
            .max(measure(&head, text::small()))
            .min(420.0);
        let total = vec2(
            width + 2.0 * space::S,
            ROW * (rows.len() as f32 + 1.0) + 2.0 * space::XS,
        );
        let rect = beside(ui, pointer, *place.transform.frame(), total, low);
        painter.add(t.shadow().as_shape(rect, size::RADIUS));
        painter.rect(
            rect,
            size::RADIUS,
            t.raised,
            t.line_stroke(),
            StrokeKind::Inside,
        );
        let painter = painter.with_clip_rect(rect);
        let mut at = rect.min + vec2(space::S, space::XS + ROW / 2.0);
        words::paint_small(&painter, at, Align2::LEFT_CENTER, head, t.secondary);
        for row in rows {
            at.y += ROW;
            if let Some(colour) = row.colour {
                painter.circle_filled(at + vec2(3.0, 0.0), 3.0, colour);
            }
            let name_at = at + vec2(space::M, 0.0);
            words::paint_small(&painter, name_at, Align2::LEFT_CENTER, &row.name, t.text);
            let mut right = rect.right() - space::S;
            for n in [2, 1, 0] {
                if columns[n] > 0.0 {
                    let colour = if n == 0 { t.text } else { t.secondary };
                    let place = pos2(right, at.y);
                    words::paint_small(
                        &painter,
                        place,
                        Align2::RIGHT_CENTER,
                        &row.cells[n],
                        colour,
                    );
                    right -= columns[n] + space::M;
                }
            }
        }
    }

    /// The step and time at the pointer.
    fn head(&self, x: f64, view: &ChartView) -> Option<String> {
        let axis = view.along.axis();
        let step = format!("Step {}", format::count(self.step_near(x, axis)?));
        Some(match view.along {
            super::AlongX::Step => step,
            super::AlongX::Relative => format!("{step}, {}", ticks::elapsed(x - view.origin)),
            super::AlongX::Wall => {
                let clock = view.clock;
                format!("{step}, {}", clock.time((x * 1e3) as i64))
            }
        })
    }

    /// The step at `x`, from the line with the most points.
    fn step_near(&self, x: f64, axis: XAxis) -> Option<u64> {
        let lines = self.lines.iter().filter(|line| !line.is_under);
        let there = lines.filter_map(|line| {
            let series = line.curve.raw();
            Some((series.len(), line.near(series, axis, x)?))
        });
        there
            .max_by_key(|(len, _)| *len)
            .map(|(_, point)| point.step)
    }

    fn values(&self, x: f64, view: &ChartView) -> Vec<Row> {
        let axis = view.along.axis();
        let pin = view.pins().last().copied();
        let here = self.step_near(x, axis);
        let mut rows: Vec<Row> = self
            .lines
            .iter()
            .filter_map(|line| {
                let point = line.near(line.curve.raw(), axis, x)?;
                let smooth = line.near(line.curve.smooth(), axis, x)?.value;
                let raw_words = match line.curve.is_smoothed() {
                    true => format::figure(point.value, line.digits),
                    false => spread_words(line, point.step),
                };
                let since = pin
                    .and_then(|pin| line.near(line.curve.smooth(), axis, pin))
                    .map(|then| format::signed(smooth - then.value, line.digits))
                    .unwrap_or_default();
                Some(Row {
                    colour: Some(line.colour),
                    // A sparse line may have no point at this step.
                    name: match Some(point.step) == here {
                        true => line.name.to_string(),
                        false => format!("{}, at {}", line.name, format::count(point.step)),
                    },
                    cells: [format::figure(smooth, line.digits), raw_words, since],
                    order: smooth,
                })
            })
            .collect();
        rows.sort_by(|a, b| b.order.total_cmp(&a.order));
        rows
    }

    /// The events at the pointer.
    fn events_at(&self, x: f64, place: &PlotArea) -> Vec<(Color32, String)> {
        let at = |x| place.transform.position_from_point_x(x);
        self.marks
            .iter()
            .filter(|mark| (at(mark.x) - at(x)).abs() <= NEAR)
            .take(6)
            .map(|mark| (mark.colour, mark.words.clone()))
            .collect()
    }

    /// The number of values that could not be drawn, in the corner.
    pub(super) fn paint_count(&self, ui: &Ui, frame: Rect, drawn: &[Drawn<'_>], t: &ThemeTokens) {
        let count: usize = drawn.iter().map(Drawn::not_drawn).sum();
        if count > 0 {
            let what = if self.log {
                "not above 0"
            } else {
                "not finite"
            };
            let words = format!("{} {what}", format::count(count as u64));
            let at = frame.right_top() + vec2(-2.0, 1.0);
            words::paint_small(ui.painter(), at, Align2::RIGHT_TOP, words, t.bad);
        }
    }
}

/// The deviation of a mean at a step, and of how many curves it is; nothing for a curve alone.
fn spread_words(line: &ChartLine<'_>, step: u64) -> String {
    let Some(found) = line.band.and_then(|band| band.at(step)) else {
        return String::new();
    };
    // Halves, since the difference of the largest numbers overflows.
    let deviation = found.high / 2.0 - found.low / 2.0;
    match deviation.is_finite() {
        true => {
            let deviation = format::figure(deviation, line.digits);
            format!("± {deviation}, n = {}", found.count)
        }
        false => format!("n = {}", found.count),
    }
}

/// A place beside the pointer, within the screen, that hides little.
fn beside(ui: &Ui, pointer: Pos2, frame: Rect, total: Vec2, low: bool) -> Rect {
    let (right, left) = (pointer.x + 16.0, pointer.x - 16.0 - total.x);
    let screen = ui.ctx().content_rect();
    let fits_right = right + total.x <= (frame.right() + GUTTER).min(screen.right());
    let fits_left = left >= (frame.left() - Y_AXIS - space::M).max(screen.left());
    let x = if fits_right || (!fits_left && right + total.x <= screen.right()) {
        right
    } else {
        left
    };
    let top = if low {
        frame.top()
    } else {
        frame.bottom() - total.y
    };
    let lowest = (screen.bottom() - total.y - 4.0).max(4.0);
    let top = top.clamp(screen.top() + 4.0, lowest.max(screen.top() + 4.0));
    Rect::from_min_size(pos2(x, top), total)
}

/// Moves labels apart until none is closer than `gap` to the next, within `low..=high`.
fn spread<T>(
    items: &mut [T],
    mut y: impl FnMut(&mut T) -> &mut f32,
    gap: f32,
    low: f32,
    high: f32,
) {
    let mut least = low;
    for item in items.iter_mut() {
        let at = y(item);
        *at = at.max(least);
        least = *at + gap;
    }
    let mut most = high;
    for item in items.iter_mut().rev() {
        let at = y(item);
        *at = at.min(most);
        most = *at - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_do_not_touch() {
        let mut ys = [10.0, 11.0, 12.0, 60.0];
        spread(&mut ys, |y| y, 13.0, 0.0, 60.0);
        assert!(
            ys.windows(2).all(|pair| pair[1] - pair[0] >= 12.99),
            "{ys:?}"
        );
        assert!(ys.iter().all(|y| (0.0..=60.0).contains(y)));
    }
}
