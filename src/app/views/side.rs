//! Beside the plots: the sample dialogues of a step, and what happened.

use eframe::egui::{
    Align, Frame, Label, Layout, Margin, Rect, RichText, Role, ScrollArea, Sense, Ui, WidgetInfo,
    vec2,
};

use super::controls::{ControlsView, controls_ui};
use super::curves::BodyContext;
use crate::app::command::Command;
use crate::app::format::{self, Clock};
use crate::app::model::{RunModel, SampleSet};
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::{Button, focus_ring, segments};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::{dialogue, text as words};
use crate::experiment::{Severity, Stage};
use crate::store::{EventRow, EventSort};

/// The height of an event in a list.
const EVENT_HEIGHT: f32 = 40.0;

/// What the side panel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideTab {
    #[default]
    Samples,
    Events,
    /// Only of a run in progress.
    Controls,
}

/// How the side panel is looked at.
#[derive(Debug, Default)]
pub struct SideView {
    pub tab: SideTab,
    /// The step that was chosen; the latest when none was.
    chosen: Option<(Stage, u64)>,
    /// The step whose dialogues were asked for, so that they are asked for once.
    asked: Option<(Stage, u64)>,
    /// A place of the run that is to be shown: in the plots, and by its samples.
    pub lead: Option<(Stage, u64)>,
    controls: ControlsView,
}

impl SideView {
    /// Shows the samples nearest to a step.
    pub fn show_samples(&mut self, run: &RunModel, (stage, step): (Stage, u64)) {
        let nearest = run
            .samples
            .iter()
            .filter(|set| set.stage == stage)
            .min_by_key(|set| set.step.abs_diff(step));
        if let Some(set) = nearest {
            self.chosen = Some((set.stage, set.step));
            self.tab = SideTab::Samples;
        }
    }
}

pub fn side_ui(ui: &mut Ui, run: &RunModel, view: &mut SideView, context: &mut BodyContext<'_>) {
    let head = Margin {
        left: space::L as i8,
        right: space::L as i8,
        top: space::S as i8,
        bottom: space::S as i8,
    };
    Frame::new().inner_margin(head).show(ui, |ui| {
        // Steps stand beside the tabs where both have room, else below.
        let beside = ui.available_width() > if context.can_change { 420.0 } else { 350.0 };
        ui.horizontal(|ui| {
            let warnings = run.warnings().count();
            let events = if warnings > 0 {
                format!("Events · {warnings}")
            } else {
                "Events".into()
            };
            let mut tabs = vec![
                (SideTab::Samples, "Samples"),
                (SideTab::Events, events.as_str()),
            ];
            if context.can_change {
                tabs.push((SideTab::Controls, "Change"));
            } else if view.tab == SideTab::Controls {
                view.tab = SideTab::Samples;
            }
            segments(ui, "Show", &mut view.tab, &tabs);
            if view.tab == SideTab::Samples && beside {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    step_ui(ui, run, view)
                });
            }
        });
        if view.tab == SideTab::Samples && !beside && !run.samples.is_empty() {
            ui.add_space(space::XS);
            ui.with_layout(Layout::top_down(Align::Max), |ui| {
                ui.allocate_ui_with_layout(
                    vec2(ui.available_width(), size::ROW),
                    Layout::right_to_left(Align::Center),
                    |ui| step_ui(ui, run, view),
                );
            });
        }
    });
    match view.tab {
        SideTab::Samples => samples_ui(ui, run, view, context),
        SideTab::Controls => controls_ui(ui, run, &mut view.controls, context),
        SideTab::Events => {
            if let Some(place) = events_ui(ui, run, context.clock) {
                view.lead = Some(place);
            }
        }
    }
}

/// Which step's dialogues are shown, with steps to the one before and after.
fn step_ui(ui: &mut Ui, run: &RunModel, view: &mut SideView) {
    if run.samples.is_empty() {
        return;
    }
    let latest = run.samples.len() - 1;
    let at = place(run, view).unwrap_or(latest);
    ui.spacing_mut().item_spacing.x = space::XS;
    let choose = |view: &mut SideView, n: usize| {
        let set = &run.samples[n];
        view.chosen = (n < latest).then_some((set.stage, set.step));
    };
    ui.add_enabled_ui(at < latest, |ui| {
        if ui
            .add(Button::icon(Icon::Right, "Next evaluation"))
            .clicked()
        {
            choose(view, at + 1);
        }
    });
    let names: Vec<String> = run.samples.iter().map(step_name).collect();
    let latest_first: Vec<&str> = names.iter().rev().map(String::as_str).collect();
    if let Some(name) = field::combo(ui, "Step of the samples", &names[at], &latest_first, 120.0)
        && let Some(n) = names.iter().position(|known| known == name)
    {
        choose(view, n);
    }
    ui.add_enabled_ui(at > 0, |ui| {
        if ui
            .add(Button::icon(Icon::Left, "Evaluation before"))
            .clicked()
        {
            choose(view, at - 1);
        }
    });
}

fn step_name(set: &SampleSet) -> String {
    format!("{} {}", set.stage.title(), format::count(set.step))
}

fn place(run: &RunModel, view: &SideView) -> Option<usize> {
    let chosen = view.chosen?;
    run.samples
        .iter()
        .position(|set| (set.stage, set.step) == chosen)
}

fn samples_ui(ui: &mut Ui, run: &RunModel, view: &mut SideView, context: &mut BodyContext<'_>) {
    let Some(set) = place(run, view).map_or(run.samples.last(), |at| run.samples.get(at)) else {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Sample dialogues stand here from the first evaluation on: the context, the target, what the model answers, and the levels of both.",
            );
        });
        return;
    };
    if let Some(why) = &set.refused {
        inset(ui, |ui| {
            notice::strip(ui, Tone::Bad, "The dialogues cannot be read", why, |_| {})
        });
        return;
    }
    let Some(dialogues) = &set.dialogues else {
        if view.asked != Some((set.stage, set.step)) {
            view.asked = Some((set.stage, set.step));
            context.commands.push(Command::LoadSamples {
                run: run.id,
                stage: set.stage,
                step: set.step,
            });
        }
        inset(ui, |ui| {
            words::secondary(ui, "Reading the dialogues…");
        });
        return;
    };
    ScrollArea::vertical()
        .id_salt(("dialogues", run.id))
        .auto_shrink(false)
        .show(ui, |ui| {
            inset(ui, |ui| {
                for (n, sample) in dialogues.iter().enumerate() {
                    if n > 0 {
                        ui.add_space(space::M);
                        line(ui);
                        ui.add_space(space::M);
                    }
                    ui.push_id(n, |ui| dialogue::dialogue(ui, sample));
                }
                ui.add_space(space::L);
            });
        });
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
        EventSort::Status => dialogue::sentence(&event.text),
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

fn line(ui: &mut Ui) {
    let t = theme::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter()
        .hline(rect.x_range(), rect.center().y, t.line_stroke());
}
