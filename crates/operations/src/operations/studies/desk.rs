//! The desk at which somebody judges by a link: what they see next, and what became of what they did.
//!
//! Holds an annotator's own pages and nothing of systems. Knows no HTTP and no HTML.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::links::{chance, digest};
use crate::operations::OperationError;
use crate::store::{
    LinkId, OpenLink, PlatformIds, Receipt, Store, StoreError, StoreReader, WorkerState, WorkerStep,
};
use crate::study::hex;
use crate::study::judgement::{Answer, JudgementAction, JudgementRecord};
use crate::study::page::Worklist;
use crate::study::standing::Standing;

/// Worklists that are kept read; those of who has long been away are read again.
const KEPT: usize = 64;
/// The longest time in view of one item that a browser may tell, a day: more would be no time of reading.
const LONGEST_MS: u64 = 24 * 3_600_000;

/// What somebody did, as their browser sends it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Chosen by the browser, 32 hexadecimal digits; what is sent twice under one key counts once.
    pub key: String,
    /// How many of the annotator's records the page had in view.
    pub known: usize,
    /// The item's name on this link's pages; empty of an undo.
    #[serde(default)]
    pub item: String,
    #[serde(rename = "do")]
    pub action: Action,
    #[serde(default)]
    pub shown_ms: u64,
}

/// What can be done at a desk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Answer(Answer),
    Skip,
    Undo,
    Flag(bool),
    Comment(String),
    /// Before the items, of who comes from a crowd platform: consents or not.
    Consent(bool),
    /// The options chosen in the comprehension check, from 0.
    Check(Vec<usize>),
    /// Has done a practice item.
    Practised,
}

impl Sent {
    /// Reads what a browser sent; `None` if no page of ours sends that.
    pub fn parse(body: &[u8]) -> Option<Sent> {
        let sent: Sent = serde_json::from_slice(body).ok()?;
        let is_key = sent.key.len() == 32 && sent.key.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then_some(sent)
    }
}

/// What an annotator sees.
#[derive(Debug)]
pub enum View<'a> {
    /// The page at this index.
    Item(&'a Worklist, usize),
    /// Nothing is left to judge.
    Done(&'a Worklist),
    /// The study is unblinded, or this annotator is excluded: their judging has ended.
    Over(&'a Worklist),
    /// The lead has paused their judging.
    Paused(&'a Worklist),
}

/// What became of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, now or since it was sent before.
    Kept,
    /// It is not recorded, as this annotator's items were judged elsewhere since the page was read.
    Elsewhere,
    /// It is not recorded, as the judging has ended or is paused.
    Closed,
}

/// Whether who comes by an entrance may judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// By this token of their own.
    Admitted(String),
    /// Every place is taken.
    Full,
    NoEntrance,
}

/// A store open for those who judge by links.
pub struct Desk {
    store: Store,
    reader: StoreReader,
    worklists: HashMap<LinkId, Worklist>,
}

impl Desk {
    /// Of a store that can be written.
    pub fn new(store: Store) -> Result<Desk, StoreError> {
        Ok(Desk {
            reader: store.reader()?,
            store,
            worklists: HashMap::new(),
        })
    }

    /// The link of a token; `None` alike of a wrong one, of a revoked one and of one that has expired.
    pub fn enter(&self, token: &str) -> Result<Option<OpenLink>, StoreError> {
        self.reader.open_link(&digest(token))
    }

    /// What the annotator sees who comes by this link, and that they were here.
    pub fn arrive(&mut self, link: &OpenLink) -> Result<View<'_>, OperationError> {
        self.store.see_link(link.link)?;
        self.look(link)
    }

    /// The same of who is here already.
    pub fn look(&mut self, link: &OpenLink) -> Result<View<'_>, OperationError> {
        let next = self.worklist(link)?.next();
        self.view(link, next)
    }

    /// Whether their judging has ended or is paused.
    pub fn is_closed(&self, link: &OpenLink) -> Result<bool, StoreError> {
        let stamp = self.reader.worklist_stamp(link.study, link.annotator)?;
        Ok(stamp.is_over || stamp.standing != Standing::Judging)
    }

    /// Records what was sent, and says what the annotator sees next.
    ///
    /// # Errors
    /// The page names no item of theirs, or the answer is not of the study's kind; the store cannot be written.
    pub fn receive(
        &mut self,
        link: &OpenLink,
        sent: &Sent,
    ) -> Result<(Outcome, View<'_>), OperationError> {
        let action = match &sent.action {
            Action::Answer(answer) => Some(JudgementAction::Answer(*answer)),
            Action::Skip => Some(JudgementAction::Skip),
            Action::Flag(flagged) => Some(JudgementAction::Flag(*flagged)),
            Action::Comment(comment) => Some(JudgementAction::Comment(comment.trim().to_string())),
            Action::Undo => None,
            Action::Consent(_) | Action::Check(_) | Action::Practised => {
                return Err(OperationError::NoSuchItem);
            }
        };
        let settles = matches!(sent.action, Action::Answer(_) | Action::Skip);
        let mut index = None;
        let received = match &action {
            Some(action) => {
                let worklist = self.worklist(link)?;
                let at = worklist
                    .pages()
                    .iter()
                    .position(|page| item_name(link, page.item) == sent.item);
                let at = at.ok_or(OperationError::NoSuchItem)?;
                let item = worklist.pages()[at].item;
                index = Some(at);
                let shown_ms = sent.shown_ms.min(LONGEST_MS);
                self.store
                    .judge_by_link(link, &sent.key, sent.known, item, action, shown_ms)
            }
            None => self.store.undo_by_link(link, &sent.key, sent.known),
        };
        let outcome = match received {
            Ok(Receipt::New(records)) => {
                if action.is_none() {
                    index = self.index_of(link, records.last().map(|record| record.item))?;
                }
                self.recorded(link, &records);
                Outcome::Kept
            }
            Ok(Receipt::Before(item)) => {
                if action.is_none() {
                    index = self.index_of(link, item)?;
                }
                Outcome::Kept
            }
            Err(StoreError::JudgedElsewhere { .. }) => Outcome::Elsewhere,
            Err(
                StoreError::Unblinded { .. }
                | StoreError::Paused { .. }
                | StoreError::Excluded { .. },
            ) => Outcome::Closed,
            Err(error) => return Err(error.into()),
        };
        let worklist = self.worklist(link)?;
        let next = match (outcome, index) {
            (Outcome::Kept, Some(at)) if settles => worklist.next_after(at),
            (Outcome::Kept, Some(at)) => Some(at),
            // The page stays unless it is one of those answered elsewhere.
            (_, Some(at)) => {
                let is_answered = worklist.state(&worklist.pages()[at]).answer.is_some();
                if is_answered {
                    worklist.next()
                } else {
                    Some(at)
                }
            }
            (_, None) => worklist.next(),
        };
        Ok((outcome, self.view(link, next)?))
    }

    /// What anyone at this link may know of the study; the annotator is not seen by this.
    ///
    /// # Errors
    /// The study is gone, or the store cannot be read.
    pub fn work(&mut self, link: &OpenLink) -> Result<&Worklist, OperationError> {
        self.worklist(link)
    }

    /// How far the worker of a link is; `None` if nobody came by it from a platform.
    pub fn worker(&self, link: &OpenLink) -> Result<Option<WorkerState>, StoreError> {
        self.reader.worker(link.link)
    }

    /// Records what a worker did before the first item, once under each key.
    ///
    /// # Errors
    /// The link is no worker's or has ended, or the store cannot be written.
    pub fn step(&mut self, link: &OpenLink, key: &str, step: WorkerStep) -> Result<(), StoreError> {
        self.store.step_worker(link, key, step)
    }

    /// Records that a worker has judged everything, the first time.
    pub fn finish(&mut self, link: &OpenLink) -> Result<(), StoreError> {
        self.store.finish_worker(link.link)
    }

    /// Lets a worker in who comes by a study's entrance.
    ///
    /// # Errors
    /// The store cannot be written, or the system gives no random numbers.
    pub fn admit(&mut self, token: &str, ids: &PlatformIds) -> Result<Admission, OperationError> {
        let Some(entrance) = self.reader.entrance(&digest(token))? else {
            return Ok(Admission::NoEntrance);
        };
        // The same for who comes again, so that they find their place; nobody else knows the entrance's secret.
        let own = format!("worker/{token}/{}/{}", entrance.secret, ids.worker);
        let own = hex(&Sha256::digest(own.as_bytes())[..16]);
        let secret = chance()?;
        let admitted = self
            .store
            .admit_worker(&entrance, ids, &digest(&own), &secret)?;
        Ok(match admitted {
            true => Admission::Admitted(own),
            false => Admission::Full,
        })
    }

    fn index_of(
        &mut self,
        link: &OpenLink,
        item: Option<u32>,
    ) -> Result<Option<usize>, OperationError> {
        let worklist = self.worklist(link)?;
        let mut pages = worklist.pages().iter();
        Ok(item.and_then(|item| pages.position(|page| page.item == item)))
    }

    /// Applies records to the worklist that is kept, if it had all before them.
    fn recorded(&mut self, link: &OpenLink, records: &[JudgementRecord]) {
        if let Some(worklist) = self.worklists.get_mut(&link.link) {
            records.iter().for_each(|record| worklist.apply(record));
        }
    }

    /// The annotator's work as it stands in the store.
    fn worklist(&mut self, link: &OpenLink) -> Result<&Worklist, OperationError> {
        let stamp = self.reader.worklist_stamp(link.study, link.annotator)?;
        let is_current =
            |kept: &Worklist| kept.pages().len() == stamp.pages && kept.known() == stamp.acts;
        if !self.worklists.get(&link.link).is_some_and(is_current) {
            if self.worklists.len() >= KEPT {
                self.worklists.clear();
            }
            let read = self.reader.worklist(link.study, link.annotator)?;
            self.worklists.insert(link.link, read);
        }
        let kept = self.worklists.get(&link.link);
        Ok(kept.ok_or(StoreError::DeadLink)?)
    }

    fn view(&mut self, link: &OpenLink, at: Option<usize>) -> Result<View<'_>, OperationError> {
        let stamp = self.reader.worklist_stamp(link.study, link.annotator)?;
        let worklist = self.worklist(link)?;
        Ok(match at {
            _ if stamp.is_over || stamp.standing == Standing::Excluded => View::Over(worklist),
            _ if stamp.standing == Standing::Paused => View::Paused(worklist),
            Some(at) => View::Item(worklist, at),
            None => View::Done(worklist),
        })
    }
}

/// An item's name on the pages of a link: the same item has another one on every other link's.
pub fn item_name(link: &OpenLink, item: u32) -> String {
    let text = format!("item/{}/{item}", link.secret);
    hex(&Sha256::digest(text.as_bytes())[..8])
}

/// The name under which a browser keeps what is not sent yet.
pub fn place_name(link: &OpenLink) -> String {
    hex(&Sha256::digest(format!("place/{}", link.secret).as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::judgement::Choice;

    #[test]
    fn what_a_page_sends_is_read_and_nothing_else() {
        let key = "0123456789abcdef0123456789abcdef";
        let sent = |what: &str| Sent::parse(what.replace("KEY", key).as_bytes());
        let tie =
            r#"{"key":"KEY","known":3,"item":"ab","do":{"answer":{"choice":"tie"}},"shown_ms":9}"#;
        let tie = sent(tie).unwrap();
        assert_eq!(tie.action, Action::Answer(Answer::Choice(Choice::Tie)));
        assert_eq!((tie.known, tie.shown_ms), (3, 9));
        let undo = sent(r#"{"key":"KEY","known":0,"do":"undo"}"#).unwrap();
        assert_eq!(undo.action, Action::Undo);
        for wrong in [
            r#"{"key":"short","known":0,"do":"undo"}"#,
            r#"{"key":"KEY","known":-1,"do":"undo"}"#,
            r#"{"key":"KEY","known":0,"do":{"overrule":[]}}"#,
            r#"{"key":"KEY","known":0,"do":"undo","study":1}"#,
            "",
            "[]",
        ] {
            assert_eq!(sent(wrong), None, "{wrong}");
        }
    }
}
