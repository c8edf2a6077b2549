//! Rows that others' trainers read: messages, ShareGPT, Alpaca, preference pairs.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::answers::Answer;
use super::super::verdicts::counted_of_answers;
use super::CorpusForm;
use crate::data::Role;
use crate::data::corpus::record::{Labels, Origin, Record, Score, Verdict};

const NO_ANSWER: &str = "a record has no answer";
const NO_CONTEXT: &str = "a record has no context";
const LISTENER_LAST: &str = "a context ends with the listener, whom an answer would follow";

/// An answer as a row of `form`, or why it makes none.
pub(super) fn answer(form: CorpusForm, answer: &Answer<'_>) -> Result<Value, &'static str> {
    let text = answer.text.ok_or(NO_ANSWER)?;
    let turns = turns(answer.record)?;
    let mut row = Map::new();
    row.insert("id".into(), answer.record.id.clone().into());
    if let Some(conversation) = &answer.record.conversation {
        row.insert("conversation".into(), conversation.clone().into());
    }
    match form {
        CorpusForm::Alpaca => {
            let (last, before) = turns.split_last().ok_or(NO_CONTEXT)?;
            row.insert("instruction".into(), last.1.clone().into());
            row.insert("input".into(), "".into());
            row.insert("output".into(), text.into());
            row.insert("history".into(), json!(history(before)));
        }
        CorpusForm::ShareGpt => {
            let turn = |from: &str, value: &str| json!({"from": from, "value": value});
            let mut list: Vec<Value> = turns
                .iter()
                .map(|(role, text)| match role {
                    Role::Speaker => turn("human", text),
                    Role::Listener => turn("gpt", text),
                })
                .collect();
            list.push(turn("gpt", text));
            row.insert("conversations".into(), list.into());
        }
        _ => {
            let mut list = messages(&turns);
            list.push(message(Role::Listener, text));
            row.insert("messages".into(), list.into());
        }
    }
    row.insert("model".into(), answer.system.into());
    let mut labels = answer.record.labels.clone();
    let mut scores: Vec<&Score> = answer.record.scores.iter().collect();
    if let Some(response) = answer.response {
        labels.extend(response.labels.clone());
        scores.extend(&response.scores);
    }
    remark(&mut row, &labels, &scores);
    Ok(row.into())
}

/// Whether a score of an answer was given several times, so that its row has the mean.
pub(super) fn is_averaged(answer: &Answer<'_>) -> bool {
    let of_response = answer.response.map_or(&[][..], |response| &response.scores);
    let again = |scores: &[Score]| {
        let mut placed = scores.iter().enumerate();
        placed.any(|(at, score)| scores[..at].iter().any(|before| before.name == score.name))
    };
    again(&answer.record.scores) || again(of_response)
}

/// The best and the worst of answers to one context by a score, as TRL's preference rows in messages, or why there is no
/// such pair. Of equals one is drawn by a hash: by their order in the file the first column would always be chosen.
pub(super) fn preference(answers: &[Answer<'_>], score: &str) -> Result<Value, &'static str> {
    let mut scored: Vec<(f64, &Answer<'_>, &str)> = answers
        .iter()
        .filter_map(|answer| Some((answer.score(score)?, answer, answer.text?)))
        .collect();
    scored.sort_by_cached_key(|(_, answer, text)| {
        Sha256::digest(format!("{}\n{}\n{text}", answer.record.id, answer.system))
    });
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let equal = |to: f64| scored.iter().filter(|(score, ..)| *score == to).count();
    let is_drawn = scored.first().is_some_and(|(best, ..)| equal(*best) > 1)
        || scored.last().is_some_and(|(worst, ..)| equal(*worst) > 1);
    let [
        (best, chosen, chosen_text),
        ..,
        (worst, rejected, rejected_text),
    ] = scored[..]
    else {
        return Err(
            "a record has fewer than two answers with that score (rows of several systems are one record where their id says \
             so: import the file again with id = COLUMN and by_id = true in its mapping)",
        );
    };
    if best == worst {
        return Err("all answers of a record have the same score");
    }
    if chosen_text == rejected_text {
        return Err("the best and the worst answer of a record have the same words");
    }
    let turns = turns(chosen.record)?;
    Ok(json!({
        "id": chosen.record.id,
        "prompt": messages(&turns),
        "chosen": [message(Role::Listener, chosen_text)],
        "rejected": [message(Role::Listener, rejected_text)],
        "chosen_system": chosen.system,
        "rejected_system": rejected.system,
        "score": score,
        "chosen_score": best,
        "rejected_score": worst,
        "drawn": is_drawn,
    }))
}

/// For every pair of answers that there are verdicts of this name on, the one that most are for and the other, as TRL's
/// preference rows in messages; or why there is no such pair. People's verdicts decide where there are any.
pub(super) fn preferred(
    record: &Record,
    answers: &[Answer<'_>],
    name: &str,
) -> Vec<Result<Value, &'static str>> {
    let mut pairs: BTreeMap<[&str; 2], Vec<&Verdict>> = BTreeMap::new();
    let named = counted_of_answers(record, answers).into_iter();
    for verdict in named.filter(|verdict| verdict.name == name) {
        pairs.entry(verdict.pair()).or_default().push(verdict);
    }
    if pairs.is_empty() {
        return vec![Err("a record has no such verdict")];
    }
    let pairs = pairs.into_iter();
    pairs
        .map(|(pair, verdicts)| preferred_of(record, answers, pair, &verdicts))
        .collect()
}

fn preferred_of(
    record: &Record,
    answers: &[Answer<'_>],
    [first, second]: [&str; 2],
    verdicts: &[&Verdict],
) -> Result<Value, &'static str> {
    let by_people = |verdict: &&&Verdict| verdict.origin == Some(Origin::Human);
    let people = verdicts.iter().filter(by_people).count();
    let counted = verdicts.iter().filter(|of| people == 0 || by_people(of));
    let counts = |direction: f64| {
        let with = counted
            .clone()
            .filter(|of| of.direction(first) == direction);
        with.count()
    };
    let (wins, ties, losses) = (counts(1.0), counts(0.0), counts(-1.0));
    let (chosen, rejected, votes) = match wins.cmp(&losses) {
        Ordering::Greater => (first, second, [wins, ties, losses]),
        Ordering::Less => (second, first, [losses, ties, wins]),
        Ordering::Equal => return Err("the verdicts on two answers are a tie"),
    };
    let text = |system: &str| {
        let mut found = answers.iter().filter(|answer| answer.system == system);
        found.find_map(|answer| answer.text)
    };
    let (Some(chosen_text), Some(rejected_text)) = (text(chosen), text(rejected)) else {
        return Err("a verdict is on a system that has no answer in its record");
    };
    if chosen_text == rejected_text {
        return Err("the verdicts are on two answers of the same words");
    }
    let turns = turns(record)?;
    Ok(json!({
        "id": record.id,
        "prompt": messages(&turns),
        "chosen": [message(Role::Listener, chosen_text)],
        "rejected": [message(Role::Listener, rejected_text)],
        "chosen_system": chosen,
        "rejected_system": rejected,
        "verdict": verdicts.first().map(|verdict| &verdict.name),
        "by_people": people > 0,
        "verdicts_for": votes[0],
        "verdicts_tied": votes[1],
        "verdicts_against": votes[2],
    }))
}

/// What was said, with utterances of the same side one after the other as one; the speaker's is the last.
fn turns(record: &Record) -> Result<Vec<(Role, String)>, &'static str> {
    let mut turns: Vec<(Role, String)> = Vec::new();
    for said in &record.context {
        match turns.last_mut() {
            Some((role, text)) if *role == said.role => {
                text.push('\n');
                text.push_str(&said.text);
            }
            _ => turns.push((said.role, said.text.clone())),
        }
    }
    match turns.last() {
        None => Err(NO_CONTEXT),
        Some((Role::Listener, _)) => Err(LISTENER_LAST),
        Some((Role::Speaker, _)) => Ok(turns),
    }
}

/// Pairs of what the speaker and the listener said; the speaker's is empty where the listener began.
fn history(turns: &[(Role, String)]) -> Vec<[&str; 2]> {
    let mut pairs: Vec<[&str; 2]> = Vec::new();
    for (role, text) in turns {
        match (role, pairs.last_mut()) {
            (Role::Speaker, _) => pairs.push([text, ""]),
            (Role::Listener, Some(pair)) => pair[1] = text,
            (Role::Listener, None) => pairs.push(["", text]),
        }
    }
    pairs
}

fn messages(turns: &[(Role, String)]) -> Vec<Value> {
    turns
        .iter()
        .map(|(role, text)| message(*role, text))
        .collect()
}

fn message(role: Role, text: &str) -> Value {
    let role = match role {
        Role::Speaker => "user",
        Role::Listener => "assistant",
    };
    json!({"role": role, "content": text})
}

/// Labels and scores, beside what a trainer reads.
fn remark(row: &mut Map<String, Value>, labels: &Labels, scores: &[&Score]) {
    if !labels.is_empty() {
        row.insert("labels".into(), json!(labels));
    }
    if !scores.is_empty() {
        let scores: Map<String, Value> = scores
            .iter()
            .filter_map(|score| {
                let mean = Score::mean(scores.iter().copied(), &score.name)?;
                Some((score.name.clone(), json!(mean)))
            })
            .collect();
        row.insert("scores".into(), scores.into());
    }
}
