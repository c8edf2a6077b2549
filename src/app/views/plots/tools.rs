//! The tools above plots: how curves are read, and how plots are arranged.

use eframe::egui::{Align, Align2, Layout, Sense, Ui, vec2};

use super::PlotsView;
use crate::app::state::Prefs;
use crate::app::state::arrangement::Arrangement;
use crate::app::state::tiles::Tile;
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::{Button, explained_segments};
use crate::app::widgets::chart::{AlongX, ChartView};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;

/// Smoothing, and what is along x.
pub fn reading_ui(ui: &mut Ui, prefs: &mut Prefs) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.x = space::S;
    let wide = ui.available_width() > 560.0;
    let hint = "Smoothing: debiased exponential moving average, drawn over the faint raw values. \
                Evaluations are never smoothed.";
    if wide {
        words::label(ui, "Smoothing", t.secondary).on_hover_text(hint);
    }
    field::slider(ui, "Smoothing", &mut prefs.smoothing, 0.99, 96.0).on_hover_text(hint);
    let (rect, _) = ui.allocate_exact_size(vec2(26.0, size::ROW), Sense::hover());
    let value = format!("{:.2}", prefs.smoothing);
    words::paint_small(
        ui.painter(),
        rect.left_center(),
        Align2::LEFT_CENTER,
        value,
        t.secondary,
    );
    let axes = [
        (AlongX::Step, "Step", "Steps of the stage"),
        (
            AlongX::Relative,
            "Time",
            "Time since the stage began. Pauses and interruptions count: the lines break there.",
        ),
        (
            AlongX::Wall,
            "Clock",
            "Time of day. Where the run was paused or interrupted the lines break.",
        ),
    ];
    explained_segments(ui, "Along x", &mut prefs.along, &axes);
}

/// Adding plots, following the last points, leaving the zoom, and putting plots back. True where they are to be put
/// back as they were delivered.
pub fn arranging_ui(
    ui: &mut Ui,
    plots: &mut PlotsView,
    arrangement: &mut Arrangement,
    new: impl FnOnce(&Arrangement) -> Tile,
    extent: (f64, f64),
) -> bool {
    let mut put_back = false;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.add_space(space::M);
        let roomy = ui.available_width() > 260.0;
        let wide = ui.available_width() > 400.0;
        let add = match roomy {
            true => Button::quiet("Add plot").with_icon(Icon::Plus),
            false => Button::icon(Icon::Plus, "Add plot"),
        };
        if ui.add(add).clicked() {
            let new = new(arrangement);
            plots.show_added(arrangement.add(new));
        }
        // Buttons that come and go are outermost, so that nothing moves.
        view_tools_ui(ui, &mut plots.charts, extent, roomy, wide);
        let back = "Put the plots back as they were delivered";
        put_back = arrangement.changed && Button::icon(Icon::Revert, back).clicked(ui);
    });
    put_back
}

/// Following the last points, resetting the zoom, removing pins.
fn view_tools_ui(ui: &mut Ui, charts: &mut ChartView, extent: (f64, f64), roomy: bool, wide: bool) {
    let mut follow = charts.follows();
    let hint = "Keep the last points in sight while more come";
    let button = match (roomy, follow) {
        (true, true) => Button::secondary("Following").hint(hint),
        (false, true) => Button::icon(Icon::Check, "Following").hint(hint),
        (true, false) => Button::quiet("Follow").hint(hint),
        (false, false) => Button::icon(Icon::Right, "Follow").hint(hint),
    };
    if ui.add(button).clicked() {
        follow = !follow;
        charts.set_follow(follow, extent);
    }
    let all = match roomy {
        true => Button::quiet("Show all").hint("Leave the zoom; so does a double click"),
        false => Button::icon(Icon::Cross, "Show all"),
    };
    // Where there is room, a hidden button keeps its space.
    let zoomed = charts.is_zoomed();
    if (wide || zoomed) && ui.add_visible(zoomed, all).clicked() {
        charts.reset();
    }
    let pinned = !charts.pins().is_empty();
    let hint = "A click in a plot sets a pin, or removes it; the readout shows the difference from the last one";
    let unpin = Button::quiet("Remove pins").hint(hint);
    if (wide || pinned) && ui.add_visible(pinned, unpin).clicked() {
        charts.clear_pins();
    }
}
