//! Names of models and of their revisions, as a person gives them.

use std::fmt;
use std::str::FromStr;

use crate::fetch::FetchError;

/// Names without an owner that are understood.
const SHORT: [(&str, &str); 15] = [
    ("t5-small", "google-t5/t5-small"),
    ("t5-base", "google-t5/t5-base"),
    ("t5-large", "google-t5/t5-large"),
    ("flan-t5-small", "google/flan-t5-small"),
    ("flan-t5-base", "google/flan-t5-base"),
    ("flan-t5-large", "google/flan-t5-large"),
    ("smollm2-135m", "HuggingFaceTB/SmolLM2-135M"),
    (
        "smollm2-135m-instruct",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    ("smollm2-360m", "HuggingFaceTB/SmolLM2-360M"),
    (
        "smollm2-360m-instruct",
        "HuggingFaceTB/SmolLM2-360M-Instruct",
    ),
    ("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B"),
    (
        "smollm2-1.7b-instruct",
        "HuggingFaceTB/SmolLM2-1.7B-Instruct",
    ),
    ("qwen2.5-0.5b-instruct", "Qwen/Qwen2.5-0.5B-Instruct"),
    ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
    ("all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
];
/// The longest name that a hub has.
const LONGEST: usize = 96;

/// `OWNER/NAME` on a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName(String);

impl ModelName {
    /// Its folder in the cache.
    pub(super) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }

    /// The model of a folder in the cache.
    pub(super) fn from_folder(folder: &str) -> Option<ModelName> {
        let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
        format!("{owner}/{name}").parse().ok()
    }
}

impl FromStr for ModelName {
    type Err = FetchError;

    fn from_str(given: &str) -> Result<Self, FetchError> {
        let given = given.trim();
        if let Some((_, name)) = SHORT
            .iter()
            .find(|(short, _)| given.eq_ignore_ascii_case(short))
        {
            return Ok(ModelName((*name).to_string()));
        }
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        let whole = given.len() <= LONGEST && !given.contains("--") && !given.contains("..");
        match given.split_once('/') {
            Some((owner, name)) if whole && is_part(owner) && is_part(name) => {
                Ok(ModelName(given.to_string()))
            }
            _ => Err(FetchError::Name {
                given: given.to_string(),
                short: SHORT.map(|(short, _)| short).join(", "),
            }),
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl Revision {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a commit, which never changes.
    pub(super) fn is_commit(&self) -> bool {
        is_commit(&self.0)
    }
}

impl Default for Revision {
    fn default() -> Self {
        Revision("main".to_string())
    }
}

impl FromStr for Revision {
    type Err = FetchError;

    fn from_str(given: &str) -> Result<Self, FetchError> {
        let given = given.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./+@".contains(c);
        let parts = || given.split('/');
        match given.chars().all(plain)
            && parts().all(|part| !part.is_empty() && !part.starts_with('.'))
        {
            true => Ok(Revision(given.to_string())),
            false => Err(FetchError::Revision {
                given: given.to_string(),
            }),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

pub(super) fn is_commit(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == 40 && text.bytes().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_an_owner_or_are_known() {
        let name = |given: &str| given.parse::<ModelName>().map(|name| name.to_string());
        assert_eq!(name("T5-small").unwrap(), "google-t5/t5-small");
        assert_eq!(name(" Qwen/Qwen2.5-0.5B ").unwrap(), "Qwen/Qwen2.5-0.5B");
        for (_, known) in SHORT {
            assert_eq!(name(known).unwrap(), known);
        }
        for wrong in [
            "", "gpt2", "a/b/c", "/b", "a/", "../b", "a/..", "a/b c", "a--b/c", "a/-b", "a\\b/c",
        ] {
            let said = name(wrong).unwrap_err().to_string();
            assert!(said.contains("OWNER/NAME"), "{wrong}: {said}");
        }
    }

    #[test]
    fn a_revision_is_no_path_out_of_the_cache() {
        for right in [
            "main",
            "v1.0",
            "refs/pr/3",
            "0123456789abcdef0123456789abcdef01234567",
        ] {
            assert!(right.parse::<Revision>().is_ok(), "{right}");
        }
        for wrong in ["", "..", "a/../b", "/main", "a b", "a\\b", "a/.git"] {
            assert!(wrong.parse::<Revision>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_cache_names_folders_as_hugging_face_does() {
        let name: ModelName = "google-t5/t5-small".parse().unwrap();
        assert_eq!(name.folder(), "models--google-t5--t5-small");
        assert_eq!(ModelName::from_folder(&name.folder()), Some(name));
        assert_eq!(ModelName::from_folder("datasets--a--b"), None);
        assert_eq!(ModelName::from_folder("models--gpt2"), None);
    }
}
