//! What is odd in the rows of a file and stops none of them: gathered while they are read, and said in the end with the
//! lines where it stands. Must not know how a mapping was found.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;

use super::cells::decimals_after_comma;
use super::reading::Lack;
use super::reasoning::does_not_end;
use super::record::Record;
use super::scores::{Unread, WhyUnread};
use crate::data::sets::Split;

/// What is named of each kind; the rest is counted.
const SHOWN: usize = 5;

/// What is odd in rows.
#[derive(Debug, Default)]
pub struct Checks {
    ids: Repeats,
    /// Verdicts and scores.
    again: Repeats,
    /// By column and kind.
    unread: BTreeMap<(String, UnreadKind), UnreadValues>,
    /// Lines of rows without a verdict, by the column that has those of others.
    undecided: BTreeMap<String, Vec<usize>>,
    /// Lines of rows without an id, a conversation or a turn, by its column.
    without: BTreeMap<(Lack, String), Vec<usize>>,
    /// Lines of conversations that a turn of the listener opens.
    opening: Vec<usize>,
    /// Lines of answers that begin with reasoning which does not end.
    unended: Vec<usize>,
    /// The split of each conversation, as its first record says.
    splits: HashMap<u64, Split>,
    /// Conversations of which records are in several splits, with the line where that is seen.
    parted: BTreeMap<String, usize>,
}

/// Why values are no scores.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UnreadKind {
    Missing,
    NoNumber,
    /// Of the scale in words.
    Outside(String),
}

#[derive(Debug, Default)]
struct UnreadValues {
    values: usize,
    with_comma: usize,
    /// The first, with their lines.
    shown: Vec<(String, usize)>,
}

/// What stands on several lines though it should stand on one.
#[derive(Debug, Default)]
pub struct Repeats {
    /// Line by what stood there first.
    seen: HashMap<u64, usize>,
    /// By group.
    places: HashMap<u64, usize>,
    /// The first groups, with their lines.
    found: Vec<(String, Vec<usize>)>,
    more: usize,
    /// How often something stood there before.
    pub times: usize,
}

impl Repeats {
    /// Adds what is the same as before where `key` is; what has one `group` is named once, by its name.
    pub fn add(
        &mut self,
        key: &impl Hash,
        group: &impl Hash,
        name: impl FnOnce() -> String,
        line: usize,
    ) {
        let Some(first) = self.seen.insert(hash(key), line) else {
            return;
        };
        self.times += 1;
        let next = self.places.len();
        let place = *self.places.entry(hash(group)).or_insert(next);
        if place == self.found.len() && place < SHOWN {
            let lines = match first == line {
                true => Vec::new(),
                false => vec![first],
            };
            self.found.push((name(), lines));
        }
        match self.found.get_mut(place) {
            Some((_, lines)) if lines.last() != Some(&line) => lines.push(line),
            Some(_) => {}
            None => self.more += 1,
        }
    }

    /// Those that are named, with their lines, and how many more there are; None where nothing repeats.
    pub fn words(&self) -> Option<String> {
        let named = |(name, lines): &(String, Vec<usize>)| format!("{name} in {}", lines_of(lines));
        let named: Vec<String> = self.found.iter().map(named).collect();
        let words = named.join(", ");
        (self.times > 0).then(|| match self.more {
            0 => words,
            more => format!("{words}, and {more} more"),
        })
    }
}

impl Checks {
    /// The id of a record that begins on this line.
    pub fn id(&mut self, record: &Record, line: usize) {
        let name = || format!("{:?}", record.id);
        self.ids.add(&record.id, &record.id, name, line);
    }

    /// Records whose id another has before them.
    pub fn repeated_ids(&self) -> usize {
        self.ids.times
    }

    /// What a row says of an item, in its verdicts and its scores; `has_id` where the record's id is the file's.
    pub fn said(&mut self, record: &Record, item: u64, has_id: bool, line: usize) {
        let id = Some(&record.id).filter(|_| has_id);
        let id = id.or(record.conversation.as_ref());
        let who = |by: &str| match id {
            Some(id) => format!("{by} on {id:?}"),
            None => by.to_string(),
        };
        for verdict in &record.verdicts {
            if let Some(request) = verdict.request() {
                let by = request.0;
                self.again
                    .add(&(item, request), &(item, by), || who(by), line);
            }
        }
        let of_record = record.scores.iter().map(|score| (None, score));
        let of_responses = record.responses.iter().flat_map(|response| {
            let system = response.system.as_str();
            response
                .scores
                .iter()
                .map(move |score| (Some(system), score))
        });
        for (system, score) in of_record.chain(of_responses) {
            if let Some(rater) = score.by() {
                let key = (item, system, &score.name, rater);
                self.again.add(&key, &(item, rater), || who(rater), line);
            }
        }
    }

    /// What stands in the score columns of a row and is no score.
    pub fn unread(&mut self, unread: Vec<Unread>, line: usize) {
        for Unread { column, value, why } in unread {
            let kind = match why {
                WhyUnread::Missing => UnreadKind::Missing,
                WhyUnread::NoNumber => UnreadKind::NoNumber,
                WhyUnread::Outside([lowest, highest]) => {
                    UnreadKind::Outside(format!("{lowest} to {highest}"))
                }
            };
            let of = self.unread.entry((column, kind)).or_default();
            of.values += 1;
            of.with_comma += usize::from(decimals_after_comma(&value).is_some());
            if of.shown.len() < SHOWN {
                of.shown.push((value, line));
            }
        }
    }

    /// Columns of verdicts that say nothing in the row on this line.
    pub fn undecided(&mut self, columns: Vec<String>, line: usize) {
        for column in columns {
            self.undecided.entry(column).or_default().push(line);
        }
    }

    /// What a row on this line lacks, with the column.
    pub fn without(&mut self, lacking: Vec<(Lack, String)>, line: usize) {
        for of in lacking {
            self.without.entry(of).or_default().push(line);
        }
    }

    /// Turns of the listener that open the conversation on this line.
    pub fn opening(&mut self, turns: usize, line: usize) {
        self.opening.extend(iter::repeat_n(line, turns));
    }

    /// What the answers of a record on this line begin with.
    pub fn reasoning(&mut self, record: &Record, line: usize) {
        let responses = record.responses.iter();
        let texts = responses.map(|response| &response.text);
        let unended = texts.chain(&record.target);
        let unended = unended.filter(|text| does_not_end(text)).count();
        self.unended.extend(iter::repeat_n(line, unended));
    }

    /// The split that a record on this line says, where it has a conversation.
    pub fn split(&mut self, record: &Record, line: usize) {
        if let (Some(conversation), Some(split)) = (&record.conversation, record.split) {
            let first = self.splits.entry(hash(conversation)).or_insert(split);
            if *first != split && !self.parted.contains_key(conversation) {
                self.parted.insert(conversation.clone(), line);
            }
        }
    }

    /// Each a sentence.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for ((column, kind), of) in &self.unread {
            let what = match (kind, of.values) {
                (UnreadKind::Outside(scale), 1) => {
                    format!("1 value outside {scale}, not read as a score")
                }
                (UnreadKind::Outside(scale), n) => {
                    format!("{n} values outside {scale}, not read as scores")
                }
                (UnreadKind::NoNumber, 1) => {
                    "1 value that is no number and not read as a score".to_string()
                }
                (UnreadKind::NoNumber, n) => {
                    format!("{n} values that are no numbers and not read as scores")
                }
                (UnreadKind::Missing, 1) => "1 mark of a missing score".to_string(),
                (UnreadKind::Missing, n) => format!("{n} marks of missing scores"),
            };
            let shown = of.shown.iter();
            let shown: Vec<String> = shown
                .map(|(value, line)| format!("{value:?} in line {line}"))
                .collect();
            let mut note = format!("{column:?} has {what}: {}", shown.join(", "));
            if of.values > of.shown.len() {
                note += &format!(", and {} more", of.values - of.shown.len());
            }
            if of.with_comma == of.values && *kind == UnreadKind::NoNumber {
                note += "; decimal_comma = true in its part of the mapping reads commas as points";
            }
            notes.push(note + ".");
        }
        for (column, lines) in &self.undecided {
            let rows = counted(lines.len(), "row", "rows");
            let lines = lines_of(lines);
            notes.push(format!(
                "{column:?} is empty in {rows}, with no verdict by it: {lines}."
            ));
        }
        for ((lack, column), lines) in &self.without {
            let rows = counted(lines.len(), "row has", "rows have");
            let lines = lines_of(lines);
            let (of, then) = match lack {
                Lack::Id => ("ids", "Their records are called by the row (\"row 1\")."),
                Lack::Conversation => (
                    "conversations",
                    "Each of their records counts as a conversation of its own.",
                ),
                Lack::Turn => (
                    "turns",
                    "Where they stand in their conversations is not known.",
                ),
                Lack::Said => (
                    "a turn that others follow",
                    "Those before and behind it stand together.",
                ),
            };
            notes.push(format!(
                "{rows} nothing in {column:?}, the column of {of}: {lines}. {then}"
            ));
        }
        if !self.opening.is_empty() {
            let turns = counted(
                self.opening.len(),
                "opening turn without a context makes no record",
                "opening turns without a context make no records",
            );
            let lines = lines_of(&self.opening);
            notes.push(format!(
                "{turns}, as the listener's are the first of their conversations: {lines}."
            ));
        }
        if !self.unended.is_empty() {
            let answers = counted(
                self.unended.len(),
                "answer begins with reasoning that does not end (<think> without </think>), and is",
                "answers begin with reasoning that does not end (<think> without </think>), and are",
            );
            let lines = lines_of(&self.unended);
            notes.push(format!("{answers} kept whole: {lines}."));
        }
        if !self.parted.is_empty() {
            let named = self.parted.iter().take(SHOWN);
            let named: Vec<String> = named
                .map(|(conversation, line)| format!("{conversation:?} in line {line}"))
                .collect();
            let more = match self.parted.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            let what = counted(
                self.parted.len(),
                "conversation has records in several splits",
                "conversations have records in several splits",
            );
            notes.push(format!(
                "{what}, so that what is learned of it is tested as well: {}{more}.",
                named.join(", ")
            ));
        }
        if let Some(words) = self.ids.words() {
            let records = counted(self.ids.times, "record has", "records have");
            notes.push(format!("{records} an id that another has before: {words}."));
        }
        if let Some(words) = self.again.words() {
            let times = counted(
                self.again.times,
                "verdict or score is",
                "verdicts or scores are",
            );
            notes.push(format!(
                "{times} of somebody who judged the same again: {words}. All are kept, and the last counts."
            ));
        }
        notes
    }
}

/// `2 values`.
pub fn counted(n: usize, one: &str, several: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {several}"),
    }
}

pub fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// `line 3`, `lines 3, 5 and 9`, `lines 3, 5, 7, 9, 11 and 4 more`.
fn lines_of(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    match (&shown[..], lines.len().saturating_sub(SHOWN)) {
        ([only], _) => format!("line {only}"),
        ([before @ .., last], 0) => format!("lines {} and {last}", before.join(", ")),
        (_, more) => format!("lines {} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_named_with_its_lines_and_the_rest_counted() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.words(), None);
        for line in 1..=20 {
            let id = line % 7;
            repeats.add(&id, &id, || format!("c{id}"), line);
        }
        // 20 rows of 7 ids; 6 rows of two ids are not named.
        assert_eq!(repeats.times, 13);
        let words = repeats.words().unwrap();
        assert!(
            words.starts_with("c1 in lines 1, 8 and 15, c2 in "),
            "{words}"
        );
        assert!(words.ends_with(", and 3 more"), "{words}");
        let mut many = Repeats::default();
        for line in 2..10 {
            many.add(&0, &0, || "x".to_string(), line);
        }
        let words = many.words().unwrap();
        assert_eq!(words, "x in lines 2, 3, 4, 5, 6 and 3 more");
    }
}
