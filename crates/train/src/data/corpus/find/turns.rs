//! Finds how the lists of a column are turns of a conversation.

use std::collections::BTreeSet;

use super::super::mapping::TurnColumn;
use super::super::names::{self, Side, is_called, plain};
use super::super::profile::Lists;

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
