//! What plots are drawn from: one run with its metrics, or several runs over each other.
//!
//! Says what is drawn, and draws nothing.

use std::sync::Arc;

use eframe::egui::Color32;

use super::event_marks::EventMarks;
use crate::app::state::arrangement::Arrangement;
use crate::app::state::tiles::Tile;
use crate::app::theme::ThemeTokens;
use crate::app::widgets::chart::{AlongX, ChartLine, ChartMark, Dashes};
use crate::metrics::declared::MetricDecl;
use crate::store::RunId;

/// A name in a plot's legend, drawn as the line is.
pub struct LegendEntry {
    pub name: String,
    pub colour: Color32,
    pub dots: bool,
    pub dashes: Option<Dashes>,
    /// The line that it is the name of, by place; None where it is of several.
    pub line: Option<usize>,
}

/// What plots are drawn from. Those drawn from one source share their x, its zoom and the cursor.
pub trait PlotSource {
    /// What the files of a plot are named for, and what tells its menus from those of others.
    fn name(&self) -> String;

    /// The runs that are drawn.
    fn runs(&self) -> Vec<RunId>;

    /// The plot as it is shown for these runs.
    fn shown(&self, tile: &Tile) -> Tile {
        tile.clone()
    }

    /// The x range of plots of these metrics; while the last points are followed, that of what still grows.
    fn extent(&self, metrics: &[MetricDecl], along: AlongX, following: bool) -> (f64, f64);

    /// What relative times are counted from.
    fn origin(&self, along: AlongX) -> f64;

    /// The weight of the smoothing.
    fn smoothing(&self) -> f64;

    /// Brings curves up to date: smoothing, and logarithms where `log` asks for them. False if some are left for the
    /// next frame.
    fn prepare(&mut self, metrics: &[MetricDecl], log: bool) -> bool;

    /// The lines of these metrics.
    fn lines<'a>(
        &'a self,
        metrics: &'a [MetricDecl],
        along: AlongX,
        t: &ThemeTokens,
    ) -> Vec<ChartLine<'a>>;

    /// The legend of a plot with these lines; empty where the lines are named elsewhere.
    fn legend(
        &self,
        metrics: &[MetricDecl],
        lines: &[ChartLine<'_>],
        t: &ThemeTokens,
    ) -> Vec<LegendEntry>;

    /// The marks on the x axis of a plot of these metrics.
    fn marks(
        &self,
        cache: &mut EventMarks,
        metrics: &[MetricDecl],
        along: AlongX,
        t: &ThemeTokens,
    ) -> Arc<Vec<ChartMark>>;

    /// The line that is pointed at elsewhere.
    fn emphasis(&self, _lines: &[ChartLine<'_>]) -> Option<usize> {
        None
    }

    /// The metrics that a plot can show.
    fn choices(&self) -> Vec<MetricDecl>;

    /// A plot to add to the others.
    fn new_tile(&self, others: &Arrangement) -> Tile;

    /// What stands in a plot without points.
    fn nothing(&self, metrics: &[MetricDecl]) -> &'static str;
}
