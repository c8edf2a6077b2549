//! Plots drawn without a window, for the benchmarks.
//!
//! Knows charts only; no run and no store.

use eframe::egui::{Context, Id, Rect, Ui, UiBuilder, pos2, vec2};

use super::theme;
use super::widgets::chart::{Chart, ChartLine, ChartView};
use crate::series::Curve;

/// A grid of plots that share an axis and a cursor; each shows all the curves.
#[derive(Debug)]
pub struct PlotWall {
    pub curves: Vec<Curve>,
    /// Plots beside and below each other.
    columns: usize,
    rows: usize,
    view: ChartView,
}

impl PlotWall {
    /// Applies the theme to `ctx`.
    pub fn new(ctx: &Context, curves: Vec<Curve>, columns: usize, rows: usize) -> Self {
        theme::apply(ctx);
        PlotWall {
            curves,
            columns,
            rows,
            view: ChartView::default(),
        }
    }

    pub fn zoom_to(&mut self, from: f64, to: f64) {
        self.view.zoom_to(from, to);
    }

    /// Draws every plot over the available space.
    pub fn ui(&mut self, ui: &mut Ui) {
        let t = theme::of(ui);
        let names: Vec<String> = (1..=self.curves.len())
            .map(|n| format!("Run {n}"))
            .collect();
        let lines: Vec<ChartLine<'_>> = self
            .curves
            .iter()
            .enumerate()
            .map(|(n, curve)| ChartLine::new(names[n].as_str(), t.run(n), curve))
            .collect();
        let extent = self
            .curves
            .iter()
            .filter_map(|curve| curve.raw().x_range(self.view.along.axis()))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
            .unwrap_or((0.0, 1.0));
        let area = ui.max_rect();
        let each = vec2(
            area.width() / self.columns as f32,
            area.height() / self.rows as f32,
        );
        for n in 0..self.columns * self.rows {
            let (column, row) = (n % self.columns, n / self.columns);
            let corner = pos2(
                area.left() + column as f32 * each.x,
                area.top() + row as f32 * each.y,
            );
            let rect = Rect::from_min_size(corner, each).shrink(4.0);
            let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(n));
            let chart = Chart {
                id: Id::unique(("wall", n)),
                title: "Reward",
                lines: &lines,
                marks: &[],
                extent,
                emphasis: None,
                log: false,
            };
            chart.show(&mut child, &mut self.view, rect.size());
        }
        self.view.end_pass(ui);
    }
}
