//! The signature of a figure: what one has to hold equal to get it again, on one line, as SacreBLEU prints.
//!
//! `metric|version|tokenizer|data:sha256-8|decoding|seeds|commit`. Must not know where these come from.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::declared;

/// The names of the parts, in order.
pub const PARTS: [&str; 7] = [
    "metric",
    "version",
    "tokenizer",
    "data",
    "decoding",
    "seeds",
    "commit",
];

/// What stands for a part that is unknown, or that the figures have none of.
pub const NONE: &str = "-";

/// A signature; several metrics of the same origin share one, their versions in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    /// In the order of [`PARTS`].
    parts: [String; 7],
}

/// Where figures come from, apart from their seeds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// What cuts texts into words and tokens.
    pub tokenizer: String,
    /// The first eight digits of fingerprints of the data.
    pub data: String,
    /// How responses were drawn.
    pub decoding: String,
    /// Of the program.
    pub commit: String,
}

/// A part in which two signatures differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferingPart {
    pub part: &'static str,
    pub signature: String,
    pub store: String,
}

impl Signature {
    /// Of declared metrics, by their keys, with their versions.
    pub fn new(metrics: &[&str], origin: &Origin, seeds: &[u64]) -> Signature {
        let listed = |words: Vec<String>| words.join(",");
        let short = |key: &&str| key.strip_prefix("validation/").unwrap_or(key).to_string();
        let versions = metrics.iter().map(|key| version_of(key).to_string());
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        let parts = [
            listed(metrics.iter().map(short).collect()),
            listed(versions.collect()),
            origin.tokenizer.clone(),
            origin.data.clone(),
            origin.decoding.clone(),
            listed(seeds),
            origin.commit.clone(),
        ];
        Signature {
            parts: parts.map(|part| match part.trim() {
                "" => NONE.to_string(),
                part => part.replace(['|', '\n'], "/"),
            }),
        }
    }

    /// The keys of its metrics.
    pub fn metrics(&self) -> Vec<String> {
        let full = |name: &str| {
            let validation = format!("validation/{name}");
            match declared::declared(&validation) {
                Some(_) => validation,
                None => name.to_string(),
            }
        };
        self.parts[0].split(',').map(full).collect()
    }

    /// None where one is no number; empty where it has none.
    pub fn seeds(&self) -> Option<Vec<u64>> {
        match self.parts[5].as_str() {
            NONE => Some(Vec::new()),
            seeds => seeds.split(',').map(|seed| seed.parse().ok()).collect(),
        }
    }

    /// The parts in which what a store has differs, but for those among `but`.
    pub fn differing(&self, store: &Signature, but: &[&str]) -> Vec<DifferingPart> {
        let parts = PARTS.into_iter().zip(&self.parts).zip(&store.parts);
        parts
            .filter(|((part, own), other)| own != other && !but.contains(part))
            .map(|((part, own), other)| DifferingPart {
                part,
                signature: own.clone(),
                store: other.clone(),
            })
            .collect()
    }
}

/// The version of a declared metric; 1 of what is not declared.
fn version_of(key: &str) -> u32 {
    declared::declared(key).map_or(1, |metric| metric.version)
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("|"))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why a text is no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a signature: it has {found} of the seven parts metric|version|tokenizer|data|decoding|seeds|commit; copy the \
     whole line, in quotes"
)]
pub struct NotASignature {
    found: usize,
}

impl FromStr for Signature {
    type Err = NotASignature;

    /// With or without the word that stands before it under a table.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().trim_start_matches(['%', '#', ' ']);
        let text = text.strip_prefix("Signature: ").unwrap_or(text);
        let parts: Vec<String> = text
            .split('|')
            .map(|part| part.trim().to_string())
            .collect();
        let found = parts.iter().filter(|part| !part.is_empty()).count();
        match <[String; 7]>::try_from(parts) {
            Ok(parts) if found == PARTS.len() => Ok(Signature { parts }),
            _ => Err(NotASignature { found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            tokenizer: "nltk".into(),
            data: "data:0123abcd".into(),
            decoding: "top_k=20".into(),
            commit: "1ae1d48a9f5c".into(),
        }
    }

    #[test]
    fn a_signature_is_read_as_it_is_written() {
        let metrics = [declared::VALIDATION_DIST_1, declared::VALIDATION_PPL];
        let signature = Signature::new(&metrics, &origin(), &[1, 2]);
        let text = "dist_1,ppl|2,1|nltk|data:0123abcd|top_k=20|1,2|1ae1d48a9f5c";
        assert_eq!(signature.to_string(), text);
        assert_eq!(signature.metrics(), metrics);
        assert_eq!(signature.seeds(), Some(vec![1, 2]));
        for written in [text.to_string(), format!(" % Signature: {text}\n")] {
            assert_eq!(written.parse(), Ok(signature.clone()));
        }
    }

    #[test]
    fn what_is_unknown_has_a_mark_and_what_would_part_it_is_replaced() {
        let origin = Origin {
            commit: String::new(),
            data: "a|b".into(),
            ..origin()
        };
        let signature = Signature::new(&["ppo/kl/k1"], &origin, &[]);
        assert_eq!(signature.to_string(), "ppo/kl/k1|1|nltk|a/b|top_k=20|-|-");
        assert_eq!(signature.seeds(), Some(Vec::new()));
    }

    #[test]
    fn differing_parts_are_named() {
        let signature = Signature::new(&["ppo/kl/k1"], &origin(), &[1]);
        let mut other = origin();
        other.data = "data:ffff0000".into();
        let other = Signature::new(&["ppo/kl/k1"], &other, &[2]);
        let differing = signature.differing(&other, &["seeds"]);
        assert_eq!(differing.len(), 1);
        assert_eq!(
            (differing[0].part, &*differing[0].store),
            ("data", "data:ffff0000")
        );
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, found) in [
            ("", 0),
            ("a|b", 2),
            ("a|b|c|d|e|f|", 6),
            ("a|b|c|d|e|f|g|h", 8),
        ] {
            let refused = text.parse::<Signature>();
            assert_eq!(refused, Err(NotASignature { found }), "{text}");
        }
    }
}
