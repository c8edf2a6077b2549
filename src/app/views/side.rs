//! The side panel: samples, rollout, events, and changes of settings.

pub mod events;
pub mod parts;

use eframe::egui::Ui;

use self::events::{EventsView, events_ui};
use self::parts::BodyContext;
use super::controls::{ControlsView, controls_ui};
use super::rollout::{RolloutView, rollout_ui};
use super::samples::{SamplesView, samples_ui};
use crate::app::state::model::RunModel;
use crate::app::theme::{self, space};
use crate::app::widgets::button::segments;
use crate::app::widgets::layout;
use crate::experiment::Stage;

/// What the side panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideTab {
    #[default]
    Samples,
    Rollout,
    Events,
    /// Only of a run in progress.
    Controls,
}

#[derive(Debug, Default)]
pub struct SideView {
    pub tab: SideTab,
    samples: SamplesView,
    rollout: RolloutView,
    /// A step to show: in the plots, samples and rollout.
    pub jump_to: Option<(Stage, u64)>,
    controls: ControlsView,
    events: EventsView,
}

impl SideView {
    pub fn at(tab: SideTab) -> Self {
        SideView {
            tab,
            ..SideView::default()
        }
    }

    /// Shows the latest samples and the latest rollout.
    pub fn show_latest(&mut self) {
        self.samples.show_latest();
        self.rollout.show_latest();
    }

    /// Shows the samples and the rollout nearest to a step, where the stage has any.
    pub fn show_step(&mut self, run: &RunModel, place: (Stage, u64)) {
        let samples = run.samples.iter().map(|set| (set.stage, set.step));
        if let Some(near) = nearest(samples, place) {
            self.samples.show(near);
        }
        if let Some(near) = nearest(run.rollouts.iter().copied(), place) {
            self.rollout.show(near);
        }
    }

    /// The same, and switches to the samples tab.
    pub fn open_step(&mut self, run: &RunModel, place: (Stage, u64)) {
        self.show_step(run, place);
        if run.samples.iter().any(|set| set.stage == place.0) {
            self.tab = SideTab::Samples;
        }
    }
}

fn nearest(
    places: impl Iterator<Item = (Stage, u64)>,
    (stage, step): (Stage, u64),
) -> Option<(Stage, u64)> {
    places
        .filter(|place| place.0 == stage)
        .min_by_key(|place| place.1.abs_diff(step))
}

pub fn side_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut SideView,
    context: &mut BodyContext<'_>,
) {
    let head = theme::margin(space::L, space::L, space::S, space::S);
    layout::padded(ui, head, |ui| {
        let warnings = run.warnings().count();
        let events = if warnings > 0 {
            format!("Events · {warnings}")
        } else {
            "Events".into()
        };
        let mut tabs = vec![
            (SideTab::Samples, "Samples"),
            (SideTab::Rollout, "Rollout"),
            (SideTab::Events, events.as_str()),
        ];
        if context.can_change {
            tabs.push((SideTab::Controls, "Change"));
        } else if view.tab == SideTab::Controls {
            view.tab = SideTab::Samples;
        }
        segments(ui, "Show", &mut view.tab, &tabs);
    });
    match view.tab {
        SideTab::Samples => samples_ui(ui, run, &mut view.samples, context),
        SideTab::Rollout => rollout_ui(ui, run, &mut view.rollout, context),
        SideTab::Controls => controls_ui(ui, run, &mut view.controls, context),
        SideTab::Events => {
            if let Some(place) = events_ui(ui, run, &mut view.events, context.clock) {
                view.jump_to = Some(place);
            }
        }
    }
}
