//! One file per place of the window, and the parts that places share.
//!
//! Views draw from the state and push commands, which run after the frame: commands of the window, and actions as
//! closures over the core. They know no thread and no store.

pub mod baseline;
pub mod cases;
pub mod compare;
pub mod consent;
pub mod controls;
pub mod curves;
pub mod data;
pub mod experiments;
pub mod form;
pub mod judging;
pub mod lengths;
pub mod live;
pub mod notices;
pub mod palette;
pub mod playground;
pub mod plots;
pub mod rollout;
pub mod run_page;
pub mod runs;
pub mod samples;
pub mod settings;
pub mod side;
mod sound;
pub mod start;
pub mod studies;
pub mod tables;

use eframe::egui::Ui;

use super::command::Commands;
use super::place::Place;
use super::state::State;
use super::state::paths::Paths;
use super::widgets::path_field::{PathField, path_field};
use crate::operations::models::RunModels;

/// What views keep between frames; it is not stored when the window closes.
#[derive(Debug, Default)]
pub struct ViewState {
    pub palette: palette::Palette,
    pub plan: experiments::PlanView,
    pub runs: runs::RunsView,
    pub page: run_page::PageView,
    pub live: curves::CurvesView,
    pub compare: compare::CompareView,
}

/// Draws a place.
pub fn place_ui(
    ui: &mut Ui,
    place: Place,
    state: &mut State,
    views: &mut ViewState,
    commands: &mut Commands,
) {
    match place {
        Place::Start => start::start_ui(ui, state, commands),
        Place::Experiments => experiments::experiments_ui(ui, state, &mut views.plan, commands),
        Place::Live => live::live_ui(ui, state, &mut views.live, commands),
        Place::Runs if state.runs.open.is_some() => {
            run_page::run_page_ui(ui, state, &mut views.page, commands);
        }
        Place::Runs => runs::runs_ui(ui, state, &mut views.runs, commands),
        Place::Compare => compare::compare_ui(ui, state, &mut views.compare, commands),
        Place::Cases => cases::cases_ui(ui, state, commands),
        Place::Studies => studies::studies_ui(ui, state, commands),
        Place::Tables => tables::tables_ui(ui, state, commands),
        Place::Playground => playground::playground_ui(ui, state, commands),
        Place::Data => data::data_ui(ui, state, commands),
        Place::Settings => settings::settings_ui(ui, state, commands),
    }
}

/// A run in a list to choose from.
fn run_words(run: &RunModels) -> String {
    format!("Run {}, {}", run.row.id, run.row.name)
}

/// A path field, with its requests for completion and for the file dialog.
fn path_ui(
    ui: &mut Ui,
    typed: &mut String,
    paths: &mut Paths,
    field: PathField<'_>,
    commands: &mut Commands,
) {
    let wanted = path_field(ui, typed, paths, field);
    let kind = field.kind;
    if wanted.completions {
        let typed = typed.clone();
        commands.run(move |core| core.complete_path(typed, kind));
    }
    if wanted.dialog {
        let name = field.name.to_string();
        commands.run(move |core| core.browse(name, kind));
    }
}
