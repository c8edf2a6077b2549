//! The layout of a stage's plots: a tree that the user splits and drags.
//!
//! Changes trees only; the drawing is in `plots`.

use std::collections::BTreeSet;

use eframe::egui::Id;
use egui_tiles::{Container, ContainerKind, Grid, Linear, LinearDir, Tile as Node, TileId, Tree};
use serde::{Deserialize, Serialize};

use super::tiles::{Tile, default_tiles, recorded_tiles};
use crate::experiment::Stage;

/// The least height of a plot.
pub const MIN_HEIGHT: f32 = 214.0;
/// The greatest height of a plot where several are stacked.
const MAX_HEIGHT: f32 = 340.0;
/// The least width of a plot where there is room for two.
pub const MIN_WIDTH: f32 = 320.0;
/// The gap between two plots.
pub const GAP: f32 = 8.0;
pub const TAB_BAR: f32 = 28.0;

/// Where a new plot goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Right,
    Below,
}

/// The plots of a stage, as the user arranged them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrangement {
    pub tree: Tree<Tile>,
    /// It differs from the default.
    pub changed: bool,
}

impl Arrangement {
    /// The default arrangement.
    pub fn default_for(stage: Stage) -> Self {
        Arrangement {
            tree: Tree::new_grid(Id::unique(("plots", stage)), default_tiles(stage)),
            changed: false,
        }
    }

    /// Of a run that another program recorded: a plot of what it has logged so far, unless a person arranged them.
    pub fn follow(&mut self, logged: &[&str]) {
        if self.changed || logged.is_empty() {
            return;
        }
        let tiles = recorded_tiles(logged);
        let shown: BTreeSet<&str> = self
            .plots()
            .flat_map(|tile| tile.keys.iter().map(String::as_str))
            .collect();
        if !shown
            .iter()
            .copied()
            .eq(logged.iter().copied().collect::<BTreeSet<_>>())
        {
            self.tree = Tree::new_grid(Id::unique(("plots", Stage::Recorded)), tiles);
        }
    }

    /// Plots of several runs over each other, in a grid.
    pub fn of_compared(tiles: Vec<Tile>) -> Self {
        Arrangement {
            tree: Tree::new_grid(Id::unique("compared plots"), tiles),
            changed: false,
        }
    }

    pub fn plots(&self) -> impl Iterator<Item = &Tile> {
        self.tree.tiles.tiles().filter_map(|node| match node {
            Node::Pane(tile) => Some(tile),
            Node::Container(_) => None,
        })
    }

    /// Adds a plot before all others.
    pub fn add(&mut self, tile: Tile) -> TileId {
        self.changed = true;
        let tree = &mut self.tree;
        let new = tree.tiles.insert_pane(tile);
        match tree.root.filter(|root| tree.tiles.get(*root).is_some()) {
            None => tree.root = Some(new),
            Some(root) if tree.tiles.get_pane(&root).is_some() => {
                tree.root = Some(tree.tiles.insert_grid_tile(vec![new, root]));
            }
            Some(root) => tree.move_tile_to_container(new, root, 0, true),
        }
        new
    }

    /// Adds a plot beside another and splits its space in half.
    pub fn split(&mut self, at: TileId, beside: Beside, tile: Tile) -> TileId {
        self.changed = true;
        let tree = &mut self.tree;
        let new = tree.tiles.insert_pane(tile);
        let direction = match beside {
            Beside::Right => LinearDir::Horizontal,
            Beside::Below => LinearDir::Vertical,
        };
        let parent = tree.tiles.parent_of(at);
        let both = Container::Linear(Linear::new(direction, vec![at, new]));
        let both = tree.tiles.insert_container(both);
        match parent.and_then(|parent| tree.tiles.get_mut(parent)) {
            Some(Node::Container(container)) => {
                let place = container.replace_child(at, both);
                debug_assert!(place.is_some(), "a parent holds its child");
            }
            _ => tree.root = Some(both),
        }
        new
    }

    pub fn remove(&mut self, at: TileId) {
        self.changed = true;
        self.tree.remove_recursively(at);
        if self.plots().next().is_none() {
            self.tree.root = None;
        }
        self.close_gaps();
    }

    /// Moves plots up where one was removed or dragged away: a grid keeps the empty cell.
    pub fn close_gaps(&mut self) {
        for node in self.tree.tiles.tiles_mut() {
            if let Node::Container(Container::Grid(grid)) = node {
                let mut closed = Grid::new(grid.children().copied().collect());
                closed.layout = grid.layout;
                closed.col_shares = std::mem::take(&mut grid.col_shares);
                closed.row_shares = std::mem::take(&mut grid.row_shares);
                *grid = closed;
            }
        }
    }

    /// The height of the whole arrangement in the available `room`.
    pub fn height(&self, width: f32, room: f32) -> f32 {
        let Some(root) = self.tree.root else {
            return room.min(MIN_HEIGHT);
        };
        let least = self.least_height(root, width);
        room.clamp(least, least * MAX_HEIGHT / MIN_HEIGHT)
    }

    fn least_height(&self, at: TileId, width: f32) -> f32 {
        let Some(Node::Container(container)) = self.tree.tiles.get(at) else {
            return MIN_HEIGHT;
        };
        let count = container.num_children().max(1);
        let columns = match container.kind() {
            ContainerKind::Tabs | ContainerKind::Vertical => 1,
            ContainerKind::Horizontal => count,
            ContainerKind::Grid => columns(width, count),
        };
        let each = (width - GAP * (columns - 1) as f32) / columns as f32;
        let heights = container
            .children()
            .map(|child| self.least_height(*child, each));
        match container.kind() {
            ContainerKind::Tabs => TAB_BAR + heights.fold(MIN_HEIGHT, f32::max),
            ContainerKind::Horizontal => heights.fold(MIN_HEIGHT, f32::max),
            ContainerKind::Vertical => heights.sum::<f32>() + GAP * (count - 1) as f32,
            ContainerKind::Grid => {
                let rows = count.div_ceil(columns) as f32;
                rows * heights.fold(MIN_HEIGHT, f32::max) + GAP * (rows - 1.0)
            }
        }
    }
}

/// How many of `count` plots fit in a row.
pub fn columns(width: f32, count: usize) -> usize {
    ((width / MIN_WIDTH) as usize).clamp(1, 3).min(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(key: &str) -> Tile {
        Tile {
            keys: vec![key.into()],
            log: false,
        }
    }

    fn keys(arrangement: &Arrangement) -> Vec<String> {
        let mut keys: Vec<_> = arrangement
            .plots()
            .flat_map(|tile| tile.keys.clone())
            .collect();
        keys.sort();
        keys
    }

    #[test]
    fn plots_are_added_split_and_removed_down_to_none() {
        let mut arrangement = Arrangement {
            tree: Tree::empty(Id::unique("t")),
            changed: false,
        };
        let a = arrangement.add(tile("a"));
        let b = arrangement.add(tile("b"));
        let c = arrangement.split(a, Beside::Right, tile("c"));
        let d = arrangement.split(c, Beside::Below, tile("d"));
        assert_eq!(keys(&arrangement), ["a", "b", "c", "d"]);
        assert!(arrangement.changed);
        let parent = arrangement.tree.tiles.parent_of(c).unwrap();
        assert_eq!(arrangement.tree.tiles.parent_of(d), Some(parent));
        for (at, left) in [(a, 3), (b, 2), (c, 1), (d, 0)] {
            arrangement.remove(at);
            assert_eq!(arrangement.plots().count(), left);
        }
        assert_eq!(arrangement.tree.root, None);
        arrangement.add(tile("e"));
        assert_eq!(keys(&arrangement), ["e"]);
    }

    #[test]
    fn a_removed_plot_leaves_no_gap() {
        let mut arrangement = Arrangement::default_for(Stage::Ppo);
        let root = arrangement.tree.root.unwrap();
        let Some(Node::Container(grid)) = arrangement.tree.tiles.get(root) else {
            panic!("the default is a grid");
        };
        let plots: Vec<TileId> = grid.children().copied().collect();
        arrangement.remove(plots[0]);
        let gapless = Container::new_grid(plots[1..].to_vec());
        let Some(Node::Container(grid)) = arrangement.tree.tiles.get(root) else {
            panic!("the others are there still");
        };
        assert_eq!(*grid, gapless);
    }

    #[test]
    fn every_plot_is_high_enough() {
        let arrangement = Arrangement::default_for(Stage::Ppo);
        let count = arrangement.plots().count();
        let rows = count.div_ceil(2) as f32;
        let least = rows * MIN_HEIGHT + (rows - 1.0) * GAP;
        assert_eq!(arrangement.height(700.0, 100.0), least);
        assert!(arrangement.height(700.0, 5000.0) > least);
        assert_eq!(columns(2000.0, 2), 2, "two plots share the whole width");
    }

    #[test]
    fn plots_of_another_programs_run_follow_it_until_a_person_arranges_them() {
        let mut arrangement = Arrangement::default_for(Stage::Recorded);
        arrangement.follow(&[]);
        assert_eq!(keys(&arrangement), [""; 0]);
        arrangement.follow(&["recorded/a"]);
        arrangement.follow(&["recorded/a", "recorded/b"]);
        assert_eq!(keys(&arrangement), ["recorded/a", "recorded/b"]);
        arrangement.add(tile("recorded/a"));
        arrangement.follow(&["recorded/a", "recorded/b", "recorded/c"]);
        assert_eq!(arrangement.plots().count(), 3);
    }

    #[test]
    fn an_arrangement_survives_serialization() {
        let mut arrangement = Arrangement::default_for(Stage::Generator);
        arrangement.add(tile("x"));
        let text = serde_json::to_string(&arrangement).unwrap();
        let back: Arrangement = serde_json::from_str(&text).unwrap();
        assert_eq!(keys(&back), keys(&arrangement));
        assert!(back.changed);
    }
}
