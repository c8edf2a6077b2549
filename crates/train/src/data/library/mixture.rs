//! Several sets read as one: `empathetic-dialogues, support:0.5` is all of the first and half of the second.
//!
//! A weight says how often a training example is read: of 2.5, each twice and a half of them once more. Which half is
//! drawn by the SHA-256 of what examples share, so that a conversation is never parted, and is the same for every run.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{DataError, fingerprint, open_dialogues, open_levels};
use crate::data::sets::{DialogueSet, LevelSet, Split};

/// The largest weight.
const MOST: f64 = 100.0;

/// A set of a mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part<'a> {
    pub name: &'a str,
    pub weight: f64,
}

/// The sets that a setting names: names with commas between, each perhaps with a weight behind a colon.
///
/// # Errors
/// A name is missing or named twice, or a weight is no number over 0 and at most 100.
pub fn parts(names: &str) -> Result<Vec<Part<'_>>, DataError> {
    let wrong = |why: String| DataError::Mixture {
        names: names.to_string(),
        why,
    };
    let mut parts: Vec<Part<'_>> = Vec::new();
    for part in names.split(',') {
        let (name, weight) = match part.split_once(':') {
            None => (part.trim(), 1.0),
            Some((name, weight)) => {
                let number = weight.trim().parse().ok();
                let number = number.filter(|weight| *weight > 0.0 && *weight <= MOST);
                let number = number.ok_or_else(|| {
                    wrong(format!(
                        "{:?} is no number over 0 and at most {MOST}",
                        weight.trim()
                    ))
                })?;
                (name.trim(), number)
            }
        };
        match name {
            "" => return Err(wrong("a name is missing".into())),
            _ if parts.iter().any(|other| other.name == name) => {
                return Err(wrong(format!("{name} stands there twice")));
            }
            _ => parts.push(Part { name, weight }),
        }
    }
    Ok(parts)
}

/// Whether a setting names more than a set as it is.
pub(super) fn is_mixture(names: &str) -> bool {
    names.contains([',', ':'])
}

/// The dialogues of a mixture; validation and test examples are those of all its sets.
pub(super) fn dialogues(store: &Path, names: &str) -> Result<DialogueSet, DataError> {
    let mut mixed = DialogueSet {
        name: names.to_string(),
        ..DialogueSet::default()
    };
    let mut sets = Vec::new();
    for part in parts(names)? {
        let mut set = open_dialogues(store, part.name)?;
        for examples in [&mut set.train, &mut set.validation, &mut set.test] {
            for example in examples {
                // Conversations of two sets may have the same number.
                example.conversation = format!("{}/{}", part.name, example.conversation);
            }
        }
        for example in set.train {
            let times = times(part.weight, &example.conversation);
            mixed.train.extend(std::iter::repeat_n(example, times));
        }
        mixed.validation.extend(set.validation);
        mixed.test.extend(set.test);
        for split in Split::ALL {
            *mixed.conversations.get_mut(split) += set.conversations.get(split);
        }
        sets.push((part, set.fingerprint));
    }
    mixed.fingerprint = of_sets(&sets);
    Ok(mixed)
}

/// The labelled pairs of a mixture.
pub(super) fn levels(store: &Path, names: &str) -> Result<LevelSet, DataError> {
    let mut pairs = Vec::new();
    let mut sets = Vec::new();
    for part in parts(names)? {
        let set = open_levels(store, part.name)?;
        for mut pair in set.pairs {
            pair.seeker_id = format!("{}/{}", part.name, pair.seeker_id);
            let times = times(part.weight, &pair.seeker_id);
            pairs.extend(std::iter::repeat_n(pair, times));
        }
        sets.push((part, set.fingerprint));
    }
    Ok(LevelSet {
        name: names.to_string(),
        fingerprint: of_sets(&sets),
        pairs,
    })
}

fn of_sets(sets: &[(Part<'_>, String)]) -> String {
    let named: Vec<String> = sets
        .iter()
        .map(|(part, _)| format!("{}:{}", part.name, part.weight))
        .collect();
    let all = named.iter().zip(sets);
    fingerprint(all.map(|(named, (_, of))| (named.as_str(), of.clone())))
}

/// How often an example is read.
fn times(weight: f64, shared: &str) -> usize {
    let digest = Sha256::digest(shared.as_bytes());
    let number = digest
        .iter()
        .take(8)
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    // 53 bits are what a float holds.
    let drawn = (number >> 11) as f64 / (1u64 << 53) as f64;
    weight.trunc() as usize + usize::from(drawn < weight.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_weights_and_stand_once() {
        let part = |name, weight| Part { name, weight };
        assert_eq!(parts("a").unwrap(), [part("a", 1.0)]);
        assert_eq!(
            parts("a, b:0.5 ,c: 3").unwrap(),
            [part("a", 1.0), part("b", 0.5), part("c", 3.0)]
        );
        for (names, why) in [
            ("a,", "missing"),
            ("a, b, a:2", "twice"),
            ("a:0", "over 0"),
            ("a:x", "over 0"),
            ("a:nan", "over 0"),
            ("a:1e9", "at most 100"),
        ] {
            let error = parts(names).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_share_is_drawn_whole_and_always_the_same() {
        let of = |weight| -> usize { (0..1000).map(|n| times(weight, &n.to_string())).sum() };
        assert_eq!((of(1.0), of(2.0)), (1000, 2000));
        assert!((450..550).contains(&of(0.5)), "{}", of(0.5));
        assert_eq!(of(2.5), 2000 + of(0.5));
        // A larger share holds a smaller one.
        assert!((0..1000).all(|n| times(0.3, &n.to_string()) <= times(0.6, &n.to_string())));
    }

    #[test]
    fn a_mixture_is_its_sets_under_their_names() {
        let nowhere = Path::new("no such store");
        let one = open_dialogues(nowhere, "builtin").unwrap();
        let half = open_dialogues(nowhere, "builtin:0.5").unwrap();
        assert!(half.train.len() < one.train.len() && !half.train.is_empty());
        assert_eq!(half.test.len(), one.test.len());
        assert!(half.train[0].conversation.starts_with("builtin/"));
        assert_ne!(half.fingerprint, one.fingerprint);
        let twice = open_levels(nowhere, "builtin:2").unwrap();
        let once = open_levels(nowhere, "builtin").unwrap();
        assert_eq!(twice.pairs.len(), 2 * once.pairs.len());
        assert_eq!(twice.pairs[0], twice.pairs[1]);
        assert!(open_dialogues(nowhere, "builtin, other").is_err());
    }
}
