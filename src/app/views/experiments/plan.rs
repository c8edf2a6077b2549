//! Before a run starts: its name, the run whose stages it reuses, and the settings that vary.

use eframe::egui::Ui;

use crate::app::command::Commands;
use crate::app::format;
use crate::app::state::RunsState;
use crate::app::state::form::Form;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::experiment::sweep::{Axis, SweepRun, grid};
use crate::experiment::{SettingKind, settings};
use crate::operations::launch::PlannedRun;
use crate::store::{RunId, RunStatus};

#[derive(Debug, Default)]
pub struct PlanView {
    /// Empty for the experiment's name.
    name: String,
    reuse: Option<RunId>,
    /// Varied settings, and their values as typed.
    axes: Vec<(String, String)>,
}

impl PlanView {
    pub fn planned(&self, form: &Form) -> PlannedRun {
        let name = self.name.trim();
        PlannedRun {
            experiment: form.name.clone(),
            name: if name.is_empty() {
                form.name.clone()
            } else {
                name.to_string()
            },
            config: form.config.clone(),
            reuse: self.reuse,
        }
    }

    pub fn is_sweep(&self) -> bool {
        !self.axes.is_empty()
    }

    /// The first run that the form describes, and how many there are.
    fn first(&self, form: &Form) -> (PlannedRun, usize) {
        let planned = self.planned(form);
        match self.sweep(form).ok().as_deref() {
            Some(runs @ [first, ..]) if self.is_sweep() => {
                let config = first.config.clone();
                (PlannedRun { config, ..planned }, runs.len())
            }
            _ => (planned, 1),
        }
    }

    fn sweep(&self, form: &Form) -> Result<Vec<SweepRun>, String> {
        let axes = self.axes.iter().map(|(path, text)| Axis::parse(path, text));
        let axes = axes.collect::<Result<Vec<_>, _>>();
        axes.and_then(|axes| grid(&form.config, &axes))
            .map_err(|problem| format!("{}: {}", problem.path, problem.message))
    }
}

pub fn plan_ui(
    ui: &mut Ui,
    plan: &mut PlanView,
    form: &Form,
    runs: &RunsState,
    ready: bool,
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    ui.horizontal_wrapped(|ui| {
        let label = words::label(ui, "Name", t.secondary);
        label.on_hover_text("What the run is called; the experiment's name while this is empty");
        field::search(ui, &mut plan.name, "Name of the new run", &form.name, 150.0);
        ui.add_space(space::S);
        let hint = "Stages that another run has done in the same way are taken over from it, such as identifiers and generator";
        words::label(ui, "Take over from", t.secondary).on_hover_text(hint);
        let done = runs.rows().filter(|row| row.status == RunStatus::Finished).take(30);
        let options: Vec<(Option<RunId>, String)> = [(None, "Nothing".to_string())]
            .into_iter()
            .chain(done.map(|row| (Some(row.id), format!("run {}, {}", row.id, row.name))))
            .collect();
        let reuse = plan.reuse.filter(|run| options.iter().any(|(known, _)| *known == Some(*run)));
        if let Some(run) = field::choose(ui, "Take over from", reuse, &options, 150.0) {
            plan.reuse = run;
        }
        ui.add_space(space::S);
        if Button::secondary("Vary a setting").with_icon(Icon::Plus).hint("Seeds and sweeps: a run for every combination").clicked(ui) {
            let path = if plan.axes.is_empty() { "run.seed" } else { "ppo.lr" };
            let text = if plan.axes.is_empty() { "1..3" } else { "" };
            plan.axes.push((path.to_string(), text.to_string()));
        }
        ui.add_enabled_ui(form.refused() == 0, |ui| {
            let hint = "Stages, steps, memory, time and parameters of this run; starts nothing";
            if Button::secondary("Dry run").hint(hint).clicked(ui) {
                let (planned, of) = plan.first(form);
                commands.run(move |core| core.dry_run(planned, of));
            }
            let hint = match (ready, plan.axes.is_empty()) {
                    (false, _) => "Something is refused or missing; see below",
                    (_, false) => "The button below queues a run for every combination",
                    (true, true) => "Start it after those that wait",
                };
                if Button::secondary("Queue").hint(hint).clicked_if(ui, ready && plan.axes.is_empty()) {
                    let planned = vec![plan.planned(form)];
                    commands.run(|core| core.enqueue(planned));
                }
        });
    });
    if !plan.axes.is_empty() {
        sweep_ui(ui, plan, form, ready, commands);
    }
}

fn sweep_ui(ui: &mut Ui, plan: &mut PlanView, form: &Form, ready: bool, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.add_space(space::S);
    let paths: Vec<&str> = settings()
        .filter(|setting| !matches!(setting.kind, SettingKind::List(_)))
        .map(|setting| setting.path)
        .collect();
    let mut gone = None;
    for (at, (path, text)) in plan.axes.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            let name = format!("Setting {} that varies", at + 1);
            if let Some(picked) = field::combo(ui, &name, path, &paths, 200.0) {
                *path = picked.to_string();
            }
            let name = format!("Values of {path}");
            field::search(
                ui,
                text,
                &name,
                "Values, with commas: 1e-5, 2e-5 or 1..3",
                280.0,
            );
            if Button::icon(Icon::Cross, &format!("Do not vary {path}")).clicked(ui) {
                gone = Some(at);
            }
        });
    }
    if let Some(at) = gone {
        plan.axes.remove(at);
        return;
    }
    match plan.sweep(form) {
        Err(why) => {
            words::small_coloured(ui, why, t.bad);
        }
        Ok(runs) => {
            ui.horizontal_wrapped(|ui| {
                let words = format!("Queue {} runs", format::count(runs.len() as u64));
                if Button::secondary(&words).clicked_if(ui, ready) {
                    let base = plan.planned(form);
                    let planned = runs.iter().map(|run| PlannedRun {
                        name: format!("{} {}", base.name, run.label),
                        config: run.config.clone(),
                        ..base.clone()
                    });
                    let planned = planned.collect();
                    commands.run(|core| core.enqueue(planned));
                }
                let first: Vec<&str> = runs.iter().take(3).map(|run| run.label.as_str()).collect();
                let more = if runs.len() > 3 { ", …" } else { "" };
                words::small(ui, format!("{}{more}", first.join(", ")));
            });
        }
    }
}
