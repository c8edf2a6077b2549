//! The place Live: the run in progress, or the last one of this window.

use eframe::egui::{Label, RichText, Sense, Ui, Vec2};

use super::curves::{self, CurvesView};
use super::side::parts::BodyContext;
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::state::model::RunModel;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::{layout, notice, text as words};
use crate::store::RunStatus;

pub fn live_ui(ui: &mut Ui, state: &mut State, view: &mut CurvesView, commands: &mut Commands) {
    let State {
        live,
        prefs,
        clock,
        baseline,
        runs,
        ..
    } = state;
    let finished = runs.listed();
    let elsewhere = live.elsewhere.as_mut().filter(|_| live.run.is_none());
    if let Some(open) = elsewhere {
        if let Some(why) = open.page.failure() {
            layout::padded(ui, space::L, |ui| {
                notice::failed(ui, "The run cannot be read", Some(why));
            });
        }
        if let Some(run) = open.model_mut() {
            let context = BodyContext {
                prefs,
                commands,
                clock: *clock,
                baseline,
                finished,
                can_change: false,
            };
            curves::body_ui(ui, run, view, context);
        }
        return;
    }
    let Some(run) = &mut live.run else {
        let explanation =
            "Start an experiment and its curves, dialogues and results appear here as they come.";
        if notice::empty(
            ui,
            Icon::Live,
            "No run in progress",
            explanation,
            "Choose an experiment",
        ) {
            commands.push(Command::Go(Place::Experiments));
        }
        return;
    };
    let context = BodyContext {
        prefs,
        commands,
        clock: *clock,
        baseline,
        finished,
        can_change: run.status.is_active() && !live.stopping,
    };
    curves::body_ui(ui, run, view, context);
}

/// How the run ended and what can be done with it: in the status row, in place of its controls.
pub fn ended_ui(ui: &mut Ui, run: &RunModel, can_resume: bool, commands: &mut Commands) {
    let t = theme::of(ui);
    let (icon, colour, title, detail) = match run.status {
        RunStatus::Running | RunStatus::Paused => return,
        RunStatus::Failed | RunStatus::Damaged => {
            let why = run.error.clone();
            let why = why.unwrap_or_else(|| "No reason was recorded.".into());
            (Icon::Warning, t.bad, "The run failed".to_string(), why)
        }
        RunStatus::Finished => {
            let seconds = run.ended_ms.map_or(0, |ended| ended - run.started_ms) as f64 / 1e3;
            let title = format!("Finished, {} after it began", format::duration(seconds));
            let detail = "The result table is under Evaluation. The run is kept in Runs.";
            (Icon::Check, t.good, title, detail.into())
        }
        RunStatus::Stopped | RunStatus::Interrupted => {
            let title = "The run was stopped".to_string();
            let detail = "It is kept in Runs and can be resumed from its last checkpoint.";
            (Icon::Info, t.accent, title, detail.into())
        }
    };
    let resumable = run.status != RunStatus::Finished;
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(14.0), Sense::hover());
    icon::paint(ui.painter(), rect, icon, colour);
    words::bold(ui, &title);
    if Button::secondary("Open in Runs").clicked(ui) {
        let run = run.id;
        commands.run(move |core| core.open_run(run));
    }
    if resumable && can_resume {
        let button = Button::primary("Resume").with_icon(Icon::Play);
        if ui
            .add(button.hint("Continue from the last checkpoint"))
            .clicked()
        {
            let run = run.id;
            commands.run(move |core| core.resume_run(run));
        }
    }
    ui.add(Label::new(RichText::new(&detail).color(t.secondary)).truncate())
        .on_hover_text(detail);
}
