//! `emprl corpus`: look at a file of anybody's, import it as records, list, show, sum up, select, export.

mod figures;
mod join;
mod score;
mod verdicts;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) use figures::agreement_text;
use serde_json::json;
pub(super) use verdicts::compared_text;

use super::meter::Bars;
use super::output::{count, line_on_stderr, number_of};
use super::{CommandContext, Failure};
use crate::data::Role;
use crate::data::corpus::record::{Labels, Origin, Preferred, Record, Score, Verdict};
use crate::data::corpus::{Counts, RowProblem};
use crate::data::library::Manifest;
use crate::filter::parse;
use crate::operations::corpus::{
    self, AddedSystems, ChosenBy, CorpusForm, Criteria, Dependents, ExportRequest, Exported,
    Inspection, ListedCorpus, Narrowing, Shown,
};
use crate::report::{Align, TextTable};
use crate::text::shown::one_line;

/// Problems that are printed; the rest is only counted.
const SHOWN_PROBLEMS: usize = 20;
/// Letters of a text that are printed.
const SHOWN_LETTERS: usize = 200;

/// A mapping that no looking finds.
const WITHOUT_HEADER: &str = "\
A table without a header, whose only column has turns such as `1.0 0 Hello EOS 1.0 1 [Question] Why?`, is read by this mapping:

  format = 1
  header = false                 # its columns are called 1, 2, ...
  [turns]
  list = \"1\"
  separator = \" EOS \"
  forms = [\"{weight} {who} [{strategy}] {text}\", \"{weight} {who} {text}\"]
  role = \"who\"
  speaker = [\"0\"]
  listener = [\"1\"]
  text = \"text\"
  labels = { strategy = \"strategy\" }
  last = true                    # only the last turn of a row answers";

#[derive(Debug, clap::Subcommand)]
pub enum Corpus {
    /// What a file holds: its form and encoding, which column is what, ten records as they would be read, what is left
    /// out, problems row by row
    ///
    /// Reads JSON, JSONL, CSV, TSV, Parquet and blocks of labelled lines, also in .gz, .zip and .tar.gz. The mapping that
    /// it prints can be changed and given with --mapping; --mapping-out writes it to a file, also where nothing is found by
    /// looking.
    #[command(after_long_help = WITHOUT_HEADER)]
    Inspect {
        /// The file
        file: PathBuf,
        /// Which column is what; else it is found by looking
        #[arg(long, value_name = "TOML")]
        mapping: Option<PathBuf>,
        /// Write the mapping to this new file; where nothing is found by looking, one to begin with
        #[arg(long, value_name = "TOML")]
        mapping_out: Option<PathBuf>,
    },
    /// Import a file as records, with its mapping and SHA-256
    Import {
        /// The file
        file: PathBuf,
        /// What to call the corpus
        name: String,
        /// Which column is what; else it is found by looking
        #[arg(long, value_name = "TOML")]
        mapping: Option<PathBuf>,
        /// Show what would be imported, as `emprl corpus inspect` does, and write nothing
        #[arg(long)]
        dry_run: bool,
        /// Take the place of a corpus of the same name
        #[arg(long)]
        replace: bool,
    },
    /// The imported corpora
    List,
    /// Records, one after the other, with all that is said of them
    Show {
        /// The corpus
        name: String,
        #[command(flatten)]
        narrow: Narrow,
        /// Records left out before the first
        #[arg(long, value_name = "N", default_value_t = 0)]
        from: usize,
        /// Records shown
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// What the answers have by system, or by the values of a label; two labels or two scores against each other; verdicts
    Table(figures::Table),
    /// Give every answer its empathy levels by identifiers, which can be stopped and gone on with
    Score(score::Score),
    /// Add labels, scores and verdicts from a file of their own, such as a judge's, to the answers that its rows are about
    ///
    /// Rows find their record by its id, and their response by its system. Repeated rows give an answer several scores,
    /// whose mean counts. Verdicts say which of two systems is better: columns such as model_a, model_b and winner.
    Join(join::Join),
    /// Add its systems to those of tables, studies and the Case study, with their responses to the contexts of its records
    ///
    /// The Case study shows what the corpus says of them. Called again after the corpus was replaced, it replaces them.
    Systems {
        /// The corpus
        name: String,
    },
    /// Delete a corpus, or what was added to it
    #[command(alias = "remove")]
    Delete {
        /// The corpus
        name: String,
        /// Only what `emprl corpus score` or `emprl corpus join` added under this name
        #[arg(long, value_name = "NAME")]
        addition: Option<String>,
        /// Delete it: this cannot be undone
        #[arg(long)]
        for_good: bool,
    },
    /// Write a part of a corpus to a new file: without repetitions, and the best by a score or the most different
    Select {
        /// Leave out answers as similar as this to an earlier one in a context as similar, such as 0.8; 1 leaves out
        /// those of the same words alone
        ///
        /// Jaccard similarity of runs of five characters, without case and punctuation. Of records without a context
        /// the answers alone are compared.
        #[arg(long, value_name = "SIMILARITY")]
        distinct: Option<f64>,
        /// The answers with the highest score, of equal ones the earlier in the corpus; shows what more answers cost in
        /// quality
        #[arg(long, value_name = "SCORE")]
        best: Option<String>,
        /// The answers that lie near all others (k-centre), in their contexts, by the encoder in this folder, such as
        /// all-MiniLM-L6-v2; needs --at-most
        #[arg(long, value_name = "DIR", conflicts_with = "best")]
        diverse: Option<PathBuf>,
        /// Where to compute the encoder's states
        #[arg(
            long,
            value_name = "NAME",
            default_value = "flex",
            requires = "diverse"
        )]
        device: String,
        /// At most so many answers
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        at_most: Option<u32>,
        #[command(flatten)]
        target: Target,
    },
    /// Write a corpus to a new file
    ///
    /// As records (.jsonl: everything), as a table with a column for each label, score and system (.csv, .parquet), or as
    /// rows that trainers read (.jsonl, or .json as one array).
    Export(Target),
}

/// Writes the mapping that was found, else one to begin with.
fn write_mapping(file: &Path, out: &Path, found: Option<&Inspection>) -> Result<(), Failure> {
    let text = match found {
        Some(found) => found.mapping.clone(),
        None => corpus::draft_mapping(file)?,
    };
    corpus::write_mapping(out, &text)?;
    let out = out.display().to_string();
    let out = one_line(&out);
    line_on_stderr(&match found {
        Some(_) => format!("The mapping is in {out}."),
        None => format!("A mapping to begin with is in {out}; nothing was found by looking."),
    });
    Ok(())
}

/// What is written of a corpus, and how.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The corpus
    name: String,
    /// The file
    out: PathBuf,
    /// records, csv, parquet, messages, sharegpt, alpaca (a row an answer), or preferences (the best and the worst answer
    /// of a record by a score, or the two answers of each verdict that is no tie); else what the file's ending says
    #[arg(long, value_name = "FORM", value_parser = form)]
    form: Option<CorpusForm>,
    /// For preferences: the score by which answers are chosen, the highest best, or the verdicts, where people's decide if
    /// there are any; else the only verdicts
    #[arg(long, value_name = "NAME")]
    prefer: Option<String>,
    #[command(flatten)]
    narrow: Narrow,
}

impl Target {
    fn export(&self, ctx: &CommandContext, narrowing: &Narrowing) -> Result<Exported, Failure> {
        let form = self.form.or_else(|| CorpusForm::of(&self.out));
        let form = form.ok_or_else(|| {
            Failure::Usage(format!(
                "{}: the ending says no form, as .jsonl, .csv and .parquet do; say it with --form",
                self.out.display()
            ))
        })?;
        if self.prefer.is_some() && form != CorpusForm::Preferences {
            return Err(Failure::Usage("--prefer is for --form preferences".into()));
        }
        let request = ExportRequest {
            form,
            narrowing,
            prefer: self.prefer.as_deref(),
        };
        Ok(corpus::export(&ctx.store, &self.name, &self.out, &request)?)
    }
}

impl Corpus {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Corpus::Inspect {
                file,
                mapping,
                mapping_out,
            } => {
                let found = corpus::inspect(file, mapping.as_deref());
                if let Some(out) = mapping_out {
                    write_mapping(file, out, found.as_ref().ok())?;
                }
                let found = found?;
                ctx.out.show(&found, || inspection_text(&found))
            }
            Corpus::Import {
                file,
                name,
                mapping,
                dry_run: true,
                replace,
            } => {
                let found = corpus::dry_run(&ctx.store, file, name, mapping.as_deref(), *replace)?;
                ctx.out.show(&found, || {
                    let text = inspection_text(&found);
                    format!("{text}\nNothing was written: this was a dry run.\n")
                })
            }
            Corpus::Import {
                file,
                name,
                mapping,
                replace,
                ..
            } => {
                let manifest =
                    corpus::import(&ctx.store, file, name, mapping.as_deref(), *replace)?;
                ctx.out
                    .show(&manifest, || imported_text(&manifest))
                    .map_err(Failure::but_done)
            }
            Corpus::List => list(ctx),
            Corpus::Show {
                name,
                narrow,
                from,
                limit,
            } => {
                let narrowing = narrow.narrowing(ctx, name)?;
                let shown = corpus::show(&ctx.store, name, &narrowing, *from, *limit as usize)?;
                ctx.out.show(&shown, || shown_text(&shown))
            }
            Corpus::Table(table) => table.run(ctx),
            Corpus::Score(score) => score.run(ctx),
            Corpus::Join(join) => join.run(ctx),
            Corpus::Systems { name } => {
                let added = corpus::add_systems(&ctx.store, name)?;
                ctx.out
                    .show(&added, || added_systems_text(&added))
                    .map_err(Failure::but_done)
            }
            Corpus::Delete {
                name,
                addition,
                for_good,
            } => delete(ctx, name, addition.as_deref(), *for_good),
            Corpus::Select {
                distinct,
                best,
                diverse,
                device,
                at_most,
                target,
            } => {
                let of_score = best.as_deref().map(ChosenBy::Score);
                let by_distance = diverse
                    .as_deref()
                    .map(|encoder| ChosenBy::Distance { encoder, device });
                let criteria = Criteria {
                    distinct: *distinct,
                    by: of_score.or(by_distance),
                    at_most: at_most.map(|most| most as usize),
                };
                let narrowing = target.narrow.narrowing(ctx, &target.name)?;
                let mut bars = Bars::default();
                let selection = corpus::select(
                    &ctx.store,
                    &target.name,
                    narrowing,
                    &criteria,
                    &mut |progress| bars.show(progress),
                );
                bars.clear();
                let (selected, narrowing) = selection?;
                let exported = target.export(ctx, &narrowing)?;
                let document = json!({
                    "name": target.name, "file": target.out, "selected": selected, "exported": exported,
                });
                ctx.out
                    .show(&document, || {
                        let best = best.as_deref().unwrap_or_default();
                        figures::selected_text(&selected, best)
                            + &exported_text(&exported, &target.out)
                    })
                    .map_err(Failure::but_done)
            }
            Corpus::Export(target) => {
                let narrowing = target.narrow.narrowing(ctx, &target.name)?;
                let exported = target.export(ctx, &narrowing)?;
                let document =
                    json!({"name": target.name, "file": target.out, "exported": exported});
                ctx.out
                    .show(&document, || exported_text(&exported, &target.out))
                    .map_err(Failure::but_done)
            }
        }
    }
}

/// Which answers of a corpus.
#[derive(Debug, clap::Args)]
pub struct Narrow {
    /// Only answers for which this holds, such as "emotion = sad and words > 10 and system != target".
    ///
    /// Names are those of labels and scores, and id, conversation, turn, split, system, words, context_words and
    /// utterances; where a label or a score has a name that is taken, it is label.NAME or score.NAME. `=`, `!=`, `<`,
    /// `<=`, `>`, `>=` compare; `~` and `:` find a part of a text; a word alone is searched in all texts; `and`, `or`,
    /// `not` and parentheses join conditions; `has:NAME` finds answers with a value.
    #[arg(
        long = "where",
        value_name = "EXPR",
        default_value = "",
        hide_default_value = true
    )]
    narrow: String,
}

impl Narrow {
    fn narrowing(&self, ctx: &CommandContext, corpus: &str) -> Result<Narrowing, Failure> {
        let names = corpus::names(&ctx.store, corpus)?;
        let filter = parse(&self.narrow, &names)
            .map_err(|error| Failure::of_filter("--where", &error, &self.narrow))?;
        Ok(Narrowing::new(names, filter))
    }
}

fn shown_text(shown: &Shown) -> String {
    let mut text: String = shown.records.iter().map(record_text).collect();
    let records = number_of(shown.matching as u64, "record", "records");
    if shown.withheld > 0 {
        let n = number_of(shown.withheld as u64, "record is", "records are");
        text += &format!("\n{n} of studies that are still blind, and not shown.\n");
    }
    text += &match (shown.records.len(), shown.matching) {
        (_, 0) => "No record has such an answer.\n".to_string(),
        (0, _) => format!("\nThere are {records} only.\n"),
        (n, all) if shown.from + n == all && n < all => format!(
            "\n{} to {} of {records}.\n",
            count(shown.from as u64 + 1),
            count(all as u64),
        ),
        (n, all) if n < all => format!(
            "\n{} to {} of {records}; --from {} goes on.\n",
            count(shown.from as u64 + 1),
            count((shown.from + n) as u64),
            shown.from + n
        ),
        _ => format!("\n{records}.\n"),
    };
    text
}

fn added_systems_text(added: &AddedSystems) -> String {
    let mut text = String::new();
    for (system, responses) in &added.systems {
        let responses = number_of(*responses as u64, "response", "responses");
        text += &format!("{}: {responses}\n", one_line(system));
    }
    if added.without_context > 0 {
        let n = number_of(added.without_context as u64, "record", "records");
        text += &format!("Left out {n} without a context.\n");
    }
    text
}

/// What goes with a corpus, as the end of a clause.
fn dependents_words(found: &Dependents) -> String {
    let mut words = String::new();
    if !found.additions.is_empty() {
        words += &format!(
            ", what was added to it goes with it ({})",
            found.additions.join(", ")
        );
    }
    if !found.judged.is_empty() {
        let series: Vec<String> = found.judged.iter().map(u64::to_string).collect();
        words += &format!(
            ", judgements of it can be shown no more (series {} of emprl endpoint list)",
            series.join(", ")
        );
    }
    if !found.systems.is_empty() {
        let systems: Vec<_> = found
            .systems
            .iter()
            .map(|system| one_line(system))
            .collect();
        words += &format!(
            ", the Case study no longer shows its labels of {}",
            systems.join(", ")
        );
    }
    words
}

fn delete(
    ctx: &CommandContext,
    name: &str,
    addition: Option<&str>,
    for_good: bool,
) -> Result<(), Failure> {
    let what = match addition {
        Some(addition) => format!("{} of {}", one_line(addition), one_line(name)),
        None => one_line(name).into_owned(),
    };
    if !for_good {
        let needed = match addition {
            Some(_) => String::new(),
            None => dependents_words(&corpus::dependents(&ctx.store, name)?),
        };
        return Err(Failure::Usage(format!(
            "deleting {what} cannot be undone{needed}: add --for-good to delete it"
        )));
    }
    corpus::delete(&ctx.store, name, addition)?;
    ctx.out
        .show(&json!({"deleted": name, "addition": addition}), || {
            format!("{what} is deleted.\n")
        })
        .map_err(Failure::but_done)
}

fn list(ctx: &CommandContext) -> Result<(), Failure> {
    let (corpora, damaged) = corpus::list(&ctx.store)?;
    let damaged: Vec<String> = damaged
        .iter()
        .map(|error| format!("damaged: {error}"))
        .collect();
    super::input::show_notes(&damaged);
    ctx.out.show(&corpora, || {
        if corpora.is_empty() {
            return "No corpus yet: emprl corpus import FILE NAME\n".to_string();
        }
        let mut table = TextTable::new(&[
            ("Name", Align::Left),
            ("Records", Align::Right),
            ("Examples", Align::Right),
            ("With levels", Align::Right),
            ("Systems", Align::Left),
            ("Added", Align::Left),
        ]);
        for corpus in &corpora {
            let counts = &corpus.entry.counts;
            let systems: Vec<_> = counts
                .systems
                .keys()
                .map(|system| one_line(system))
                .collect();
            table.row([
                corpus.name.clone(),
                count(counts.records as u64),
                count(counts.examples as u64),
                count(counts.labelled as u64),
                systems.join(", "),
                added(corpus),
            ]);
        }
        table.text()
    })
}

/// The additions to a corpus, with how far those have come that are not finished.
fn added(corpus: &ListedCorpus) -> String {
    let of = count(corpus.entry.counts.records as u64);
    let additions = corpus
        .additions
        .iter()
        .map(|addition| match addition.finished {
            true => addition.name.clone(),
            false => format!(
                "{} (so far {} of {of} records)",
                addition.name,
                count(addition.records as u64)
            ),
        });
    additions.collect::<Vec<_>>().join(", ")
}

fn form(text: &str) -> Result<CorpusForm, String> {
    let found = CorpusForm::ALL.into_iter().find(|form| form.key() == text);
    found.ok_or_else(|| {
        let known = CorpusForm::ALL.map(CorpusForm::key);
        format!("no such form; there are {}", known.join(", "))
    })
}

fn exported_text(exported: &Exported, out: &Path) -> String {
    let rows = number_of(exported.rows as u64, "row is", "rows are");
    let mut text = format!("{rows} in {}.\n", one_line(&out.to_string_lossy()));
    for (reason, n) in &exported.left_out {
        text += &format!("Left out {}: {reason}\n", count(*n as u64));
    }
    text
}

fn inspection_text(found: &Inspection) -> String {
    let encoding = found
        .encoding
        .as_ref()
        .map_or_else(String::new, |encoding| format!(", {encoding}"));
    let mut text = format!(
        "{}: {}{encoding}; {}\nSHA-256 {}\n",
        one_line(&found.file.to_string_lossy()),
        found.form,
        found.shape,
        found.sha256
    );
    for note in &found.notes {
        text += &format!("note: {}\n", one_line(note));
    }
    text += &format!("\n{}", counts_text(&found.counts));
    text += &left_out_text(&found.left_out);
    text += &problems_text(&found.problems);
    text += &format!(
        "\nMapping (change it and give it with --mapping):\n\n{}\n",
        found.mapping
    );
    text += &match found.records.len() < found.counts.records {
        true => format!(
            "The first {} records as they are read:\n",
            found.records.len()
        ),
        false => "All records as they are read:\n".to_string(),
    };
    for record in &found.records {
        text += &record_text(record);
    }
    text
}

fn imported_text(manifest: &Manifest) -> String {
    let mut text = String::new();
    for note in &manifest.report.remarks {
        text += &format!("note: {}\n", one_line(note));
    }
    if let Some(entry) = &manifest.corpus {
        text += &counts_text(&entry.counts);
        text += &left_out_text(&entry.left_out);
    }
    let problems: Vec<RowProblem> = manifest
        .report
        .skipped
        .iter()
        .map(|row| RowProblem {
            line: row.line,
            what: row.reason.clone(),
        })
        .collect();
    text += &problems_text(&problems);
    text += &format!("\n{} is in the store.\n", manifest.name);
    text
}

pub(super) fn counts_text(counts: &Counts) -> String {
    let number = |n: usize| count(n as u64);
    let mut text = format!(
        "{}, {} of them skipped; {}: {} with a context, {} with a target\n",
        number_of(counts.rows as u64, "row", "rows"),
        number(counts.skipped),
        number_of(counts.records as u64, "record", "records"),
        number(counts.with_context),
        number(counts.with_target),
    );
    for (what, of) in [
        ("Responses", &counts.systems),
        ("Labels", &counts.labels),
        ("Scores", &counts.scores),
        ("Verdicts", &counts.verdicts),
        ("Splits", &counts.splits),
    ] {
        if !of.is_empty() {
            let named = |(name, n): (&String, &usize)| format!("{} {}", one_line(name), number(*n));
            let all: Vec<String> = of.iter().map(named).collect();
            text += &format!("{what}: {}\n", all.join(", "));
        }
    }
    if counts.reasoning > 0 {
        let n = number_of(counts.reasoning as u64, "response has", "responses have");
        text += &format!("{n} reasoning, which is kept apart from the answer\n");
    }
    text += &format!(
        "As data.dialogues: {}; as data.levels: {}\n",
        number_of(counts.examples as u64, "example", "examples"),
        number_of(counts.labelled as u64, "labelled pair", "labelled pairs"),
    );
    if counts.examples == 0 && counts.with_context > 0 && counts.systems.len() > 1 {
        text += "note: an example has a target or one response; export those of one system with --where \"system = …\" and \
                 import them to train on them.\n";
    }
    if counts.repeated_ids > 0 {
        text += &format!(
            "note: {} an id that another has before.\n",
            number_of(counts.repeated_ids as u64, "record has", "records have")
        );
    }
    text
}

pub(super) fn left_out_text(left_out: &BTreeMap<String, String>) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let mut text = "\nLeft out:\n".to_string();
    for (column, reason) in left_out {
        text += &format!("  {}: {}\n", one_line(column), one_line(reason));
    }
    text
}

pub(super) fn problems_text(problems: &[RowProblem]) -> String {
    if problems.is_empty() {
        return String::new();
    }
    let mut text = "\nSkipped:\n".to_string();
    for problem in problems.iter().take(SHOWN_PROBLEMS) {
        text += &format!("  line {} {}\n", problem.line, one_line(&problem.what));
    }
    let more = problems.len().saturating_sub(SHOWN_PROBLEMS);
    if more > 0 {
        text += &format!(
            "  {}; --json lists them all\n",
            number_of(more as u64, "more row", "more rows")
        );
    }
    text
}

fn record_text(record: &Record) -> String {
    let mut head = format!("\n{}", one_line(&record.id));
    if let Some(conversation) = record.conversation.as_ref().filter(|of| **of != record.id) {
        head += &format!(", conversation {}", one_line(conversation));
    }
    if let Some(turn) = record.turn {
        head += &format!(", turn {turn}");
    }
    if let Some(split) = record.split {
        head += &format!(", {split}");
    }
    let mut text = head + "\n";
    for said in &record.context {
        let role = match said.role {
            Role::Speaker => "speaker",
            Role::Listener => "listener",
        };
        text += &format!(
            "  {role}: {}{}\n",
            short(&said.text),
            remarks(&said.labels, &[])
        );
    }
    if let Some(target) = &record.target {
        text += &format!("  target: {}\n", short(target));
    }
    for response in &record.responses {
        text += &format!(
            "  response of {}: {}{}\n",
            one_line(&response.system),
            short(&response.text),
            remarks(&response.labels, &response.scores)
        );
        if let Some(reasoning) = &response.reasoning {
            text += &format!("    its reasoning: {}\n", short(reasoning));
        }
    }
    for verdict in &record.verdicts {
        text += &format!("  {}\n", verdict_text(verdict));
    }
    let remarks = remarks(&record.labels, &record.scores);
    if !remarks.is_empty() {
        text += &format!(" {remarks}\n");
    }
    text
}

/// `empathy: anna over bert, by w1 (a person), shown bert first`.
fn verdict_text(verdict: &Verdict) -> String {
    let (first, second) = (one_line(&verdict.first), one_line(&verdict.second));
    let said = match verdict.preferred {
        Preferred::First => format!("{first} over {second}"),
        Preferred::Second => format!("{second} over {first}"),
        Preferred::Tie => format!("{first} and {second} alike"),
    };
    let kind = match verdict.origin {
        Some(Origin::Human) => "a person",
        Some(Origin::Model) => "a classifier or formula",
        Some(Origin::Judge) => "a judge, no person",
        None => "nobody says whether a person",
    };
    let by = match &verdict.judge {
        Some(judge) => format!("{} ({kind})", one_line(judge)),
        None => kind.to_string(),
    };
    let order = match verdict.in_order {
        true => format!(", shown {first} first"),
        false => String::new(),
    };
    format!("{}: {said}, by {by}{order}", one_line(&verdict.name))
}

fn remarks(labels: &Labels, scores: &[Score]) -> String {
    let labels = labels
        .iter()
        .map(|(label, value)| format!("{} {}", one_line(label), short(value)));
    let scores = scores
        .iter()
        .map(|score| format!("{} {}", one_line(&score.name), score.value));
    let all: Vec<String> = labels.chain(scores).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!(" [{}]", all.join(", ")),
    }
}

fn short(text: &str) -> String {
    let mut letters: String = text.chars().take(SHOWN_LETTERS).collect();
    if letters.len() < text.len() {
        letters.push('…');
    }
    one_line(&letters).into_owned()
}
