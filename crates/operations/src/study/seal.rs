//! The seal of a pack: HMAC-SHA256, with a key made with the study, of what the lead sends to one annotator.
//!
//! It proves that the study's texts, the annotator's code, the items and their order are as they were sent. It says
//! nothing of the judgements, which are the annotator's, nor of who gave them. The key never leaves the store.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::hex;
use super::pack::Pack;
use super::page::{Page, StudyHead};

/// What comes first in what is sealed, so that nothing else is taken for it.
const PURPOSE: &[u8] = b"emprl-pack-seal-1\n";
/// Bytes of a key and of a seal, and those that SHA-256 takes at once.
const LENGTH: usize = 32;
const BLOCK: usize = 64;
/// Items that are named where several differ.
const NAMED: usize = 3;

/// A seal in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seal(String);

impl Seal {
    /// A seal as it was written.
    pub fn from_text(text: String) -> Seal {
        Seal(text)
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether it has the form of a seal.
    pub fn is_readable(&self) -> bool {
        bytes(&self.0).is_some()
    }
}

/// The key of a study. It is written nowhere but in the store that made the study.
#[derive(Clone)]
pub struct SealKey([u8; LENGTH]);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

/// How a pack that came back stands to what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SealState {
    /// Its seal says that all but the judgements is as it was sent.
    Sealed,
    /// Its study was made by an earlier version and has no key; the texts of its items are those of the study.
    Unsealed,
    /// It is not as it was sent, and was taken in because the lead said so.
    Edited,
}

/// What is sealed.
#[derive(Serialize)]
struct Sealed<'a> {
    head: &'a StudyHead,
    pseudonym: &'a str,
    pages: &'a [Page],
}

impl SealKey {
    pub fn new(bytes: [u8; LENGTH]) -> SealKey {
        SealKey(bytes)
    }

    /// A key as the store keeps it.
    pub fn from_text(text: &str) -> Option<SealKey> {
        bytes(text).map(SealKey)
    }

    /// For the store alone.
    pub fn text(&self) -> String {
        hex(&self.0)
    }

    /// The seal of a pack.
    ///
    /// # Errors
    /// The pack cannot be written as JSON.
    pub fn seal(&self, pack: &Pack) -> Result<Seal, serde_json::Error> {
        let mac = self.mac(pack, &pack.pseudonym)?;
        Ok(Seal(hex(&mac.finalize().into_bytes())))
    }

    /// Whether the pack has the seal of what it holds.
    pub fn is_whole(&self, pack: &Pack) -> bool {
        self.is_sealed_for(pack, &pack.pseudonym)
    }

    fn is_sealed_for(&self, pack: &Pack, pseudonym: &str) -> bool {
        let seal = pack.seal.as_ref().and_then(|seal| bytes(&seal.0));
        match (seal, self.mac(pack, pseudonym)) {
            // In constant time, so that nobody finds a seal by trying.
            (Some(seal), Ok(mac)) => mac.verify_slice(&seal).is_ok(),
            _ => false,
        }
    }

    fn mac(&self, pack: &Pack, pseudonym: &str) -> Result<Hmac<Sha256>, serde_json::Error> {
        // A key that is shorter than a block is filled up with zeros.
        let mut block = [0; BLOCK];
        block[..LENGTH].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(PURPOSE);
        mac.update(&serde_json::to_vec(&Sealed {
            head: &pack.head,
            pseudonym,
            pages: &pack.pages,
        })?);
        Ok(mac)
    }

    /// What differs in a pack that is not as it was sent, in words: beside the study's head, the annotator's pages, and
    /// the codes of its annotators.
    pub fn differences(
        &self,
        pack: &Pack,
        head: &StudyHead,
        pages: &[Page],
        pseudonyms: &[String],
    ) -> String {
        let mut found = Vec::new();
        let others = pseudonyms.iter().filter(|one| **one != pack.pseudonym);
        let mut others = others.filter(|one| self.is_sealed_for(pack, one));
        if let Some(other) = others.next() {
            return format!(
                "it was sent to {other}, and says that it is {}'s",
                pack.pseudonym
            );
        }
        if pack.head.title != head.title {
            found.push("the title differs".to_string());
        }
        if pack.head.instructions != head.instructions {
            found.push("the instructions differ".to_string());
        }
        if pack.head.aspects != head.aspects || pack.head.comment != head.comment {
            found.push("what is asked differs".to_string());
        }
        let ours = |item: u32| pages.iter().find(|page| page.item == item);
        let is_other = |page: &&Page| ours(page.item).is_some_and(|own| own != *page);
        let foreign = |page: &&Page| ours(page.item).is_none();
        let items = |is: &dyn Fn(&&Page) -> bool| -> Vec<u32> {
            let pages = pack.pages.iter();
            pages.filter(is).map(|page| page.item).collect()
        };
        if let Some(named) = named(&items(&is_other)) {
            found.push(format!("another text is shown in {named}"));
        }
        if let Some(named) = named(&items(&foreign)) {
            found.push(format!("{} was not sent {named}", pack.pseudonym));
        }
        let order = |pages: &[Page]| -> Vec<u32> { pages.iter().map(|page| page.item).collect() };
        if found.is_empty() && !order(pages).starts_with(&order(&pack.pages)) {
            found.push("items are left out, or in another order".to_string());
        }
        if pack.seal.is_none() {
            found.push("its seal is missing".to_string());
        }
        match found.is_empty() {
            true => "its seal does not fit".to_string(),
            false => found.join(", "),
        }
    }
}

/// Items by number: "item 4", "items 4, 9 and 2 more".
fn named(items: &[u32]) -> Option<String> {
    let first: Vec<String> = items.iter().take(NAMED).map(u32::to_string).collect();
    match items.len() {
        0 => None,
        1 => Some(format!("item {}", first[0])),
        n if n > NAMED => Some(format!("items {} and {} more", first.join(", "), n - NAMED)),
        _ => Some(format!("items {}", first.join(", "))),
    }
}

/// The bytes that are written here in hexadecimal, if they are as many as a key has.
fn bytes(text: &str) -> Option<[u8; LENGTH]> {
    if text.len() != 2 * LENGTH || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::definition::StudyKind;
    use crate::study::page::Shown;

    fn page(item: u32) -> Page {
        Page {
            item,
            context: vec!["Hi.".to_string()],
            roles: Vec::new(),
            shown: Shown::Single {
                response: format!("r{item}"),
            },
        }
    }

    fn key() -> SealKey {
        SealKey::new(std::array::from_fn(|at| at as u8))
    }

    fn sealed() -> Pack {
        let mut pack = Pack {
            head: StudyHead {
                uid: "u".to_string(),
                title: "t".to_string(),
                kind: StudyKind::Rating,
                instructions: "i".to_string(),
                created_ms: 7,
                aspects: None,
                comment: None,
            },
            pseudonym: "A2".to_string(),
            pages: vec![page(4), page(2)],
            acts: Vec::new(),
            seal: None,
        };
        pack.seal = Some(key().seal(&pack).unwrap());
        pack
    }

    #[test]
    fn a_seal_is_the_hmac_of_what_was_sent() {
        // As Python's hmac.new(bytes(range(32)), b"emprl-pack-seal-1\n" + json, "sha256") gives it.
        assert_eq!(sealed().seal.unwrap().text(), PYTHON);
    }

    const PYTHON: &str = "e9b7a2138b00c6212c298d91fb9b613658870630d52b8646b393dba21cb90ba5";

    #[test]
    fn what_was_edited_is_said() {
        let said = |change: &dyn Fn(&mut Pack)| {
            let (sent, mut pack) = (sealed(), sealed());
            change(&mut pack);
            assert!(!key().is_whole(&pack));
            let everyone = ["A1", "A2", "A3"].map(str::to_string);
            key().differences(&pack, &sent.head, &sent.pages, &everyone)
        };
        assert!(key().is_whole(&sealed()));
        let renamed = said(&|pack| pack.pseudonym = "A3".to_string());
        assert_eq!(renamed, "it was sent to A2, and says that it is A3's");
        assert_eq!(said(&|pack| pack.seal = None), "its seal is missing");
        assert_eq!(said(&|pack| pack.head.title.push('!')), "the title differs");
        let text = said(&|pack| pack.pages[1].context[0].push('!'));
        assert_eq!(text, "another text is shown in item 2");
        let order = said(&|pack| pack.pages.reverse());
        assert_eq!(order, "items are left out, or in another order");
        let more = said(&|pack| pack.pages.extend((5..10).map(page)));
        assert_eq!(more, "A2 was not sent items 5, 6, 7 and 2 more");
        let other = said(&|pack| pack.seal = SealKey::new([9; LENGTH]).seal(pack).ok());
        assert_eq!(other, "its seal does not fit");
    }

    #[test]
    fn judgements_are_no_part_of_it_and_the_key_is_shown_nowhere() {
        let mut pack = sealed();
        pack.acts.push(crate::study::judgement::tests::act(
            1,
            4,
            crate::study::judgement::JudgementAction::Skip,
        ));
        assert!(key().is_whole(&pack));
        let text = key().text();
        assert!(key().is_whole(&Pack::from_bytes(&pack.to_bytes().unwrap()).unwrap()));
        assert!(
            !String::from_utf8(pack.to_bytes().unwrap())
                .unwrap()
                .contains(&text)
        );
        assert_eq!(format!("{:?}", key()), "SealKey");
        assert!(SealKey::from_text(&text).unwrap().is_whole(&pack));
        assert!(SealKey::from_text(&text[1..]).is_none());
    }
}
