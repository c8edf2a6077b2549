//! The finished run that is laid under the plots of others.

use super::OpenRun;
use super::model::RunModel;
use crate::store::RunId;

/// The run laid under the plots of others, if one was chosen.
#[derive(Debug, Default)]
pub struct Baseline {
    pub open: Option<OpenRun>,
}

impl Baseline {
    pub fn run(&self) -> Option<RunId> {
        self.open.as_ref().map(|open| open.id)
    }

    /// What to draw under this run: nothing under itself, and nothing before it has been read.
    pub fn model_under(&mut self, run: RunId) -> Option<&mut RunModel> {
        let open = self.open.as_mut().filter(|open| open.id != run)?;
        open.model_mut()
    }

    /// Takes what has been read. True when the whole run has.
    pub fn poll(&mut self) -> bool {
        self.open.as_mut().is_some_and(OpenRun::poll)
    }
}
