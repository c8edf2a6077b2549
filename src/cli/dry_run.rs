//! `emprl run --dry-run`: describes the run without starting or writing anything.

use serde_json::{Value, json};

use super::output::{count, duration};
use super::{CommandContext, Failure};
use crate::experiment::{Config, size_words};
use crate::operations::launch::{DryRun, Parameters, PreparedRun};
use crate::text::shown::one_line;

/// How memory and time are estimated.
const MEMORY: &str = "Weights count every copy that is held at once, as 4-byte numbers; gradients and AdamW's \
                      two moments are three more of everything trained; activations are counted from the \
                      shapes of what a backward pass keeps, at the longest texts allowed. Data, program and \
                      scratch memory come on top.";
const TIME: &str = "Times count the products of every step at the texts' mean lengths, at the speed that a training \
                    step of two layers of this model just had on this device; expect them to be right within \
                    a factor of three, and later on a machine that is busy with other things.";

/// Prints the plan of a prepared run.
///
/// # Errors
/// It would be refused for want of memory, unless that is to be ignored.
pub fn show(ctx: &CommandContext, run: &PreparedRun, ignore_memory: bool) -> Result<(), Failure> {
    let dry = run.dry_run(&ctx.store)?;
    let (experiment, config) = (&run.new.experiment, &run.config);
    ctx.out.show(&document(experiment, config, &dry), || {
        text(experiment, config, &dry)
    })?;
    match dry.too_large.filter(|_| !ignore_memory) {
        Some(why) => Err(Failure::Failed(why)),
        None => Ok(()),
    }
}

fn document(experiment: &str, config: &Config, dry: &DryRun) -> Value {
    let DryRun {
        foreseen,
        taken_over,
        machine,
        too_large,
        programs,
        addresses,
    } = dry;
    let plan = &foreseen.plan;
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
            row["taken_over"] = taken_over.contains(&stage.stage).into();
            row["seconds"] = foreseen.seconds(stage).into();
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
        "disk": plan.disk(),
        "peak_memory": plan.peak().map(|stage| stage.memory.total()),
        "memory_estimate": MEMORY,
        "machine_memory": machine,
        "too_large": too_large,
        "starts_programs": programs,
        "sends_texts_to": addresses,
        "operations_per_second": foreseen.speed,
        "time_estimate": TIME,
    })
}

fn text(experiment: &str, config: &Config, dry: &DryRun) -> String {
    let DryRun {
        foreseen,
        taken_over,
        machine,
        too_large,
        programs,
        addresses,
    } = dry;
    let plan = &foreseen.plan;
    let can = match too_large {
        None => "can start",
        Some(_) => "needs more memory than is free",
    };
    let mut text = format!(
        "{}, seed {}, on {}: {can}. Nothing was started or written.\n\n\
         Settings that differ from the defaults\n",
        one_line(experiment),
        config.run.seed,
        one_line(&config.run.device)
    );
    for difference in config.differences(&Config::default()) {
        let line = format!(
            "  {} = {}  (default {})",
            difference.path, difference.value, difference.parent
        );
        text += &format!("{}\n", one_line(&line));
    }
    for program in programs {
        text += &format!("\nThe reward starts a program: {}\n", one_line(program));
    }
    for address in addresses {
        text += &format!(
            "\nThe reward sends contexts, responses and targets to {}\n",
            one_line(address)
        );
    }
    text += &format!("\n{:<26}{:>14}{:>14}\n", "Parameters", "trained", "frozen");
    let mut row = |name: &str, parameters: Option<Parameters>| {
        if let Some(Parameters { trained, frozen }) = parameters {
            let (trained, frozen) = (count(trained), count(frozen));
            text += &format!("  {name:<24}{trained:>14}{frozen:>14}\n");
        }
    };
    row("Identifier, three alike", plan.identifier);
    row("Generator", plan.generator);
    row(plan.policy_name(), plan.policy);
    text += &format!(
        "\n{:<16}{:>18}{:>12}{:>12}{:>13}{:>12}{:>12}{:>14}\n",
        "Stages", "steps", "weights", "optimizer", "activations", "in all", "on disk", "time"
    );
    let mut whole = 0;
    for stage in &plan.stages {
        let is_taken = taken_over.contains(&stage.stage);
        let steps = match (is_taken, stage.at_most) {
            (true, _) => "taken over".to_string(),
            (false, true) => format!("at most {}", count(stage.steps)),
            (false, false) => count(stage.steps),
        };
        let memory = &stage.memory;
        let time = match is_taken {
            true => 0,
            false => (foreseen.seconds(stage) * 1e3) as i64,
        };
        whole += time;
        text += &format!(
            "  {:<14}{steps:>18}{:>12}{:>12}{:>13}{:>12}{:>12}{:>14}\n",
            stage.stage.title(),
            size_words(memory.weights),
            size_words(memory.optimizer),
            size_words(memory.activations),
            size_words(memory.total()),
            size_words(stage.disk),
            duration(time)
        );
    }
    let often = match config.run.checkpoint_every {
        0 => "one a stage".to_string(),
        every => format!("one every {} steps (run.checkpoint_every)", count(every)),
    };
    let free = machine.map_or_else(String::new, |machine| {
        let (available, total) = (size_words(machine.available), size_words(machine.total));
        format!("; {available} of this machine's {total} are free")
    });
    if let Some(peak) = plan.peak() {
        text.push_str(&format!(
            "\nAt its fullest about {}, in the stage {}{free}. {MEMORY}\n\nCheckpoints take about {} on \
             the disk, {often}.\n\nAll of it in about {}. {TIME}\n",
            size_words(peak.memory.total()),
            peak.stage.title(),
            size_words(plan.disk()),
            duration(whole)
        ));
    }
    text
}
