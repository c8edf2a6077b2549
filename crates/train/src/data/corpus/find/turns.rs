//! Finds how the lists of a column are turns of a conversation.

use std::collections::BTreeSet;

use super::super::mapping::TurnColumn;
use super::super::names::{self, Side, is_called, plain};
use super::super::profile::{Column, Lists};
use super::Finder;

impl Finder<'_> {
    /// Columns of one turn each: `turn_1`, `turn_2`, or `speaker_1`, `listener_1`, `speaker_2`.
    pub(super) fn turns_in_columns(&mut self) -> bool {
        let texts = self.left.iter().copied();
        let texts: Vec<(&Column, (String, u32))> = texts
            .filter(|column| column.is_text() && !column.is_list())
            .filter_map(|column| Some((column, numbered(&column.name)?)))
            .collect();
        let alternating = names::TURN_COLUMNS.iter().find_map(|word| {
            let own = texts.iter().filter(|(_, (stem, _))| stem == word);
            let mut own: Vec<(u32, &Column)> = own
                .map(|(column, (_, number))| (*number, *column))
                .collect();
            own.sort_by_key(|(number, _)| *number);
            let begins = own.first().is_some_and(|(number, _)| *number <= 1);
            (own.len() > 1 && begins).then_some(own)
        });
        let mut turns = TurnColumn::default();
        if let Some(own) = alternating {
            turns.columns = own.iter().map(|(_, column)| column.name.clone()).collect();
            // A turn that nobody said in any row is none that the other side follows.
            let numbers = own.iter().map(|(number, _)| *number);
            let first = own.first().map_or(0, |(number, _)| *number);
            let is_whole = numbers.zip(first..).all(|(number, at)| number == at);
            if !is_whole {
                for (number, column) in own {
                    let side = match (number - first) % 2 {
                        0 => &mut turns.speaker,
                        _ => &mut turns.listener,
                    };
                    side.push(column.name.clone());
                }
            }
        } else {
            let mut sided: Vec<(u32, Side, &Column)> = texts
                .iter()
                .filter_map(|(column, (stem, number))| {
                    let side = names::side(stem).filter(|side| *side != Side::System)?;
                    Some((*number, side, *column))
                })
                .collect();
            sided.sort_by_key(|(number, ..)| *number);
            for (_, side, column) in &sided {
                let of = match side {
                    Side::Speaker => &mut turns.speaker,
                    _ => &mut turns.listener,
                };
                of.push(column.name.clone());
            }
            // Several columns of one side alone are systems' answers.
            let (speaker, listener) = (turns.speaker.len(), turns.listener.len());
            if speaker + listener < 3 || speaker.abs_diff(listener) > 1 {
                return false;
            }
            turns.columns = sided
                .iter()
                .map(|(.., column)| column.name.clone())
                .collect();
        }
        if turns.columns.is_empty() {
            return false;
        }
        for column in &turns.columns {
            self.forget(column);
        }
        self.mapping.turns = Some(turns);
        true
    }
}

/// The words and the number of a column that is called `turn_1` or `turn1`.
fn numbered(name: &str) -> Option<(String, u32)> {
    let plain = plain(name);
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = plain.get(stem.len()..)?.parse().ok()?;
    Some((stem.trim_end_matches('_').to_string(), number))
}

/// How lists of a column are turns; None where they are not.
pub(super) fn turn_column(name: &str, lists: &Lists) -> Option<TurnColumn> {
    let mut turns = TurnColumn {
        list: name.to_string(),
        ..TurnColumn::default()
    };
    if lists.are_texts() {
        // A list of texts under the name of a context is one, not a conversation to be split.
        let of_turns =
            is_called(name, names::TURN_LISTS) && !is_called(name, &["history", "context"]);
        return (of_turns && lists.mean_items() >= 2.0).then_some(turns);
    }
    if !lists.are_turns() {
        return None;
    }
    let field = |names: &[&str]| {
        names.iter().find_map(|name| {
            lists
                .fields
                .iter()
                .find(|field| plain(&field.name) == *name)
        })
    };
    let role = field(names::TURN_ROLE).filter(|field| field.has_roles());
    let text = field(names::TURN_TEXT)?;
    turns.text = Some(text.name.clone());
    if let Some(role) = role {
        turns.role = Some(role.name.clone());
        let roles = role.values.as_deref().unwrap_or_default();
        (turns.speaker, turns.listener, turns.system) = sides(roles);
    }
    let audio = field(names::AUDIO);
    turns.audio = audio.map(|field| field.name.clone());
    let used = [&turns.role, &turns.text, &turns.audio];
    let used: BTreeSet<String> = used.into_iter().flatten().cloned().collect();
    for field in lists
        .fields
        .iter()
        .filter(|field| !used.contains(&field.name))
    {
        if field.values.is_some() && field.mean_words() <= 4.0 {
            let last = field.name.rsplit('.').next().unwrap_or(&field.name);
            let label = match turns.labels.contains_key(last) {
                true => field.name.clone(),
                false => last.to_string(),
            };
            turns.labels.insert(label, field.name.clone());
        }
    }
    Some(turns)
}

/// Which roles are the speaker's, the listener's and the system's. Of two unknown ones the first to speak is the speaker.
fn sides(roles: &[String]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let of = |side| -> Vec<String> {
        roles
            .iter()
            .filter(|role| names::side(role) == Some(side))
            .cloned()
            .collect()
    };
    let (mut speaker, mut listener, mut system) =
        (of(Side::Speaker), of(Side::Listener), of(Side::System));
    if listener.is_empty() {
        // Task-oriented corpora call the listener so.
        listener = std::mem::take(&mut system);
    }
    for role in roles.iter().filter(|role| names::side(role).is_none()) {
        match (speaker.is_empty(), listener.is_empty()) {
            (true, _) => speaker.push(role.clone()),
            (false, true) => listener.push(role.clone()),
            (false, false) => {}
        }
    }
    (speaker, listener, system)
}
