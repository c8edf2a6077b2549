//! Rows that are windows of conversations, one answer each: which of them are of one conversation, by the turns that a row
//! shares with the row before. Must not know how rows are read.

use super::checks::counted;
use super::record::Record;
use crate::data::sets::Role;

/// Letters of a turn that says by itself that two rows are of one conversation.
const LONG: usize = 20;

/// The conversations of rows, in their order.
#[derive(Debug, Default)]
pub struct Windows {
    /// What was said in the row before, its answer too.
    before: Vec<(Role, String)>,
    /// Turns of the conversation before the first of the row before.
    skipped: usize,
    conversation: String,
    conversations: usize,
    rows: usize,
}

impl Windows {
    /// Gives a record the conversation of the row before where it goes on with its turns, else one of its own.
    pub fn place(&mut self, record: &mut Record) {
        let context = record.context.iter();
        let mut said: Vec<(Role, String)> =
            context.map(|said| (said.role, said.text.clone())).collect();
        said.extend(
            record
                .answer()
                .map(|text| (Role::Listener, text.to_string())),
        );
        match shared(&self.before, &said) {
            0 => {
                self.conversation.clone_from(&record.id);
                self.conversations += 1;
                self.skipped = 0;
            }
            turns => self.skipped += self.before.len() - turns,
        }
        self.rows += 1;
        record.conversation = Some(self.conversation.clone());
        record.turn = u32::try_from(self.skipped + said.len()).ok();
        self.before = said;
    }

    /// What was found, as a sentence.
    pub fn note(&self) -> Option<String> {
        if self.rows == 0 {
            return None;
        }
        let rows = counted(self.rows, "row is a window", "rows are windows");
        Some(match self.conversations == self.rows {
            true => format!(
                "{rows} of a conversation, and none goes on with the turns of the row before: each counts as a conversation \
                 of its own. Where several are of one, sort them, or name the column that says so as conversation in the \
                 mapping; else parts of one conversation may be trained and tested on."
            ),
            false => format!(
                "{rows} of {}, by the turns that each shares with the row before. A conversation is never parted by a split, \
                 and intervals are over conversations.",
                counted(self.conversations, "conversation", "conversations")
            ),
        })
    }
}

/// How many of the last turns of one row are the first of the next; 0 where these are too few or too short to say anything.
fn shared(before: &[(Role, String)], said: &[(Role, String)]) -> usize {
    let most = before.len().min(said.len());
    let turns = (1..=most)
        .rev()
        .find(|turns| before[before.len() - turns..] == said[..*turns]);
    match turns {
        Some(1) if said[0].1.chars().count() < LONG => 0,
        turns => turns.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Utterance;
    use super::*;

    fn record(id: &str, context: &[&str], target: &str) -> Record {
        let said = context.iter().enumerate();
        Record {
            id: id.into(),
            context: said
                .map(|(at, text)| Utterance::new(Role::of(&[], at), *text))
                .collect(),
            target: Some(target.into()),
            ..Record::default()
        }
    }

    #[test]
    fn rows_that_go_on_with_each_other_are_one_conversation() {
        let mut windows = Windows::default();
        let mut found = Vec::new();
        for mut record in [
            record("0", &["Hi"], "Hello"),
            record("1", &["Hi", "Hello", "I failed."], "Oh no."),
            record("2", &["I failed.", "Oh no.", "Twice."], "Why?"),
            record("3", &["Hi"], "Hello"),
            record("4", &["Bye"], "Bye"),
        ] {
            windows.place(&mut record);
            found.push((record.conversation.unwrap(), record.turn.unwrap()));
        }
        let expected = [("0", 2), ("0", 4), ("0", 6), ("3", 2), ("4", 2)];
        let expected = expected.map(|(conversation, turn)| (conversation.to_string(), turn));
        assert_eq!(found, expected);
        let note = windows.note().unwrap();
        assert!(
            note.starts_with("5 rows are windows of 3 conversations"),
            "{note}"
        );
    }
}
