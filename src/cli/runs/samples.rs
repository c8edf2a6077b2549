//! `emprl runs samples`: the sample dialogues of an evaluation, or one of them over all evaluations.

use serde_json::json;

use super::super::{CommandContext, Failure};
use super::chosen_step;
use crate::data::Role;
use crate::experiment::{SampleDialogue, Stage};
use crate::metrics::{Digits, declared};
use crate::store::{RunId, StoreReader};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Samples {
    /// Its number
    run: RunId,
    /// The step; else that of the last evaluation
    #[arg(long, value_name = "N", conflicts_with = "dialogue")]
    step: Option<u64>,
    /// One dialogue, from 1, as it was answered at each evaluation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    dialogue: Option<u32>,
    /// Print them as rows of "context", "response" and "target", as `emprl responses import` and `emprl corpus import` take
    #[arg(long, conflicts_with_all = ["dialogue", "json"])]
    rows: bool,
}

impl Samples {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let run = self.run;
        let reader = StoreReader::open(&ctx.store)?;
        let name = reader.run(run)?.row.name;
        let steps = reader.samples(run)?;
        let (stage, step) = chosen_step(run, "sample dialogues", &steps, self.step)?;
        if let Some(number) = self.dialogue {
            let answers = reader.sample_over_steps(run, number - 1)?;
            return over_steps(ctx, run, number, &answers);
        }
        let dialogues = reader.samples_at(run, stage, step)?;
        if self.rows {
            let row = |dialogue: &SampleDialogue| {
                ctx.out.json_line(&json!({
                    "context": dialogue.context,
                    "response": dialogue.generated,
                    "target": dialogue.target,
                }))
            };
            return dialogues.iter().try_for_each(row);
        }
        if ctx.out.json {
            return ctx.out.document(&json!({
                "run": run,
                "stage": stage,
                "step": step,
                "dialogues": dialogues,
            }));
        }
        let mut text = format!(
            "Run {run}  {}, {} step {step}\n",
            one_line(&name),
            stage.title()
        );
        for dialogue in &dialogues {
            text += &opening(dialogue);
            text += &format!("  {:<12}{}\n", "Generated", answer(dialogue));
        }
        ctx.out.text(&text)
    }
}

/// One dialogue, with its answers from the latest evaluation to the first.
fn over_steps(
    ctx: &CommandContext,
    run: RunId,
    number: u32,
    answers: &[(Stage, u64, SampleDialogue)],
) -> Result<(), Failure> {
    let Some((_, _, last)) = answers.last() else {
        return Err(Failure::Failed(format!(
            "run {run} has no sample dialogue {number}; `emprl runs samples {run}` shows those it has"
        )));
    };
    if ctx.out.json {
        let answers: Vec<_> = answers
            .iter()
            .rev()
            .map(|(stage, step, dialogue)| {
                json!({
                    "stage": stage,
                    "step": step,
                    "generated": dialogue.generated,
                    "levels": dialogue.levels,
                    "reward": dialogue.reward,
                })
            })
            .collect();
        return ctx.out.document(&json!({
            "run": run,
            "dialogue": number,
            "context": last.context,
            "target": last.target,
            "answers": answers,
        }));
    }
    let mut text = opening(last);
    for (stage, step, dialogue) in answers.iter().rev() {
        let at = format!("{} {step}", stage.title());
        text += &format!("  {at:<12}{}\n", answer(dialogue));
    }
    ctx.out.text(text.trim_start())
}

fn opening(dialogue: &SampleDialogue) -> String {
    let mut text = format!(
        "\nDialogue {}  {}\n",
        dialogue.index + 1,
        one_line(&dialogue.emotion)
    );
    for (turn, utterance) in dialogue.context.iter().enumerate() {
        let who = Role::of(&dialogue.roles, turn).title();
        text += &format!("  {who:<12}{}\n", one_line(utterance));
    }
    text += &format!("  {:<12}{}\n", "Target", one_line(&dialogue.target));
    text
}

/// The answer with its reward, and its levels beside the target's.
fn answer(dialogue: &SampleDialogue) -> String {
    let mut text = one_line(&dialogue.generated).into_owned();
    let mut facts = Vec::new();
    facts.extend(dialogue.reward.map(|reward| {
        format!(
            "reward {}",
            Digits::of(declared::EMPATHY_REWARD).write(reward)
        )
    }));
    facts.extend(dialogue.levels.iter().map(|level| {
        let name = level.mechanism.title().to_lowercase();
        let (given, wanted) = (level.generated.title(), level.target.title());
        let given = given.to_lowercase();
        match level.generated == level.target {
            true => format!("{name} {given}"),
            false => format!("{name} {given} (target {})", wanted.to_lowercase()),
        }
    }));
    if !facts.is_empty() {
        text += &format!("  [{}]", facts.join(", "));
    }
    text
}
