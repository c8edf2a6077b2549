//! A pack: one annotator's pages and judgements in a file, sent out to be judged and sent back to be merged.
//!
//! Made of the same types as a page, so it cannot contain a system. Judgements are merged as sets: merging
//! twice, or in any order, gives the same result. Knows no file system.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::aspects::Aspects;
use super::definition::{StudyKind, check_comment, check_texts};
use super::error::{PackError, StudyError};
use super::hex;
use super::judgement::{JudgementAction, JudgementRecord};
use super::page::{Page, Shown, StudyHead};
use super::seal::Seal;

/// Marks a file as a pack.
const FORMAT: &str = "emprl-pack";
/// The versions that this program reads. Only a pack of a study with questions of its own is of the fourth, one with a seal
/// of the third and one with an overruled judgement of the second, so that older programs read all others.
const VERSIONS: [u32; 4] = [1, 2, 3, 4];

/// The longest text of a page, in characters; and the most turns of a conversation, and pages.
const TEXT_LIMIT: usize = 100_000;
const TURNS_LIMIT: usize = 1_000;
const PAGES_LIMIT: usize = 100_000;
/// The longest pseudonym and uid, which are parts of file names.
const NAME_LIMIT: usize = 64;

/// One annotator's part of a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    pub head: StudyHead,
    pub pseudonym: String,
    pub pages: Vec<Page>,
    pub acts: Vec<JudgementRecord>,
    /// Of all but the judgements, by the store that made the study; none in studies of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<Seal>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<P> {
    format: String,
    form: u32,
    /// SHA-256 of the content as it is written here, in hexadecimal.
    sha256: String,
    pack: P,
}

/// What a pack of any version has.
#[derive(Deserialize)]
struct Header {
    format: String,
    form: u32,
}

impl Pack {
    /// A file name that reveals only the study's uid and the pseudonym.
    pub fn file_name(&self) -> String {
        let study: String = self.head.uid.chars().take(8).collect();
        format!("study-{study}-{}.emprl.json", self.pseudonym)
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(&File {
            format: FORMAT.to_string(),
            form: self.version(),
            sha256: self.digest()?,
            pack: self,
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads and validates a file.
    ///
    /// # Errors
    /// It is not a pack, has another version, was changed, or contains an invalid judgement.
    pub fn from_bytes(bytes: &[u8]) -> Result<Pack, PackError> {
        let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if begins == Some(&b'<') {
            return Err(PackError::IsPage);
        }
        let not_a_pack = |error: serde_json::Error| PackError::NotAPack {
            detail: error.to_string(),
        };
        let header: Header = serde_json::from_slice(bytes).map_err(not_a_pack)?;
        if header.format != FORMAT {
            let detail = "it has another format".to_string();
            return Err(PackError::NotAPack { detail });
        }
        if !VERSIONS.contains(&header.form) {
            return Err(PackError::Version {
                found: header.form,
                known: VERSIONS[VERSIONS.len() - 1],
            });
        }
        let file: File<Pack> = serde_json::from_slice(bytes).map_err(not_a_pack)?;
        if file.pack.digest().map_err(not_a_pack)? != file.sha256 {
            return Err(PackError::Changed);
        }
        file.pack.check()?;
        Ok(file.pack)
    }

    /// Checks the pack against the study in the store: the same study, and every page as shown here. The
    /// study may have more pages.
    ///
    /// # Errors
    /// [`PackError::ForeignStudy`], [`PackError::Changed`] if the head differs, or [`PackError::ForeignItem`].
    pub fn check_matches(&self, head: &StudyHead, pages: &[Page]) -> Result<(), PackError> {
        if self.head.uid != head.uid {
            return Err(PackError::ForeignStudy);
        }
        if self.head != *head {
            return Err(PackError::Changed);
        }
        let ours: HashMap<u32, &Page> = pages.iter().map(|page| (page.item, page)).collect();
        let foreign = |page: &&Page| ours.get(&page.item) != Some(page);
        match self.pages.iter().find(foreign) {
            Some(page) => Err(PackError::ForeignItem { item: page.item }),
            None => Ok(()),
        }
    }

    /// Its version as long as no judgement is overruled, and once one is.
    pub fn versions(&self) -> [u32; 2] {
        match &self.seal {
            _ if self.head.asks_more() => [VERSIONS[3]; 2],
            Some(_) => [VERSIONS[2]; 2],
            None => [VERSIONS[0], VERSIONS[1]],
        }
    }

    fn version(&self) -> u32 {
        let overrules = |act: &JudgementRecord| matches!(act.action, JudgementAction::Overrule(_));
        self.versions()[usize::from(self.acts.iter().any(overrules))]
    }

    /// Whether this pack has every judgement of another of the same annotator and study.
    pub fn covers(&self, other: &Pack) -> bool {
        let same = self.head.uid == other.head.uid && self.pseudonym == other.pseudonym;
        same && other.acts.iter().all(|act| self.acts.contains(act))
    }

    fn digest(&self) -> Result<String, serde_json::Error> {
        Ok(hex(&Sha256::digest(serde_json::to_vec(self)?)))
    }

    /// Checks that texts can be shown, that pages are of the study's kind, each once, and that judgements are valid.
    fn check(&self) -> Result<(), PackError> {
        self.check_texts()?;
        let mut items = HashSet::new();
        for page in &self.pages {
            if page.shown.kind() != self.head.kind || !items.insert(page.item) {
                return Err(PackError::ForeignItem { item: page.item });
            }
        }
        for (act, number) in self.acts.iter().zip(1..) {
            let wrong = |what: String| Err(PackError::Judgement { number, what });
            if !items.contains(&act.item) {
                return wrong(format!("there is no item {}", act.item));
            }
            // They are numbered without gaps, so no number is above their count.
            if act.seq == 0 || act.seq > self.acts.len() as u64 {
                return wrong(format!("its number {} is out of range", act.seq));
            }
            if i64::try_from(act.shown_ms).is_err() {
                return wrong("its time is out of range".to_string());
            }
            if let JudgementAction::Overrule(ids) = &act.action
                && ids.len() > self.acts.len()
            {
                return wrong("it overrules more judgements than there are".to_string());
            }
            if let Err(error) = self.head.check(&act.action, act.item) {
                return wrong(error.to_string());
            }
        }
        Ok(())
    }

    fn check_texts(&self) -> Result<(), PackError> {
        let StudyHead {
            uid,
            title,
            instructions,
            aspects,
            comment,
            ..
        } = &self.head;
        let wrong = |what: String| Err(PackError::Texts { what });
        for (what, name) in [("uid", uid), ("pseudonym", &self.pseudonym)] {
            let letters = name.chars().all(|letter| letter.is_ascii_alphanumeric());
            if name.is_empty() || name.len() > NAME_LIMIT || !letters {
                return wrong(format!("its {what} is not one that emprl gives"));
            }
        }
        if self.seal.as_ref().is_some_and(|seal| !seal.is_readable()) {
            return wrong("its seal is not one that emprl gives".to_string());
        }
        let asked = aspects.as_ref().map_or(Ok(()), Aspects::check);
        let comment = comment.as_deref().map_or(Ok(()), check_comment);
        for texts in [check_texts(title, instructions), asked, comment] {
            if let Err(StudyError::Definition { what, .. }) = texts {
                return wrong(what);
            }
        }
        if aspects.is_some() && self.head.kind != StudyKind::Rating {
            return wrong("it has aspects of a rating, and is none".to_string());
        }
        if self.pages.len() > PAGES_LIMIT {
            return wrong(format!("it has over {PAGES_LIMIT} items"));
        }
        for page in &self.pages {
            let shown = match &page.shown {
                Shown::Pair { left, right } => vec![left, right],
                Shown::Single { response } => vec![response],
            };
            let mut texts = page.context.iter().chain(shown);
            if page.context.len() > TURNS_LIMIT || texts.any(|t| t.chars().count() > TEXT_LIMIT) {
                return wrong(format!("the text of item {} is too long", page.item));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::{Answer, Choice};

    fn pack() -> Pack {
        Pack {
            head: StudyHead {
                uid: "0123456789abcdef".to_string(),
                title: "Which?".to_string(),
                kind: StudyKind::AbTest,
                instructions: "Read.".to_string(),
                created_ms: 7,
                aspects: None,
                comment: None,
            },
            pseudonym: "A2".to_string(),
            pages: vec![Page {
                item: 4,
                context: vec!["Hi.".to_string(), "\"Ho\"".to_string()],
                roles: Vec::new(),
                shown: Shown::Pair {
                    left: "a".to_string(),
                    right: "b".to_string(),
                },
            }],
            acts: vec![JudgementRecord {
                seq: 1,
                item: 4,
                action: JudgementAction::Answer(Answer::Choice(Choice::Left)),
                shown_ms: 1200,
                wall_ms: 9,
            }],
            seal: None,
        }
    }

    fn changed(from: &str, to: &str) -> Result<Pack, PackError> {
        let text = String::from_utf8(pack().to_bytes().unwrap()).unwrap();
        assert!(text.contains(from), "{text}");
        Pack::from_bytes(text.replacen(from, to, 1).as_bytes())
    }

    #[test]
    fn a_pack_comes_back_as_it_was_sent() {
        let bytes = pack().to_bytes().unwrap();
        assert_eq!(Pack::from_bytes(&bytes).unwrap(), pack());
        assert_eq!(pack().file_name(), "study-01234567-A2.emprl.json");
        // Mail programs change blanks and line ends, which are no content.
        let text = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
        assert_eq!(Pack::from_bytes(text.as_bytes()).unwrap(), pack());
    }

    #[test]
    fn a_changed_pack_is_refused() {
        assert_eq!(
            changed("\"left\": \"a\"", "\"left\": \"c\""),
            Err(PackError::Changed)
        );
        assert_eq!(
            changed(": \"left\"", ": \"right\""),
            Err(PackError::Changed)
        );
        assert_eq!(changed("\"A2\"", "\"A1\""), Err(PackError::Changed));
        let version = PackError::Version { found: 5, known: 4 };
        assert_eq!(changed("\"form\": 1", "\"form\": 5"), Err(version));
        for (from, to) in [
            ("emprl-pack", "other-pack"),
            ("\"seq\": 1", "\"seq\": -1"),
            ("\"seq\": 1", "\"extra\": 0, \"seq\": 1"),
            ("}", ""),
        ] {
            let refused = changed(from, to);
            assert!(
                matches!(refused, Err(PackError::NotAPack { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(
            Pack::from_bytes(b"\n<!doctype html>"),
            Err(PackError::IsPage)
        );
        for bytes in [&b""[..], b"{}", b"\xff\x00", b"[1]"] {
            let refused = Pack::from_bytes(bytes);
            assert!(
                matches!(refused, Err(PackError::NotAPack { .. })),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn acts_that_cannot_be_are_refused_even_under_a_right_checksum() {
        let refused = |change: &dyn Fn(&mut Pack)| {
            let mut pack = pack();
            change(&mut pack);
            Pack::from_bytes(&pack.to_bytes().unwrap()).unwrap_err()
        };
        let elsewhere = refused(&|pack| pack.acts[0].item = 5);
        assert!(matches!(elsewhere, PackError::Judgement { number: 1, .. }));
        let before = refused(&|pack| pack.acts[0].seq = 0);
        assert!(matches!(before, PackError::Judgement { number: 1, .. }));
        for seq in [2, i64::MAX as u64, u64::MAX] {
            let beyond = refused(&|pack| pack.acts[0].seq = seq);
            assert!(matches!(beyond, PackError::Judgement { number: 1, .. }));
        }
        let kind = refused(&|pack| pack.head.kind = StudyKind::Rating);
        assert_eq!(kind, PackError::ForeignItem { item: 4 });
        let twice = refused(&|pack| pack.pages.push(pack.pages[0].clone()));
        assert_eq!(twice, PackError::ForeignItem { item: 4 });
    }

    #[test]
    fn texts_that_cannot_be_shown_are_refused() {
        let refused = |change: &dyn Fn(&mut Pack)| {
            let mut pack = pack();
            change(&mut pack);
            let refused = Pack::from_bytes(&pack.to_bytes().unwrap());
            assert!(
                matches!(refused, Err(PackError::Texts { .. })),
                "{refused:?}"
            );
        };
        refused(&|pack| pack.head.title = "x".repeat(70_000));
        refused(&|pack| pack.pseudonym = "x".repeat(70_000));
        refused(&|pack| pack.pseudonym = "../../A1".to_string());
        refused(&|pack| pack.head.uid = "../x".to_string());
        refused(&|pack| pack.head.instructions = "x".repeat(70_000));
        refused(&|pack| pack.pages[0].context[0] = "x".repeat(200_000));
        refused(&|pack| pack.seal = serde_json::from_str("\"0g\"").ok());
    }

    #[test]
    fn only_a_pack_with_a_decision_needs_a_newer_program() {
        let mut pack = pack();
        let form = |pack: &Pack| {
            let text = String::from_utf8(pack.to_bytes().unwrap()).unwrap();
            (
                text.contains("\"form\": 1"),
                Pack::from_bytes(text.as_bytes()).unwrap() == *pack,
            )
        };
        assert_eq!(form(&pack), (true, true));
        let before = pack.clone();
        let mut decision = pack.acts[0].clone();
        decision.seq = 2;
        decision.action = JudgementAction::Overrule(Vec::new());
        pack.acts.push(decision);
        assert_eq!(form(&pack), (false, true));
        assert!(pack.covers(&before) && !before.covers(&pack));
    }

    #[test]
    fn a_foreign_pack_does_not_fit() {
        let pack = pack();
        pack.check_matches(&pack.head, &pack.pages).unwrap();
        let mut head = pack.head.clone();
        head.instructions.push('!');
        assert_eq!(
            pack.check_matches(&head, &pack.pages),
            Err(PackError::Changed)
        );
        head.uid.push('0');
        assert_eq!(
            pack.check_matches(&head, &pack.pages),
            Err(PackError::ForeignStudy)
        );
        assert_eq!(
            pack.check_matches(&pack.head, &[]),
            Err(PackError::ForeignItem { item: 4 })
        );
    }
}
