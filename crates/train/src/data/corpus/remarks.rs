//! Files that say something of answers which are elsewhere: a row has a record's id, perhaps a system, and labels, scores
//! and verdicts. Must not know where those records are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::cells::whole;
use super::checks::Checks;
use super::find::{self, RestOfColumns};
use super::mapping::{Mapping, RaterColumn, ScoreColumn, VerdictColumns};
use super::names;
use super::profile::{Column, Profile};
use super::reading::labels;
use super::record::{Labels, Origin, Record, Score, TARGET, Verdict};
use super::scores::ScoreReader;
use super::verdicts::{undecided, verdicts};
use super::{RowProblem, cells, judges};
use crate::data::error::DataError;
use crate::data::reader::source::{Found, FoundRow, Source};

/// The records and systems that rows may speak of.
#[derive(Debug, Default)]
pub struct Known {
    ids: HashMap<String, Named>,
    systems: BTreeSet<String>,
    /// Label of the file's ids, where several answers have the same and records are numbered.
    id_label: Option<String>,
    /// By such an id and a system (`""`: whatever it is) the record; None where there are several.
    labelled: HashMap<(String, String), Option<String>>,
}

/// What has an id.
#[derive(Debug)]
enum Named {
    Record,
    /// A conversation with one record, whose id it is.
    Conversation(String),
    /// A conversation with several.
    Several,
}

impl Known {
    /// These systems, and no record yet, of a corpus that was read by this mapping.
    pub fn of_systems(systems: impl IntoIterator<Item = String>, mapping: &Mapping) -> Known {
        let is_numbered = mapping.id.is_none() && !mapping.records;
        let mut labels = mapping.labels.iter();
        let id_label = labels.find(|(_, column)| {
            let called = [names::ID, names::JUDGED].concat();
            is_numbered && names::is_called(column, &called)
        });
        Known {
            systems: systems.into_iter().collect(),
            id_label: id_label.map(|(label, _)| label.clone()),
            ..Known::default()
        }
    }

    /// Adds a record with its conversation.
    pub fn add(&mut self, record: &Record) {
        let id = self
            .id_label
            .as_ref()
            .and_then(|label| record.labels.get(label));
        match id {
            // The number of a row would be taken for an id of the file.
            Some(id) => {
                let id = whole(id.clone());
                let systems = record.responses.iter();
                let systems = systems.map(|response| response.system.as_str());
                let target = record.target.as_ref().map(|_| TARGET);
                for system in systems.chain(target).chain([""]) {
                    self.labelled
                        .entry((id.clone(), system.to_string()))
                        .and_modify(|of| *of = None)
                        .or_insert_with(|| Some(record.id.clone()));
                }
            }
            None => drop(self.ids.insert(record.id.clone(), Named::Record)),
        }
        let Some(conversation) = record.conversation.as_ref().filter(|of| **of != record.id) else {
            return;
        };
        self.ids
            .entry(conversation.clone())
            .and_modify(|named| {
                if let Named::Conversation(_) = named {
                    *named = Named::Several;
                }
            })
            .or_insert_with(|| Named::Conversation(record.id.clone()));
    }

    /// The id of the record that an id is of: its own, that of a conversation which it is the only record of, or one that
    /// several have, of which one is of this system.
    fn record<'a>(&'a self, id: &'a str, system: Option<&str>) -> Option<&'a str> {
        match self.ids.get(id) {
            Some(Named::Record) => Some(id),
            Some(Named::Conversation(record)) => Some(record),
            Some(Named::Several) => None,
            None => {
                let system = system.unwrap_or_default().to_string();
                self.labelled.get(&(id.to_string(), system))?.as_deref()
            }
        }
    }

    /// Whether something has this id.
    fn has(&self, id: &str) -> bool {
        let labelled = (id.to_string(), String::new());
        self.record(id, None).is_some() || self.labelled.contains_key(&labelled)
    }
}

/// What a person says of a file's columns; what is not said is found by looking.
#[derive(Debug, Default)]
pub struct RemarkColumns {
    pub id: Option<String>,
    pub system: Option<String>,
    /// Who gave the scores and verdicts.
    pub origin: Option<Origin>,
    /// Who of those that are named as judges or raters are language models; None: those whose names say so.
    pub judges: Option<Vec<String>>,
    /// Kept as labels, though they look like none.
    pub keep: Vec<String>,
}

/// A file of rows with labels, scores and verdicts.
#[derive(Debug)]
pub struct RemarkFile {
    pub source: Source,
    /// Column of the record's id.
    pub id: String,
    /// Column of the system that is spoken of.
    pub system: Option<String>,
    /// Column by label.
    pub labels: BTreeMap<String, String>,
    pub raters: Option<RaterColumn>,
    pub scores: BTreeMap<String, ScoreColumn>,
    /// By the verdict's name.
    pub verdicts: BTreeMap<String, VerdictColumns>,
    /// Why a column is left out.
    pub left_out: BTreeMap<String, String>,
    /// What a person should know; each a sentence.
    pub notes: Vec<String>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// Where the row begins, from 1.
    pub line: usize,
    /// As the row has it.
    pub id: String,
    /// The id of the record; None where no record has it.
    pub record: Option<String>,
    pub system: Option<String>,
    pub labels: Labels,
    pub scores: Vec<Score>,
    pub verdicts: Vec<Verdict>,
}

impl RemarkFile {
    /// Opens a file; its ids are in the column with most of the known ids, its systems in the one with most known systems.
    ///
    /// # Errors
    /// The file cannot be read or holds no rows; a column that is said is not there; no column has a known id; nothing
    /// is a label or a score; most winners beside two systems are none of them.
    pub fn open(path: &Path, known: &Known, said: &RemarkColumns) -> Result<RemarkFile, DataError> {
        let source = Source::open(path)?;
        let mut profile = Profile::default();
        // Rows of a column whose cell is a known id, and a known system.
        let mut matches: BTreeMap<String, [usize; 2]> = BTreeMap::new();
        for found in source.rows()? {
            let Found::Row(FoundRow { line, fields }) = found? else {
                continue;
            };
            let row = cells::columns(fields);
            for (name, cell) in &row {
                let Some(text) = cells::label(cell).map(whole) else {
                    continue;
                };
                let counts = matches.entry(name.clone()).or_default();
                counts[0] += usize::from(known.has(&text));
                counts[1] += usize::from(known.systems.contains(&text));
            }
            profile.add(&row, line);
        }
        let wrong = |what: String, fix: &str| DataError::file(path, what, fix);
        let there = || {
            let names: Vec<&str> = profile.columns.iter().map(|column| &*column.name).collect();
            format!("it has {}", names.join(", "))
        };
        let require = |name: &String| match profile.column(name) {
            Some(_) => Ok(name.clone()),
            None => Err(wrong(
                format!("has no column {name:?}; {}", there()),
                "name one of these",
            )),
        };
        // Of columns with as many matches, one with a known name.
        let most = |of: usize, names: &[&str], except: &dyn Fn(&str) -> bool| {
            let fits = |name: &str| {
                // Any number is the id of some record where those are numbered.
                let number = profile.column(name).is_some_and(Column::is_number);
                !except(name) && (!number || names::is_called(name, names))
            };
            let counts = matches
                .iter()
                .filter(|(name, counts)| counts[of] > 0 && fits(name));
            counts
                .max_by_key(|(name, counts)| (counts[of], names::is_called(name, names)))
                .map(|(name, _)| name.clone())
        };
        let id = match &said.id {
            Some(name) => require(name)?,
            None => {
                let called = [names::ID, names::CONVERSATION, names::JUDGED].concat();
                most(0, &called, &|_| false).ok_or_else(|| {
                    let what = format!("no column has the id of a record; {}", there());
                    wrong(
                        what,
                        "say with --id which column has the ids, or join it to its own corpus",
                    )
                })?
            }
        };
        let file = path.file_stem().unwrap_or_default().to_string_lossy();
        let said_system = said.system.as_ref().map(require).transpose()?;
        let keep: Vec<String> = said.keep.iter().map(require).collect::<Result<_, _>>()?;

        let mut taken = keep.clone();
        taken.push(id.clone());
        taken.extend(said_system.clone());
        let found_beside = |taken: &[String]| find::rest(&profile, taken, &known.systems, &file);
        let mut rest = found_beside(&taken);
        // Then one of the two columns would be taken for that of the system whose row it is.
        if let Some(why) = rest.not_understood.take()
            && said_system.is_none()
        {
            let fix = "correct them, or say with --system whose rows these are";
            return Err(wrong(why, fix));
        }
        // A column of systems that are compared is not one of whose row it is.
        let compared = |name: &str| {
            let mut columns = rest.verdicts.values().flat_map(VerdictColumns::columns);
            columns.any(|column| column == name)
        };
        let system = match said_system {
            Some(name) => Some(name),
            None => most(1, names::SYSTEM, &|name| name == id || compared(name)),
        };
        if let Some(system) = system.as_ref().filter(|system| !taken.contains(system)) {
            taken.push(system.clone());
            rest = found_beside(&taken);
        }
        let RestOfColumns {
            mut labels,
            mut scores,
            mut verdicts,
            mut left_out,
            ..
        } = rest;
        let is_repeat = |name: &str| {
            let last = name.rsplit('.').next().unwrap_or(name);
            names::is_called(last, names::REPEAT)
        };
        let repeats = labels.extract_if(.., |name, _| is_repeat(name));
        let repeats = repeats.map(|(name, _)| name).collect::<Vec<_>>();
        let numbers = scores.extract_if(.., |name, _| is_repeat(name));
        for name in repeats.into_iter().chain(numbers.map(|(name, _)| name)) {
            left_out.insert(name, "numbers the repeats of a row".to_string());
        }
        labels.extend(keep.into_iter().map(|name| (name.clone(), name)));
        if labels.is_empty() && scores.is_empty() && verdicts.is_empty() {
            let fix =
                "give a file with scores, categories or verdicts, or name columns with --keep";
            return Err(wrong(
                format!("has no label, no score and no verdict; {}", there()),
                fix,
            ));
        }
        let origin = said.origin.or_else(|| find::origin(&file));
        for column in scores.values_mut() {
            column.origin = match said.origin {
                Some(_) => origin,
                None => column.origin.or(origin),
            };
        }
        for columns in verdicts.values_mut() {
            columns.origin = said.origin.or(columns.origin);
        }
        let by_people = scores.values().any(judges::may_be_of_people);
        let mut raters = match verdicts.is_empty() && by_people {
            true => raters(&profile, &mut labels, &mut left_out),
            false => None,
        };
        if let Some(raters) = &raters {
            for column in scores.values_mut() {
                let by = find::origin_of_raters(&raters.column);
                column.origin = column.origin.or(by);
            }
        }
        let mut notes = profile.decimal_commas(scores.values());
        match &said.judges {
            Some(judges) => {
                for columns in verdicts.values_mut().filter(|of| of.judge_column.is_some()) {
                    columns.judges.clone_from(judges);
                }
                if let Some(raters) = &mut raters {
                    raters.judges.clone_from(judges);
                }
            }
            None => {
                let found = judges::taken(&mut verdicts, &mut raters, &profile);
                notes.extend(found.map(|names| {
                    format!(
                        "{} {} a language model by the name, and counted apart from people; where that is wrong, name with \
                         --judges those who are.",
                        names.join(", "),
                        if names.len() == 1 { "seems to be" } else { "each seem to be" }
                    )
                }));
            }
        }
        Ok(RemarkFile {
            source,
            id,
            system,
            labels,
            raters,
            scores,
            verdicts,
            left_out,
            notes,
        })
    }

    /// Gives what every row says to `keep`, and every row that cannot be read to `refuse`. Returns what a person should
    /// know of the rows, each a sentence.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn each(
        &self,
        known: &Known,
        mut keep: impl FnMut(Remark),
        mut refuse: impl FnMut(RowProblem),
    ) -> Result<Vec<String>, DataError> {
        let mut checks = Checks::default();
        for found in self.source.rows()? {
            let row = match found? {
                Found::Row(row) => row,
                Found::Problem { line, what } => {
                    refuse(RowProblem { line, what });
                    continue;
                }
            };
            let fields = cells::columns(row.fields);
            let text = |column: &str| fields.get(column).and_then(cells::label);
            let mut reader = ScoreReader::of(self.raters.as_ref(), &fields);
            let mut remark = || -> Result<Remark, String> {
                let id = text(&self.id).ok_or_else(|| format!("has no id in {:?}", self.id))?;
                let system = self.system.as_deref().and_then(text);
                let of = whole(id.clone());
                let record = known.record(&of, system.as_deref());
                Ok(Remark {
                    line: row.line,
                    record: record.map(str::to_string),
                    id,
                    system,
                    labels: labels(&self.labels, &fields),
                    scores: reader.read(&self.scores, &fields),
                    verdicts: verdicts(&self.verdicts, &fields)?,
                })
            };
            let remark = remark();
            checks.unread(reader.unread, row.line);
            checks.undecided(undecided(&self.verdicts, &fields), row.line);
            match remark {
                Ok(remark) => keep(remark),
                Err(what) => refuse(RowProblem {
                    line: row.line,
                    what,
                }),
            }
        }
        Ok(checks.notes())
    }
}

/// The column of who gave the scores, where several did; it is no label then.
fn raters(
    profile: &Profile,
    labels: &mut BTreeMap<String, String>,
    left_out: &mut BTreeMap<String, String>,
) -> Option<RaterColumn> {
    let is_left =
        |name: &String| left_out.contains_key(name) || labels.values().any(|of| of == name);
    let is_rater = |column: &&Column| {
        let several = column.values().is_some_and(|values| values.len() > 1);
        several && names::is_called(&column.name, names::JUDGE) && is_left(&column.name)
    };
    let column = profile.columns.iter().find(is_rater)?.name.clone();
    labels.retain(|_, of| *of != column);
    left_out.remove(&column);
    Some(RaterColumn {
        column,
        judges: Vec::new(),
    })
}
