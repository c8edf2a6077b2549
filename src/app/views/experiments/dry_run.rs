//! The dry run: a run's stages, their memory and time, and its parameters.

use eframe::egui::{Grid, Label, RichText, Ui};

use crate::app::format;
use crate::app::state::ExperimentsState;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::modal::modal;
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::operations::launch::DryRun;

pub fn dry_run_ui(ui: &Ui, experiments: &mut ExperimentsState) {
    let (dry_run, of) = (&experiments.dry_run, experiments.dry_run_of);
    if dry_run.is_idle() {
        return;
    }
    let (close, dismissed) = modal(ui, "dry run", 620.0, |ui| {
        let several = dry_run.value().is_some() && of > 1;
        let title = match several {
            true => format!("What the first of these {of} runs would be"),
            false => "What this run would be".to_string(),
        };
        words::heading(ui, &title);
        let words = RemoteWords {
            pending: "Reading texts and shapes, and timing this machine…",
            failed: "It could not start",
            action: None,
        };
        remote_ui(ui, dry_run, words);
        if let Some(dry_run) = dry_run.value() {
            planned_ui(ui, dry_run);
        }
        Button::primary("Close").clicked(ui)
    });
    if close || dismissed {
        experiments.dry_run.clear();
    }
}

fn planned_ui(
    ui: &mut Ui,
    DryRun {
        foreseen,
        taken_over,
        machine: _,
        too_large,
        programs,
        addresses,
    }: &DryRun,
) {
    let plan = &foreseen.plan;
    let t = theme::of(ui);
    let small = |ui: &mut Ui, words: &str| {
        words::small_label(ui, words, t.secondary);
    };
    Grid::new("planned stages")
        .spacing([space::XL, space::XS])
        .show(ui, |ui| {
            for head in [
                "Stage",
                "Steps",
                "Weights",
                "Optimizer",
                "Activations",
                "In all",
                "On disk",
                "Time",
            ] {
                small(ui, head);
            }
            ui.end_row();
            for stage in &plan.stages {
                ui.label(stage.stage.title());
                if taken_over.contains(&stage.stage) {
                    let words = RichText::new("taken over").color(t.secondary);
                    ui.add(Label::new(words).extend());
                    ui.end_row();
                    continue;
                }
                let most = if stage.at_most { "at most " } else { "" };
                ui.label(format!("{most}{}", format::count(stage.steps)));
                let memory = &stage.memory;
                for bytes in [
                    memory.weights,
                    memory.optimizer,
                    memory.activations,
                    memory.total(),
                    stage.disk,
                ] {
                    ui.label(format::bytes(bytes));
                }
                ui.label(format::duration(foreseen.seconds(stage)));
                ui.end_row();
            }
        });
    Grid::new("planned parameters")
        .spacing([space::XL, space::XS])
        .show(ui, |ui| {
            for head in ["Parameters", "Trained", "Frozen"] {
                small(ui, head);
            }
            ui.end_row();
            for (name, parameters) in [
                ("Identifier, three alike", plan.identifier),
                ("Generator", plan.generator),
                (plan.policy_name(), plan.policy),
            ] {
                if let Some(parameters) = parameters {
                    ui.label(name);
                    ui.label(format::count(parameters.trained));
                    ui.label(format::count(parameters.frozen));
                    ui.end_row();
                }
            }
        });
    for program in programs {
        words::secondary(ui, format!("The reward starts a program: {program}"));
    }
    for address in addresses {
        let words = format!("The reward sends contexts, responses and targets to {address}");
        words::secondary(ui, words);
    }
    if let Some(why) = too_large {
        words::small_coloured(ui, format!("It would be refused: {why}"), t.bad);
    }
    words::secondary(
        ui,
        "Memory is estimated from shapes at the longest texts allowed; data and the program itself come on top. On disk are its checkpoints; “Checkpoint every” makes them fewer. Times are right within a factor of three, on a machine as busy as it was just now. Nothing was started or written.",
    );
}
