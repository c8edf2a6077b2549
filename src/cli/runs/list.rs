//! `emprl runs list`: a table of runs, or all that is known of them as JSON.
//!
//! Of each run only what is asked for is read, and only what is shown is kept.

use serde_json::{Value, json};

use super::super::output::moment;
use super::super::{CommandContext, Failure};
use super::step;
use crate::catalog::{
    Cell, Column, DEFAULT_COLUMNS, Entry, groups, parts_of, sort_by_cell, vocabulary,
};
use crate::engine::results_to_json;
use crate::filter::{Filter, parse};
use crate::metrics::Digits;
use crate::operations::reader_if_present;
use crate::report::Sheet;
use crate::store::{CatalogParts, RunId, RunStatus, StoreError, StoreReader};

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

/// Which runs are listed, and in which order.
struct Listing<'a> {
    filter: Filter,
    /// Archived ones too.
    all: bool,
    deleted: bool,
    sort: Option<&'a Column>,
    ascending: bool,
    /// Whether every part is read, so that damaged runs are found.
    whole: bool,
}

impl Listing<'_> {
    /// What is kept of each listed run, in order; and how many there are without the filter.
    fn read<T>(
        &self,
        reader: &StoreReader,
        shown: &[&Column],
        keep: impl Fn(Entry) -> T,
    ) -> Result<(Vec<T>, usize), StoreError> {
        let names = shown.iter().copied().chain(self.sort).map(Column::name);
        let parts = match self.whole {
            true => CatalogParts::ALL,
            false => parts_of(names.chain(self.filter.names())),
        };
        let kept = reader.catalog(self.deleted, &parts, |row| {
            let entry = Entry::new(row);
            let is_here = self.all || self.deleted || !entry.row.archived;
            (is_here && self.filter.matches(&entry)).then(|| {
                let by = self.sort.map_or(Cell::Missing, |sort| sort.cell(&entry));
                (by, keep(entry))
            })
        })?;
        let count = kept.len();
        let mut kept: Vec<(Cell, T)> = kept.into_iter().flatten().collect();
        if self.sort.is_some() {
            sort_by_cell(&mut kept, !self.ascending);
        } else if self.ascending {
            kept.reverse();
        }
        Ok((kept.into_iter().map(|(_, kept)| kept).collect(), count))
    }
}

impl List {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let filter_text = self.filter.as_deref().unwrap_or_default();
        let filter = parse(filter_text, vocabulary())
            .map_err(|error| Failure::of_filter("--filter", &error, filter_text))?;
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
        let listing = Listing {
            all: self.all || filter_text.contains("archived"),
            filter,
            deleted: self.deleted,
            sort: sort.as_ref(),
            ascending: self.ascending,
            whole: filter_text.contains(RunStatus::Damaged.key()),
        };
        let reader = reader_if_present(&ctx.store)?;
        if ctx.out.json {
            return match &reader {
                Some(reader) => {
                    let (runs, _) = listing.read(reader, &[], |entry| entry.row.id)?;
                    ctx.out.documents(documents(reader, &runs))
                }
                None => ctx.out.document(&json!([])),
            };
        }
        let Some(reader) = &reader else {
            return ctx.out.text(&none_words(ctx, self.deleted, false));
        };
        let mut asked: Vec<&Column> = columns.iter().collect();
        // Runs in which a setting was changed are groups of their own.
        let changed = column("--group", "changed")?;
        let (sheet, shown, count) = match &group {
            Some(group) => {
                asked.extend([group, &changed]);
                let (entries, count) = listing.read(reader, &asked, |entry| entry)?;
                let entries: Vec<&Entry> = entries.iter().collect();
                let damaged = damaged(&entries);
                let mut sheet = grouped(&entries, &columns, group);
                sheet.notes.extend(damaged);
                (sheet, entries.len(), count)
            }
            None => {
                // Looked up once for a column, not for each of its cells.
                let digits: Vec<Option<Digits>> = columns.iter().map(Column::digits).collect();
                let line = |entry: Entry| {
                    let cells = columns.iter().zip(&digits);
                    let cells = cells.map(|(column, digits)| words(&entry, column, *digits));
                    let cells: Vec<String> = cells.collect();
                    (damage(&entry), cells)
                };
                let (lines, count) = listing.read(reader, &asked, line)?;
                let (damaged, lines): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
                let shown = lines.len();
                let mut sheet = listed(lines, &columns);
                sheet.notes.extend(damaged.into_iter().flatten());
                (sheet, shown, count)
            }
        };
        if count == 0 {
            let others_deleted = !self.deleted && !reader.deleted_runs()?.is_empty();
            return ctx.out.text(&none_words(ctx, self.deleted, others_deleted));
        }
        if shown == 0 {
            let argument = ctx.store_argument();
            return ctx
                .out
                .text(&match filter_text.is_empty() && !self.deleted {
                    true => format!(
                        "Every run is archived; `emprl runs list --all{argument}` lists them.\n"
                    ),
                    false => "No run matches.\n".to_string(),
                });
        }
        ctx.out.text(
            sheet
                .text()
                .split_once("\n\n")
                .map_or("", |(_, table)| table),
        )
    }
}

/// Why there is no run to list, and how to come by one.
fn none_words(ctx: &CommandContext, deleted: bool, others_deleted: bool) -> String {
    let argument = ctx.store_argument();
    match (deleted, others_deleted) {
        (true, _) => "No run is deleted.\n".to_string(),
        (false, true) => {
            format!("Every run is deleted; `emprl runs list --deleted{argument}` lists them.\n")
        }
        (false, false) => format!(
            "No runs in {} yet. `emprl run quickstart` makes one.\n",
            ctx.store.display()
        ),
    }
}

/// The runs in the JSON list, one after another: each one's row, results, settings, and the
/// changes made to these while it ran.
fn documents<'a>(
    reader: &'a StoreReader,
    runs: &'a [RunId],
) -> impl Iterator<Item = Result<Value, Failure>> + 'a {
    runs.iter().filter_map(|&run| {
        let found = match reader.catalog_row(run, &CatalogParts::ALL) {
            // Removed since the runs were listed.
            Err(StoreError::NoRun { .. }) => return None,
            Err(error) => return Some(Err(error.into())),
            Ok(found) => Entry::new(found),
        };
        let row = serde_json::to_value(&found.row).map_err(std::io::Error::from);
        Some(row.map_err(Failure::from).map(|mut row| {
            if let Value::Object(fields) = &mut row {
                fields.insert("results".into(), results_to_json(&found.results));
                fields.insert("settings".into(), json!(found.settings));
                fields.insert("changes".into(), json!(found.changes));
            }
            row
        }))
    })
}

/// Why a run is damaged, for the notes of the table.
fn damage(entry: &Entry) -> Option<String> {
    let damaged = entry.row.status == RunStatus::Damaged;
    let why = entry.row.error.as_deref().filter(|_| damaged)?;
    Some(format!("Run {} is damaged: {why}.", entry.row.id))
}

fn damaged(entries: &[&Entry]) -> Vec<String> {
    entries.iter().filter_map(|entry| damage(entry)).collect()
}

fn column(argument: &str, name: &str) -> Result<Column, Failure> {
    name.parse::<Column>()
        .map_err(|error| Failure::Usage(format!("{argument}: {error}")))
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

fn listed(lines: Vec<Vec<String>>, columns: &[Column]) -> Sheet {
    let mut sheet = Sheet::new("", heads(columns));
    for line in lines {
        sheet.row(line);
    }
    if columns.iter().any(|column| column.metric().is_some()) {
        let note = "Figures are the last values logged, unless a head says otherwise.";
        sheet.notes.push(note.into());
    }
    sheet
}

fn words(entry: &Entry, column: &Column, digits: Option<Digits>) -> String {
    if column.name() == "stage" {
        let stage = entry.row.stage;
        return stage.map_or(String::new(), |stage| {
            format!("{stage} {}", step(&entry.row))
        });
    }
    match column.cell(entry) {
        Cell::Missing => "–".to_string(),
        Cell::Number(value) => match digits {
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
            .map_or(String::new(), |entry| words(entry, by, by.digits()));
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
