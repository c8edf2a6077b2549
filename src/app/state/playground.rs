//! The state of the place Playground: who responds, how, and the conversation.
//!
//! Plain data: changed by views and logic, never by another thread. Every reply keeps its prompt, so that it can
//! be reproduced, here and in a terminal.

use std::path::Path;

use serde_json::json;

use super::form::Form;
use super::remote::Remote;
use super::reply::{Reply, ReplyState};
use crate::app::format;
use crate::app::naming::store_argument;
use crate::app::queries::models::ModelRef;
use crate::app::queries::responses::{OpenModel, Prompt, WantedIdentifiers};
use crate::checkpoint;
use crate::experiment::{Config, Stage};
use crate::operations::models::{Reference, RunModels, SavedModels};
use crate::store::{CheckpointRow, RunId, RunRef, run_dir};
use crate::text::shown::shell_option;

pub const SETTINGS: [&str; 7] = [
    "sampling.top_k",
    "sampling.top_p",
    "sampling.temperature",
    "sampling.max_new_tokens",
    "sampling.min_new_tokens",
    "run.seed",
    "data.max_source",
];

/// Where a model comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ModelSource {
    #[default]
    Run,
    Folder,
}

/// One of the two models that can respond.
#[derive(Clone, Debug, Default)]
pub struct Side {
    pub from: ModelSource,
    pub run: Option<RunId>,
    /// The checkpoint; `None` is the latest.
    pub at: Option<(Stage, u64)>,
    /// A T5 folder, as typed.
    pub folder: String,
}

/// Whose identifiers are used for the levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LevelsBy {
    /// Those of the first side's run.
    #[default]
    Own,
    Run(RunId),
    Nobody,
}

#[derive(Debug)]
pub struct Turn {
    pub said: String,
    /// One, or two beside each other.
    pub replies: Vec<Reply>,
    /// Index of the reply with which the conversation continues.
    pub continued: usize,
}

#[derive(Debug)]
pub struct Playground {
    pub models: Remote<SavedModels>,
    pub sides: [Side; 2],
    /// Whether the second side responds, too.
    pub beside: bool,
    pub levels_by: LevelsBy,
    pub form: Form,
    pub greedy: bool,
    /// The utterance being typed.
    pub draft: String,
    pub turns: Vec<Turn>,
    /// The conversation before it was cleared.
    pub cleared: Vec<Turn>,
    pub open: Vec<OpenModel>,
    /// Asked to stop, and not stopped yet.
    pub stopping: bool,
    /// Whether to focus the text field.
    pub focus: bool,
}

impl Default for Playground {
    fn default() -> Self {
        Playground {
            models: Remote::default(),
            sides: [Side::default(), Side::default()],
            beside: false,
            levels_by: LevelsBy::Own,
            form: Form::of("playground", Config::default()),
            greedy: false,
            draft: String::new(),
            turns: Vec::new(),
            cleared: Vec::new(),
            open: Vec::new(),
            stopping: false,
            focus: true,
        }
    }
}

impl Playground {
    /// Chooses who responds once the models are listed. A choice that still exists is kept.
    pub fn choose_sides(&mut self) {
        let Some(SavedModels { runs: models, .. }) = self.models.value() else {
            return;
        };
        let mut talking = models.iter().filter(|run| !run.answering.is_empty());
        let first = talking.next().map(|run| run.row.id);
        // The default beside the policy is the generator it came from.
        let origin = first.and_then(|run| find(models, run)).and_then(|run| {
            let own = |row: &&CheckpointRow| row.stage == Stage::Generator;
            run.answering.iter().rfind(own)
        });
        let origin = origin.map(|row| (row.stage, row.step));
        let before = self.sides.each_ref().map(|side| (side.run, side.at));
        for (side, at) in self.sides.iter_mut().zip([None, origin]) {
            let run = side.run.and_then(|run| find(models, run));
            match run {
                None => (side.run, side.at) = (first, at),
                Some(run) => {
                    let there = |(stage, step)| {
                        let same = |row: &&CheckpointRow| (row.stage, row.step) == (stage, step);
                        run.answering.iter().any(|row| same(&row))
                    };
                    side.at = side.at.filter(|at| there(*at));
                }
            }
        }
        if before != self.sides.each_ref().map(|side| (side.run, side.at)) {
            self.reset_settings();
        }
    }

    /// The runs with saved models; empty until they have been read.
    pub fn runs(&self) -> &[RunModels] {
        self.models.value().map_or(&[], |models| &models.runs)
    }

    pub fn run(&self, side: usize) -> Option<&RunModels> {
        let side = self
            .sides
            .get(side)
            .filter(|side| side.from == ModelSource::Run)?;
        find(self.runs(), side.run?)
    }

    pub fn model(&self, side: usize) -> Option<ModelRef> {
        let chosen = self.sides.get(side)?;
        if chosen.from == ModelSource::Folder {
            let folder = chosen.folder.trim();
            return (!folder.is_empty()).then(|| ModelRef::Folder(folder.into()));
        }
        let run = self.run(side)?;
        let latest = run.latest().map(|row| (row.stage, row.step));
        let (stage, step) = chosen.at.or(latest)?;
        Some(ModelRef::Checkpoint {
            run: run.row.id,
            stage,
            step,
        })
    }

    pub fn identifiers(&self) -> Option<&RunModels> {
        let run = match self.levels_by {
            LevelsBy::Own => self.run(0)?,
            LevelsBy::Run(run) => find(self.runs(), run)?,
            LevelsBy::Nobody => return None,
        };
        run.identifiers.then_some(run)
    }

    /// Takes the settings from the first side's run, or the defaults; the user's changes stay.
    pub fn reset_settings(&mut self) {
        let run = self.run(0).map(|run| run.config.clone());
        let config = run.unwrap_or_default();
        let mut form = Form::of("playground", config);
        for path in SETTINGS {
            if let Some(value) = self.form.chosen(path) {
                form.put(path, value);
            }
        }
        self.form = form;
    }

    /// Whether a reply is pending.
    pub fn is_answering(&self) -> bool {
        let replies = self.turns.iter().flat_map(|turn| &turn.replies);
        replies.into_iter().any(Reply::is_pending)
    }

    /// Why nothing can be sent now, if so.
    pub fn blocked_by(&self) -> Option<&'static str> {
        let sides = if self.beside { 2 } else { 1 };
        if self.is_answering() {
            Some("An answer is on its way")
        } else if (0..sides).any(|side| self.model(side).is_none()) {
            Some("Choose who answers first")
        } else if SETTINGS
            .iter()
            .any(|path| self.form.refusal(path).is_some())
        {
            Some("A setting is refused")
        } else {
            None
        }
    }

    /// Sends the draft; its replies wait to be started.
    pub fn say(&mut self, devices: &[(&str, &str)]) {
        let said = self.draft.trim().to_string();
        if said.is_empty() || self.blocked_by().is_some() {
            return;
        }
        self.draft.clear();
        self.cleared.clear();
        self.focus = true;
        self.turns.push(Turn {
            said,
            replies: Vec::new(),
            continued: 0,
        });
        let seed = self.form.config.run.seed;
        self.prompt(|_| seed, devices);
    }

    /// Replaces the last replies, each with the next seed.
    pub fn regenerate(&mut self, devices: &[(&str, &str)]) {
        let Some(turn) = self.turns.last().filter(|_| self.blocked_by().is_none()) else {
            return;
        };
        let own = self.form.config.run.seed;
        let before: Vec<u64> = turn.replies.iter().map(|reply| reply.prompt.seed).collect();
        let greedy = self.greedy;
        self.prompt(
            |side| match before.get(side) {
                Some(seed) if !greedy => seed.wrapping_add(1),
                _ => own,
            },
            devices,
        );
    }

    /// Creates the replies to the last turn, one per side.
    fn prompt(&mut self, seed: impl Fn(usize) -> u64, devices: &[(&str, &str)]) {
        let context = self.context();
        let identifiers = self.identifiers().map(|run| {
            let whose = RunRef {
                run: run.row.id,
                step: None,
            };
            WantedIdentifiers {
                of: Reference::Run(whose),
                device: device(&run.config, devices),
            }
        });
        let mut replies = Vec::new();
        for side in 0..if self.beside { 2 } else { 1 } {
            let Some(model) = self.model(side) else {
                continue;
            };
            let config = self.run(side).map(|run| run.config.clone());
            replies.push(Reply::new(Prompt {
                model,
                context: context.clone(),
                settings: self.form.config.sampling.clone(),
                max_source: self.form.config.data.max_source,
                greedy: self.greedy,
                seed: seed(side),
                device: device(&config.unwrap_or_default(), devices),
                identifiers: identifiers.clone(),
            }));
        }
        if let Some(turn) = self.turns.last_mut() {
            turn.continued = turn.continued.min(replies.len().saturating_sub(1));
            turn.replies = replies;
        }
    }

    /// The replies that have no job yet.
    pub fn unstarted(&mut self) -> impl Iterator<Item = &mut Reply> {
        let replies = self.turns.iter_mut().flat_map(|turn| &mut turn.replies);
        replies
            .filter(|reply| matches!(reply.state, ReplyState::Waiting) && reply.pending.is_none())
    }

    fn context(&self) -> Vec<String> {
        let mut context = Vec::new();
        for (at, turn) in self.turns.iter().enumerate() {
            context.push(turn.said.clone());
            let reply = turn.replies.get(turn.continued).and_then(Reply::response);
            if let Some(response) = reply.filter(|_| at + 1 < self.turns.len()) {
                context.push(response.text.clone());
            }
        }
        context
    }

    /// Asks every pending reply to stop.
    pub fn stop(&mut self) {
        let replies = self.turns.iter().flat_map(|turn| &turn.replies);
        for pending in replies.filter_map(|reply| reply.pending.as_ref()) {
            pending.cancel();
        }
        self.stopping = self.is_answering();
    }

    /// Moves the last utterance back into the draft.
    pub fn undo(&mut self) {
        if self.is_answering() {
            return;
        }
        if let Some(turn) = self.turns.pop()
            && self.draft.trim().is_empty()
        {
            self.draft = turn.said;
            self.focus = true;
        }
    }

    /// Starts over; the conversation can be restored until something is said.
    pub fn clear(&mut self) {
        if !self.is_answering() && !self.turns.is_empty() {
            self.cleared = std::mem::take(&mut self.turns);
            self.focus = true;
        }
    }

    pub fn restore(&mut self) {
        if self.turns.is_empty() {
            self.turns = std::mem::take(&mut self.cleared);
        }
    }

    /// Polls the replies. True when one has ended.
    pub fn poll(&mut self) -> bool {
        let mut any = false;
        for reply in self.turns.iter_mut().flat_map(|turn| &mut turn.replies) {
            let (open, ended) = reply.poll();
            any |= ended;
            if let Some(open) = open {
                self.open = open;
            }
        }
        self.stopping &= self.is_answering();
        any
    }

    /// The conversation as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for turn in &self.turns {
            text.push_str(&format!("Speaker: {}\n", turn.said));
            for (at, reply) in turn.replies.iter().enumerate() {
                let Some(response) = reply.response() else {
                    continue;
                };
                let other = turn.replies.len() > 1 && at != turn.continued;
                let mark = if other { ", not continued" } else { "" };
                let who = reply.prompt.model.words();
                text.push_str(&format!("Listener ({who}{mark}): {}\n", response.text));
            }
        }
        text
    }

    /// The command that reproduces a reply in a terminal.
    pub fn command(&self, reply: &Reply, store: &Path) -> String {
        let prompt = &reply.prompt;
        // A single quote would end the shell word.
        let row = json!({"context": prompt.context}).to_string();
        let row = row.replace('\'', "\\u0027");
        let model = shell_option("--model", &self.written(&prompt.model, store));
        let drawn = match prompt.greedy {
            true => "--greedy".to_string(),
            false => format!(
                "--top-k {} --top-p {} --temperature {} --seed {}",
                prompt.settings.top_k,
                prompt.settings.top_p,
                prompt.settings.temperature,
                prompt.seed
            ),
        };
        format!(
            "printf '%s\\n' '{row}' | emprl generate {model} {drawn} --max-new-tokens {} \
             --min-new-tokens {} --max-source {} --device {}{}",
            prompt.settings.max_new_tokens,
            prompt.settings.min_new_tokens,
            prompt.max_source,
            prompt.device,
            store_argument(store)
        )
    }

    /// A model as an argument of commands.
    fn written(&self, model: &ModelRef, store: &Path) -> String {
        let folder = match model {
            ModelRef::Folder(folder) => folder.clone(),
            ModelRef::Checkpoint { run, stage, step } => {
                let run_models = find(self.runs(), *run);
                if let Some(written) = run_models.and_then(|run| run.written(*stage, *step)) {
                    return written.to_string();
                }
                // `run@step` would name another stage's checkpoint.
                let folder = run_dir(store, *run).join(checkpoint::FOLDER);
                folder.join(format!("{stage}-{step}"))
            }
        };
        folder.to_string_lossy().into_owned()
    }

    /// How many models are open and their size, if any.
    pub fn open_words(&self) -> Option<String> {
        let parameters: u64 = self.open.iter().map(|open| open.parameters).sum();
        let size = format::bytes(4 * parameters);
        match self.open.len() {
            0 => None,
            1 => Some(format!("1 model is open, {size}")),
            many => Some(format!("{many} models are open, {size}")),
        }
    }
}

fn find(models: &[RunModels], run: RunId) -> Option<&RunModels> {
    models.iter().find(|models| models.row.id == run)
}

/// The run's device if this build has it, else the CPU.
fn device(config: &Config, devices: &[(&str, &str)]) -> String {
    let named = |(name, _): &&(&str, &str)| **name == config.run.device;
    devices
        .iter()
        .find(named)
        .map_or("flex", |(name, _)| name)
        .to_string()
}
