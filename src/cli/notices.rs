//! Notices of the runs that a command watches, delivered beside it.

use std::thread::{self, JoinHandle};

use crossbeam::channel::{Sender, bounded};

use super::output::line_on_stderr;
use super::{CommandContext, Failure};
use crate::engine::Message;
use crate::operations::notices::{NoticeEvent, Recipient, RunNotice};
use crate::store::StoreReader;

/// Who is told.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Notify {
    /// Tell when a run is finished, fails or raises an alert: `desktop`, or an address that is sent JSON with a `text`, as
    /// Slack and Mattermost take it; may be given again
    #[arg(long, value_name = "desktop|URL")]
    notify: Vec<Recipient>,
}

/// Notices that may wait for a slow server; a run waits for none.
const WAITING: usize = 64;

/// A thread that delivers notices; ends with what it was given when it is dropped.
pub(super) struct Messenger {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Messenger {
    /// None where nobody is to be told.
    ///
    /// # Errors
    /// No thread could be made.
    pub fn start(ctx: &CommandContext, notify: Notify) -> Result<Option<Messenger>, Failure> {
        if notify.notify.is_empty() {
            return Ok(None);
        }
        let store = ctx.store.clone();
        let (messages, given) = bounded::<Message>(WAITING);
        let thread = thread::Builder::new().name("notices".to_string());
        let thread = thread.spawn(move || {
            for message in given {
                let notice =
                    StoreReader::open(&store).and_then(|reader| RunNotice::of(&reader, &message));
                match notice {
                    Ok(Some(notice)) => deliver(&notify.notify, &notice),
                    Ok(None) => {}
                    Err(error) => line_on_stderr(&format!("a notice was not made: {error}")),
                }
            }
        })?;
        Ok(Some(Messenger {
            messages: Some(messages),
            thread: Some(thread),
        }))
    }

    /// Tells what a message is worth, if it is.
    pub fn take(&self, message: &Message) {
        if let (Some(messages), Some(_)) = (&self.messages, NoticeEvent::of(message))
            && messages.try_send(message.clone()).is_err()
        {
            line_on_stderr("a notice was not made: too many wait to be delivered");
        }
    }
}

impl Drop for Messenger {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            line_on_stderr("the thread that delivers notices panicked");
        }
    }
}

fn deliver(recipients: &[Recipient], notice: &RunNotice) {
    for recipient in recipients {
        if let Err(error) = recipient.deliver(notice) {
            line_on_stderr(&error.to_string());
        }
    }
}
