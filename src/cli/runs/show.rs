//! `emprl runs show`: one run in full.

use serde_json::{Value, json};

use super::super::output::{duration, moment};
use super::super::{CommandContext, Failure};
use super::step;
use crate::engine::results_to_json;
use crate::experiment::{
    Config, Event, EventKind, Held, RecordedSettings, Severity, Stage, changes_made, size_words,
    value_words,
};
use crate::metrics::Digits;
use crate::metrics::declared::{declared, shown_key};
use crate::report::{Align, TextTable, identifiers_table, results_table};
use crate::store::{RunId, RunStatus, StoreError, StoreReader};
use crate::text::shown::one_line;

/// Events that are shown without `--json`.
const SHOWN_EVENTS: usize = 15;

pub fn show(ctx: &CommandContext, run: RunId) -> Result<(), Failure> {
    let reader = StoreReader::open(&ctx.store)?;
    let detail = reader.run(run)?;
    let mut damaged = Damaged::default();
    let keys = damaged.part(reader.keys(run))?;
    let checkpoints = damaged.part(reader.checkpoints(run))?;
    let aside = damaged.part(reader.set_aside(run))?;
    let identifiers = damaged.part(reader.identifier_scores(run))?;
    let results = damaged.part(reader.results(run))?;
    let events = damaged.part(reader.events(run))?;
    let samples = damaged.part(reader.samples(run))?;
    let rollouts = damaged.part(reader.rollouts(run))?;
    let origin = format!("settings of run {run}");
    let recorded = RecordedSettings::from_toml(&detail.config_toml);
    let config = match &recorded {
        Some(_) => None,
        None => Some(Config::from_toml(&origin, &detail.config_toml)?),
    };
    let is_recorded = recorded.is_some();
    let values = match (&config, recorded) {
        (Some(config), _) => config.values(),
        (None, recorded) => recorded.unwrap_or_default().values(),
    };
    let made = changes_made(events.iter().map(Event::placed));
    if ctx.out.json {
        let mut document = serde_json::to_value(&detail).map_err(std::io::Error::from)?;
        if let Value::Object(fields) = &mut document {
            fields.remove("config_toml");
            fields.insert("settings".into(), json!(values));
            fields.insert("changes".into(), json!(made));
            fields.insert("folder".into(), json!(reader.run_dir(run)));
            fields.insert("metrics".into(), json!(keys));
            fields.insert("identifiers".into(), json!(identifiers));
            fields.insert("results".into(), results_to_json(&results));
            fields.insert("checkpoints".into(), json!(checkpoints));
            fields.insert("set_aside".into(), json!(aside));
            fields.insert("events".into(), json!(events));
            if !damaged.0.is_empty() {
                fields.insert("damaged".into(), json!(damaged.0));
            }
        }
        return ctx.out.document(&document);
    }

    let row = &detail.row;
    let mut text = format!("Run {run}  {}\n\n", one_line(&row.name));
    let mut fact = |name: &str, value: String| {
        text.push_str(&format!("{name:<12}{}\n", one_line(&value)));
    };
    fact("Experiment", row.experiment.clone());
    let resume = match row.status {
        RunStatus::Interrupted | RunStatus::Stopped if row.deleted.is_none() && !is_recorded => {
            format!(
                "; `emprl run --resume {run}{}` goes on",
                ctx.store_argument()
            )
        }
        _ => String::new(),
    };
    fact("Status", format!("{}{resume}", row.status));
    if let Some(error) = &row.error {
        fact("Error", error.clone());
    }
    if let Some(stage) = row.stage {
        fact("Stage", format!("{}, step {}", stage.title(), step(row)));
    }
    let until = row.ended.unwrap_or(row.heartbeat);
    fact(
        "Started",
        format!("{}, {}", moment(row.started), duration(until - row.started)),
    );
    fact("Seed", row.seed.to_string());
    fact("Device", row.device.clone());
    let known = |name: &str| {
        detail.environment[name]
            .as_str()
            .unwrap_or("unknown")
            .to_string()
    };
    let program = format!(
        "{} ({}), burn {}",
        known("program"),
        known("commit"),
        known("burn")
    );
    fact(
        "Program",
        match is_recorded {
            true => format!("another one; recorded by emprl {}", known("program")),
            false => program,
        },
    );
    for (name, fingerprint) in &detail.fingerprints {
        fact("Data", format!("{name} {fingerprint}"));
    }
    fact("Folder", reader.run_dir(run).display().to_string());
    if !row.tags.is_empty() {
        fact("Tags", row.tags.join(", "));
    }
    if !row.note.is_empty() {
        // Its lines below each other.
        for (at, line) in row.note.lines().enumerate() {
            fact(if at == 0 { "Note" } else { "" }, line.to_string());
        }
    }
    if row.archived {
        fact("Archived", "yes".to_string());
    }
    if let Some(since) = row.deleted {
        fact(
            "Deleted",
            format!(
                "{}; `emprl runs undelete {run}` brings it back",
                moment(since)
            ),
        );
    }

    for part in &damaged.0 {
        text += &format!("\nDamaged: {part}\n");
    }
    if !identifiers.is_empty() {
        text += &format!("\n{}", identifiers_table(&identifiers));
    }
    if !results.is_empty() {
        text += &format!("\n{}", results_table(&results));
    }
    if is_recorded && !values.is_empty() {
        text += "\nSettings, as the other program named them\n";
        for (path, value) in &values {
            let name = path.strip_prefix("recorded.").unwrap_or(path);
            text += &format!("  {} = {}\n", one_line(name), one_line(&value_words(value)));
        }
    }
    let differences = config.map(|config| config.differences(&Config::default()));
    let differences = differences.unwrap_or_default();
    if !differences.is_empty() {
        text += "\nSettings that are not the defaults\n";
        for difference in &differences {
            let value = difference.value.to_string();
            text += &format!("  {} = {}\n", difference.path, one_line(&value));
        }
    }
    if !made.is_empty() {
        text += "\nSettings changed during the run\n";
        for (path, first) in values {
            let held = Held::over(&first, &path, &made);
            if held.is_changed() {
                text += &format!("  {path} = {}\n", held.words());
            }
        }
    }
    if !keys.is_empty() {
        let mut table = TextTable::new(&[
            ("Metric", Align::Left),
            ("last", Align::Right),
            ("at step", Align::Right),
            ("least", Align::Right),
            ("greatest", Align::Right),
            ("unit", Align::Left),
        ]);
        for key in &keys {
            let unit = declared(&key.key.name).map_or("", |metric| metric.unit);
            let digits = Digits::of(&key.key.name);
            let bound = |value: Option<f64>| {
                value.map_or_else(|| "–".to_string(), |value| digits.write(value))
            };
            table.row([
                one_line(shown_key(&key.key.name)).into_owned(),
                digits.write(key.last),
                key.last_step.to_string(),
                bound(key.min),
                bound(key.max),
                unit.to_string(),
            ]);
        }
        text += &format!("\n{}", table.text());
    }
    if !checkpoints.is_empty() {
        text += "\nCheckpoints\n";
        for checkpoint in &checkpoints {
            let size = size_words(checkpoint.bytes);
            let path = checkpoint.path.to_string_lossy();
            text += &format!("  {}  {size}\n", one_line(&path));
        }
    }
    if let Some(aside) = &aside {
        let (stage, last) = aside.last;
        text += &format!(
            "\nSet aside: what it had recorded up to {} step {last}, past the checkpoint it was resumed from, until it \
             has passed that. Nothing above or below counts it.\n",
            stage.title()
        );
        for checkpoint in &aside.checkpoints {
            let (path, step) = (checkpoint.path.display(), checkpoint.step);
            let argument = ctx.store_argument();
            text +=
                &format!("  {path}  `emprl run --resume {run}@{step}{argument}` returns to it\n");
        }
    }
    text += "\nEvents\n";
    let left_out = events.len().saturating_sub(SHOWN_EVENTS);
    if left_out > 0 {
        text += &format!("  {left_out} earlier ones; --json lists them all\n");
    }
    for event in &events[left_out..] {
        let sentence = sentence(event);
        let command = command(ctx, run, event, &samples, &rollouts);
        let sentence = one_line(&sentence);
        text += &format!("  {}  {sentence}{command}\n", moment(event.wall_ms));
    }
    ctx.out.text(&text)
}

/// What of a run cannot be read, while the rest is shown.
#[derive(Default)]
struct Damaged(Vec<String>);

impl Damaged {
    fn part<T: Default>(&mut self, read: Result<T, StoreError>) -> Result<T, StoreError> {
        match read {
            Err(StoreError::Unreadable { place, detail, .. }) => {
                self.0.push(format!("{place} cannot be read ({detail})"));
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// An event in words, with its severity and step.
fn sentence(event: &Event) -> String {
    let words = event.words();
    let (Some(stage), step) = (event.stage.map(Stage::title), event.step) else {
        return words;
    };
    match (&event.kind, event.kind.severity()) {
        // How many are expected is not always known of another program's run.
        (EventKind::StageBegun { total: 0 }, _) => words,
        (EventKind::StageBegun { total }, _) => format!("{words}, at most {total} steps"),
        (EventKind::StageDone, _) => format!("{words} after {step} steps"),
        (_, Some(Severity::Alert)) => format!("{stage} alert, step {step}: {words}"),
        (_, Some(Severity::Warning)) => format!("{stage} warning, step {step}: {words}"),
        _ => format!("{stage} step {step}: {words}"),
    }
}

/// The command that shows the cause of an alert: the sample dialogues of its step, else the rollout.
fn command(
    ctx: &CommandContext,
    run: RunId,
    event: &Event,
    samples: &[(Stage, u64)],
    rollouts: &[(Stage, u64)],
) -> String {
    if event.kind.severity() != Some(Severity::Alert) {
        return String::new();
    }
    let at = |known: &(Stage, u64)| (Some(known.0), known.1) == (event.stage, event.step);
    let what = match (samples.iter().any(at), rollouts.iter().any(at)) {
        (true, _) => "samples",
        (false, true) => "rollout",
        (false, false) => return String::new(),
    };
    let argument = ctx.store_argument();
    let step = event.step;
    format!(" (`emprl runs {what} {run} --step {step}{argument}`)")
}
