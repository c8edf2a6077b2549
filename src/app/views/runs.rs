//! The place Runs: the table of saved runs, with filter, sorting, grouping and actions.

mod actions;
mod columns;
mod filter_bar;
mod import;
mod line;
mod table;

use std::collections::{BTreeSet, HashMap};

use eframe::egui::{Label, RichText, Ui};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::place::Place;
use crate::app::queries::runs::Listed;
use crate::app::state::{LISTED, Prefs, State};
use crate::app::theme::{self, space};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::catalog::{Column, DEFAULT_COLUMNS, Entry, parts_of, vocabulary};
use crate::filter::parse;
use crate::store::{CatalogParts, RunId, RunStatus};

pub use actions::tag_hint;
pub use filter_bar::{FilterBar, filter_id};
pub use line::run_line_ui;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shelf {
    #[default]
    Kept,
    Archived,
    Deleted,
}

#[derive(Debug)]
pub struct RunsView {
    pub filter: FilterBar,
    pub sort: Column,
    pub descending: bool,
    pub shelf: Shelf,
    pub chosen: BTreeSet<RunId>,
    /// The focused row.
    current: Option<RunId>,
    /// Its place in the table.
    current_at: usize,
    /// Horizontal scroll offset.
    across: f32,
    tag: String,
    find_column: String,
    /// Runs to remove for good, once confirmed.
    confirm: Option<Vec<RunId>>,
}

impl Default for RunsView {
    fn default() -> Self {
        RunsView {
            filter: FilterBar::default(),
            sort: column("id"),
            descending: true,
            shelf: Shelf::Kept,
            chosen: BTreeSet::new(),
            current: None,
            current_at: 0,
            across: 0.0,
            tag: String::new(),
            find_column: String::new(),
            confirm: None,
        }
    }
}

/// A built-in column.
fn column(name: &str) -> Column {
    match name.parse() {
        Ok(column) => column,
        Err(error) => unreachable!("{error}"),
    }
}

/// The columns that the user chose; unknown names are left out.
pub fn chosen_columns(prefs: &Prefs) -> Vec<Column> {
    let found: Vec<Column> = prefs
        .columns
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    match found.is_empty() {
        true => DEFAULT_COLUMNS.map(column).to_vec(),
        false => found,
    }
}

fn is_on(shelf: Shelf, row: &Listed) -> bool {
    shelf == Shelf::Deleted || row.entry.row.archived == (shelf == Shelf::Archived)
}

/// The runs of the shelf that match the filter, sorted.
fn arranged<'a>(rows: &'a [Listed], view: &RunsView) -> Vec<&'a Listed> {
    let mut found: Vec<&Listed> = rows
        .iter()
        .filter(|row| is_on(view.shelf, row) && view.filter.last.matches(&row.entry))
        .collect();
    let mut order: Vec<&Entry> = found.iter().map(|row| &row.entry).collect();
    crate::catalog::sort_entries(&mut order, &view.sort, view.descending);
    let places: HashMap<RunId, usize> = order
        .iter()
        .zip(0..)
        .map(|(entry, place)| (entry.row.id, place))
        .collect();
    found.sort_by_key(|row| places.get(&row.entry.row.id).copied());
    found
}

pub fn runs_ui(ui: &mut Ui, state: &mut State, view: &mut RunsView, commands: &mut Commands) {
    let Some(kept) = state.runs.list.value() else {
        let words = RemoteWords::retry("Reading the store…", "The store cannot be read");
        padded(ui, |ui| {
            if remote_ui(ui, &state.runs.list, words) {
                commands.run(Core::list_runs);
            }
        });
        return;
    };
    let deleted = state.runs.deleted.value().map_or(0, Vec::len);
    if kept.is_empty() && view.shelf != Shelf::Deleted && deleted == 0 {
        let explanation = "Every run is kept here with its curves, settings, dialogues and results, from its first step on.";
        if notice::empty(
            ui,
            Icon::Runs,
            "No runs yet",
            explanation,
            "Choose an experiment",
        ) {
            commands.push(Command::Go(Place::Experiments));
        }
        ui.vertical_centered(|ui| import::button_ui(ui, &mut state.runs.import));
        import::dialog_ui(ui, state, commands);
        return;
    }
    let needed = needed_parts(&state.prefs, view);
    if !needed.is_within(&state.runs.parts) {
        commands.run(|core| core.read_parts(needed));
    }
    follow_live(state);
    let now = state.now();
    import::dialog_ui(ui, state, commands);
    let State { runs, prefs, .. } = state;
    let mut importing = std::mem::take(&mut runs.import.open);
    let rows = match view.shelf {
        Shelf::Deleted => runs.deleted.value().map_or(&[][..], Vec::as_slice),
        Shelf::Kept | Shelf::Archived => runs.listed(),
    };
    // Those chosen before the window was closed wait for the list.
    let is_read = runs.list.value().is_some();
    padded(ui, |ui| {
        let named = Named {
            differing: runs.differing.value().map_or(&[][..], Vec::as_slice),
            recorded: runs.recorded.value().map_or(&[][..], Vec::as_slice),
        };
        head_ui(ui, view, prefs, (rows, named), &mut importing, commands);
        ui.add_space(space::S);
        // While a filter is invalid, the last valid one applies.
        let filter = parse(&view.filter.text, vocabulary());
        if let Ok(filter) = &filter {
            // The beginning of a condition does not filter yet.
            if !view.filter.is_unfinished() {
                view.filter.last = filter.clone();
            }
        }
        let shown = arranged(rows, view);
        let known: BTreeSet<RunId> = rows.iter().map(|row| row.entry.row.id).collect();
        if is_read {
            view.chosen.retain(|run| known.contains(run));
        }
        actions::strip_ui(ui, view, rows.is_empty(), &shown, commands);
        if shown.is_empty() {
            let bare = !rows.iter().any(|row| is_on(view.shelf, row));
            empty_ui(ui, view, filter.is_ok(), bare);
            return;
        }
        let of_shelf: Vec<&Listed> = rows.iter().filter(|row| is_on(view.shelf, row)).collect();
        table::table_ui(ui, &shown, &of_shelf, view, prefs, now, commands);
    });
    actions::confirm_ui(ui, view, commands);
    runs.import.open = importing;
}

/// Names that are not the program's own.
#[derive(Clone, Copy)]
struct Named<'a> {
    /// Settings that differ among the runs.
    differing: &'a [String],
    /// Metrics that other programs recorded.
    recorded: &'a [String],
}

/// What the table shows of the runs, and the other places that list them.
fn needed_parts(prefs: &Prefs, view: &RunsView) -> CatalogParts {
    if view.filter.text.contains(RunStatus::Damaged.key()) {
        return CatalogParts::ALL;
    }
    let columns = chosen_columns(prefs);
    let names = columns.iter().chain([&view.sort]).map(Column::name);
    let names = names.chain(view.filter.last.names());
    // Runs in which a setting was changed are groups of their own.
    let group = prefs
        .group
        .as_deref()
        .into_iter()
        .flat_map(|group| [group, "changed"]);
    parts_of(
        names
            .chain(group)
            .chain(prefs.sketch.as_deref())
            .chain(LISTED),
    )
}

/// Updates the metrics of the run in progress, which is ahead of the store.
fn follow_live(state: &mut State) {
    let columns = chosen_columns(&state.prefs);
    let Some(run) = state.live.run.as_ref().filter(|run| run.status.is_active()) else {
        return;
    };
    let mut listed = state.runs.list.value_mut().into_iter().flatten();
    let Some(listed) = listed.find(|row| row.entry.row.id == run.id) else {
        return;
    };
    let entry = &mut listed.entry;
    for key in columns.iter().filter_map(Column::metric) {
        if let (Some(summary), Some(last)) = (entry.metrics.get_mut(key), run.last(key)) {
            summary.last = last;
        }
    }
}

fn head_ui(
    ui: &mut Ui,
    view: &mut RunsView,
    prefs: &mut Prefs,
    (rows, named): (&[Listed], Named<'_>),
    importing: &mut bool,
    commands: &mut Commands,
) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = eframe::egui::vec2(space::S, space::S);
        let width = (ui.available_width() - 780.0).clamp(220.0, 560.0);
        filter_bar::filter_ui(ui, &mut view.filter, &mut prefs.filters, width);
        let shelves = [
            (Shelf::Kept, "Runs"),
            (Shelf::Archived, "Archived"),
            (Shelf::Deleted, "Deleted"),
        ];
        if segments(ui, "Show", &mut view.shelf, &shelves) {
            view.chosen.clear();
            commands.run(Core::list_runs);
        }
        columns::group_ui(ui, prefs, named.differing);
        columns::columns_ui(ui, view, prefs, named, commands);
        *importing |= import::wanted_ui(ui);
        let of_shelf = rows.iter().filter(|row| is_on(view.shelf, row));
        let (of_shelf, shown) = of_shelf.fold((0, 0), |(all, shown), row| {
            let through = view.filter.last.matches(&row.entry);
            (all + 1, shown + usize::from(through))
        });
        let words = if shown == of_shelf {
            match shown {
                1 => "1 run".to_string(),
                n => format!("{} runs", format::count(n as u64)),
            }
        } else {
            format!(
                "{} of {} runs",
                format::count(shown as u64),
                format::count(of_shelf as u64)
            )
        };
        let words = RichText::new(words).color(theme::of(ui).secondary);
        ui.add(Label::new(words).extend());
    });
    filter_bar::saved_ui(ui, &mut view.filter, &mut prefs.filters);
}

/// Why the table is empty; `bare`: even without a filter.
fn empty_ui(ui: &mut Ui, view: &mut RunsView, understood: bool, bare: bool) {
    ui.add_space(space::L);
    if !bare && !view.filter.text.trim().is_empty() {
        // An invalid filter does not say what it matches.
        if understood {
            ui.label("No run matches this filter.");
        }
        if Button::secondary("Clear the filter").clicked(ui) {
            view.filter.clear();
        }
        return;
    }
    words::secondary(
        ui,
        match view.shelf {
            Shelf::Kept => "Every run is archived or deleted.",
            Shelf::Archived => "Nothing is archived. Archived runs are kept, out of the way.",
            Shelf::Deleted => {
                "Nothing is deleted. Deleted runs can be brought back from here until they are removed for good."
            }
        },
    );
}

fn padded(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    layout::padded(
        ui,
        theme::margin(space::L, space::L, space::M, 0.0),
        content,
    );
}
