//! Files that say something of answers which are elsewhere: a row has a record's id, perhaps a system, and labels, scores
//! and verdicts. Must not know where those records are kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::aspects::{self, Search};
use super::cells::whole;
use super::checks::{Checks, hash};
use super::find::{self, RestOfColumns};
use super::mapping::{Mapping, RaterColumn, ScoreColumn, VerdictColumns};
use super::names;
use super::profile::{Column, Profile};
use super::reading::labels;
use super::record::{Labels, Origin, Record, Score, TARGET, Verdict};
use super::scores::ScoreReader;
use super::verdicts::{undecided, verdicts};
use super::{RowProblem, cells, judges, merging};
use crate::data::error::DataError;
use crate::data::reader::source::{Found, FoundRow, Source};

/// The records and systems that rows may speak of.
#[derive(Debug, Default)]
pub struct Known {
    records: Vec<KnownRecord>,
    /// Places of records by their ids.
    ids: HashMap<String, Vec<usize>>,
    /// Places of records by their conversations.
    conversations: HashMap<String, Vec<usize>>,
    systems: BTreeSet<String>,
    /// Numbers of those that answer.
    numbers: HashMap<String, usize>,
    /// Column of the file's ids.
    id_column: Option<String>,
    /// Whether records are called by numbers that this program gave them, and whether their conversations are: files mean
    /// others.
    numbered: [bool; 2],
    /// Label of the file's ids, where several answers have the same and records are numbered.
    id_label: Option<String>,
}

#[derive(Debug)]
struct KnownRecord {
    /// What it says without its labels, as a number.
    answers: u64,
    /// Numbers of the systems that answer in it, the listener's own among them; nobody knows them where there are none.
    systems: Vec<usize>,
}

/// The records that a row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// No record has its id.
    Nothing,
    /// One, by its place from 0, or several that say the same.
    Records(Vec<usize>),
    /// Several with different answers, and the row does not say which.
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
        let is_made_up = is_numbered && id_label.is_none();
        let labelled = id_label.map(|(_, column)| column.clone());
        Known {
            id_column: mapping.id.clone().or(labelled),
            numbered: [is_made_up, is_made_up && mapping.conversation.is_none()],
            systems: systems.into_iter().collect(),
            id_label: id_label.map(|(label, _)| label.clone()),
            ..Known::default()
        }
    }

    /// Adds the next record, with its conversation.
    pub fn add(&mut self, record: &Record) {
        let place = self.records.len();
        let id = match &self.id_label {
            // The number of a row would be taken for an id of the file.
            Some(label) => record.labels.get(label).cloned().map(whole),
            None => Some(record.id.clone()),
        };
        if let Some(id) = id {
            self.ids.entry(id).or_default().push(place);
        }
        if let Some(conversation) = record.conversation.as_ref().filter(|of| **of != record.id) {
            let of = self.conversations.entry(conversation.clone());
            of.or_default().push(place);
        }
        let systems = record.responses.iter();
        let systems = systems.map(|response| response.system.as_str());
        let target = record.target.as_ref().map(|_| TARGET);
        let numbers = &mut self.numbers;
        let mut number = |system: &str| {
            let next = numbers.len();
            *numbers.entry(system.to_string()).or_insert(next)
        };
        self.records.push(KnownRecord {
            answers: merging::answers(record),
            systems: systems.chain(target).map(&mut number).collect(),
        });
    }

    /// The places of the records that an id is of, its own or that of their conversation; with `by_number` also where this
    /// program gave it.
    fn owners(&self, id: &str, by_number: bool) -> Option<&Vec<usize>> {
        let [ids, conversations] = self.numbered.map(|is| by_number || !is);
        let of_record = || self.ids.get(id).filter(|_| ids);
        let of_conversation = || self.conversations.get(id).filter(|_| conversations);
        // What the file calls so comes before a number.
        match self.numbered[0] {
            true => of_conversation().or_else(of_record),
            false => of_record().or_else(of_conversation),
        }
    }

    /// The records that an id is of, of which a row speaks that is about these systems.
    fn about<'a>(
        &self,
        id: &str,
        by_number: bool,
        systems: impl IntoIterator<Item = &'a str>,
    ) -> About {
        let owners = self.owners(id, by_number);
        let Some([first, ..]) = owners.map(Vec::as_slice) else {
            return About::Nothing;
        };
        let systems = systems.into_iter().map(|system| self.numbers.get(system));
        let systems: Vec<Option<&usize>> = systems.collect();
        let fits = |place: &usize| {
            let there = &self.records[*place].systems;
            let mut systems = systems.iter();
            there.is_empty() || systems.all(|of| of.is_some_and(|of| there.contains(of)))
        };
        let owners = owners.into_iter().flatten().copied();
        let found: Vec<usize> = owners.filter(fits).collect();
        let mut answers = found.iter().map(|place| self.records[*place].answers);
        let one = answers.next();
        match answers.all(|answers| Some(answers) == one) {
            // None has responses of these systems, which is said of one of them.
            true if found.is_empty() => About::Records(vec![*first]),
            true => About::Records(found),
            false => About::Several,
        }
    }

    /// What a person should know where a column has numbers that this program gave to records, as a sentence.
    fn note_of_numbers(&self, column: &str, profile: &Profile) -> Option<String> {
        if !self.numbered[0] {
            return None;
        }
        let values = profile.column(column).and_then(Column::values);
        let is_of_file = |value: &String| {
            !self.numbered[1] && self.conversations.contains_key(&whole(value.clone()))
        };
        if values.is_some_and(|values| values.iter().any(is_of_file)) {
            return None;
        }
        let begins = match values.is_none_or(|values| values.contains("0")) {
            true => "",
            false => {
                ", and none of them is 0 here: where the file counts from 1, what it says is joined to the record behind the one \
                 that it is about"
            }
        };
        Some(format!(
            "The corpus has no ids of its own: what stands in {column:?} is taken for the numbers of its records, which begin at \
             0{begins}."
        ))
    }

    /// Whether something has this id, and how sure that is: several records of a conversation are told apart by more.
    fn has(&self, id: &str) -> [bool; 2] {
        let [ids, conversations] = self.numbered;
        let of = self.conversations.get(id).filter(|_| !conversations);
        let is_one = !ids && self.ids.contains_key(id) || of.is_some_and(|of| of.len() == 1);
        [is_one, is_one || of.is_some()]
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
    /// Whether a person says that it may have the numbers that this program gave to records without ids.
    by_number: bool,
    /// Column of the system that is spoken of.
    pub system: Option<String>,
    /// Column by label.
    pub labels: BTreeMap<String, String>,
    pub raters: Option<RaterColumn>,
    pub scores: BTreeMap<String, ScoreColumn>,
    /// What columns that are named for a system say of its answers.
    pub of_systems: BTreeMap<String, SystemColumns>,
    /// By the verdict's name.
    pub verdicts: BTreeMap<String, VerdictColumns>,
    /// Why a column is left out.
    pub left_out: BTreeMap<String, String>,
    /// What a person should know; each a sentence.
    pub notes: Vec<String>,
}

/// Columns of one system among several.
#[derive(Debug, Default)]
pub struct SystemColumns {
    /// Column by label.
    pub labels: BTreeMap<String, String>,
    pub scores: BTreeMap<String, ScoreColumn>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// Where the row begins, from 1.
    pub line: usize,
    /// As the row has it.
    pub id: String,
    /// Never empty; several where columns are named for systems.
    pub parts: Vec<RemarkPart>,
}

/// What a row says of one answer, or of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct RemarkPart {
    pub about: About,
    pub system: Option<String>,
    pub labels: Labels,
    pub scores: Vec<Score>,
    pub verdicts: Vec<Verdict>,
}

impl RemarkPart {
    pub fn says_nothing(&self) -> bool {
        self.labels.is_empty() && self.scores.is_empty() && self.verdicts.is_empty()
    }
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
        // Rows of a column whose cell is a known id, a known system, and an id that several may have.
        let mut matches: BTreeMap<String, [usize; 3]> = BTreeMap::new();
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
                let [is_one, is_any] = known.has(&text);
                counts[0] += usize::from(is_one);
                counts[2] += usize::from(is_any);
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
                let is_same = known.id_column.as_deref() == Some(name);
                // The number of a row tells nothing of what it is about, unless records are called so.
                let counts = profile.column(name).is_some_and(find::counts_rows) && !is_same;
                !except(name) && !counts && (!number || names::is_called(name, names))
            };
            let counts = matches
                .iter()
                .filter(|(name, counts)| counts[of] > 0 && fits(name));
            counts
                .max_by_key(|(name, counts)| {
                    let is_same = known.id_column.as_ref() == Some(*name);
                    let matches = counts[of] * (1 + usize::from(is_same));
                    (matches, names::is_called(name, names))
                })
                .map(|(name, _)| name.clone())
        };
        let id = match &said.id {
            Some(name) => require(name)?,
            None => {
                let called = [names::ID, names::CONVERSATION, names::JUDGED].concat();
                let found = most(0, &called, &|_| false);
                let found = found.or_else(|| most(2, &called, &|_| false));
                let (why, fix) = match known.numbered {
                    [true, true] => (
                        ": the corpus has no ids of its own, and its records are numbered from 0",
                        "import the corpus again with its ids (id = \"COLUMN\" in the mapping), or say with --id which \
                         column has these numbers, if one has",
                    ),
                    _ => (
                        "",
                        "say with --id which column has the ids, or join it to its own corpus",
                    ),
                };
                let what = || format!("no column has the id of a record{why}; {}", there());
                found.ok_or_else(|| wrong(what(), fix))?
            }
        };
        let by_number = said.id.is_some();
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
            && (said_system.is_none() || !rest.has_pair)
        {
            let fix = match rest.has_pair {
                true => "correct them, or say with --system whose rows these are",
                false => {
                    "add two columns with them, such as model_a and model_b, or keep it as a label with --keep"
                }
            };
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
        let mut of_systems = BTreeMap::new();
        if system.is_none() && known.systems.len() > 1 {
            of_systems = beside_systems(&known.systems, &mut labels, &mut scores);
        }
        let is_silent = labels.is_empty() && scores.is_empty() && verdicts.is_empty();
        if is_silent && of_systems.is_empty() {
            let fix =
                "give a file with scores, categories or verdicts, or name columns with --keep";
            return Err(wrong(
                format!("has no label, no score and no verdict; {}", there()),
                fix,
            ));
        }
        let origin = said.origin.or_else(|| find::origin(&file));
        for column in all_scores(&mut scores, &mut of_systems) {
            column.origin = match said.origin {
                Some(_) => origin,
                None => column.origin.or(origin),
            };
        }
        for columns in verdicts.values_mut() {
            columns.origin = said.origin.or(columns.origin);
        }
        let by_people =
            all_scores(&mut scores, &mut of_systems).any(|column| judges::may_be_of_people(column));
        let count = all_scores(&mut scores, &mut of_systems).count();
        let mut search = Search::of(&profile, labels.values());
        let mut aspect = None;
        if count > 0 && verdicts.is_empty() && !search.is_over() {
            for found in source.rows()? {
                let Found::Row(FoundRow { fields, .. }) = found? else {
                    continue;
                };
                let row = cells::columns(fields);
                let system = system.as_ref().and_then(|name| cells::text_of(&row, name));
                search.add(hash(&(cells::text_of(&row, &id), system)), &row);
            }
            aspect = search.found(count);
        }
        if let Some(aspect) = &aspect {
            labels.retain(|_, column| column != aspect);
            for column in all_scores(&mut scores, &mut of_systems) {
                column.named_by = Some(aspect.clone());
            }
        }
        let mut raters = match verdicts.is_empty() && by_people {
            true => raters(&profile, &mut labels, &mut left_out),
            false => None,
        };
        if let Some(raters) = &raters {
            for column in all_scores(&mut scores, &mut of_systems) {
                let by = find::origin_of_raters(&raters.column);
                column.origin = column.origin.or(by);
            }
        }
        let decimals = all_scores(&mut scores, &mut of_systems).map(|column| &*column);
        let mut notes = profile.decimal_commas(decimals);
        notes.extend(aspect.map(|column| aspects::note(&profile, &column)));
        notes.extend(
            by_number
                .then(|| known.note_of_numbers(&id, &profile))
                .flatten(),
        );
        notes.extend(of_systems.iter().map(|(system, columns)| {
            let scores = columns.scores.values().map(|score| &score.column);
            let named = columns.labels.values().chain(scores);
            let named: Vec<String> = named.map(|name| format!("{name:?}")).collect();
            let verb = if named.len() == 1 { "is" } else { "are" };
            format!(
                "{} {verb} read as what is said of {system:?}.",
                named.join(", ")
            )
        }));
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
            by_number,
            system,
            labels,
            raters,
            scores,
            of_systems,
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
                let verdicts = verdicts(&self.verdicts, &fields)?;
                let compared = verdicts.iter().flat_map(Verdict::pair);
                let whole_row = RemarkPart {
                    about: known.about(
                        &of,
                        self.by_number,
                        system.as_deref().into_iter().chain(compared),
                    ),
                    system,
                    labels: labels(&self.labels, &fields),
                    scores: reader.read(&self.scores, &fields),
                    verdicts,
                };
                let mut parts = vec![whole_row];
                for (system, columns) in &self.of_systems {
                    parts.push(RemarkPart {
                        about: known.about(&of, self.by_number, [system.as_str()]),
                        system: Some(system.clone()),
                        labels: labels(&columns.labels, &fields),
                        scores: reader.read(&columns.scores, &fields),
                        verdicts: Vec::new(),
                    });
                }
                if parts.iter().any(|part| !part.says_nothing()) {
                    parts.retain(|part| !part.says_nothing());
                }
                Ok(Remark {
                    line: row.line,
                    id,
                    parts,
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

/// All score columns.
fn all_scores<'a>(
    scores: &'a mut BTreeMap<String, ScoreColumn>,
    of_systems: &'a mut BTreeMap<String, SystemColumns>,
) -> impl Iterator<Item = &'a mut ScoreColumn> {
    let beside = of_systems.values_mut();
    let beside = beside.flat_map(|columns| columns.scores.values_mut());
    scores.values_mut().chain(beside)
}

/// Takes the columns that are named for one of these systems out of those of labels and scores.
fn beside_systems(
    systems: &BTreeSet<String>,
    labels: &mut BTreeMap<String, String>,
    scores: &mut BTreeMap<String, ScoreColumn>,
) -> BTreeMap<String, SystemColumns> {
    // The longest names first, as one may be the end of another.
    let mut by_length: Vec<&String> = systems.iter().collect();
    by_length.sort_by_key(|system| std::cmp::Reverse(system.len()));
    let mut found: BTreeMap<String, SystemColumns> = BTreeMap::new();
    for system in by_length {
        let mut of = SystemColumns::default();
        for (_, column) in
            labels.extract_if(.., |_, column| names::beside(column, system).is_some())
        {
            let what = names::beside(&column, system).unwrap_or_default();
            let taken = of.labels.contains_key(&what);
            of.labels
                .insert(if taken { column.clone() } else { what }, column);
        }
        for (_, mut score) in scores.extract_if(.., |_, score| {
            names::beside(&score.column, system).is_some()
        }) {
            let what = names::beside(&score.column, system).unwrap_or_default();
            let taken = of.scores.contains_key(&what) || of.labels.contains_key(&what);
            let what = if taken { score.column.clone() } else { what };
            // A system that is called `human` is no rater.
            score.origin = find::origin(&what);
            of.scores.insert(what, score);
        }
        if !of.labels.is_empty() || !of.scores.is_empty() {
            found.insert(system.clone(), of);
        }
    }
    found
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
