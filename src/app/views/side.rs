//! Beside the plots: the sample dialogues of a step, its rollout, and what happened.

use eframe::egui::{
    Align, Frame, Label, Layout, Margin, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo,
    vec2,
};

use super::controls::{ControlsView, controls_ui};
use super::curves::BodyContext;
use super::rollout::{RolloutView, rollout_ui};
use super::samples::{SamplesView, samples_ui};
use crate::app::format::{self, Clock};
use crate::app::state::model::RunModel;
use crate::app::theme::{self, space};
use crate::app::widgets::button::{Button, focus_ring, segments};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::text as words;
use crate::experiment::{Severity, Stage};
use crate::store::{EventRow, EventSort};

/// The height of an event in a list.
const EVENT_HEIGHT: f32 = 40.0;

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

/// How the side panel is looked at.
#[derive(Debug, Default)]
pub struct SideView {
    pub tab: SideTab,
    samples: SamplesView,
    rollout: RolloutView,
    /// A place of the run that is to be shown: in the plots, by its samples and its rollout.
    pub lead: Option<(Stage, u64)>,
    controls: ControlsView,
}

impl SideView {
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

    /// The same, and turns to them from what happened.
    pub fn turn_to_step(&mut self, run: &RunModel, place: (Stage, u64)) {
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
    let head = Margin {
        left: space::L as i8,
        right: space::L as i8,
        top: space::S as i8,
        bottom: space::S as i8,
    };
    Frame::new().inner_margin(head).show(ui, |ui| {
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
            if let Some(place) = events_ui(ui, run, context.clock) {
                view.lead = Some(place);
            }
        }
    }
}

/// Chooses one of the steps of which there is something, with steps to the one before and after. `what`
/// names the thing, as for screen readers. Gives the place of another one.
pub fn step_ui(ui: &mut Ui, what: &str, steps: &[(Stage, u64)], at: usize) -> Option<usize> {
    let last = steps.len().checked_sub(1)?;
    let mut chosen = None;
    let one = what.trim_end_matches('s').to_lowercase();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        ui.add_enabled_ui(at > 0, |ui| {
            let words = format!("{} before", crate::app::format::sentence(&one));
            if ui.add(Button::icon(Icon::Left, &words)).clicked() {
                chosen = Some(at - 1);
            }
        });
        let names: Vec<String> = steps.iter().map(|step| step_name(*step)).collect();
        let latest_first: Vec<&str> = names.iter().rev().map(String::as_str).collect();
        let name = format!("Step of the {}", what.to_lowercase());
        if let Some(name) = field::combo(ui, &name, &names[at], &latest_first, 120.0) {
            chosen = names.iter().position(|known| known == name);
        }
        ui.add_enabled_ui(at < last, |ui| {
            let words = format!("Next {one}");
            if ui.add(Button::icon(Icon::Right, &words)).clicked() {
                chosen = Some(at + 1);
            }
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            words::small(
                ui,
                format!(
                    "{} of {}",
                    format::count(at as u64 + 1),
                    format::count(last as u64 + 1)
                ),
            );
        });
    });
    chosen
}

pub fn step_name((stage, step): (Stage, u64)) -> String {
    format!("{} {}", stage.title(), format::count(step))
}

/// What happened, the latest first. Gives the place that was chosen to be looked at.
pub fn events_ui(ui: &mut Ui, run: &RunModel, clock: Clock) -> Option<(Stage, u64)> {
    if run.events.is_empty() {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Stages, checkpoints, warnings and what was asked of the run stand here.",
            );
        });
        return None;
    }
    let mut chosen = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical()
        .id_salt(("events", run.id))
        .auto_shrink(false)
        .show_rows(ui, EVENT_HEIGHT, run.events.len(), |ui, rows| {
            for n in rows {
                let at = run.events.len() - 1 - n;
                if let Some(event) = run.events.get(at)
                    && event_ui(ui, event, at, clock)
                {
                    chosen = event.stage.map(|stage| (stage, event.step));
                }
            }
        });
    chosen
}

/// One event in two lines: what, and where and when. True when it was chosen, which only one that
/// stands at a step can be.
fn event_ui(ui: &mut Ui, event: &EventRow, at: usize, clock: Clock) -> bool {
    let t = theme::of(ui);
    let height = EVENT_HEIGHT;
    let row = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
    let leads = event.step > 0 && event.stage.is_some();
    let sense = if leads {
        Sense::click()
    } else {
        Sense::hover()
    };
    let response = ui.interact(row, ui.scope_id().with(("event", at)), sense);
    if leads {
        let label = format!("Show {}", what(event));
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &label));
        if response.hovered() {
            ui.painter().rect_filled(row, 0, t.hover);
        }
        focus_ring(ui, &response, row.shrink(2.0));
    }
    let (icon, colour) = match (event.sort, event.severity) {
        (_, Some(Severity::Alert)) => (Icon::Warning, t.bad),
        (_, Some(Severity::Warning)) => (Icon::Warning, t.warning),
        (EventSort::Stage, _) => (Icon::Play, t.secondary),
        (EventSort::StageDone, _) => (Icon::Check, t.good),
        (EventSort::Control, _) => (Icon::Settings, t.secondary),
        (EventSort::Status | EventSort::Note, _) => (Icon::Info, t.secondary),
    };
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), height),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.set_min_height(height);
            ui.add_space(space::L);
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
            icon::paint(ui.painter(), rect, icon, colour);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.add_space(3.0);
                ui.add(Label::new(RichText::new(what(event)).color(t.text)).truncate())
                    .on_hover_text(what(event));
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = space::XS;
                    if let Some(stage) = event.stage.filter(|_| event.step > 0) {
                        words::small(
                            ui,
                            format!("{} step {},", stage.title(), format::count(event.step)),
                        );
                    }
                    words::small(ui, clock.time(event.wall_ms))
                        .on_hover_text(clock.exact(event.wall_ms));
                });
            });
        },
    );
    response.clicked()
}

pub fn what(event: &EventRow) -> String {
    let stage = event.stage.map_or("Stage", Stage::title);
    match event.sort {
        EventSort::Stage => format!("{stage} began"),
        EventSort::StageDone => format!("{stage} done"),
        EventSort::Status => crate::app::format::sentence(&event.text),
        EventSort::Control if event.text.contains('=') => format!("Set {}", event.text),
        EventSort::Control => format!("Asked: {}", event.text),
        EventSort::Note => event.text.clone(),
    }
}

pub fn inset(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let margin = Margin {
        left: space::L as i8,
        right: space::L as i8,
        top: space::XS as i8,
        bottom: 0,
    };
    Frame::new().inner_margin(margin).show(ui, |ui| {
        ui.set_width(ui.available_width());
        content(ui);
    });
}

/// A line between parts of the panel.
pub fn line(ui: &mut Ui) {
    let t = theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter()
        .hline(rect.x_range(), rect.center().y, t.line_stroke());
}
