//! A reply in the playground: a response, or its progress.

use crate::app::jobs::{JobError, Pending};
use crate::app::queries::responses::{
    OpenModel, Prompt, Response, ResponseProgress, ResponseWithLevels,
};
use crate::operations::models::Identified;

#[derive(Clone, Debug)]
pub enum ReplyState {
    Waiting,
    Opening,
    /// The text so far.
    Words(String),
    Complete(Response),
    Stopped,
    Failed(String),
}

/// What a reply's job reports: its progress, and the open models.
pub type ReplyProgress = (ResponseProgress, Vec<OpenModel>);

/// A job that responds; dropping it stops it.
pub type PendingReply = Pending<ResponseWithLevels, ReplyProgress>;

#[derive(Debug)]
pub struct Reply {
    pub prompt: Prompt,
    pub state: ReplyState,
    /// Where identifiers were requested, once they are done.
    pub levels: Option<Result<[Identified; 3], String>>,
    pub pending: Option<PendingReply>,
}

impl Reply {
    pub(super) fn new(prompt: Prompt) -> Self {
        Reply {
            prompt,
            state: ReplyState::Waiting,
            levels: None,
            pending: None,
        }
    }

    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The response, once it is complete.
    pub fn response(&self) -> Option<&Response> {
        match &self.state {
            ReplyState::Complete(response) => Some(response),
            _ => None,
        }
    }

    /// Polls the job. Returns the open models, where that was reported, and whether it has ended.
    pub(super) fn poll(&mut self) -> (Option<Vec<OpenModel>>, bool) {
        let Some(pending) = &self.pending else {
            return (None, false);
        };
        let result = pending.poll();
        let open = pending.progress().map(|(progress, open)| {
            self.state = match progress {
                ResponseProgress::Opening => ReplyState::Opening,
                ResponseProgress::Words(words) => ReplyState::Words(words),
                ResponseProgress::Identifying(response) => ReplyState::Complete(response),
            };
            open
        });
        let ended = result.is_some();
        if let Some(result) = result {
            self.pending = None;
            match result {
                Ok(ResponseWithLevels { response, levels }) => {
                    self.state = ReplyState::Complete(response);
                    self.levels = levels;
                }
                // Keep the response, without its levels.
                Err(_) if self.response().is_some() => {}
                Err(JobError::Cancelled) => self.state = ReplyState::Stopped,
                Err(JobError::Failed(why)) => self.state = ReplyState::Failed(why),
            }
        }
        (open, ended)
    }
}
