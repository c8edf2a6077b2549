//! Auditors of responses from outside: judges that give no reward, beside the identifiers.

use std::path::Path;

use super::controls::ControlAnswers;
use super::levels::{ResponseInContext, are_targets};
use super::models::{BATCH, ResolvedModel};
use super::{OnProgress, OperationError, Progress};
use crate::experiment::{Config, ExperimentError, Problem};
use crate::metrics::{AuditLevels, Levels};
use crate::train::auditor::SavedAuditors;

/// Auditors that are ready to judge.
pub(super) struct Auditors(SavedAuditors);

/// The settings of a run with these auditors.
///
/// # Errors
/// The names contradict each other or the settings.
pub(super) fn with_auditors(mut config: Config, names: &str) -> Result<Config, OperationError> {
    config.identifiers.auditors = names.to_string();
    match config.auditor_problem() {
        Some(Problem { message, .. }) => Err(ExperimentError::Refused {
            origin: "--auditors".to_string(),
            problems: vec![Problem {
                path: names.to_string(),
                message,
            }],
        }
        .into()),
        None => Ok(config),
    }
}

impl Auditors {
    /// Opens those that `names` lists, on the device of the identifiers in `found`, whose labelled pairs the logistic
    /// auditor learns from.
    ///
    /// # Errors
    /// There is no such run or folder, or one has the same weights as the identifiers.
    pub(super) fn open(
        store: &Path,
        found: &ResolvedModel,
        names: &str,
        device: Option<&str>,
    ) -> Result<Self, OperationError> {
        let mut config = with_auditors(found.config(), names)?;
        if let Some(device) = device {
            config.run.device = device.to_string();
        }
        Ok(Auditors(SavedAuditors::open(
            &config,
            store,
            &found.folder,
        )?))
    }

    /// What a person should know about them; each a sentence.
    pub(super) fn notes(&self) -> Vec<String> {
        self.0.notes()
    }

    /// What they find of responses that have targets, and of the same shuffled over the contexts where the
    /// identifiers have `controls`; nothing where Emp-F1 would mean nothing.
    ///
    /// # Errors
    /// `on_progress` stopped it.
    pub(super) fn audit(
        &self,
        rows: &[ResponseInContext],
        controls: Option<&ControlAnswers>,
        doing: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<AuditLevels>, OperationError> {
        let targeted = || rows.iter().filter(|row| row.target.is_some());
        let contexts: Vec<&str> = targeted().map(|row| &*row.context).collect();
        if contexts.is_empty() || are_targets(rows) {
            return Ok(Vec::new());
        }
        let targets: Vec<&str> = targeted().filter_map(|row| row.target.as_deref()).collect();
        let responses: Vec<&str> = targeted().map(|row| &*row.response).collect();
        let shuffled = controls
            .filter(|_| responses.len() > 1)
            .map(|controls| controls.shuffled(&responses));
        let judge = |at: usize, responses: &[&str], on_progress: OnProgress<'_>| {
            let pairs: Vec<_> = contexts
                .iter()
                .copied()
                .zip(responses.iter().copied())
                .collect();
            let doing = format!("{doing}by {}", self.0.name(at));
            self.levels(at, &pairs, &doing, on_progress)
        };
        let mut audits = Vec::new();
        for at in 0..self.0.len() {
            audits.push(AuditLevels {
                auditor: self.0.name(at).to_string(),
                targets: judge(at, &targets, on_progress)?,
                responses: judge(at, &responses, on_progress)?,
                shuffled: match &shuffled {
                    Some(shuffled) => Some(judge(at, shuffled, on_progress)?),
                    None => None,
                },
            });
        }
        Ok(audits)
    }

    fn levels(
        &self,
        auditor: usize,
        pairs: &[(&str, &str)],
        doing: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<Levels>, OperationError> {
        /// Batches between two reports of progress: enough to find rows of similar length.
        const AT_ONCE: usize = 32 * BATCH;
        let mut levels = Vec::with_capacity(pairs.len());
        for part in pairs.chunks(AT_ONCE) {
            levels.extend(self.0.levels(auditor, part, BATCH));
            let progress = Progress {
                doing,
                done: levels.len(),
                of: pairs.len(),
            };
            if on_progress(progress).is_break() {
                return Err(OperationError::Stopped);
            }
        }
        Ok(levels)
    }
}
