//! Rewards against lengths: whether the reward pays for how long an answer is.

use eframe::egui::{Ui, vec2};

use super::side::parts::refused_ui;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::queries::lengths::{RewardsByLength, STEPS};
use crate::app::state::model::RunModel;
use crate::app::theme::space;
use crate::app::widgets::scatter::scatter_ui;
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::metrics::pearson;

const HEIGHT: f32 = 240.0;

/// Below the plots of a stage that records rollouts.
pub fn lengths_ui(ui: &mut Ui, run: &mut RunModel, stage: Stage, commands: &mut Commands) {
    let recorded = run.rollouts.iter().filter(|(of, _)| *of == stage).count();
    if recorded == 0 {
        return;
    }
    ui.add_space(space::L);
    words::heading(ui, "Reward against length");
    let in_sight = ui.cursor().top() < ui.clip_rect().bottom();
    let key = (stage, recorded);
    if in_sight && run.lengths.wants(&key) {
        let run = run.id;
        commands.run(move |core| core.load_lengths(run, key));
    }
    match run.lengths.shown() {
        Some((_, Ok(found))) => found_ui(ui, found),
        Some((_, Err(why))) => refused_ui(ui, why),
        None => {
            ui.allocate_space(vec2(ui.available_width(), HEIGHT));
        }
    }
    ui.add_space(space::L);
}

fn found_ui(ui: &mut Ui, RewardsByLength { points, steps }: &RewardsByLength) {
    let correlation = match pearson(points.iter().copied()) {
        Some(r) => format!("Pearson's r = {}", format::fixed(r, 2)),
        None => "The correlation is undefined".to_string(),
    };
    let of = match *steps {
        1 => "1 recorded step".to_string(),
        STEPS => format!("the latest {STEPS} recorded steps"),
        steps => format!("{} recorded steps", format::count(steps as u64)),
    };
    let n = format::count(points.len() as u64);
    let summary = format!("{correlation}, n = {n} responses of {of}");
    words::secondary(
        ui,
        format!(
            "{summary}. Each point is a response: its words and its reward before shaping. Rollouts are recorded at evaluations and alerts."
        ),
    );
    let spoken = format!("Chart of reward against length: {summary}");
    let size = vec2((ui.available_width() - space::M).min(720.0), HEIGHT);
    scatter_ui(ui, points, "words", &spoken, size);
}
