//! The side panel's samples tab: the dialogues of an evaluation, or one over all evaluations.

use eframe::egui::Ui;

use super::side::parts::{BodyContext, inset, line, reading_ui, refused_ui, step_name, step_ui};
use crate::app::format;
use crate::app::logic::Core;
use crate::app::queries::stored::OverSteps;
use crate::app::state::model::RunModel;
use crate::app::theme::space;
use crate::app::widgets::button::Button;
use crate::app::widgets::dialogue;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::experiment::Stage;

/// How many answers over the steps are shown at first.
const FEW: usize = 40;

#[derive(Debug, Default)]
pub struct SamplesView {
    /// The chosen step; `None` for the latest.
    chosen: Option<(Stage, u64)>,
    /// Index of the dialogue that is shown over all evaluations.
    over_steps: Option<u32>,
    /// How many of its answers are shown.
    shown: usize,
}

impl SamplesView {
    pub fn show(&mut self, step: (Stage, u64)) {
        self.chosen = Some(step);
        self.over_steps = None;
    }

    pub fn show_latest(&mut self) {
        self.chosen = None;
    }
}

pub fn samples_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut SamplesView,
    context: &mut BodyContext<'_>,
) {
    if run.samples.is_empty() {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Sample dialogues appear here from the first evaluation on: the context, the target, what the model answers, and the levels of both.",
            );
        });
        return;
    }
    match view.over_steps {
        Some(position) => over_steps_ui(ui, run, view, position, context),
        None => step_samples_ui(ui, run, view, context),
    }
}

/// The dialogues of one evaluation.
fn step_samples_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut SamplesView,
    context: &mut BodyContext<'_>,
) {
    let steps: Vec<(Stage, u64)> = run.samples.iter().map(|s| (s.stage, s.step)).collect();
    let latest = steps.len() - 1;
    let chosen = view.chosen;
    let mut at = chosen
        .and_then(|chosen| steps.iter().position(|step| *step == chosen))
        .unwrap_or(latest);
    inset(ui, |ui| {
        if let Some(other) = step_ui(ui, "Evaluations", &steps, at) {
            view.chosen = (other < latest).then_some(steps[other]);
            at = other;
        }
    });
    ui.add_space(space::S);
    let several = steps.len() > 1;
    let set = &run.samples[at];
    if set.dialogues.needs_loading() {
        let (run, step) = (run.id, (set.stage, set.step));
        let load = move |core: &mut Core| core.load_samples(run, step);
        context.commands.run(load);
    }
    if let Some(why) = set.dialogues.failure() {
        refused_ui(ui, why);
        return;
    }
    let Some(dialogues) = set.dialogues.value() else {
        reading_ui(ui);
        return;
    };
    layout::scrolled(ui, ("dialogues", run.id), |ui| {
        inset(ui, |ui| {
            for (n, sample) in dialogues.iter().enumerate() {
                if n > 0 {
                    ui.add_space(space::M);
                    line(ui);
                    ui.add_space(space::M);
                }
                ui.push_id(n, |ui| dialogue::dialogue(ui, sample));
                let words = format!("Dialogue {} over the steps", sample.index + 1);
                let hint = "How its answer changed from evaluation to evaluation";
                if several && Button::quiet(&words).low().hint(hint).clicked(ui) {
                    view.over_steps = Some(n as u32);
                    view.shown = FEW;
                }
            }
            ui.add_space(space::L);
        });
    });
}

/// One dialogue, and its answers from the latest evaluation to the first.
fn over_steps_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut SamplesView,
    position: u32,
    context: &mut BodyContext<'_>,
) {
    inset(ui, |ui| {
        let back = Button::quiet("All dialogues of a step").with_icon(Icon::Left);
        if ui.add(back).clicked() {
            view.over_steps = None;
        }
    });
    ui.add_space(space::S);
    if run.over_steps.wants(&position) {
        let run = run.id;
        let load = move |core: &mut Core| core.load_over_steps(run, position);
        context.commands.run(load);
    }
    match run.over_steps.shown() {
        Some((known, Ok(answers))) if *known == position => {
            layout::scrolled(ui, ("over steps", run.id, position), |ui| {
                inset(ui, |ui| answers_ui(ui, answers, &mut view.shown));
            });
        }
        Some((known, Err(why))) if *known == position => refused_ui(ui, why),
        _ => reading_ui(ui),
    }
}

fn answers_ui(ui: &mut Ui, answers: &OverSteps, shown: &mut usize) {
    let Some((_, _, last)) = answers.last() else {
        words::secondary(ui, "It was not answered yet.");
        return;
    };
    dialogue::opening(ui, last);
    ui.add_space(space::S);
    let different = answers
        .windows(2)
        .filter(|two| two[0].2.generated != two[1].2.generated)
        .count();
    let evaluations = format::count(answers.len() as u64);
    words::small(
        ui,
        format!(
            "{evaluations} evaluations, the latest first; the answer changed {}",
            match different {
                0 => "never".to_string(),
                1 => "once".to_string(),
                n => format!("{} times", format::count(n as u64)),
            }
        ),
    );
    for (n, (stage, step, sample)) in answers.iter().enumerate().rev().take(*shown) {
        ui.add_space(space::XS);
        let mut name = step_name((*stage, *step));
        if n > 0 && answers[n - 1].2.generated == sample.generated {
            name += ", as before";
        }
        ui.push_id(n, |ui| dialogue::generated(ui, &name, sample));
    }
    if answers.len() > *shown {
        ui.add_space(space::S);
        let more = (answers.len() - *shown).min(FEW) as u64;
        let words = format!("Show {} earlier ones", format::count(more));
        if Button::secondary(&words).clicked(ui) {
            *shown += FEW;
        }
    }
    ui.add_space(space::L);
}
