//! The place Live: the run in progress, or the last one of this window.

use eframe::egui::{Frame, Margin, Ui};

use super::curves::{self, BodyContext};
use crate::app::command::{Command, Commands, Place};
use crate::app::format;
use crate::app::state::State;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::store::RunStatus;

pub fn live_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let Some(run) = &mut state.live.run else {
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
    let ended = match run.status {
        RunStatus::Running | RunStatus::Paused => None,
        RunStatus::Failed => {
            let why = run
                .error
                .clone()
                .unwrap_or_else(|| "No reason was recorded.".into());
            Some((Tone::Bad, "The run failed".to_string(), why))
        }
        RunStatus::Finished => {
            let seconds = run.ended_ms.map_or(0, |ended| ended - run.started_ms) as f64 / 1e3;
            let title = format!("Finished in {}", format::duration(seconds));
            Some((
                Tone::Info,
                title,
                "The result table is under Evaluation. The run is kept in Runs.".into(),
            ))
        }
        RunStatus::Stopped | RunStatus::Interrupted => {
            let title = "The run was stopped".to_string();
            Some((
                Tone::Info,
                title,
                "It is kept in Runs and can be resumed from its last checkpoint.".into(),
            ))
        }
    };
    if let Some((tone, title, detail)) = ended {
        let margin = Margin {
            left: space::L as i8,
            right: space::L as i8,
            top: space::M as i8,
            bottom: 0,
        };
        let (id, resumable) = (
            run.id,
            matches!(run.status, RunStatus::Stopped | RunStatus::Interrupted),
        );
        Frame::new().inner_margin(margin).show(ui, |ui| {
            notice::strip(ui, tone, &title, &detail, |ui| {
                if ui.add(Button::secondary("Open in Runs")).clicked() {
                    commands.push(Command::OpenRun(id));
                }
                if resumable
                    && ui
                        .add(Button::primary("Resume").with_icon(Icon::Play))
                        .clicked()
                {
                    commands.push(Command::ResumeRun(id));
                }
            });
        });
    }
    let context = BodyContext {
        prefs: &mut state.prefs,
        commands,
        clock: state.clock,
    };
    curves::body_ui(ui, run, &mut state.live.view, context);
}
