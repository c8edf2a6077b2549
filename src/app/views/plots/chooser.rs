//! The menu of a plot: its metrics, scale, and position.

use eframe::egui::{Id, Popup, PopupCloseBehavior, Response, ScrollArea, SetOpenCommand, vec2};

use crate::app::state::arrangement::Beside;
use crate::app::state::tiles::Tile;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::metrics::declared::MetricDecl;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlotAction {
    /// Its metrics or scale have changed.
    Changed,
    Remove,
    Split(Beside),
    /// Its curves go into files.
    Save,
}

/// What saves a plot, in its menus.
pub const SAVE: &str = "Save as CSV, SVG and PNG";
/// Where to.
pub const SAVE_HINT: &str =
    "Into the store's folder exports: what is drawn, with every point of a curve of up to 20 000";

/// Draws the menu below its button while open; that of a plot just added opens at once. `name` tells the menus of one
/// place from those of another.
pub fn chooser(
    button: &Response,
    (name, choices): (&str, &dyn Fn() -> Vec<MetricDecl>),
    tile: &mut Tile,
    added: bool,
) -> Option<PlotAction> {
    let mut action = None;
    let open = added.then_some(SetOpenCommand::Bool(true));
    Popup::menu(button)
        .open_memory(open.or_else(|| button.clicked().then_some(SetOpenCommand::Toggle)))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(300.0)
        .show(|ui| {
            let t = theme::of(ui);
            ui.spacing_mut().item_spacing.y = 2.0;
            // Fields in a menu look as elsewhere.
            ui.spacing_mut().button_padding = vec2(space::S, space::XS);
            ui.visuals_mut().widgets.inactive.bg_stroke = t.line_stroke();
            let id = Id::unique(("choose metrics", name));
            let mut search = field::remembered(ui, id);
            let width = ui.available_width();
            field::search(ui, &mut search, "Find a metric", "Find a metric", width);
            ui.data_mut(|data| data.insert_temp(id, search.clone()));
            let wanted = search.to_lowercase();
            ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
                let mut group = "";
                for metric in &choices() {
                    let found = metric.name.to_lowercase().contains(&wanted)
                        || metric.group.to_lowercase().contains(&wanted);
                    if !found {
                        continue;
                    }
                    if metric.group != group {
                        group = metric.group;
                        ui.add_space(space::XS);
                        words::small_label(ui, group, t.secondary);
                    }
                    let mut on = tile.keys.iter().any(|key| *key == metric.key);
                    if field::tick(ui, &metric.name, &mut on)
                        .on_hover_text(&*metric.definition)
                        .changed()
                    {
                        action = Some(PlotAction::Changed);
                        if on {
                            tile.keys.push(metric.key.to_string());
                        } else {
                            tile.keys.retain(|key| *key != metric.key);
                        }
                    }
                }
            });
            ui.separator();
            if field::tick(ui, "Logarithmic", &mut tile.log)
                .on_hover_text("log₁₀ along y; values that are not above 0 are marked and counted")
                .changed()
            {
                action = Some(PlotAction::Changed);
            }
            ui.separator();
            let save = Button::quiet(SAVE).with_icon(Icon::Copy);
            if save.hint(SAVE_HINT).clicked(ui) {
                action = Some(PlotAction::Save);
                ui.close();
            }
            let choices = [
                (
                    "Add a plot to the right",
                    Icon::Right,
                    PlotAction::Split(Beside::Right),
                ),
                (
                    "Add a plot below",
                    Icon::Down,
                    PlotAction::Split(Beside::Below),
                ),
                ("Remove this plot", Icon::Cross, PlotAction::Remove),
            ];
            for (words, icon, choice) in choices {
                if Button::quiet(words).with_icon(icon).clicked(ui) {
                    action = Some(choice);
                    ui.close();
                }
            }
        });
    action
}
