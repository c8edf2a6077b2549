//! `emprl run --dry-run`: what a run would be. Starts nothing and writes nothing.

use serde_json::{Value, json};

use super::output::{bytes, count};
use super::{Failure, Place};
use crate::experiment::{Config, Stage};
use crate::train::pipeline::Reuse;
use crate::train::plan::{Parameters, Plan};

/// How memory is estimated, and why time is not.
const MEMORY: &str = "Weights count every copy that is held at once, as 4-byte numbers; gradients and AdamW's \
                      two moments are three more of everything trained; activations are counted from the \
                      shapes of what a backward pass keeps, at the longest texts allowed. Data, program and \
                      scratch memory come on top.";
const TIME: &str =
    "Time is not estimated: it depends on the machine, and nothing was run to measure it.";

/// Prints the plan of a run that could be started.
pub fn show(
    place: &Place,
    experiment: &str,
    config: &Config,
    reuse: Option<&Reuse>,
) -> Result<(), Failure> {
    let plan = Plan::of(config, &place.store)?;
    let taken = |stage: Stage| reuse.is_some_and(|reuse| reuse.stages.contains(&stage));
    if place.out.json {
        return place
            .out
            .document(&document(experiment, config, &plan, taken));
    }
    place.out.text(&text(experiment, config, &plan, taken))
}

fn document(
    experiment: &str,
    config: &Config,
    plan: &Plan,
    taken: impl Fn(Stage) -> bool,
) -> Value {
    let differences = config.differences(&Config::default());
    let differs: serde_json::Map<String, Value> = differences
        .into_iter()
        .map(|difference| (difference.path, json!(difference.value)))
        .collect();
    let stages: Vec<Value> = plan
        .stages
        .iter()
        .map(|stage| {
            let mut row = json!(stage);
            row["taken_over"] = taken(stage.stage).into();
            row["memory"]["total"] = stage.memory.total().into();
            row
        })
        .collect();
    json!({
        "experiment": experiment,
        "seed": config.run.seed,
        "device": config.run.device,
        "differs_from_defaults": differs,
        "vocabulary": plan.vocabulary,
        "parameters": {
            "identifier": plan.identifier,
            "generator": plan.generator,
            "policy": plan.policy,
        },
        "stages": stages,
        "peak_memory": plan.peak().map(|stage| stage.memory.total()),
        "memory_estimate": MEMORY,
        "time_estimate": Value::Null,
    })
}

fn text(experiment: &str, config: &Config, plan: &Plan, taken: impl Fn(Stage) -> bool) -> String {
    let mut text = format!(
        "{experiment}, seed {}, on {}: can start. Nothing was started or written.\n\n\
         Settings that differ from the defaults\n",
        config.run.seed, config.run.device
    );
    for difference in config.differences(&Config::default()) {
        text.push_str(&format!(
            "  {} = {}  (default {})\n",
            difference.path, difference.value, difference.parent
        ));
    }
    text.push_str(&format!(
        "\n{:<26}{:>14}{:>14}\n",
        "Parameters", "trained", "frozen"
    ));
    let mut row = |name: &str, parameters: Option<Parameters>| {
        if let Some(Parameters { trained, frozen }) = parameters {
            let (trained, frozen) = (count(trained), count(frozen));
            text.push_str(&format!("  {name:<24}{trained:>14}{frozen:>14}\n"));
        }
    };
    row("Identifier, three alike", plan.identifier);
    row("Generator", plan.generator);
    row("Policy with value head", plan.policy);
    text.push_str(&format!(
        "\n{:<16}{:>18}{:>12}{:>12}{:>13}{:>12}\n",
        "Stages", "steps", "weights", "optimizer", "activations", "in all"
    ));
    for stage in &plan.stages {
        let steps = match (taken(stage.stage), stage.at_most) {
            (true, _) => "taken over".to_string(),
            (false, true) => format!("at most {}", count(stage.steps)),
            (false, false) => count(stage.steps),
        };
        let memory = &stage.memory;
        text.push_str(&format!(
            "  {:<14}{steps:>18}{:>12}{:>12}{:>13}{:>12}\n",
            stage.stage.title(),
            bytes(memory.weights),
            bytes(memory.optimizer),
            bytes(memory.activations),
            bytes(memory.total())
        ));
    }
    if let Some(peak) = plan.peak() {
        text.push_str(&format!(
            "\nAt its fullest about {}, in the stage {}. {MEMORY}\n{TIME}\n",
            bytes(peak.memory.total()),
            peak.stage.title()
        ));
    }
    text
}
