//! The rail: every place of the window with its icon, title and shortcut.

use eframe::egui;
use eframe::egui::{Align2, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

use crate::app::command::{Command, Commands};
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::icon;
use crate::app::widgets::layout;
use crate::app::widgets::status;
use crate::app::widgets::text as words;

/// The range of heights of a place; the rail scrolls where even the least does not fit.
const MAX_HEIGHT: f32 = 54.0;
const MIN_HEIGHT: f32 = 44.0;
const GAP: f32 = 2.0;

pub(super) fn rail_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let all = Place::all().count() as f32;
    let room = ui.available_height() - 2.0 * space::S;
    let height = ((room - (all - 1.0) * GAP) / all)
        .floor()
        .clamp(MIN_HEIGHT, MAX_HEIGHT);
    layout::scrolled(ui, "rail", |ui| {
        ui.spacing_mut().item_spacing.y = GAP;
        ui.add_space(space::S - GAP);
        for place in Place::all().filter(|place| *place != Place::Settings) {
            place_ui(ui, place, height, state, commands);
        }
        let left = room - all * (height + GAP);
        if left > 0.0 {
            ui.add_space(left);
        }
        place_ui(ui, Place::Settings, height, state, commands);
    });
}

fn place_ui(ui: &mut Ui, place: Place, height: f32, state: &State, commands: &mut Commands) {
    let t = theme::of(ui);
    let here = state.prefs.place == place;
    let (row, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, here, place.title()));
    let rect = row.shrink2(vec2(space::XS, 0.0));
    layout::fill_row(ui, rect, size::RADIUS, here, response.hovered());
    let colour = match (here, response.hovered()) {
        (true, _) => t.accent,
        (false, true) => t.text,
        (false, false) => t.secondary,
    };
    // Icon and title keep their distance.
    let middle = rect.center();
    let mark = Rect::from_center_size(pos2(middle.x, middle.y - 8.0), Vec2::splat(20.0));
    icon::paint(ui.painter(), mark, place.icon(), colour);
    let at = pos2(middle.x, middle.y + 14.0);
    words::paint_small(
        ui.painter(),
        at,
        Align2::CENTER_CENTER,
        place.short_title(),
        colour,
    );
    let elsewhere = || state.elsewhere().map(|row| row.status);
    let in_progress = state.active().map(|run| run.status).or_else(elsewhere);
    if let Some(status) = in_progress.filter(|_| place == Place::Live) {
        let dot = pos2(mark.right() + 3.0, mark.top());
        ui.painter().circle(
            dot,
            4.0,
            status::colour(t, status),
            egui::Stroke::new(1.5, t.panel),
        );
    }
    focus_ring(ui, &response, rect);
    let hint = format!(
        "{} ({})",
        place.title(),
        ui.format_shortcut(&place.shortcut())
    );
    if response.on_hover_text(hint).clicked() {
        commands.push(Command::Go(place));
    }
}
