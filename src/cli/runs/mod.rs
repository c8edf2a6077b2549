//! `emprl runs`: lists, shows, compares, exports and edits saved runs.

mod compare;
mod export;
mod keep;
mod rollout;
mod samples;
mod show;

use serde_json::{Value, json};

use super::output::moment;
use super::{CommandContext, Failure};
use crate::catalog::{Cell, Column, DEFAULT_COLUMNS, Entry, groups, sort_entries, vocabulary};
use crate::engine::results_to_json;
use crate::experiment::Stage;
use crate::filter::parse;
use crate::metrics::Digits;
use crate::operations::reader_if_present;
use crate::report::Sheet;
use crate::store::{RunId, RunRow};

#[derive(Debug, clap::Subcommand)]
pub enum Runs {
    /// Every run, the latest first
    List(List),
    /// A run: settings, latest measurements, results, checkpoints, events
    Show {
        /// Its number
        run: RunId,
    },
    /// Responses of a PPO step token by token: log-probabilities, KL, value, reward, advantage
    Rollout(rollout::Rollout),
    /// The sample dialogues of an evaluation, or one of them over all evaluations
    Samples(samples::Samples),
    /// Runs beside each other: settings that differ, results, paired differences
    Compare(compare::Compare),
    /// A run's curves for other programs: CSV, JSON lines or TensorBoard
    Export(export::Export),
    /// Give runs tags, or take them away
    Tag(keep::Tag),
    /// Write a note on a run, in place of the one it has; without text the note is shown
    Note(keep::Note),
    /// Give a run another name
    Rename { run: RunId, name: String },
    /// Put runs aside, so that the table leaves them out
    Archive(keep::Archive),
    /// Delete runs; they can be brought back until they are removed for good
    Delete(keep::Delete),
    /// Bring deleted runs back
    Undelete {
        #[arg(required = true)]
        runs: Vec<RunId>,
    },
}

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only runs for which this holds, such as "status = finished and kl < 3 and tag:paper".
    ///
    /// Names are those of columns. `=`, `!=`, `<`, `<=`, `>`, `>=` compare; `~` and `:` find a part of a text; a word
    /// alone is searched in all texts; `and`, `or`, `not` and parentheses join conditions; `has:NAME` finds runs with
    /// a value. A setting that was changed during a run is compared with every value it had, and all must fit:
    /// neither "ppo.lr = 1e-5" nor "ppo.lr != 1e-5" finds a run that began with 1e-5 and went on with 2e-5.
    /// "changed" alone finds all runs with changes, "changed = ppo.lr" those of one setting.
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
    /// Columns, such as name,seed,min(kl),test.emp_f1,ppo.lr
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Order by a column, the greatest first
    #[arg(long, value_name = "NAME")]
    sort: Option<String>,
    /// The least first
    #[arg(long)]
    ascending: bool,
    /// Sum up runs with the same experiment, seed or setting: mean and deviation, with their number
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    group: Option<String>,
    /// Archived runs too
    #[arg(long, conflicts_with = "deleted")]
    all: bool,
    /// Only deleted runs
    #[arg(long)]
    deleted: bool,
}

impl Runs {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Runs::List(list) => list.run(ctx),
            Runs::Show { run } => show::show(ctx, run),
            Runs::Rollout(rollout) => rollout.run(ctx),
            Runs::Samples(samples) => samples.run(ctx),
            Runs::Compare(compare) => compare.run(ctx),
            Runs::Export(export) => export.run(ctx),
            Runs::Tag(tag) => tag.run(ctx),
            Runs::Note(note) => note.run(ctx),
            Runs::Rename { run, name } => keep::rename(ctx, run, &name),
            Runs::Archive(archive) => archive.run(ctx),
            Runs::Delete(delete) => delete.run(ctx),
            Runs::Undelete { runs } => keep::undelete(ctx, runs),
        }
    }
}

impl List {
    fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let filter_text = self.filter.as_deref().unwrap_or_default();
        let filter = parse(filter_text, vocabulary()).map_err(|error| {
            Failure::Usage(format!("--filter: {}", at_place(&error, filter_text)))
        })?;
        let columns = match self.columns.is_empty() {
            true => DEFAULT_COLUMNS.map(str::to_string).to_vec(),
            false => self.columns,
        };
        let columns = columns.iter().map(|name| column("--columns", name));
        let columns: Vec<Column> = columns.collect::<Result<_, _>>()?;
        let optional = |argument: &str, name: &Option<String>| {
            let name = name.as_ref();
            name.map(|name| column(argument, name)).transpose()
        };
        let sort = optional("--sort", &self.sort)?;
        let group = optional("--group", &self.group)?;
        let rows = match reader_if_present(&ctx.store)? {
            Some(reader) if self.deleted => reader.deleted_catalog()?,
            Some(reader) => reader.catalog()?,
            None => Vec::new(),
        };
        let entries: Vec<Entry> = rows.into_iter().map(Entry::new).collect();
        let asks_archived = filter_text.contains("archived");
        let mut shown: Vec<&Entry> = entries
            .iter()
            .filter(|entry| self.all || self.deleted || asks_archived || !entry.row.archived)
            .filter(|entry| filter.matches(*entry))
            .collect();
        if let Some(sort) = &sort {
            sort_entries(&mut shown, sort, !self.ascending);
        } else if self.ascending {
            shown.reverse();
        }
        if ctx.out.json {
            let rows: Result<Vec<Value>, Failure> =
                shown.iter().map(|entry| document(entry)).collect();
            return ctx.out.document(&rows?);
        }
        if entries.is_empty() && !self.deleted {
            let store = ctx.store.display();
            return ctx.out.text(&format!(
                "No runs in {store} yet. `emprl run quickstart` makes one.\n"
            ));
        }
        if shown.is_empty() {
            return ctx.out.text("No run fits.\n");
        }
        let sheet = match &group {
            Some(group) => grouped(&shown, &columns, group),
            None => listed(&shown, &columns),
        };
        ctx.out.text(
            sheet
                .text()
                .split_once("\n\n")
                .map_or("", |(_, table)| table),
        )
    }
}

/// A run in the JSON list: its row, results, settings, and the changes made to these while it ran.
fn document(entry: &Entry) -> Result<Value, Failure> {
    let mut row = serde_json::to_value(&entry.row).map_err(std::io::Error::from)?;
    if let Value::Object(fields) = &mut row {
        fields.insert("results".into(), results_to_json(&entry.results));
        fields.insert("settings".into(), json!(entry.settings));
        fields.insert("changes".into(), json!(entry.changes));
    }
    Ok(row)
}

/// The requested step, or the last one of `steps`.
fn chosen_step(
    run: RunId,
    what: &str,
    steps: &[(Stage, u64)],
    asked: Option<u64>,
) -> Result<(Stage, u64), Failure> {
    let Some(last) = steps.last() else {
        return Err(Failure::Failed(format!(
            "run {run} has no {what}; they are kept at each evaluation of PPO (ppo.evaluate_every)"
        )));
    };
    let Some(asked) = asked else {
        return Ok(*last);
    };
    let found = steps.iter().rfind(|(_, step)| *step == asked).copied();
    found.ok_or_else(|| {
        let known: Vec<String> = steps.iter().map(|(_, step)| step.to_string()).collect();
        Failure::Failed(format!(
            "run {run} has no {what} of step {asked}; it has those of {}",
            known.join(", ")
        ))
    })
}

fn column(argument: &str, name: &str) -> Result<Column, Failure> {
    name.parse::<Column>()
        .map_err(|error| Failure::Usage(format!("{argument}: {error}")))
}

/// The error of a filter with its position, in one line.
fn at_place(error: &crate::filter::FilterError, text: &str) -> String {
    match text.get(error.at.clone()).filter(|part| !part.is_empty()) {
        Some(part) => format!(
            "at `{part}` (letter {}): {}",
            error.at.start + 1,
            error.message
        ),
        None => format!("at its end: {}", error.message),
    }
}

/// Headings with the examples that figures were measured on.
fn heads(columns: &[Column]) -> Vec<(String, bool)> {
    columns
        .iter()
        .map(|column| {
            let title = match column.measured_on() {
                Some(on) if column.name().starts_with("test.") || on.starts_with("valid") => {
                    format!("{} ({on})", column.title())
                }
                _ => column.title(),
            };
            (title, column.is_number())
        })
        .collect()
}

fn listed(shown: &[&Entry], columns: &[Column]) -> Sheet {
    let mut sheet = Sheet::new("", heads(columns));
    for entry in shown {
        sheet.row(columns.iter().map(|column| words(entry, column)));
    }
    if columns.iter().any(|column| column.metric().is_some()) {
        let note = "Figures are the last values logged, unless a head says otherwise.";
        sheet.notes.push(note.into());
    }
    sheet
}

fn words(entry: &Entry, column: &Column) -> String {
    if column.name() == "stage" {
        let stage = entry.row.stage;
        return stage.map_or(String::new(), |stage| {
            format!("{stage} {}", step(&entry.row))
        });
    }
    match column.cell(entry) {
        Cell::Missing => "–".to_string(),
        Cell::Number(value) => match column.digits() {
            Some(digits) => digits.write(value),
            None => format!("{value}"),
        },
        Cell::Held(held) => held.words(),
        Cell::Text(text) => text,
        Cell::Moment(at) => moment(at),
    }
}

fn grouped(shown: &[&Entry], columns: &[Column], by: &Column) -> Sheet {
    let figures: Vec<Column> = columns
        .iter()
        .filter(|column| column.metric().is_some() || column.name().starts_with("test."))
        .cloned()
        .collect();
    let mut all = vec![(by.title(), by.is_number()), ("Runs".to_string(), true)];
    all.extend(heads(&figures));
    let mut sheet = Sheet::new("", all);
    let mut any_changed = false;
    for group in groups(shown, by) {
        let first = group
            .members
            .first()
            .map_or(String::new(), |entry| words(entry, by));
        let spreads = figures.iter().map(|column| match group.spread(column) {
            None => "–".to_string(),
            Some(spread) => {
                let n = if spread.n < group.members.len() {
                    format!(" (n = {})", spread.n)
                } else {
                    String::new()
                };
                let digits = column.digits().unwrap_or(Digits::LOGGED);
                let mean = digits.write(spread.mean);
                match spread.deviation {
                    Some(deviation) => format!("{mean} ± {}{n}", digits.write(deviation)),
                    None => format!("{mean}{n}"),
                }
            }
        });
        let spreads: Vec<String> = spreads.collect();
        let changed = group.changed_words(by.name());
        any_changed |= !group.changed.is_empty();
        let title = [vec![first], changed].concat().join(", ");
        sheet.row(
            [title, group.members.len().to_string()]
                .into_iter()
                .chain(spreads),
        );
    }
    if any_changed {
        let note = "Runs in which a setting was changed are groups of their own.";
        sheet.notes.push(note.into());
    }
    sheet
        .notes
        .push("Mean ± sample standard deviation over the runs of a group.".into());
    sheet
}

fn step(run: &RunRow) -> String {
    match run.total {
        0 => run.step.to_string(),
        total => format!("{}/{total}", run.step),
    }
}
