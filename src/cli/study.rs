//! `emprl study`: studies are made, judged, sent, merged, unblinded, and their results shown.

mod create;
mod judge;
mod results;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::moment;
use super::{Failure, Place};
use crate::report::{Align, TextTable};
use crate::store::{AnnotatorRow, Merged, Store, StoreError, StoreReader, StudyId, StudyRow};
use crate::study::definition::StudyKind;
use crate::study::export::{csv, full_rows, jsonl, own_rows};
use crate::study::make::Role;
use crate::study::pack::Pack;

#[derive(Debug, clap::Subcommand)]
pub enum Study {
    /// Make a study; says first what difference its size can show
    Create(create::Create),
    /// Studies, with how far each annotator is
    List,
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
    },
    /// Take in a pack that was sent to you, to judge it here
    Open {
        /// The pack
        file: PathBuf,
    },
    /// Merge packs that came back into the study made here; twice does no harm
    Merge {
        /// The packs
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Judge in the terminal: what is answered comes a line each from stdin
    Judge(judge::Judge),
    /// What an unblinded study shows
    Results {
        /// The study's number
        study: StudyId,
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
        /// Write to a file instead of stdout
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// How judgements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// A JSON object a line
    Jsonl,
    /// A head, then a row each
    Csv,
    /// Everything, as one JSON document
    Record,
}

impl Study {
    pub fn carry_out(&self, place: &Place) -> Result<(), Failure> {
        match self {
            Study::Create(create) => create.carry_out(place),
            Study::List => list(place),
            Study::Assign { study, adjudicator } => assign(place, *study, adjudicator.as_deref()),
            Study::Pack {
                study,
                annotator,
                out,
            } => pack(place, *study, annotator.as_deref(), out),
            Study::Open { file } => {
                let merged = Store::open(&place.store)?.open_pack(&read_pack(file)?)?;
                report_merged(place, &[(file.clone(), merged)])
            }
            Study::Merge { files } => merge(place, files),
            Study::Judge(judge) => judge.carry_out(place),
            Study::Results { study } => results::show(place, *study),
            Study::Unblind { study, by, reason } => unblind(place, *study, by, reason),
            Study::Export {
                study,
                annotator,
                format,
                out,
            } => export(place, *study, annotator.as_deref(), *format, out.as_deref()),
        }
    }
}

/// An annotator by number, pseudonym or name.
fn find<'a>(study: &'a StudyRow, who: &str) -> Result<&'a AnnotatorRow, Failure> {
    let wanted = who.trim();
    let is = |annotator: &&AnnotatorRow| {
        annotator.number.to_string() == wanted
            || annotator.pseudonym.eq_ignore_ascii_case(wanted)
            || (!annotator.name.is_empty() && annotator.name.eq_ignore_ascii_case(wanted))
    };
    study.annotators.iter().find(is).ok_or_else(|| {
        let known: Vec<String> = study.annotators.iter().map(called).collect();
        Failure::Usage(format!(
            "study {} has no annotator {wanted}; it has {}",
            study.id,
            known.join(", ")
        ))
    })
}

/// A pseudonym with the name that this store knows.
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

fn list(place: &Place) -> Result<(), Failure> {
    let studies = match StoreReader::open(&place.store) {
        Ok(reader) => reader.list_studies()?,
        Err(StoreError::Missing { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if place.out.json {
        return place.out.document(&studies);
    }
    if studies.is_empty() {
        return place.out.text(&format!(
            "No studies in {} yet. `emprl study create` makes one.\n",
            place.store.display()
        ));
    }
    let mut table = TextTable::new(&[
        ("Study", Align::Right),
        ("Title", Align::Left),
        ("Kind", Align::Left),
        ("Made", Align::Left),
        ("Stands", Align::Left),
        ("Annotator", Align::Left),
        ("Judged", Align::Right),
        ("Skipped", Align::Right),
        ("Flagged", Align::Right),
    ]);
    for study in &studies {
        let stands = match (&study.unblinding, study.is_own) {
            (Some(_), _) => "unblinded",
            (None, true) => "blind",
            (None, false) => "came as a pack",
        };
        for (at, annotator) in study.annotators.iter().enumerate() {
            let first = |text: String| if at == 0 { text } else { String::new() };
            let fourth = match annotator.role {
                Role::Adjudicator => ", fourth",
                Role::Rater => "",
            };
            table.row([
                first(study.id.to_string()),
                first(study.head.title.clone()),
                first(kind_words(study.head.kind).to_string()),
                first(moment(study.head.created_ms)),
                first(stands.to_string()),
                format!("{}{fourth}", called(annotator)),
                format!(
                    "{}/{}",
                    annotator.progress.answered, annotator.progress.assigned
                ),
                annotator.progress.skipped.to_string(),
                annotator.progress.flagged.to_string(),
            ]);
        }
    }
    place.out.text(&table.text())
}

fn assign(place: &Place, study: StudyId, adjudicator: Option<&str>) -> Result<(), Failure> {
    let mut store = Store::open(&place.store)?;
    if let Some(name) = adjudicator {
        store.set_adjudicator(study, name)?;
    }
    let given = store.route_to_adjudicator(study)?;
    if place.out.json {
        return place.out.document(&json!({"study": study, "given": given}));
    }
    place.out.text(&match given {
        0 => "No further item waits for a fourth annotator.\n".to_string(),
        1 => "The fourth annotator has 1 more item.\n".to_string(),
        given => format!("The fourth annotator has {given} more items.\n"),
    })
}

fn pack(place: &Place, id: StudyId, who: Option<&str>, dir: &Path) -> Result<(), Failure> {
    let reader = StoreReader::open(&place.store)?;
    let study = reader.study(id)?;
    let whose: Vec<&AnnotatorRow> = match who {
        Some(who) => vec![find(&study, who)?],
        None => study.annotators.iter().collect(),
    };
    std::fs::create_dir_all(dir).map_err(|error| cannot_write(dir, &error))?;
    let mut written = Vec::new();
    for annotator in whose {
        let pack = reader.pack(id, annotator.number)?;
        let path = dir.join(pack.file_name());
        let bytes = pack.to_bytes().map_err(std::io::Error::from)?;
        std::fs::write(&path, bytes).map_err(|error| cannot_write(&path, &error))?;
        written.push((called(annotator), pack.pages.len(), path));
    }
    if place.out.json {
        let rows: Vec<_> = written
            .iter()
            .map(|(who, pages, path)| json!({"annotator": who, "items": pages, "file": path}))
            .collect();
        return place.out.document(&rows);
    }
    let lines: Vec<String> = written
        .iter()
        .map(|(who, pages, path)| format!("{who}: {pages} items in {}\n", path.display()))
        .collect();
    place.out.text(&lines.concat())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!(
        "{}: {error}; choose another place with --out",
        path.display()
    ))
}

fn read_pack(file: &Path) -> Result<Pack, Failure> {
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::Failed(format!("{}: {error}; check the path", file.display())))?;
    Pack::from_bytes(&bytes).map_err(|error| {
        Failure::Failed(format!("{}: the pack is refused: {error}", file.display()))
    })
}

fn merge(place: &Place, files: &[PathBuf]) -> Result<(), Failure> {
    // All are read before the first is merged, so that one that is refused leaves nothing half done.
    let packs: Vec<Pack> = files
        .iter()
        .map(|file| read_pack(file))
        .collect::<Result<_, _>>()?;
    let mut store = Store::open(&place.store)?;
    let mut merged = Vec::new();
    for (file, pack) in files.iter().zip(&packs) {
        let one = store.merge_pack(pack).map_err(|error| match error {
            StoreError::Study(error) => Failure::Failed(format!("{}: {error}", file.display())),
            error => error.into(),
        })?;
        merged.push((file.clone(), one));
    }
    report_merged(place, &merged)
}

fn report_merged(place: &Place, merged: &[(PathBuf, Merged)]) -> Result<(), Failure> {
    if place.out.json {
        let rows = merged.iter().map(|(file, merged)| {
            let mut row = json!(merged);
            row["file"] = json!(file);
            row
        });
        return place.out.document(&rows.collect::<Vec<_>>());
    }
    let line = |(file, merged): &(PathBuf, Merged)| {
        format!(
            "{}: study {}, annotator {}: {} judgements were new, {} were here already\n",
            file.display(),
            merged.study,
            merged.annotator,
            merged.added,
            merged.known
        )
    };
    place.out.text(&merged.iter().map(line).collect::<String>())
}

fn unblind(place: &Place, study: StudyId, by: &str, reason: &str) -> Result<(), Failure> {
    let unblinding = Store::open(&place.store)?.unblind(study, by, reason)?;
    if place.out.json {
        return place.out.document(&unblinding);
    }
    let missing = match unblinding.missing {
        0 => String::new(),
        n => format!(" {n} judgements were still missing."),
    };
    place.out.text(&format!(
        "Study {study} is unblinded; that is on record with {} and the reason.{missing}\n\
         `emprl study results {study}{}` shows what was found.\n",
        unblinding.by,
        place.store_argument()
    ))
}

fn export(
    place: &Place,
    id: StudyId,
    who: Option<&str>,
    format: ExportFormat,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let reader = StoreReader::open(&place.store)?;
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let json = |error: serde_json::Error| failed(&error);
    let bytes = match (who, format) {
        (Some(_), ExportFormat::Record) => {
            return Err(Failure::Usage(
                "--format record: holds everybody's judgements; leave --annotator out".to_string(),
            ));
        }
        (Some(who), format) => {
            let study = reader.study(id)?;
            let rows = own_rows(&reader.desk(id, find(&study, who)?.number)?);
            match format {
                ExportFormat::Csv => csv(&rows).map_err(|error| failed(&error))?,
                _ => jsonl(&rows).map_err(json)?.into_bytes(),
            }
        }
        (None, format) => {
            let study = reader.unblinded(id)?;
            match format {
                ExportFormat::Csv => csv(&full_rows(&study)).map_err(|error| failed(&error))?,
                ExportFormat::Jsonl => jsonl(&full_rows(&study)).map_err(json)?.into_bytes(),
                ExportFormat::Record => serde_json::to_vec_pretty(&study).map_err(json)?,
            }
        }
    };
    match out {
        Some(path) => {
            std::fs::write(path, &bytes).map_err(|error| cannot_write(path, &error))?;
            match place.out.json {
                true => place
                    .out
                    .document(&json!({"file": path, "bytes": bytes.len()})),
                false => place
                    .out
                    .text(&format!("The judgements are in {}\n", path.display())),
            }
        }
        None => place.out.text(&String::from_utf8_lossy(&bytes)),
    }
}
