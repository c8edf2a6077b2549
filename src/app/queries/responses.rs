//! Responses of saved models for the playground, with their identified levels.
//!
//! At most two models and one set of identifiers stay open; those that changed on disk are reopened.

use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::models::ModelRef;
use crate::data::Turns;
use crate::experiment::SamplingSettings;
use crate::operations::models::{
    Drawing, Identified, Reference, ReferenceError, SavedIdentifiers, SavedModel,
};
use crate::train::TrainError;

const MODELS: usize = 2;

/// Which identifiers to use, and on which device.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedIdentifiers {
    pub of: Reference,
    pub device: String,
}

/// A context to respond to, with everything the response depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    pub model: ModelRef,
    /// Utterances, oldest first.
    pub context: Vec<String>,
    pub settings: SamplingSettings,
    /// How many tokens of the context are used, the latest ones.
    pub max_source: usize,
    /// Always take the most likely token.
    pub greedy: bool,
    pub seed: u64,
    pub device: String,
    pub identifiers: Option<WantedIdentifiers>,
}

/// A response and its measurements.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub text: String,
    /// Including the end-of-sequence token.
    pub tokens: usize,
    /// Natural logarithm of the whole response's probability, under the full, untempered softmax.
    pub logprob: f32,
    /// Whether it ended with the end-of-sequence token, not at the maximum length.
    pub ended: bool,
    pub seconds: f64,
}

/// A response, and its levels with their probabilities where identifiers were requested.
#[derive(Clone, Debug)]
pub struct ResponseWithLevels {
    pub response: Response,
    pub levels: Option<Result<[Identified; 3], String>>,
}

#[derive(Clone, Debug)]
pub enum ResponseProgress {
    /// The model is being read from disk.
    Opening,
    /// The text so far.
    Words(String),
    /// Its levels are being identified.
    Identifying(Response),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenModel {
    pub model: ModelRef,
    pub device: String,
    pub parameters: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    #[error("it was stopped")]
    Stopped,
    #[error(transparent)]
    NotFound(#[from] ReferenceError),
    #[error(transparent)]
    NotOpened(#[from] TrainError),
}

struct OpenedModel {
    open: OpenModel,
    folder: PathBuf,
    /// When its folder had changed last, as it was opened.
    stamp: Option<SystemTime>,
    model: SavedModel,
}

struct OpenedIdentifiers {
    wanted: WantedIdentifiers,
    folder: PathBuf,
    stamp: Option<SystemTime>,
    identifiers: SavedIdentifiers,
}

#[derive(Default)]
pub struct OpenModels {
    /// The most recently used is the last.
    models: Vec<OpenedModel>,
    identifiers: Option<OpenedIdentifiers>,
}

impl OpenModels {
    pub fn list(&self) -> Vec<OpenModel> {
        self.models.iter().map(|model| model.open.clone()).collect()
    }

    /// Responds to a prompt. `report` gets the progress and the open models; where it returns false, the response
    /// stops between two tokens, or once the model is open.
    ///
    /// # Errors
    /// It was stopped; the model or its identifiers are not there or cannot be read.
    pub fn respond(
        &mut self,
        store: &Path,
        prompt: &Prompt,
        report: &mut dyn FnMut(ResponseProgress, Vec<OpenModel>) -> bool,
    ) -> Result<ResponseWithLevels, ResponseError> {
        let at = match self
            .models
            .iter()
            .position(|model| model.is_current(prompt))
        {
            Some(at) => at,
            None => {
                if !report(ResponseProgress::Opening, self.list()) {
                    return Err(ResponseError::Stopped);
                }
                self.make_room(prompt);
                self.models.push(OpenedModel::open(store, prompt)?);
                self.models.len() - 1
            }
        };
        let model = self.models.remove(at);
        self.models.push(model);
        let open = self.list();
        if !report(ResponseProgress::Words(String::new()), open.clone()) {
            return Err(ResponseError::Stopped);
        }
        let drawing = Drawing {
            settings: &prompt.settings,
            greedy: prompt.greedy,
            seed: prompt.seed,
        };
        let begun = Instant::now();
        let context = Turns::alternating(&prompt.context);
        let drawn = self.models.last().map(|cached| {
            let mut words_so_far =
                |words: &str| report(ResponseProgress::Words(words.to_string()), open.clone());
            let max_source = prompt.max_source;
            let model = &cached.model;
            model.answer_streaming(context, max_source, &drawing, &mut words_so_far)
        });
        let Some(drawn) = drawn.transpose()?.flatten() else {
            return Err(ResponseError::Stopped);
        };
        let response = Response {
            ended: drawn.ended,
            tokens: drawn.tokens.len(),
            logprob: drawn.log_probs.iter().sum(),
            text: drawn.response,
            seconds: begun.elapsed().as_secs_f64(),
        };
        let levels = prompt.identifiers.as_ref().map(|wanted| {
            report(ResponseProgress::Identifying(response.clone()), open);
            let levels = self.identify(store, wanted, (&context.text(), &response.text));
            levels.map_err(|error| error.to_string())
        });
        Ok(ResponseWithLevels { response, levels })
    }

    /// Closes a model before another is opened.
    fn make_room(&mut self, prompt: &Prompt) {
        self.models.retain(|cached| !cached.is_of(prompt));
        if self.models.len() >= MODELS {
            self.models.remove(0);
        }
    }

    fn identify(
        &mut self,
        store: &Path,
        wanted: &WantedIdentifiers,
        pair: (&str, &str),
    ) -> Result<[Identified; 3], ResponseError> {
        let cached = self.identifiers.take();
        let current = |cached: &OpenedIdentifiers| {
            cached.wanted == *wanted
                && cached.stamp.is_some()
                && cached.stamp == stamp(&cached.folder)
        };
        let cached = match cached.filter(current) {
            Some(cached) => cached,
            None => OpenedIdentifiers::open(store, wanted)?,
        };
        let identifiers = &self.identifiers.insert(cached).identifiers;
        let mut levels = identifiers.identify(&[pair], 1, &mut |_| {});
        levels.pop().ok_or(ResponseError::Stopped)
    }
}

impl OpenedModel {
    fn open(store: &Path, prompt: &Prompt) -> Result<Self, ResponseError> {
        let found = prompt.model.find(store)?;
        let stamp = stamp(&found.folder);
        let model = SavedModel::open(&found.folder, &prompt.device)?;
        let anatomy = model.anatomy();
        Ok(OpenedModel {
            open: OpenModel {
                model: prompt.model.clone(),
                device: prompt.device.clone(),
                parameters: (anatomy.model_parameters + anatomy.adapter_parameters) as u64,
            },
            folder: found.folder,
            stamp,
            model,
        })
    }

    fn is_of(&self, prompt: &Prompt) -> bool {
        self.open.model == prompt.model && self.open.device == prompt.device
    }

    /// Whether it is the prompt's model, as it is on disk now.
    fn is_current(&self, prompt: &Prompt) -> bool {
        self.is_of(prompt) && self.stamp.is_some() && self.stamp == stamp(&self.folder)
    }
}

impl OpenedIdentifiers {
    fn open(store: &Path, wanted: &WantedIdentifiers) -> Result<Self, ResponseError> {
        let found = wanted.of.identifiers(store)?;
        Ok(OpenedIdentifiers {
            wanted: wanted.clone(),
            stamp: stamp(&found.folder),
            identifiers: SavedIdentifiers::open(&found.folder, &wanted.device)?,
            folder: found.folder,
        })
    }
}

/// When something in a folder changed last; `None` where it cannot be read.
fn stamp(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .map(|entry| entry.ok()?.metadata().ok()?.modified().ok())
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_response_does_not_start_and_a_failed_one_says_why() {
        let prompt = Prompt {
            model: ModelRef::Folder("no such folder".into()),
            context: vec!["Hello.".into()],
            settings: SamplingSettings::default(),
            max_source: 64,
            greedy: true,
            seed: 1,
            device: "flex".into(),
            identifiers: None,
        };
        let store = tempfile::tempdir().unwrap();
        let mut models = OpenModels::default();
        let mut respond = |goes_on| models.respond(store.path(), &prompt, &mut |_, _| goes_on);
        assert!(matches!(respond(false), Err(ResponseError::Stopped)));
        let why = respond(true).unwrap_err().to_string();
        assert!(why.contains("no such folder"), "{why}");
    }
}
