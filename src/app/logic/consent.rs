//! A person's word before a reward may start a program.

use std::path::PathBuf;

use super::Core;
use crate::app::jobs::{JobContext, JobResult, Lane};
use crate::experiment::Config;
use crate::operations::OperationError;
use crate::operations::programs::{AllowedPrograms, ProgramCall};

/// What waits for the word.
pub(super) type Waiting = Box<dyn FnOnce(&mut Core)>;

impl Core {
    /// Calls `then` once every program of these rewards is allowed: at once where they start none, and never where the
    /// person does not allow one.
    pub(super) fn once_allowed(
        &mut self,
        configs: Vec<Config>,
        then: impl FnOnce(&mut Core) + 'static,
    ) {
        if configs
            .iter()
            .all(|config| config.reward.commands().next().is_none())
        {
            return then(self);
        }
        if self.is_asking {
            return;
        }
        self.is_asking = true;
        let programs = self.options.programs.clone();
        let missing = move |_: &mut JobContext| -> JobResult<Vec<ProgramCall>> {
            let mut missing: Vec<ProgramCall> = Vec::new();
            for config in &configs {
                missing.extend(allowed(programs.clone())?.missing(config)?);
            }
            missing.sort();
            missing.dedup();
            Ok(missing)
        };
        self.ask_then(Lane::Reader, missing, |core, missing| match missing {
            Ok(missing) if missing.is_empty() => {
                core.is_asking = false;
                then(core);
            }
            Ok(missing) => {
                core.state.to_allow = missing;
                core.allowed_then = Some(Box::new(then));
            }
            Err(why) => core.not_allowed(why),
        });
    }

    /// Keeps the person's word for the programs shown, and goes on.
    pub fn allow_programs(&mut self) {
        let missing = std::mem::take(&mut self.state.to_allow);
        let programs = self.options.programs.clone();
        let allow = move |_: &mut JobContext| Ok(allowed(programs)?.allow(&missing)?);
        self.ask_then(Lane::Changes, allow, |core, done| match done {
            Ok(()) => {
                core.is_asking = false;
                if let Some(then) = core.allowed_then.take() {
                    then(core);
                }
            }
            Err(why) => core.not_allowed(why),
        });
    }

    /// Starts none of the programs shown.
    pub fn refuse_programs(&mut self) {
        self.state.to_allow.clear();
        self.not_allowed("It was not started: a program of its reward is not allowed".to_string());
    }

    fn not_allowed(&mut self, why: String) {
        self.is_asking = false;
        self.allowed_then = None;
        // Which also pauses the queue.
        self.state.experiments.refused = Some(why);
    }
}

fn allowed(file: Option<PathBuf>) -> Result<AllowedPrograms, OperationError> {
    file.map_or_else(AllowedPrograms::of_person, |file| {
        Ok(AllowedPrograms::in_file(file))
    })
}
