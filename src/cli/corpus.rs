//! `emprl corpus`: look at a file of anybody's, import it as records, list, show, sum up, select, export.

mod figures;
mod join;
mod raters;
mod score;
mod verdicts;
mod words;

use std::path::{Path, PathBuf};

pub(super) use figures::agreement_text;
use serde_json::json;
pub(super) use verdicts::compared_text;
pub(super) use words::counts_text;
use words::{imported_text, inspection_text, left_out_text, problems_text, record_text};

use super::meter::Bars;
use super::output::{count, line_on_stderr, number_of};
use super::{CommandContext, Failure};
use crate::filter::parse;
use crate::operations::OperationError;
use crate::operations::corpus::{
    self, AddedSystems, ChosenBy, CorpusForm, Criteria, Dependents, ExportRequest, Exported,
    Inspection, ListedCorpus, Narrowing, Shown,
};
use crate::report::{Align, TextTable};
use crate::store::StoreError;
use crate::text::shown::one_line;

/// A mapping that no looking finds.
const WITHOUT_HEADER: &str = "\
A table without a header, whose only column has turns such as `1.0 0 0 Hello EOS 1.0 1 1 [Question] Why?`, is read by this
mapping (a weight, who speaks, the turn's number, perhaps a strategy, and the text; without numbers leave out `{turn} `):

  format = 1
  header = false                 # its columns are called 1, 2, ...
  [turns]
  list = \"1\"
  separator = \" EOS \"
  forms = [\"{weight} {who} {turn} [{strategy}] {text}\", \"{weight} {who} {turn} {text}\"]
  role = \"who\"
  speaker = [\"0\"]
  listener = [\"1\"]
  text = \"text\"
  labels = { strategy = \"strategy\" }
  last = true                    # only the last turn of a row answers; rows that share turns are one conversation";

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
        /// Take the place of systems of the same names that come from elsewhere
        #[arg(long)]
        replace: bool,
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
    /// As records (.jsonl), as a table with a column for each label, score and system (.csv, .tsv, .parquet), or as rows that
    /// trainers read (.jsonl, or .json as one array). Records and tables hold everything, and `emprl corpus import` reads the
    /// same records again: in a table the columns `scores` and `verdicts` list what others only sum up.
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
    /// records, csv, tsv, parquet, messages, sharegpt, alpaca (a row an answer), or preferences (the best and the worst answer
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
                "{}: the ending says no form, as .jsonl, .csv, .tsv and .parquet do; say it with --form",
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
            Corpus::Systems { name, replace } => {
                let added = corpus::add_systems(&ctx.store, name, *replace).map_err(taken)?;
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

/// Says how a system is replaced whose name a corpus's has.
fn taken(error: OperationError) -> Failure {
    match error {
        OperationError::Store(StoreError::SystemExists { name }) => Failure::Usage(format!(
            "there is already a system {}, and not of this corpus: replace it with --replace, or import the corpus with \
             another name of the system in its mapping",
            one_line(&name)
        )),
        error => error.into(),
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
            Some(addition) => {
                corpus::require_addition(&ctx.store, name, addition)?;
                String::new()
            }
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
    let answers = match exported.answers {
        0 => String::new(),
        answers if answers == exported.rows => String::new(),
        answers => format!(
            ": a row is a record, and they have {}",
            number_of(answers as u64, "answer", "answers")
        ),
    };
    let mut text = format!("{rows} in {}{answers}.\n", one_line(&out.to_string_lossy()));
    if exported.drawn > 0 {
        text += &format!(
            "In {} several answers share the best or the worst score, and one of them is drawn (\"drawn\": true)\n",
            number_of(exported.drawn as u64, "row", "rows")
        );
    }
    if exported.averaged > 0 {
        text += &format!(
            "In {} scores of several raters stand as their mean; records and tables hold each of them\n",
            number_of(exported.averaged as u64, "row", "rows")
        );
    }
    for (reason, n) in &exported.left_out {
        text += &format!("Left out {}: {reason}\n", count(*n as u64));
    }
    text
}
