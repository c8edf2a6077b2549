//! The way of who comes from a crowd platform: by the entrance, consent, check and practice to the items, and out again.

use super::desk::{Answer, HEAD, Judging};
use crate::operations::OperationError;
use crate::operations::studies::desk::{Action, Admission, Sent, place_name};
use crate::report::judging::{Completion, Document, TRIES, document, instructions_html};
use crate::store::{Leaving, OpenLink, PlatformIds, WorkerState, WorkerStep};
use crate::study::page::StudyHead;

/// The longest id of a platform.
const LONGEST: usize = 100;

/// What a worker's platform is told at the end.
#[derive(Clone, Debug)]
pub struct Endings {
    pub completed: Completion,
    /// Of who failed the check, or did not consent.
    pub screened_out: Completion,
}

/// The ids that a platform puts into the link; `None` without that of the worker, or if one is none.
pub(super) fn platform_ids(query: &str) -> Option<PlatformIds> {
    let value = |name: &str| {
        let mut parts = query.split('&').filter_map(|part| part.split_once('='));
        let found = parts.find(|(key, _)| *key == name);
        found.map(|(_, value)| value)
    };
    let is_id = |id: &str| {
        let mut letters = id.bytes();
        id.len() <= LONGEST
            && letters.all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let worker = value("PROLIFIC_PID").filter(|id| !id.is_empty())?;
    let study = value("STUDY_ID").unwrap_or_default();
    let session = value("SESSION_ID").unwrap_or_default();
    let sound = [worker, study, session].into_iter().all(is_id);
    sound.then(|| PlatformIds {
        worker: worker.to_string(),
        study: study.to_string(),
        session: session.to_string(),
    })
}

/// Where a worker is before the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Left(Leaving),
    Consent,
    Check,
    Practice(usize),
}

/// What a worker sees instead of an item.
pub(super) struct Before {
    pub fragment: String,
    /// Whether the instructions show first.
    pub reading: bool,
}

impl Judging {
    pub(super) fn entrance(&mut self, token: &str, ids: &PlatformIds) -> Answer {
        match self.desk.admit(token, ids) {
            Ok(Admission::Admitted(own)) => Answer::Admitted(own),
            Ok(Admission::Full) => Answer::Full,
            Ok(Admission::NoEntrance) => Answer::Dead,
            Err(error) => self.failed(&error),
        }
    }

    /// What a worker sees instead of an item; `None` of who judges, or came by a link of their own.
    pub(super) fn before_items(
        &mut self,
        link: &OpenLink,
    ) -> Result<Option<Before>, OperationError> {
        let Some(worker) = self.desk.worker(link)? else {
            return Ok(None);
        };
        if self.desk.is_closed(link)? {
            return Ok(None);
        }
        let work = self.desk.work(link)?;
        let head = work.head.clone();
        let is_done = work.next().is_none();
        let (texts, endings) = (&self.texts, &self.endings);
        let place = self.place(&worker, &head);
        // Before the first try at the check the instructions are read.
        let reading = matches!(place, Some(Place::Check)) && worker.tries == 0;
        let fragment = match place {
            Some(Place::Left(Leaving::Declined)) => texts.declined_html(&endings.screened_out),
            Some(Place::Left(Leaving::ScreenedOut)) => {
                texts.screened_out_html(&endings.screened_out)
            }
            Some(Place::Consent) => texts.consent_html(),
            Some(Place::Check) => texts.check_html(&head, worker.tries),
            Some(Place::Practice(at)) => texts.practice_html(&head, at),
            None if is_done => {
                self.desk.finish(link)?;
                texts.finished_html(&endings.completed)
            }
            None => return Ok(None),
        };
        Ok(Some(Before { fragment, reading }))
    }

    fn place(&self, worker: &WorkerState, head: &StudyHead) -> Option<Place> {
        let practised = worker.practised as usize;
        if let Some(why) = worker.left {
            Some(Place::Left(why))
        } else if worker.consented_ms.is_none() {
            Some(Place::Consent)
        } else if worker.passed_ms.is_none() && self.texts.questions(head) > 0 {
            Some(Place::Check)
        } else if practised < self.texts.practice_items(head) {
            Some(Place::Practice(practised))
        } else {
            None
        }
    }

    /// The document with what a worker sees before the items or after them.
    pub(super) fn page_before_items(&mut self, link: &OpenLink, before: &Before) -> Answer {
        let texts = &self.texts;
        let work = match self.desk.work(link) {
            Ok(work) => work,
            Err(error) => return self.failed(&error),
        };
        let Before { fragment, reading } = before;
        Answer::Kept(document(&Document {
            texts,
            title: texts.title_of(&work.head),
            head: HEAD,
            fragment,
            instructions: &instructions_html(texts, work, *reading),
            reading: *reading,
            place: &place_name(link),
        }))
    }

    /// Records what a worker did before the items; `None` if an item was judged.
    pub(super) fn step(
        &mut self,
        link: &OpenLink,
        sent: &Sent,
    ) -> Result<Option<Answer>, OperationError> {
        let Some(worker) = self.desk.worker(link)? else {
            return Ok(None);
        };
        let head = self.desk.work(link)?.head.clone();
        let place = self.place(&worker, &head);
        let step = match (&sent.action, place) {
            (Action::Consent(agrees), _) => WorkerStep::Consent(*agrees),
            (Action::Check(options), _) => WorkerStep::Check {
                passed: self.texts.passes(&head, options),
                tries: TRIES,
            },
            (Action::Practised, _) => WorkerStep::Practised,
            // Nothing is judged before its time.
            (_, Some(_)) => return Ok(Some(Answer::Wrong)),
            (_, None) => return Ok(None),
        };
        let fits = matches!(
            (step, place),
            (WorkerStep::Consent(_), Some(Place::Consent))
                | (WorkerStep::Check { .. }, Some(Place::Check))
                | (WorkerStep::Practised, Some(Place::Practice(_)))
        );
        // What is sent again after its reply was lost comes when the worker is further on.
        if fits {
            self.desk.step(link, &sent.key, step)?;
        }
        let fragment = match self.before_items(link)? {
            Some(before) => before.fragment,
            None => self.fragment_of(link)?,
        };
        Ok(Some(Answer::Kept(fragment)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platforms_ids_are_read_from_the_link() {
        let ids = platform_ids("PROLIFIC_PID=5f0&STUDY_ID=6a1&SESSION_ID=7b2").unwrap();
        assert_eq!(
            (&*ids.worker, &*ids.study, &*ids.session),
            ("5f0", "6a1", "7b2")
        );
        assert_eq!(platform_ids("PROLIFIC_PID=5f0").unwrap().session, "");
        for wrong in [
            "",
            "PROLIFIC_PID=",
            "PROLIFIC_PID=%7B%7B%25PROLIFIC_PID%25%7D%7D",
            "STUDY_ID=1",
            "PROLIFIC_PID=a b",
        ] {
            assert_eq!(platform_ids(wrong), None, "{wrong}");
        }
    }
}
