//! The behaviour of the tile tree: drawing plots, and the style of tabs, gaps and drags.

use eframe::egui::{Color32, Rect, Stroke, Style, Ui, Visuals, WidgetText};
use egui_tiles::{
    Behavior, EditAction, ResizeState, SimplificationOptions, TabState, TileId, Tiles, UiResponse,
};

use super::source::PlotSource;
use super::{PlotAction, PlotFile, PlotsView, TilePlace, tile_ui};
use crate::app::state::arrangement::{GAP, TAB_BAR, columns};
use crate::app::state::tiles::Tile;

/// Plots while their tree is drawn.
pub struct Plots<'a> {
    pub source: &'a mut dyn PlotSource,
    pub view: &'a mut PlotsView,
    /// The visible area; tiles clip only to themselves.
    pub clip: Rect,
    pub actions: Vec<(TileId, PlotAction)>,
    pub files: Vec<PlotFile>,
    pub emphasis: Option<(u64, usize)>,
    /// Whether the tree was changed by dragging.
    pub edited: bool,
}

impl Behavior<Tile> for Plots<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, id: TileId, tile: &mut Tile) -> UiResponse {
        ui.set_clip_rect(ui.clip_rect().intersect(self.clip));
        let added = self.view.added == Some(id);
        if !added && !ui.is_rect_visible(ui.max_rect()) {
            return UiResponse::None;
        }
        let place = TilePlace {
            number: id.0,
            movable: true,
            added,
        };
        let done = tile_ui(ui, self.source, tile, self.view, place);
        if added {
            self.view.added = None;
        }
        self.files.extend(done.file);
        self.actions.extend(done.action.map(|action| (id, action)));
        self.emphasis = self.emphasis.or(done.emphasis.map(|line| (id.0, line)));
        match done.dragged {
            true => UiResponse::DragStarted,
            false => UiResponse::None,
        }
    }

    fn tab_title_for_pane(&mut self, tile: &Tile) -> WidgetText {
        tile.title().into()
    }

    fn on_edit(&mut self, action: EditAction) {
        self.edited |= action != EditAction::TabSelected;
    }

    fn gap_width(&self, _style: &Style) -> f32 {
        GAP
    }

    fn tab_bar_height(&self, _style: &Style) -> f32 {
        TAB_BAR
    }

    fn min_size(&self) -> f32 {
        120.0
    }

    fn grid_auto_column_count(&self, count: usize, rect: Rect, _gap: f32) -> usize {
        columns(rect.width(), count)
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions::default()
    }

    fn resize_stroke(&self, style: &Style, state: ResizeState) -> Stroke {
        match state {
            ResizeState::Idle => Stroke::NONE,
            ResizeState::Hovering => style.visuals.widgets.noninteractive.bg_stroke,
            ResizeState::Dragging => Stroke::new(2.0, style.visuals.selection.stroke.color),
        }
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> Color32 {
        visuals.panel_fill
    }

    fn tab_bg_color(
        &self,
        visuals: &Visuals,
        _tiles: &Tiles<Tile>,
        _id: TileId,
        state: &TabState,
    ) -> Color32 {
        match state.active {
            true => visuals.widgets.hovered.weak_bg_fill,
            false => visuals.panel_fill,
        }
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &Visuals,
        _tiles: &Tiles<Tile>,
        _id: TileId,
        _state: &TabState,
    ) -> Stroke {
        Stroke::NONE
    }
}
