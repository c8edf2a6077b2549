//! Copies stages from another run that has done them with the same settings.

use std::fs;
use std::path::{Path, PathBuf};

use super::TOKENIZER;
use crate::experiment::{Severity, Stage};
use crate::train::checkpoint::Checkpoints;
use crate::train::error::TrainError;
use crate::train::session::Session;

/// Stages that another run has done with the same settings.
#[derive(Clone, Debug)]
pub struct Reuse {
    /// The other run's name on screen.
    pub run: String,
    pub run_folder: PathBuf,
    /// The first stages, without a gap.
    pub stages: Vec<Stage>,
    /// The setting because of which the next stage cannot be reused.
    pub differs: Option<&'static str>,
}

impl Reuse {
    /// Keeps the stages before the first that is not done, or whose checkpoint is damaged.
    pub fn keep_sound(&mut self) {
        let theirs = Checkpoints::of(&self.run_folder);
        let is_sound = |stage: &&Stage| {
            let done = theirs.latest(**stage).ok().flatten();
            let done = done.filter(|found| found.listing.done);
            done.is_some_and(|found| found.verify().is_ok())
        };
        let sound = self.stages.iter().take_while(is_sound).count();
        if sound < self.stages.len() {
            self.stages.truncate(sound);
            self.differs = None;
        }
    }

    /// Copies the tokenizer and the last checkpoint of each stage.
    pub(super) fn copy(
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
            session.begin(stage, 0, step);
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
