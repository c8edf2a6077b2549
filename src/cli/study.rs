//! `emprl study`: creates, judges, sends, merges and unblinds studies, and shows their results.

mod create;
mod judge;
mod keep;
mod merge;
mod quality;
mod results;
mod serve;
mod standing;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::out_refused;
use super::output::{csv_mark, moment, number_of};
use super::{CommandContext, Failure};
use crate::operations::exports::write_judgements;
use crate::operations::studies::{self, RowFormat};
use crate::report::judging::Texts;
use crate::report::{Align, TextTable};
use crate::store::{AnnotatorRow, Store, StoreReader, StudyId, StudyRow};
use crate::study::definition::{StudyKind, same_person};
use crate::study::make::Role;
use crate::study::standing::Standing;
use crate::text::shown::one_line;

#[derive(Debug, clap::Subcommand)]
pub enum Study {
    /// Make a study; first prints what difference its size can show
    Create(create::Create),
    /// Studies, with how far each annotator is
    List {
        /// Archived and deleted ones too
        #[arg(long)]
        all: bool,
    },
    /// Give the fourth annotator the items on which three differ; name one where there is none yet
    Assign {
        /// The study's number
        study: StudyId,
        /// Who is the fourth annotator
        #[arg(long, value_name = "NAME")]
        adjudicator: Option<String>,
    },
    /// Write one annotator's part as a file: to send out, or to send back
    Pack {
        /// The study's number
        study: StudyId,
        /// Whose: a number, a pseudonym such as A2, or a name; without it, everybody's
        #[arg(long, value_name = "WHO")]
        annotator: Option<String>,
        /// Folder to write to
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// As one HTML file, which judges in any browser without a network and saves the file to send back
        #[arg(long)]
        html: bool,
        /// What the HTML says: en, es, zh or ar, or a file like theirs with other words
        #[arg(
            long,
            value_name = "LANGUAGE|FILE",
            default_value = "en",
            requires = "html"
        )]
        texts: String,
    },
    /// Open a pack that was sent to you, to judge it here
    Open {
        /// The pack
        file: PathBuf,
    },
    /// Merge packs that came back into the study made here; twice does no harm
    Merge(merge::Merge),
    /// Say which answer counts where one annotator answered differently at several places
    Decide(merge::Decide),
    /// Judge in the terminal: answers are read from stdin, one per line
    Judge(judge::Judge),
    /// Judge in a browser: one link for each annotator, answered until Ctrl-C
    ///
    /// Each answer is on disk before the next item is sent. A link opens one annotator's items and nothing else; it can
    /// be revoked with `emprl study links STUDY --revoke LINK`.
    Serve(serve::Serve),
    /// Links to judge by: who was there, how far they are, and whether a link still works
    Links(serve::Links),
    /// Who came from a crowd platform, how far each is, and the times that pay depends on; apart from judgements
    Workers(serve::Workers),
    /// Let an annotator judge no more for now; what they judged counts
    Pause(standing::Change),
    /// Let a paused or excluded annotator judge again
    Resume(standing::Change),
    /// Let nothing count that an annotator judged; it is kept, and exported with its reason
    Exclude(standing::Change),
    /// Exclude an annotator and give their items to somebody else
    Replace(standing::Replace),
    /// How the annotators work, while the study is blind: checks, agreement, time, flags and comments, without systems
    ///
    /// For who leads the study: an annotator who reads others' comments is no longer independent of them.
    Quality {
        /// The study's number
        study: StudyId,
    },
    /// The results of an unblinded study
    Results {
        /// The study's number
        study: StudyId,
    },
    /// Preference pairs of an unblinded A/B test, for DPO: what the majority preferred, ties and open items left out
    ///
    /// The file is JSONL as TRL reads it, with the study, item, systems and votes of each pair; `emprl data import
    /// preferences FILE` imports it.
    Preferences {
        /// The study's number
        study: StudyId,
        /// The file to write
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// End the judging and open which system wrote what; recorded, and never taken back
    Unblind {
        /// The study's number
        study: StudyId,
        /// Who does it
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Although judgements are missing: they can no longer be given
        #[arg(long)]
        unfinished: bool,
    },
    /// Give a study a name of your own, which annotators do not see
    Rename(keep::Rename),
    /// Show or set the note of a study
    Note(keep::Note),
    /// Archive a study, or bring it back
    Archive(keep::Archive),
    /// Delete a study: it can be brought back until it is removed for good; the responses of its systems stay
    Delete(keep::Delete),
    /// Bring a deleted study back
    Undelete {
        /// The study's number
        study: StudyId,
    },
    /// Judgements as rows: one annotator's own while the study is blind, everybody's afterwards
    Export {
        /// The study's number
        study: StudyId,
        /// Whose, while the study is blind
        #[arg(long, value_name = "WHO")]
        annotator: Option<String>,
        /// jsonl, csv, or record: everything needed to compute the results again, as one JSON document
        #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
        format: ExportFormat,
        /// CSV with the mark by which Excel knows UTF-8
        #[arg(long)]
        excel: bool,
        /// Write to a file instead of stdout
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How judgements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// One JSON object per line
    Jsonl,
    /// A header row, then one row each
    Csv,
    /// Everything, as one JSON document
    Record,
}

impl Study {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Study::Create(create) => create.run(ctx),
            Study::List { all } => list(ctx, *all),
            Study::Assign { study, adjudicator } => assign(ctx, *study, adjudicator.as_deref()),
            Study::Pack {
                study,
                annotator,
                out,
                html,
                texts,
            } => {
                let texts = html.then(|| serve::texts(texts)).transpose()?;
                pack(ctx, *study, annotator.as_deref(), out, texts.as_ref())
            }
            Study::Open { file } => {
                let pack = studies::read_pack(file)?;
                let opened = studies::open_pack(&mut Store::open(&ctx.store)?, &pack)?;
                merge::report(ctx, &[opened])
            }
            Study::Merge(merge) => merge.run(ctx),
            Study::Decide(decide) => decide.run(ctx),
            Study::Judge(judge) => judge.run(ctx),
            Study::Serve(serve) => serve.run(ctx),
            Study::Links(links) => links.run(ctx),
            Study::Workers(workers) => workers.run(ctx),
            Study::Pause(change) => change.run(ctx, Standing::Paused),
            Study::Resume(change) => change.run(ctx, Standing::Judging),
            Study::Exclude(change) => change.run(ctx, Standing::Excluded),
            Study::Replace(replace) => replace.run(ctx),
            Study::Quality { study } => quality::show(ctx, *study),
            Study::Results { study } => results::show(ctx, *study),
            Study::Preferences { study, out } => preferences(ctx, *study, out),
            Study::Unblind {
                study,
                by,
                reason,
                unfinished,
            } => unblind(ctx, *study, by, reason, *unfinished),
            Study::Rename(rename) => rename.run(ctx),
            Study::Note(note) => note.run(ctx),
            Study::Archive(archive) => archive.run(ctx),
            Study::Delete(delete) => delete.run(ctx),
            Study::Undelete { study } => keep::undelete(ctx, *study),
            Study::Export {
                study,
                annotator,
                format,
                excel,
                out,
            } => {
                let mark = csv_mark(*excel, *format == ExportFormat::Csv)?;
                export(
                    ctx,
                    *study,
                    annotator.as_deref(),
                    *format,
                    mark,
                    out.as_deref(),
                )
            }
        }
    }
}

/// An annotator by number, pseudonym or name.
fn find<'a>(study: &'a StudyRow, who: &str) -> Result<&'a AnnotatorRow, Failure> {
    let wanted = who.trim();
    let is = |annotator: &&AnnotatorRow| {
        annotator.number.to_string() == wanted
            || annotator.pseudonym.eq_ignore_ascii_case(wanted)
            || (!annotator.name.is_empty() && same_person(&annotator.name, wanted))
    };
    let found: Vec<&AnnotatorRow> = study.annotators.iter().filter(is).collect();
    let known = |annotators: Vec<String>| annotators.join(", ");
    match &found[..] {
        [one] => Ok(one),
        [] => Err(Failure::Usage(format!(
            "study {} has no annotator {wanted}; it has {}",
            study.id,
            known(study.annotators.iter().map(called).collect())
        ))),
        // In studies of earlier versions one may be named as another's code.
        _ => Err(Failure::Usage(format!(
            "{wanted} is several annotators of study {}: {}; give the whole name, or the number or code of one that \
             nobody else is named as",
            study.id,
            known(found.into_iter().map(called).collect())
        ))),
    }
}

/// A pseudonym, with the name if this store knows it.
fn called(annotator: &AnnotatorRow) -> String {
    match annotator.name.is_empty() {
        true => annotator.pseudonym.clone(),
        false => format!("{} ({})", annotator.pseudonym, annotator.name),
    }
}

fn kind_words(kind: StudyKind) -> &'static str {
    match kind {
        StudyKind::AbTest => "A/B test",
        StudyKind::Rating => "rating",
    }
}

fn list(ctx: &CommandContext, all: bool) -> Result<(), Failure> {
    let mut studies = studies::list(&ctx.store)?;
    studies.retain(|study| all || study.is_current());
    if ctx.out.json {
        return ctx.out.document(&studies);
    }
    if studies.is_empty() {
        return ctx.out.text(&format!(
            "No studies in {} yet. `emprl study create` makes one.\n",
            ctx.store.display()
        ));
    }
    let mut table = TextTable::new(&[
        ("Study", Align::Right),
        ("Title", Align::Left),
        ("Kind", Align::Left),
        ("Made", Align::Left),
        ("Status", Align::Left),
        ("Annotator", Align::Left),
        ("Judged", Align::Right),
        ("Skipped", Align::Right),
        ("Flagged", Align::Right),
        ("Contested", Align::Right),
    ]);
    for study in &studies {
        let mut status = match (&study.unblinding, study.is_own) {
            (Some(_), _) => "unblinded",
            (None, true) => "blind",
            (None, false) => "came as a pack",
        }
        .to_string();
        for (word, is) in [
            ("archived", study.marks.archived),
            ("deleted", study.marks.deleted),
        ] {
            if is {
                status += &format!(", {word}");
            }
        }
        if study.split_unassigned > 0 {
            status += &format!(", {} for a fourth", study.split_unassigned);
        }
        for (at, annotator) in study.annotators.iter().enumerate() {
            let first = |text: String| if at == 0 { text } else { String::new() };
            let fourth = match annotator.role {
                Role::Adjudicator => ", fourth",
                Role::Rater => "",
            };
            let standing = match annotator.standing {
                Standing::Judging => String::new(),
                other => format!(", {}", other.key()),
            };
            table.row([
                first(study.id.to_string()),
                first(study.name().to_string()),
                first(kind_words(study.head.kind).to_string()),
                first(moment(study.head.created_ms)),
                first(status.clone()),
                format!("{}{fourth}{standing}", called(annotator)),
                format!(
                    "{}/{}",
                    annotator.progress.answered, annotator.progress.assigned
                ),
                annotator.progress.skipped.to_string(),
                annotator.progress.flagged.to_string(),
                annotator.progress.contested.to_string(),
            ]);
        }
    }
    ctx.out.text(&table.text())
}

fn assign(ctx: &CommandContext, study: StudyId, adjudicator: Option<&str>) -> Result<(), Failure> {
    let given = studies::assign(&mut Store::open(&ctx.store)?, study, adjudicator)?;
    ctx.out
        .show(&json!({"study": study, "given": given}), || match given {
            0 => "No further item waits for a fourth annotator.\n".to_string(),
            1 => "The fourth annotator has 1 more item.\n".to_string(),
            given => format!("The fourth annotator has {given} more items.\n"),
        })
}

fn pack(
    ctx: &CommandContext,
    id: StudyId,
    who: Option<&str>,
    dir: &Path,
    html: Option<&Texts>,
) -> Result<(), Failure> {
    let reader = StoreReader::open(&ctx.store)?;
    let study = reader.study(id)?;
    let annotator = who.map(|who| find(&study, who)).transpose()?;
    let number = annotator.map(|annotator| annotator.number);
    let packs = match html {
        Some(texts) => studies::write_html_packs(&reader, id, number, dir, texts),
        None => studies::write_packs(&reader, id, number, dir),
    };
    let packs = packs.map_err(out_refused)?;
    let name = |number| {
        let mut annotators = study.annotators.iter();
        let found = annotators.find(|annotator| annotator.number == number);
        found.map_or_else(String::new, called)
    };
    let written = packs
        .iter()
        .map(|pack| (name(pack.annotator), pack.items, &pack.file));
    if ctx.out.json {
        let rows: Vec<_> = written
            .map(|(who, items, file)| json!({"annotator": who, "items": items, "file": file}))
            .collect();
        return ctx.out.document(&rows);
    }
    let lines: String = written
        .map(|(who, items, file)| {
            let items = number_of(items as u64, "item", "items");
            let (who, file) = (one_line(&who).into_owned(), file.to_string_lossy());
            format!("{who}: {items} in {}\n", one_line(&file))
        })
        .collect();
    ctx.out.text(&lines)
}

fn unblind(
    ctx: &CommandContext,
    study: StudyId,
    by: &str,
    reason: &str,
    unfinished: bool,
) -> Result<(), Failure> {
    let unblinding = Store::open(&ctx.store)?.unblind(study, by, reason, unfinished)?;
    if ctx.out.json {
        return ctx.out.document(&unblinding);
    }
    let missing = match unblinding.missing {
        0 => String::new(),
        1 => " 1 judgement was still missing.".to_string(),
        n => format!(" {n} judgements were still missing."),
    };
    ctx.out.text(&format!(
        "Study {study} is unblinded; that is on record with {} and the reason.{missing}\n\
         `emprl study results {study}{}` shows what was found.\n",
        one_line(&unblinding.by),
        ctx.store_argument()
    ))
}

fn preferences(ctx: &CommandContext, study: StudyId, file: &Path) -> Result<(), Failure> {
    let reader = StoreReader::open(&ctx.store)?;
    let written = studies::write_preferences(&reader, study, file).map_err(out_refused)?;
    ctx.out.show(&written, || {
        let pairs = number_of(written.pairs as u64, "preference pair is", "preference pairs are");
        let path = written.file.to_string_lossy();
        let path = one_line(&path);
        let left_out = written.left_out.as_ref();
        let left_out = left_out.map_or_else(String::new, |words| format!("{words}\n"));
        format!(
            "{pairs} in {path}\n{left_out}`emprl data import preferences {path} --name study-{study}{}` imports them.\n",
            ctx.store_argument()
        )
    })
}

fn export(
    ctx: &CommandContext,
    id: StudyId,
    who: Option<&str>,
    format: ExportFormat,
    mark: &str,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let reader = StoreReader::open(&ctx.store)?;
    let rows = match format {
        ExportFormat::Jsonl => Some(RowFormat::Jsonl),
        ExportFormat::Csv => Some(RowFormat::Csv),
        ExportFormat::Record => None,
    };
    let bytes = match (who, rows) {
        (Some(_), None) => {
            return Err(Failure::Usage(
                "--format record: holds everybody's judgements; leave --annotator out".to_string(),
            ));
        }
        (Some(who), Some(format)) => {
            let annotator = find(&reader.study(id)?, who)?.number;
            studies::own_judgements(&reader, id, annotator, format)?
        }
        (None, Some(format)) => studies::all_judgements(&reader, id, format)?,
        (None, None) => studies::record(&reader, id)?,
    };
    let bytes = [mark.as_bytes(), &bytes].concat();
    match out {
        Some(path) => {
            write_judgements(path, &bytes).map_err(out_refused)?;
            let arrivals = studies::arrivals(&reader, id)?;
            let said = json!({"file": path, "bytes": bytes.len(), "arrivals": arrivals});
            ctx.out.show(&said, || {
                let path = path.to_string_lossy();
                let sentences = arrivals.sentences();
                let sentences = sentences.iter().map(|sentence| format!("{sentence}\n"));
                let sentences: String = sentences.collect();
                format!("The judgements are in {}\n{sentences}", one_line(&path))
            })
        }
        None => ctx.out.content(&String::from_utf8_lossy(&bytes)),
    }
}
