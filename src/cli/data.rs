//! `emprl data`: fetch a data set, import one into the store, show one, list all.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::corpus::counts_text;
use super::meter::ByteBar;
use super::output::count;
use super::{CommandContext, Failure};
use crate::data::library::PREFERENCES;
use crate::data::{BySplit, FileReport, ImportReport, SetSummary, Split, SplitCount};
use crate::experiment::size_words;
use crate::operations::data;
use crate::operations::fetch::{self, FetchedPart, Settings};
use crate::report::{Align, TextTable};
use crate::text::shown::one_line;

/// Skipped rows that are printed for each file; the rest is only counted.
const SHOWN_SKIPPED: usize = 20;

#[derive(Debug, clap::Subcommand)]
pub enum Data {
    /// Fetch a data set from its authors and import it; each has a licence of its own
    ///
    /// The files stay in the store's folder downloads. What is there already is not fetched again.
    Fetch {
        /// empathetic-dialogues, or mental-health-subreddits (reddit)
        name: String,
        /// Where else to fetch it: the archive of EmpatheticDialogues, or the folder with the files of the other
        #[arg(long, value_name = "URL")]
        address: Option<String>,
        /// Folder for the files
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Read a data set in its original form and keep it in the store
    ///
    /// Preference pairs are JSONL in TRL's shapes (prompt, chosen, rejected, as texts or lists of messages), or with
    /// context instead of prompt.
    Import {
        /// empathetic-dialogues, mental-health-subreddits or preferences
        name: String,
        /// Folder with the set's files; of preferences a file
        #[arg(value_name = "DIR|FILE")]
        source: PathBuf,
        /// What to call a set of preference pairs, so that there can be several
        #[arg(long = "name", value_name = "NAME", default_value = PREFERENCES)]
        own_name: String,
        /// The contexts of preference pairs that give an idx instead
        #[arg(long, value_name = "FILE")]
        contexts: Option<PathBuf>,
    },
    /// Sizes, emotions, lengths and levels of a set
    Show {
        /// builtin, or the name of an imported set
        name: String,
    },
    /// All sets, imported or not
    List,
}

impl Data {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Data::Fetch { name, address, to } => fetch(ctx, name, address.as_deref(), to.clone()),
            Data::Import {
                name,
                source,
                own_name,
                contexts,
            } => {
                let report = match name.as_str() {
                    PREFERENCES => {
                        data::import_preferences(&ctx.store, own_name, source, contexts.as_deref())?
                    }
                    _ if contexts.is_some() || own_name != PREFERENCES => {
                        return Err(Failure::Usage(format!(
                            "--name and --contexts are for preference pairs; {name} has neither"
                        )));
                    }
                    _ => data::import(&ctx.store, name, source)?,
                };
                ctx.out
                    .show(&import_json(&report), || import_text(&report))
                    .map_err(Failure::but_done)
            }
            Data::Show { name } => {
                let summary = data::summary(&ctx.store, name)?;
                ctx.out.show(&summary, || summary_text(&summary))
            }
            Data::List => {
                let sets = data::list(&ctx.store)?;
                if ctx.out.json {
                    return ctx.out.document(&sets);
                }
                let mut table = TextTable::new(&[
                    ("Name", Align::Left),
                    ("Holds", Align::Left),
                    ("In the store", Align::Left),
                ]);
                for set in sets {
                    let holds = match (set.has_dialogues, set.has_levels) {
                        _ if set.preference_pairs.is_some() => "preference pairs",
                        (true, true) => "dialogues and levels",
                        (true, false) => "dialogues",
                        (false, true) => "levels",
                        (false, false) if set.damaged.is_some() => "–",
                        (false, false) => "records",
                    };
                    let there = match (set.damaged, set.imported) {
                        (Some(damage), _) => format!("damaged: {damage}"),
                        (None, true) => "yes".to_string(),
                        (None, false) => format!("no: emprl data fetch {}", set.name),
                    };
                    table.row([set.name, holds.to_string(), there]);
                }
                ctx.out.text(&table.text())
            }
        }
    }
}

fn fetch(
    ctx: &CommandContext,
    name: &str,
    address: Option<&str>,
    to: Option<PathBuf>,
) -> Result<(), Failure> {
    let mut bar = ByteBar::default();
    let set = fetch::set(
        &Settings::from_env()?,
        &ctx.store,
        name,
        address,
        to,
        &mut |progress| bar.show(progress),
    );
    bar.clear();
    let set = set?;
    if ctx.out.json {
        let document = json!({
            "fetched": set.fetched,
            "imported": import_json(&set.imported),
        });
        return ctx.out.document(&document).map_err(Failure::but_done);
    }
    let parts: Vec<String> = set.fetched.files.iter().map(part_text).collect();
    let text = format!("{}\n{}", parts.concat(), import_text(&set.imported));
    ctx.out.text(&text).map_err(Failure::but_done)
}

fn part_text(part: &FetchedPart) -> String {
    let came = if part.received {
        "from"
    } else {
        "there already; it is published at"
    };
    let known = match part.as_published {
        true => "as it was published",
        false => "not the file whose checksum this program knows",
    };
    format!(
        "{}: {}, {came} {}\n  SHA-256 {}, {known}\n",
        part.file,
        size_words(part.bytes),
        one_line(&part.address),
        part.sha256
    )
}

fn rows(report: &ImportReport) -> [usize; 3] {
    let sum = |of: fn(&FileReport) -> usize| report.files.iter().map(of).sum();
    [sum(|f| f.read), sum(|f| f.kept), sum(|f| f.skipped)]
}

fn import_json(report: &ImportReport) -> Value {
    let [read, kept, skipped] = rows(report);
    let mut document = json!({
        "name": report.name,
        "rows": {"read": read, "kept": kept, "skipped": skipped},
        "files": report.files,
        "skipped": report.skipped,
    });
    if let Some(splits) = &report.splits {
        document["splits"] = json!(splits);
    }
    if let Some(pairs) = report.labelled_pairs {
        document["labelled_pairs"] = json!(pairs);
    }
    if let Some(pairs) = report.preference_pairs {
        document["preference_pairs"] = json!(pairs);
    }
    document["remarks"] = json!(report.remarks);
    document
}

fn import_text(report: &ImportReport) -> String {
    let number = |n: usize| count(n as u64);
    let mut table = TextTable::new(&[
        ("File", Align::Left),
        ("Rows read", Align::Right),
        ("kept", Align::Right),
        ("skipped", Align::Right),
    ]);
    for file in &report.files {
        table.row([
            file.file.clone(),
            number(file.read),
            number(file.kept),
            number(file.skipped),
        ]);
    }
    let [read, kept, skipped] = rows(report).map(number);
    table.row(["all".to_string(), read, kept, skipped]);
    let mut text = table.text();
    for file in &report.files {
        let skipped: Vec<_> = report
            .skipped
            .iter()
            .filter(|row| row.file == file.file)
            .collect();
        for row in skipped.iter().take(SHOWN_SKIPPED) {
            let (file, reason) = (one_line(&row.file), one_line(&row.reason));
            text += &format!("skipped {file}, line {}: {reason}\n", row.line);
        }
        let more = skipped.len().saturating_sub(SHOWN_SKIPPED);
        if more > 0 {
            let rows = if more == 1 { "row" } else { "rows" };
            text += &format!(
                "skipped {} more {rows} of {}; --json lists them all\n",
                number(more),
                file.file
            );
        }
    }
    for remark in &report.remarks {
        text += &format!("note: {}\n", one_line(remark));
    }
    if let Some(splits) = &report.splits {
        text.push('\n');
        text += &splits_text(splits);
    }
    if let Some(pairs) = report.labelled_pairs {
        text += &format!("\n{} labelled pairs\n", number(pairs));
    }
    if let Some(pairs) = report.preference_pairs {
        text += &format!("\n{} preference pairs\n", number(pairs));
    }
    text += &format!("\n{} is in the store.\n", report.name);
    text
}

fn splits_text(splits: &BySplit<SplitCount>) -> String {
    let mut table = TextTable::new(&[
        ("Split", Align::Left),
        ("Conversations", Align::Right),
        ("Context-response pairs", Align::Right),
    ]);
    for split in Split::ALL {
        let of = splits.get(split);
        table.row([
            split.key().to_string(),
            count(of.conversations as u64),
            count(of.pairs as u64),
        ]);
    }
    table.text()
}

fn summary_text(summary: &SetSummary) -> String {
    let mut text = format!("{}\nfingerprint {}\n\n", summary.name, summary.fingerprint);
    if let Some(splits) = &summary.splits {
        text += &splits_text(splits);
        text.push('\n');
    }
    if let Some(pairs) = summary.labelled_pairs {
        let mut table = TextTable::new(&[
            ("Levels", Align::Left),
            ("no (0)", Align::Right),
            ("weak (1)", Align::Right),
            ("strong (2)", Align::Right),
            ("unknown", Align::Right),
        ]);
        for level in &summary.levels {
            let counts = level.counts.iter().chain([&level.unknown]);
            let name = level.mechanism.title().to_string();
            table.row([name].into_iter().chain(counts.map(|n| count(*n as u64))));
        }
        text += &format!("{} labelled pairs\n{}\n", count(pairs as u64), table.text());
    }
    if let Some(pairs) = summary.preference_pairs {
        text += &format!("{} preference pairs\n", count(pairs as u64));
        for study in &summary.studies {
            text += &format!("{}\n", one_line(&study.words()));
        }
        text.push('\n');
    }
    if let Some(counts) = &summary.records {
        text += &counts_text(counts);
    }
    if summary.lengths.is_empty() {
        return text;
    }
    let mut table = TextTable::new(&[
        ("Words of", Align::Left),
        ("mean", Align::Right),
        ("median", Align::Right),
        ("95 %", Align::Right),
        ("longest", Align::Right),
    ]);
    for length in &summary.lengths {
        table.row([
            length.text.replace('_', " "),
            format!("{:.1}", length.mean),
            length.median.to_string(),
            length.percentile_95.to_string(),
            length.longest.to_string(),
        ]);
    }
    text += &table.text();
    if !summary.emotions.is_empty() {
        let emotions = summary.emotions.iter();
        let emotions: Vec<String> = emotions
            .map(|row| {
                let emotion = match row.emotion.as_str() {
                    "" => "not given".into(),
                    emotion => one_line(emotion),
                };
                format!("{emotion} {}", count(row.conversations as u64))
            })
            .collect();
        text += &format!("\nConversations by emotion: {}\n", emotions.join(", "));
    }
    text
}
