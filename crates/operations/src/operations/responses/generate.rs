//! Generates a checkpoint's answers to contexts, as a system.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{StoredResponses, check_name};
use crate::data::Turns;
use crate::operations::models::{BATCH, BestOf, Drawing, Reference, SavedModel, Targeted, judge};
use crate::operations::{OnProgress, OperationError, Progress};
use crate::study::contexts::{Context, OrderedContexts};
use crate::study::responses::SystemResponses;

/// A system to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    pub answering: Responder,
    /// The system's name.
    pub system: String,
    /// The contexts to answer; else the imported test split of EmpatheticDialogues.
    pub contexts: Option<PathBuf>,
    /// Whether to replace a system of the same name.
    pub replace: bool,
}

/// Which checkpoint answers, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Responder {
    pub model: Reference,
    /// Greedy decoding instead of sampling.
    pub greedy: bool,
    /// Instead of the run's.
    pub seed: Option<u64>,
    /// Instead of the run's.
    pub device: Option<String>,
    /// Of so many responses the one that the run's empathy reward likes best.
    pub best_of: Option<BestOf>,
    /// Whose identifiers that reward judges by, instead of the run's.
    pub identifiers: Option<Reference>,
}

/// Generates a checkpoint's answers and stores them as a system.
///
/// # Errors
/// The name is empty or taken, the contexts or the checkpoint cannot be read, or `on_progress` stopped it; then
/// nothing is stored.
pub fn generate(
    store: &Path,
    generate: &Generate,
    on_progress: OnProgress<'_>,
) -> Result<StoredResponses, OperationError> {
    check_name(store, &generate.system, generate.replace)?;
    let (contexts, foreign) = OrderedContexts::find(store, generate.contexts.as_deref())?;
    let (source, responses) = answer(store, &generate.answering, &contexts, on_progress)?;
    let stored = StoredResponses {
        system: generate.system.clone(),
        source,
        responses,
        contexts,
        foreign,
    };
    stored.put(store, generate.replace)
}

/// A description of the checkpoint, and its answers to all contexts in order.
pub fn answer(
    store: &Path,
    answering: &Responder,
    order: &OrderedContexts,
    on_progress: OnProgress<'_>,
) -> Result<(String, SystemResponses), OperationError> {
    let found = answering.model.model(store)?;
    let config = found.config();
    let device = answering.device.as_deref().unwrap_or(&config.run.device);
    let model = SavedModel::open(&found.folder, device)?;
    let contexts: Vec<Turns<'_>> = order.contexts().iter().map(Context::turns).collect();
    let drawing = Drawing {
        settings: &config.sampling,
        greedy: answering.greedy,
        seed: answering.seed.unwrap_or(config.run.seed),
    };
    let max_source = config.data.max_source;
    let mut flow = ControlFlow::Continue(());
    let draws = answering.best_of.map_or(1, BestOf::n);
    let report = &mut |done| {
        flow = on_progress(Progress {
            doing: "Answering",
            done,
            of: draws * contexts.len(),
        });
        flow
    };
    let answers = match answering.best_of {
        Some(best_of) => {
            let given = answering.identifiers.as_ref();
            let identifiers = judge(store, &answering.model, given, device)?;
            let targeted = targeted(order)?;
            let (size, reward) = ((best_of, max_source), (&identifiers, &config.reward));
            model.best_of(size, &targeted, reward, (&drawing, BATCH), report)?
        }
        None => model.answer_while(&contexts, max_source, &drawing, BATCH, report)?,
    };
    if flow.is_break() {
        return Err(OperationError::Stopped);
    }
    let source = match &found.origin {
        Some(origin) => format!("run {}, {} {}", origin.run.run, origin.stage, origin.step),
        None => found.folder.display().to_string(),
    };
    let source = match answering.best_of {
        Some(best_of) => format!("{source}, {best_of}"),
        None => source,
    };
    let responses = answers.into_iter().map(|answer| answer.response).collect();
    Ok((source, SystemResponses::generated(responses)))
}

/// The contexts with the targets that a reward compares with.
fn targeted(order: &OrderedContexts) -> Result<Vec<Targeted<'_>>, OperationError> {
    let contexts = order.contexts().iter().zip(1..);
    contexts
        .map(|(context, number)| {
            let target = context
                .target
                .as_deref()
                .filter(|target| !target.trim().is_empty());
            Ok(Targeted {
                context: context.turns(),
                target: target.ok_or(OperationError::NoTarget { number })?,
            })
        })
        .collect()
}
