//! Notices of runs to a person who does not watch them: what is worth one, and to whom it goes.
//!
//! Delivering waits for a server or the desktop; who calls it does so beside what must not wait.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::OperationError;
use crate::engine::{Message, MessageKind};
use crate::experiment::{EventKind, Stage};
use crate::fetch::JsonServer;
use crate::store::{RunId, StoreError, StoreReader};

/// Nobody waits longer for a notice to be taken.
const LIMIT: Duration = Duration::from_secs(10);

/// What of a run is worth a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeEvent {
    Finished,
    Failed,
    Alert,
    /// Of no run: to see whether notices arrive.
    Trial,
}

impl NoticeEvent {
    /// What the message is worth, if anything.
    pub fn of(message: &Message) -> Option<NoticeEvent> {
        match (&message.kind, message.event()) {
            (MessageKind::Finished { .. }, _) => Some(NoticeEvent::Finished),
            (MessageKind::Failed { .. }, _) => Some(NoticeEvent::Failed),
            (_, Some(EventKind::Alert(_))) => Some(NoticeEvent::Alert),
            _ => None,
        }
    }
}

/// A notice of a run. As JSON it has its `text`, which Slack and Mattermost show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunNotice {
    /// A sentence with the run's name and number.
    pub text: String,
    pub event: NoticeEvent,
    /// Of whom it is; not in a trial.
    #[serde(flatten)]
    pub run: Option<NoticeRun>,
    pub stage: Option<Stage>,
    pub step: u64,
}

/// The run that a notice is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeRun {
    pub run: RunId,
    pub name: String,
    pub experiment: String,
    pub seed: u64,
}

impl RunNotice {
    /// A notice of no run.
    pub fn trial() -> RunNotice {
        RunNotice {
            text: "Notices of runs arrive here.".to_string(),
            event: NoticeEvent::Trial,
            run: None,
            stage: None,
            step: 0,
        }
    }

    /// The notice that a message is worth, if it is, with the run's name from the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn of(reader: &StoreReader, message: &Message) -> Result<Option<RunNotice>, StoreError> {
        let Some(event) = NoticeEvent::of(message) else {
            return Ok(None);
        };
        let row = reader.run(message.run)?.row;
        let title = format!("{} (run {}, seed {})", row.name, row.id, row.seed);
        let text = match (&message.kind, message.event()) {
            (MessageKind::Failed { error }, _) => format!("{title} failed: {error}"),
            (_, Some(kind)) => format!("{title}: {}", kind.words(message.stage, message.step)),
            _ => format!("{title} is finished"),
        };
        Ok(Some(RunNotice {
            text,
            event,
            run: Some(NoticeRun {
                run: row.id,
                name: row.name,
                experiment: row.experiment,
                seed: row.seed,
            }),
            stage: message.stage,
            step: message.step,
        }))
    }
}

/// Who gets notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// The desktop of this machine.
    Desktop,
    /// An address that is sent JSON.
    Address(String),
}

/// As it is given: `desktop`, or an address.
impl FromStr for Recipient {
    type Err = OperationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "desktop" {
            return Ok(Recipient::Desktop);
        }
        JsonServer::check(text)?;
        Ok(Recipient::Address(text.to_string()))
    }
}

/// Of an address without its path, which is often a secret.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipient::Desktop => f.write_str("the desktop"),
            Recipient::Address(address) => {
                let host = address.split('/').take(3).collect::<Vec<_>>().join("/");
                f.write_str(&host)
            }
        }
    }
}

impl Recipient {
    /// Delivers a notice, once.
    ///
    /// # Errors
    /// The desktop shows no notices, or the address does not take it.
    pub fn deliver(&self, notice: &RunNotice) -> Result<(), OperationError> {
        let failed = |why: String| OperationError::NotDelivered {
            recipient: self.clone(),
            why,
        };
        match self {
            Recipient::Desktop => notify_rust::Notification::new()
                .appname("EmpRL Studio")
                .summary("EmpRL Studio")
                .body(&notice.text)
                .show()
                .map(drop)
                .map_err(|error| failed(error.to_string())),
            Recipient::Address(address) => {
                let document =
                    serde_json::to_vec(notice).map_err(|error| failed(error.to_string()))?;
                let posted =
                    JsonServer::at(address).and_then(|server| server.ask(&document, LIMIT));
                posted
                    .map(drop)
                    .map_err(|error| failed(error.to_string().replace(address, "it")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_the_desktop_or_an_address_whose_path_is_not_shown() {
        assert_eq!("desktop".parse::<Recipient>().unwrap(), Recipient::Desktop);
        let chat: Recipient = "https://chat.example/hooks/s3cret".parse().unwrap();
        assert_eq!(chat.to_string(), "https://chat.example");
        for wrong in ["", "chat.example", "ftp://chat.example/x", "mail"] {
            assert!(wrong.parse::<Recipient>().is_err(), "{wrong}");
        }
    }
}
