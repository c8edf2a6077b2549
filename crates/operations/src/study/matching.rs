//! Which context each row of a file answers.
//!
//! Knows rows and contexts; must not know systems. Nothing is matched by a guess: what is ambiguous is refused
//! with the rows, and what was decided is said.

use std::collections::HashSet;
use std::path::Path;

use super::align_by::AlignBy;
use super::contexts::{CONVERSATION, Numbering, OrderedContexts, TURN, number_of, whole_number};
use super::counted;
use super::error::StudyError;
use crate::data::DataError;
use crate::data::rows::Row;

/// What each row answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    pub by: AlignBy,
    /// By row: the index of its context, or why it has none.
    pub places: Vec<Result<usize, String>>,
    /// What was decided, each a sentence.
    pub notes: Vec<String>,
}

/// Rows that are named in a message.
const SHOWN: usize = 5;
const INDEX_FIELDS: [&str; 2] = ["idx", "index"];

/// Finds the context of every row, by the best that all rows offer unless `by` says how.
///
/// # Errors
/// Only some rows have what they would be matched by; their numbers can be read in two ways; or they are matched in
/// order and there are not as many as contexts.
pub fn match_rows(
    path: &Path,
    rows: &[Row],
    order: &OrderedContexts,
    by: Option<AlignBy>,
) -> Result<Matched, StudyError> {
    let matching = Matching {
        path,
        rows,
        order,
        asked: by.is_some(),
    };
    let (key, mut notes) = matching.key(by)?;
    let by = key.by();
    if by == AlignBy::Order && rows.len() != order.len() {
        return Err(StudyError::Count {
            path: path.to_path_buf(),
            rows: rows.len(),
            contexts: order.len(),
            order: order.name.clone(),
        });
    }
    let mut taken = HashSet::new();
    let mut shared = 0;
    let mut places = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let place = matching.place(&key, at, row, &taken, &mut shared);
        if let Ok(place) = &place {
            taken.insert(*place);
        }
        places.push(place);
    }
    if shared > 0 {
        notes.push(format!(
            "{} a context that several contexts share; such rows are matched in the file's order.",
            counted(shared, "row has", "rows have")
        ));
    }
    Ok(Matched { by, places, notes })
}

/// How a row's context is found.
enum Key<'a> {
    Order,
    /// The rows' field with the contexts' own numbers.
    Own(&'static str, &'a Numbering),
    /// The rows' field with the context's place, counted from this.
    Place(&'static str, u64),
    Turn,
    Words,
}

impl Key<'_> {
    fn by(&self) -> AlignBy {
        match self {
            Key::Order => AlignBy::Order,
            Key::Own(..) | Key::Place(..) => AlignBy::Index,
            Key::Turn => AlignBy::ConversationTurn,
            Key::Words => AlignBy::Words,
        }
    }
}

struct Matching<'a> {
    path: &'a Path,
    rows: &'a [Row],
    order: &'a OrderedContexts,
    /// Whether a person said how.
    asked: bool,
}

/// Whether a row has what it would be matched by.
type Has<'a> = &'a dyn Fn(&Row) -> bool;

type Found<'a> = Result<(Key<'a>, Vec<String>), StudyError>;

impl<'a> Matching<'a> {
    fn key(&self, by: Option<AlignBy>) -> Found<'a> {
        let plain = |key| Ok((key, Vec::new()));
        match by {
            Some(AlignBy::Order) => plain(Key::Order),
            Some(AlignBy::ConversationTurn) => {
                self.require("conversation and turn", has_turn)?;
                plain(Key::Turn)
            }
            Some(AlignBy::Words) => {
                self.require("context", has_context)?;
                plain(Key::Words)
            }
            Some(AlignBy::Index) => {
                let field = self.number_field().unwrap_or("idx");
                self.require(field, |row| number_of(row, field).is_some())?;
                self.by_number(field)
            }
            None => self.best(),
        }
    }

    /// The best that all rows offer; refused where only some offer it and nothing else serves.
    fn best(&self) -> Found<'a> {
        let count = |has: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| has(row)).count();
        let all = self.rows.len();
        let turns = match self.order.has_turns() {
            true => count(&has_turn),
            false => 0,
        };
        let field = self.number_field();
        let numbers = field.map_or(0, |field| count(&|row| number_of(row, field).is_some()));
        let contexts = count(&has_context);
        if turns == all {
            return Ok((Key::Turn, Vec::new()));
        }
        if let Some(field) = field.filter(|_| numbers == all) {
            return match self.by_number(field) {
                // The words of the contexts settle what numbers leave open.
                Err(StudyError::Data(why)) if contexts == all => {
                    let note = format!("Matched by the words of the context: {why}.");
                    Ok((Key::Words, vec![note]))
                }
                found => found,
            };
        }
        if contexts == all {
            let note = field.filter(|_| numbers > 0).map(|field| {
                format!(
                    "Matched by the words of the context: {} no {field}.",
                    counted(all - numbers, "row has", "rows have")
                )
            });
            return Ok((Key::Words, note.into_iter().collect()));
        }
        let partial: [(usize, &str, Has<'_>); 3] = [
            (turns, "conversation and turn", &has_turn),
            (numbers, field.unwrap_or("idx"), &|row: &Row| {
                field.is_some_and(|field| number_of(row, field).is_some())
            }),
            (contexts, "context", &has_context),
        ];
        if let Some((_, what, has)) = partial.into_iter().find(|(count, ..)| *count > 0) {
            self.require(what, has)?;
        }
        self.require_ascending_ids()?;
        Ok((Key::Order, Vec::new()))
    }

    /// The field of the rows that numbers contexts: the contexts' own first.
    fn number_field(&self) -> Option<&'static str> {
        let some = |field: &str| self.rows.iter().any(|row| number_of(row, field).is_some());
        let own = self.order.numberings().iter().map(|own| own.field);
        own.chain(INDEX_FIELDS).find(|field| some(field))
    }

    /// All rows must have it.
    fn require(&self, field: &str, has: impl Fn(&Row) -> bool) -> Result<(), StudyError> {
        let without: Vec<usize> = self
            .rows
            .iter()
            .filter(|row| !has(row))
            .map(|row| row.line)
            .collect();
        if without.is_empty() {
            return Ok(());
        }
        let what = format!(
            "{} of {} {} no {field} ({})",
            without.len(),
            counted(self.rows.len(), "row", "rows"),
            if without.len() == 1 { "has" } else { "have" },
            shown(&without)
        );
        let fix = "give every row its own, or say with --by what they are matched by; `--by order` takes them \
                   in the order of the contexts";
        Err(DataError::file(self.path, what, fix).into())
    }

    /// By the contexts' own numbers in a field of this kind, or by their places where they have none.
    fn by_number(&self, field: &'static str) -> Found<'a> {
        let own = self.order.numberings();
        let same = own.iter().find(|own| own.field == field);
        let kin = || own.iter().find(|own| INDEX_FIELDS.contains(&own.field));
        match same.or_else(kin) {
            Some(own) => self.by_own(field, own),
            None => self.by_place(field),
        }
    }

    fn by_own(&self, field: &'static str, own: &'a Numbering) -> Found<'a> {
        if let Some(what) = own.flaw() {
            let what = format!(
                "its rows cannot be matched by {field}: in {}, {what}",
                self.order.name
            );
            let fix = format!("give every context its own {}", own.field);
            return Err(DataError::file(self.path, what, fix).into());
        }
        let numbers: Vec<String> = self
            .rows
            .iter()
            .filter_map(|row| number_of(row, field))
            .collect();
        let distinct: HashSet<&String> = numbers.iter().collect();
        let less_one =
            |number: &String| Some((number.parse::<u64>().ok()?.checked_sub(1)?).to_string());
        let known = |number: &String| own.place(number).is_some();
        let late = numbers
            .iter()
            .all(|number| less_one(number).is_some_and(|less| known(&less)));
        let all_known = numbers.iter().all(known);
        let ranges = || {
            format!(
                "{field} runs from {} where {} of {} runs from {}",
                range(numbers.iter()),
                own.field,
                self.order.name,
                range(own.numbers())
            )
        };
        let fix = "write the contexts' own numbers into the rows";
        if late && !all_known {
            let what = format!("{}: it counts from one, the contexts do not", ranges());
            return Err(DataError::file(self.path, what, fix).into());
        }
        // All but the last of as many, if it counts from one.
        let from_one = late && distinct.len() + 1 == own.len();
        let mut notes = Vec::new();
        if from_one {
            if field != own.field && !self.asked {
                let what = format!("{}: it may count from 0 or from 1", ranges());
                let fix = format!("{fix}, or say --by index if they are");
                return Err(DataError::file(self.path, what, fix).into());
            }
            notes.push(format!(
                "{}; if it counts from one, every response is at the context after its own.",
                ranges()
            ));
        }
        Ok((Key::Own(field, own), notes))
    }

    /// Numbers are places, from 0 or from 1: one of the two must be plain.
    fn by_place(&self, field: &'static str) -> Found<'a> {
        let numbers: Vec<String> = self
            .rows
            .iter()
            .filter_map(|row| number_of(row, field))
            .collect();
        let whole: Vec<u64> = numbers
            .iter()
            .filter_map(|number| number.parse().ok())
            .collect();
        let len = self.order.len() as u64;
        let base = match (whole.contains(&0), whole.contains(&len)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => {
                let what = format!(
                    "{field} runs from {} where there are {len} contexts in {}, which have no number of their \
                     own: it may count from 0 or from 1",
                    range(numbers.iter()),
                    self.order.name
                );
                let fix = "give the contexts, with their own idx, with --contexts FILE";
                return Err(DataError::file(self.path, what, fix).into());
            }
        };
        let notes = match base {
            0 => Vec::new(),
            _ => vec![format!("{field} is read as counting from one.")],
        };
        Ok((Key::Place(field, base), notes))
    }

    /// Rows with an `id` that the contexts lack are taken in order only if their ids ascend.
    fn require_ascending_ids(&self) -> Result<(), StudyError> {
        if self.asked {
            return Ok(());
        }
        let ids: Option<Vec<u64>> = self
            .rows
            .iter()
            .map(|row| number_of(row, "id")?.parse().ok())
            .collect();
        let ids = ids.unwrap_or_default();
        let Some(at) = ids.windows(2).position(|pair| pair[1] <= pair[0]) else {
            return Ok(());
        };
        let what = format!(
            "the rows' ids do not ascend (line {} has {}, line {} has {}) and the contexts have none to match",
            self.rows[at].line,
            ids[at],
            self.rows[at + 1].line,
            ids[at + 1]
        );
        let fix =
            "give the contexts the same ids, or say --by order if the rows are in their order";
        Err(DataError::file(self.path, what, fix).into())
    }

    /// The index of the row's context, or why there is none.
    fn place(
        &self,
        key: &Key<'_>,
        at: usize,
        row: &Row,
        taken: &HashSet<usize>,
        shared: &mut usize,
    ) -> Result<usize, String> {
        let place = match key {
            Key::Order => Ok(at),
            Key::Own(field, own) => {
                let number = number_of(row, field).unwrap_or_default();
                own.place(&number)
                    .ok_or_else(|| format!("there is no context of {} {number}", own.field))
            }
            Key::Place(field, base) => {
                let number = number_of(row, field).unwrap_or_default();
                let place = number
                    .parse::<u64>()
                    .ok()
                    .and_then(|n| n.checked_sub(*base));
                let known = place
                    .map(|place| place as usize)
                    .filter(|place| *place < self.order.len());
                known.ok_or_else(|| format!("there is no context of {field} {number}"))
            }
            Key::Turn => {
                let (name, turn) = (conversation(row).unwrap_or(""), turn(row).unwrap_or(0));
                let known = self.order.at_turn(name, turn);
                known.ok_or_else(|| format!("there is no response at turn {turn} of {name}"))
            }
            Key::Words => self.by_words(row, taken, shared),
        }?;
        match &row.context {
            Some(utterances) if !self.order.has_words(place, utterances) => {
                let name = self.order.name_of(place);
                Err(format!("its context has other words than {name}"))
            }
            _ => Ok(place),
        }
    }

    /// Several contexts may have the same words: one of the same marks is preferred, then the next that is free.
    fn by_words(
        &self,
        row: &Row,
        taken: &HashSet<usize>,
        shared: &mut usize,
    ) -> Result<usize, String> {
        let utterances = row.context.as_deref().unwrap_or(&[]);
        let places = self.order.with_words(utterances);
        let same = |place: &&usize| {
            self.order.contexts()[**place].utterances.concat() == utterances.concat()
        };
        let free = |place: &&usize| !taken.contains(*place);
        *shared += usize::from(places.len() > 1 && places.iter().filter(same).count() != 1);
        let found = places
            .iter()
            .find(|place| same(place) && free(place))
            .or_else(|| places.iter().find(free))
            .or(places.first());
        found
            .copied()
            .ok_or_else(|| "there is no such context".to_string())
    }
}

fn has_turn(row: &Row) -> bool {
    conversation(row).is_some() && turn(row).is_some()
}

fn has_context(row: &Row) -> bool {
    row.context.is_some()
}

fn conversation(row: &Row) -> Option<&str> {
    CONVERSATION
        .iter()
        .find_map(|key| row.fields.get(*key)?.as_str())
}

fn turn(row: &Row) -> Option<u32> {
    u32::try_from(whole_number(row, &TURN)?).ok()
}

/// The least and the greatest of numbers: "1 to 11".
fn range<'b>(numbers: impl Iterator<Item = &'b String>) -> String {
    let numbers: Vec<u64> = numbers.filter_map(|number| number.parse().ok()).collect();
    match (numbers.iter().min(), numbers.iter().max()) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        _ => "no number to none".to_string(),
    }
}

/// Lines, a few of them by number: "lines 4, 9 and 3 more".
fn shown(lines: &[usize]) -> String {
    let few: Vec<String> = lines.iter().take(SHOWN).map(usize::to_string).collect();
    match (lines.len(), lines.len().saturating_sub(SHOWN)) {
        (1, _) => format!("line {}", lines[0]),
        (_, 0) => format!("lines {}", few.join(", ")),
        (_, more) => format!("lines {} and {more} more", few.join(", ")),
    }
}
