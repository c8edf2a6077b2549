//! Suspects a file of responses that is shifted against its contexts: each response then has more words in common
//! with the context before or after than with its own. Must not know files.

use std::collections::{HashMap, HashSet};

use super::contexts::{Context, OrderedContexts};

/// Fewest responses for a suspicion.
const LEAST: usize = 20;
/// How many standard errors a shift must be better by.
const CLEAR: f64 = 3.0;

/// A sentence with figures, if the responses fit better one place on; `answers` are by context.
pub fn suspicion(order: &OrderedContexts, answers: &[Option<String>]) -> Option<String> {
    let said: Vec<HashSet<String>> = order.contexts().iter().map(said).collect();
    let mut occurrences: HashMap<&str, usize> = HashMap::new();
    for word in said.iter().flatten() {
        *occurrences.entry(word).or_default() += 1;
    }
    // Rare words tell most.
    let weight = |word: &str| {
        let found = occurrences.get(word).copied().unwrap_or(0);
        match found {
            0 => 0.0,
            _ => (said.len() as f64 / found as f64).ln(),
        }
    };
    let given: Vec<Option<HashSet<String>>> = answers
        .iter()
        .map(|answer| answer.as_ref().map(|text| words([text.as_str()])))
        .collect();
    let common = |answer: &HashSet<String>, place: usize| -> f64 {
        answer
            .intersection(&said[place])
            .map(|word| weight(word))
            .sum()
    };
    let inner = 1..said.len().saturating_sub(1);
    let rows: Vec<[f64; 3]> = inner
        .filter_map(|at| {
            let answer = given.get(at)?.as_ref()?;
            Some([at - 1, at, at + 1].map(|place| common(answer, place)))
        })
        .collect();
    if rows.len() < LEAST {
        return None;
    }
    let n = rows.len() as f64;
    let mean = |of: usize| rows.iter().map(|row| row[of]).sum::<f64>() / n;
    for (side, what, fix) in [
        (0, "before", "begins with a line that is no response"),
        (2, "after", "lacks its first response"),
    ] {
        let gain = mean(side) - mean(1);
        let squares = rows.iter().map(|row| (row[side] - row[1] - gain).powi(2));
        let error = (squares.sum::<f64>() / (n - 1.0)).sqrt() / n.sqrt();
        if gain > CLEAR * error && gain > 0.0 {
            return Some(format!(
                "The responses may be shifted by one: they have more words in common with the context {what} \
                 theirs than with their own ({:.2} against {:.2}, words weighted by rarity). Check whether the \
                 file {fix}.",
                mean(side),
                mean(1)
            ));
        }
    }
    None
}

/// The words of the last utterance and of the target.
fn said(context: &Context) -> HashSet<String> {
    let last = context.utterances.last().map(String::as_str);
    words(last.into_iter().chain(context.target.as_deref()))
}

fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashSet<String> {
    let split = |text: &'a str| text.split(|c: char| !c.is_alphanumeric());
    let words = texts
        .into_iter()
        .flat_map(split)
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}
