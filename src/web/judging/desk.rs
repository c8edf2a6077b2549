//! The thread that has the store: it records what comes by links and answers with fragments.
//!
//! What it answers as kept is on disk.

use crossbeam::channel::Receiver;
use tokio::sync::oneshot;

use super::crowd::Endings;
use crate::operations::OperationError;
use crate::operations::studies::desk::{Desk, Outcome, Sent, View, item_name, place_name};
use crate::report::judging::{Document, Texts, document, done_html, instructions_html, item_html};
use crate::store::{OpenLink, PlatformIds, StoreError};

/// Where the page's script and looks are, from the page of a link.
pub(super) const HEAD: &str = "<link rel=\"stylesheet\" href=\"../assets/judging.css\">\n\
     <script src=\"../assets/judging.js\" defer></script>\n";

/// What is asked of the store.
pub(super) enum Job {
    /// Somebody opens the page of a link.
    Page {
        token: String,
        answer: oneshot::Sender<Answer>,
    },
    /// Somebody comes by an entrance.
    Entrance {
        token: String,
        ids: PlatformIds,
        answer: oneshot::Sender<Answer>,
    },
    /// Somebody did something there.
    Sent {
        token: String,
        sent: Sent,
        answer: oneshot::Sender<Answer>,
    },
}

/// What is answered: a whole document to who opens a page, else a fragment.
pub(super) enum Answer {
    Kept(String),
    Elsewhere(String),
    Closed(String),
    /// To be found by this token of their own.
    Admitted(String),
    Full,
    /// The link opens nothing.
    Dead,
    /// No page of ours sends that.
    Wrong,
    /// The store cannot be read or written now.
    Busy,
}

/// The store with what the pages say.
pub(super) struct Judging {
    pub desk: Desk,
    pub texts: Texts,
    pub endings: Endings,
    /// Is told why something could not be kept.
    pub report: Box<dyn Fn(&str) + Send>,
}

impl Judging {
    /// Answers until nobody can ask any more.
    pub(super) fn answer_all(mut self, jobs: &Receiver<Job>) {
        for job in jobs {
            // Whoever asked may have gone: what was sent is recorded all the same, and is known when it comes again.
            match job {
                Job::Page { token, answer } => {
                    let _ = answer.send(self.page(&token));
                }
                Job::Entrance { token, ids, answer } => {
                    let _ = answer.send(self.entrance(&token, &ids));
                }
                Job::Sent {
                    token,
                    sent,
                    answer,
                } => {
                    let _ = answer.send(self.sent(&token, &sent));
                }
            }
        }
    }

    fn page(&mut self, token: &str) -> Answer {
        let link = match self.desk.enter(token) {
            Ok(Some(link)) => link,
            Ok(None) => return Answer::Dead,
            Err(error) => return self.failed(&error.into()),
        };
        match self.before_items(&link) {
            Ok(Some(before)) => return self.page_before_items(&link, &before),
            Ok(None) => {}
            Err(error) => return self.failed(&error),
        }
        let texts = &self.texts;
        let arrived = self.desk.arrive(&link).map(|view| {
            let worklist = match view {
                View::Item(worklist, _)
                | View::Done(worklist)
                | View::Over(worklist)
                | View::Paused(worklist) => worklist,
            };
            let begins = worklist.progress().answered == 0;
            let reading = begins && matches!(view, View::Item(..));
            let closed = matches!(view, View::Over(_) | View::Paused(_));
            document(&Document {
                texts,
                title: texts.title_of(&worklist.head),
                head: HEAD,
                fragment: &fragment(texts, &link, &view),
                instructions: &match closed {
                    true => String::new(),
                    false => instructions_html(texts, worklist, reading),
                },
                reading,
                place: &if closed {
                    String::new()
                } else {
                    place_name(&link)
                },
            })
        });
        arrived.map_or_else(|error| self.failed(&error), Answer::Kept)
    }

    fn sent(&mut self, token: &str, sent: &Sent) -> Answer {
        let link = match self.desk.enter(token) {
            Ok(Some(link)) => link,
            Ok(None) => return Answer::Dead,
            Err(error) => return self.failed(&error.into()),
        };
        match self.step(&link, sent) {
            Ok(Some(answer)) => return answer,
            Ok(None) => {}
            Err(error) => return self.failed(&error),
        }
        let texts = &self.texts;
        let received = self.desk.receive(&link, sent).map(|(outcome, view)| {
            let fragment = fragment(texts, &link, &view);
            match outcome {
                Outcome::Kept => Answer::Kept(fragment),
                Outcome::Elsewhere => Answer::Elsewhere(fragment),
                Outcome::Closed => Answer::Closed(fragment),
            }
        });
        match (received, self.before_items(&link)) {
            // The last item of who came from a platform.
            (Ok(Answer::Kept(_)), Ok(Some(before))) => Answer::Kept(before.fragment),
            (Ok(answer), Ok(_)) => answer,
            (Err(error), _) | (_, Err(error)) => self.failed(&error),
        }
    }

    /// The fragment of what is next.
    pub(super) fn fragment_of(&mut self, link: &OpenLink) -> Result<String, OperationError> {
        let texts = &self.texts;
        let view = self.desk.look(link)?;
        Ok(fragment(texts, link, &view))
    }

    pub(super) fn failed(&self, error: &OperationError) -> Answer {
        match error {
            OperationError::Store(
                StoreError::DeadLink | StoreError::NoStudy { .. } | StoreError::NoAnnotator { .. },
            ) => Answer::Dead,
            OperationError::NoSuchItem
            | OperationError::Store(StoreError::Study(_) | StoreError::NotAssigned { .. }) => {
                Answer::Wrong
            }
            error => {
                (self.report)(&error.to_string());
                Answer::Busy
            }
        }
    }
}

fn fragment(texts: &Texts, link: &OpenLink, view: &View<'_>) -> String {
    match view {
        View::Item(worklist, at) => {
            let name = worklist.pages().get(*at).map(|page| page.item);
            let name = name.map_or_else(String::new, |item| item_name(link, item));
            item_html(texts, worklist, *at, &name)
        }
        View::Done(worklist) => done_html(texts, worklist),
        View::Over(_) => texts.over_html(),
        View::Paused(_) => texts.paused_html(),
    }
}
