//! Stages that are taken over from another run, which has done them in the same way.

use std::fs;
use std::path::{Path, PathBuf};

use super::TOKENIZER;
use crate::experiment::{Severity, Stage};
use crate::train::checkpoint::Checkpoints;
use crate::train::error::TrainError;
use crate::train::session::Session;

/// Stages that another run has done in the same way.
#[derive(Clone, Debug)]
pub struct Reuse {
    /// The other run, as people call it.
    pub run: String,
    pub run_folder: PathBuf,
    /// In order, none of them left out.
    pub stages: Vec<Stage>,
    /// The setting for which the stage after them is not taken over.
    pub differs: Option<&'static str>,
}

impl Reuse {
    /// Copies the tokenizer and the last checkpoint of each stage that is taken over.
    pub(super) fn take_over(
        &self,
        session: &mut Session<'_>,
        run_folder: &Path,
    ) -> Result<(), TrainError> {
        let theirs = Checkpoints::of(&self.run_folder);
        let tokenizer = self.run_folder.join(TOKENIZER);
        if tokenizer.is_file() {
            fs::create_dir_all(run_folder).map_err(TrainError::io(run_folder))?;
            fs::copy(&tokenizer, run_folder.join(TOKENIZER)).map_err(TrainError::io(&tokenizer))?;
        }
        for &stage in &self.stages {
            let Some(checkpoint) = theirs.latest(stage)?.filter(|found| found.listing.done) else {
                return Err(TrainError::NothingToReuse {
                    run: self.run.clone(),
                    stage: stage.key(),
                });
            };
            let step = checkpoint.listing.step;
            session.begin(stage, step);
            session.checkpoint(stage, step, true, |folder| checkpoint.copy_to(folder))?;
            let mut text = format!("Taken over from run {}", self.run);
            if let Some(setting) = self.differs.filter(|_| self.stages.last() == Some(&stage)) {
                text.push_str(&format!("; what follows is not, since `{setting}` differs"));
            }
            session.note(stage, step, Severity::Info, text);
            session.end(stage, step);
        }
        Ok(())
    }
}
