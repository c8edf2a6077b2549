//! A checkpoint answers the contexts of a test order, as a system.

use std::ops::ControlFlow;
use std::path::Path;

use super::{BATCH, Hear, Progress, SystemsError};
use crate::engine::reference::Reference;
use crate::study::contexts::TestOrder;
use crate::study::responses::SystemResponses;
use crate::train::saved::{Drawing, SavedModel};

/// Which checkpoint answers, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Answering {
    /// The checkpoint.
    pub model: Reference,
    /// Always the likeliest token; nothing is drawn.
    pub greedy: bool,
    /// Seed of every draw; else that of the run.
    pub seed: Option<u64>,
    /// Where to compute; else the run's device.
    pub device: Option<String>,
}

/// The answers to every context in the order given, and in words where they are from.
///
/// # Errors
/// The checkpoint cannot be opened, or `hear` said to stop.
pub fn answer(
    store: &Path,
    answering: &Answering,
    order: &TestOrder,
    hear: Hear<'_>,
) -> Result<(String, SystemResponses), SystemsError> {
    let found = answering.model.model(store)?;
    let config = found.config();
    let device = answering.device.as_deref().unwrap_or(&config.run.device);
    let saved = SavedModel::open(&found.folder, device)?;
    let contexts: Vec<String> = order
        .contexts()
        .iter()
        .map(|context| context.utterances.join(" "))
        .collect();
    let drawing = Drawing {
        settings: &config.sampling,
        greedy: answering.greedy,
        seed: answering.seed.unwrap_or(config.run.seed),
    };
    let mut stopped = false;
    let answers = saved.answer_while(
        &contexts,
        config.data.max_source,
        &drawing,
        BATCH,
        &mut |done| {
            let progress = Progress {
                doing: "Answering",
                done,
                of: contexts.len(),
            };
            let going_on = hear(progress);
            stopped = going_on == ControlFlow::Break(());
            going_on
        },
    );
    if stopped {
        return Err(SystemsError::Stopped);
    }
    let source = match &found.origin {
        Some(origin) => format!("run {}, {} {}", origin.run.run, origin.stage, origin.step),
        None => found.folder.display().to_string(),
    };
    let responses = answers.into_iter().map(|answer| answer.response).collect();
    Ok((source, SystemResponses::generated(responses)))
}
