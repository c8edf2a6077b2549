//! The line that joins the stages: from a config to trained models and a result table.
//!
//! Every stage begins from what earlier ones left in the run's folder, so that a run that stopped
//! anywhere goes on from there.

mod reuse;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::checkpoint::Checkpoints;
use super::error::TrainError;
use super::evaluate::{Examiner, sampling};
use super::generator::{self, GENERATOR_KEYS, Likelihood, PRETRAINING_KEYS};
use super::identifier;
use super::judge::Judge;
use super::material::Material;
use super::observer::Observer;
use super::policy::{Policy, prefix_config};
use super::ppo::trainer;
use super::pretraining::CorruptedTexts;
use super::reward::{self, empathy::mechanism_weights};
use super::seed::{Draw, seed};
use super::session::{Ended, Session};
use crate::data::rows::{Row, write_jsonl};
use crate::data::{DialogueSet, LevelSet, Split, library};
use crate::experiment::{
    Config, FeedForwardChoice, GeneratorSettings, IdentifierInit, Report, Stage, Tuning,
};
use crate::nn::device;
use crate::nn::prefix::Prefix;
use crate::nn::t5::{FeedForward, T5, T5Config};
use crate::text::{Tokenizer, train_unigram};

pub use reuse::Reuse;

/// Sentinels that a tokenizer made from nothing has for span corruption.
const SENTINELS: usize = 100;
/// The tokenizer of a model made from nothing, in the run's folder.
const TOKENIZER: &str = "tokenizer.json";

/// What identifies the texts and weights that a run starts from, by name. Opens them all, so that what is
/// missing or damaged is said before anything is written.
pub fn fingerprints(config: &Config, store: &Path) -> Result<BTreeMap<String, String>, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let mut found = BTreeMap::new();
    if config.reads_dialogues() {
        let dialogues = library::open_dialogues(store, &config.data.dialogues)?;
        found.insert(dialogues.name, dialogues.fingerprint);
    }
    if config.reads_levels() {
        let levels = library::open_levels(store, &config.data.levels)?;
        found.insert(levels.name, levels.fingerprint);
    }
    if config.model.source != "scratch" {
        let folder = Path::new(&config.model.source);
        Policy::load(folder, &device)?;
        found.insert("model".into(), Policy::fingerprint(folder)?);
    }
    Ok(found)
}

/// Carries out every stage of `config` in `run_folder`, or what is left of it; stages of `reuse` are
/// taken over as they are.
pub fn run(
    config: &Config,
    store: &Path,
    run_folder: &Path,
    reuse: Option<&Reuse>,
    observer: &mut dyn Observer,
) -> Result<Ended, TrainError> {
    let device = device::resolve(&config.run.device)?;
    let mut session = Session {
        config,
        device: device.clone(),
        checkpoints: Checkpoints::of(run_folder),
        observer,
    };
    if let Some(reuse) = reuse {
        reuse.take_over(&mut session, run_folder)?;
    }
    let dialogues = if config.reads_dialogues() {
        Some(library::open_dialogues(store, &config.data.dialogues)?)
    } else {
        None
    };
    let level_set = if config.reads_levels() {
        Some(library::open_levels(store, &config.data.levels)?)
    } else {
        None
    };
    let (start, tokenizer, folder) = starting_model(
        config,
        dialogues.as_ref(),
        level_set.as_ref(),
        run_folder,
        &device,
    )?;
    let material = match &dialogues {
        Some(set) => Material::prepare(set, &config.data, config.run.seed, &tokenizer)?,
        None => Material::default(),
    };
    Line {
        session,
        run_folder,
        level_set,
        material,
        tokenizer,
        t5: start,
        base: folder,
        judge: None,
        generator: None,
        policy: None,
    }
    .carry_out()
}

/// What the stages hand on to each other.
struct Line<'a> {
    session: Session<'a>,
    run_folder: &'a Path,
    level_set: Option<LevelSet>,
    material: Material,
    tokenizer: Tokenizer,
    /// The model that the generator starts from.
    t5: T5,
    /// The folder of its weights; none while they are as they were drawn.
    base: Option<PathBuf>,
    judge: Option<Judge>,
    generator: Option<Policy>,
    policy: Option<Policy>,
}

impl Line<'_> {
    fn carry_out(mut self) -> Result<Ended, TrainError> {
        for stage in self.session.config.run.stages.clone() {
            let ended = match stage {
                Stage::Pretraining => self.pretraining()?,
                Stage::Identifiers => self.identifiers()?,
                Stage::Generator => self.generator()?,
                Stage::Ppo => self.ppo()?,
                Stage::Evaluation => self.evaluation()?,
            };
            if ended == Ended::Stopped {
                return Ok(Ended::Stopped);
            }
        }
        Ok(Ended::Done)
    }

    fn pretraining(&mut self) -> Result<Ended, TrainError> {
        let config = self.session.config;
        let mut texts = Vec::new();
        for encoded in &self.material.train {
            let mut text = encoded.example.context_text();
            text.push(' ');
            text.push_str(&encoded.example.target);
            texts.push(text);
        }
        if let Some(set) = &self.level_set {
            for pair in &set.pairs {
                texts.push(pair.seeker_post.clone());
                texts.push(pair.response_post.clone());
            }
        }
        let texts = texts
            .iter()
            .map(|text| {
                let mut tokens = self.tokenizer.encode_plain(text);
                tokens.truncate(config.data.max_source - 1);
                tokens
            })
            .filter(|tokens| tokens.len() > 1)
            .collect();
        let settings = &config.pretraining;
        let source = CorruptedTexts {
            texts,
            settings,
            tokenizer: &self.tokenizer,
            run_seed: config.run.seed,
        };
        let task = Likelihood {
            stage: Stage::Pretraining,
            tuning: Tuning::Full,
            batch: settings.batch,
            total: settings.steps,
            lr: settings.lr,
            lr_schedule: settings.lr_schedule,
            weight_decay: 0.0,
            max_gradient_norm: 1.0,
            validate_every: settings.steps,
            patience: 0,
            dropout: config.model.dropout,
            order: Draw::PretrainingOrder,
            dropout_draw: Draw::PretrainingDropout,
            source: &source,
            validation: &[],
            tokenizer: &self.tokenizer,
            base: None,
            keys: PRETRAINING_KEYS,
        };
        let policy = Policy {
            t5: self.t5.clone(),
            prefix: None,
            value_head: None,
        };
        let (policy, ended) = generator::train(&mut self.session, &task, policy)?;
        self.t5 = policy.t5;
        self.base = self.last_folder(Stage::Pretraining)?;
        Ok(ended)
    }

    fn identifiers(&mut self) -> Result<Ended, TrainError> {
        let Some(set) = &self.level_set else {
            return Ok(Ended::Done);
        };
        let init = self.session.config.identifiers.init;
        let t5 = match (init, &self.generator) {
            (IdentifierInit::Generator, Some(generator)) => &generator.t5,
            _ => &self.t5,
        };
        let from_t5 = init != IdentifierInit::Random;
        self.judge = identifier::train(&mut self.session, set, &self.tokenizer, t5, from_t5)?;
        Ok(if self.judge.is_some() {
            Ended::Done
        } else {
            Ended::Stopped
        })
    }

    fn generator(&mut self) -> Result<Ended, TrainError> {
        let config = self.session.config;
        let settings = &config.generator;
        let base = if settings.tuning.trains_t5() {
            None
        } else {
            self.relative_base()
        };
        let task = Likelihood {
            stage: Stage::Generator,
            tuning: settings.tuning,
            batch: settings.batch,
            total: generator_steps(settings, self.material.train.len()),
            lr: settings.lr,
            lr_schedule: settings.lr_schedule,
            weight_decay: settings.weight_decay,
            max_gradient_norm: settings.max_gradient_norm,
            validate_every: settings.validate_every,
            patience: settings.patience,
            dropout: config.model.dropout,
            order: Draw::GeneratorOrder,
            dropout_draw: Draw::GeneratorDropout,
            source: &self.material.train,
            validation: &self.material.validation,
            tokenizer: &self.tokenizer,
            base: base.as_deref(),
            keys: GENERATOR_KEYS,
        };
        let prefix = settings.tuning.has_prefix().then(|| {
            Prefix::new(
                &prefix_config(&config.prefix),
                self.t5.config(),
                &self.session.device,
                seed(config.run.seed, Draw::Prefix, 0),
            )
        });
        let policy = Policy {
            t5: self.t5.clone(),
            prefix,
            value_head: None,
        };
        let (policy, ended) = generator::train(&mut self.session, &task, policy)?;
        if ended == Ended::Done && settings.tuning.trains_t5() {
            self.base = self.last_folder(Stage::Generator)?;
        }
        self.generator = Some(policy);
        Ok(ended)
    }

    fn ppo(&mut self) -> Result<Ended, TrainError> {
        let config = self.session.config;
        let Some(generator) = &self.generator else {
            return Ok(Ended::Done);
        };
        let weights = mechanism_weights(&config.reward);
        let device = &self.session.device;
        let mut reward = reward::chosen(&config.reward, self.judge.as_ref(), device);
        let examiner = Examiner {
            tokenizer: &self.tokenizer,
            judge: self.judge.as_ref(),
            sampling: sampling(&config.sampling),
            weights,
            batch: config.evaluation.batch,
            resamples: config.evaluation.resamples,
            ppl_batch: config.evaluation.ppl_batch,
            run_seed: config.run.seed,
            device: self.session.device.clone(),
        };
        let base = if config.ppo.tuning.trains_t5() {
            None
        } else {
            self.base
                .clone()
                .map(|base| relative(&base, self.run_folder))
        };
        let subset = config.evaluation.subset.min(self.material.validation.len());
        let mut task = trainer::Task {
            train: &self.material.train,
            validation: &self.material.validation[..subset],
            tokenizer: &self.tokenizer,
            reward: reward.as_mut(),
            examiner: &examiner,
            base: base.as_deref(),
        };
        let (policy, ended) = trainer::train(&mut self.session, &mut task, generator)?;
        self.policy = Some(policy);
        Ok(ended)
    }

    fn evaluation(&mut self) -> Result<Ended, TrainError> {
        const STAGE: Stage = Stage::Evaluation;
        let config = self.session.config;
        let examiner = Examiner {
            tokenizer: &self.tokenizer,
            judge: self.judge.as_ref(),
            sampling: sampling(&config.sampling),
            weights: mechanism_weights(&config.reward),
            batch: config.evaluation.batch,
            resamples: config.evaluation.resamples,
            ppl_batch: config.evaluation.ppl_batch,
            run_seed: config.run.seed,
            device: self.session.device.clone(),
        };
        let systems: Vec<(&str, &Policy)> =
            [("Generator", &self.generator), ("EmpRL", &self.policy)]
                .into_iter()
                .filter_map(|(name, policy)| Some((name, policy.as_ref()?)))
                .collect();
        let total = systems.len() as u64;
        self.session.begin(STAGE, total);
        let test = &self.material.test;
        for (step, (name, policy)) in systems.into_iter().enumerate() {
            let answers = examiner.answer(policy, test);
            let losses = examiner.losses(policy, test);
            let results = examiner.results(name, Split::Test.key(), &answers, &losses);
            let folder = self.run_folder.join("responses");
            fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
            let rows: Vec<Row> = test
                .iter()
                .zip(&answers.responses)
                .enumerate()
                .map(|(index, (encoded, response))| {
                    let example = &encoded.example;
                    let mut row = Row::new(example.context.clone(), response.clone());
                    row.set("conversation", example.conversation.clone());
                    row.set("turn", json!(example.turn));
                    answers.put_figures(index, &losses, &mut row);
                    row
                })
                .collect();
            let path = folder.join(format!("{}.jsonl", name.to_lowercase()));
            let mut text = Vec::new();
            write_jsonl(&mut text, &rows).map_err(TrainError::io(&path))?;
            fs::write(&path, text).map_err(TrainError::io(&path))?;
            self.session
                .observer
                .report(Report::Results { system: results });
            self.session.metrics(STAGE, step as u64 + 1, total, vec![]);
            let stop = self.session.attend(|_, _| Ok(()))?;
            if stop && step as u64 + 1 < total {
                return Ok(Ended::Stopped);
            }
        }
        self.session.end(STAGE, total);
        Ok(Ended::Done)
    }

    fn last_folder(&self, stage: Stage) -> Result<Option<PathBuf>, TrainError> {
        Ok(self
            .session
            .checkpoints
            .latest(stage)?
            .map(|checkpoint| checkpoint.folder))
    }

    fn relative_base(&self) -> Option<PathBuf> {
        self.base
            .as_ref()
            .map(|base| relative(base, self.run_folder))
    }
}

/// A checkpoint of the same run as its neighbours see it; any other folder as it is.
fn relative(base: &Path, run_folder: &Path) -> PathBuf {
    match base.strip_prefix(run_folder.join("checkpoints")) {
        Ok(name) => Path::new("..").join(name),
        Err(_) => base.to_path_buf(),
    }
}

/// The model before the first stage, its tokenizer, and the folder of its weights if it has one.
fn starting_model(
    config: &Config,
    dialogues: Option<&DialogueSet>,
    levels: Option<&LevelSet>,
    run_folder: &Path,
    device: &burn::tensor::Device,
) -> Result<(T5, Tokenizer, Option<PathBuf>), TrainError> {
    let settings = &config.model;
    if settings.source != "scratch" {
        let folder =
            fs::canonicalize(&settings.source).map_err(TrainError::io(&settings.source))?;
        let (policy, tokenizer) = Policy::load(&folder, device)?;
        return Ok((policy.t5, tokenizer, Some(folder)));
    }
    fs::create_dir_all(run_folder).map_err(TrainError::io(run_folder))?;
    let path = run_folder.join(TOKENIZER);
    let tokenizer = if path.is_file() {
        Tokenizer::from_file(&path)?
    } else {
        let tokenizer = scratch_tokenizer(config, dialogues, levels)?;
        tokenizer.save(&path)?;
        tokenizer
    };
    let t5_config = scratch_shape(config, tokenizer.vocab_size());
    let t5 = T5::new(&t5_config, device, seed(config.run.seed, Draw::Weights, 0));
    Ok((t5, tokenizer, None))
}

/// The tokenizer of a model made from nothing.
pub(super) fn scratch_tokenizer(
    config: &Config,
    dialogues: Option<&DialogueSet>,
    levels: Option<&LevelSet>,
) -> Result<Tokenizer, TrainError> {
    let mut texts: Vec<&str> = Vec::new();
    for example in dialogues.iter().flat_map(|set| &set.train) {
        texts.push(&example.target);
        if let Some(last) = example.context.last() {
            texts.push(last);
        }
    }
    for pair in levels.iter().flat_map(|set| &set.pairs) {
        texts.push(&pair.seeker_post);
        texts.push(&pair.response_post);
    }
    Ok(train_unigram(texts, config.model.vocabulary, SENTINELS)?)
}

/// The shape of a model made from nothing.
pub(super) fn scratch_shape(config: &Config, vocab_size: usize) -> T5Config {
    let settings = &config.model;
    T5Config {
        vocab_size,
        d_model: settings.d_model,
        d_kv: settings.d_kv,
        d_ff: settings.d_ff,
        num_layers: settings.layers,
        num_decoder_layers: settings.layers,
        num_heads: settings.heads,
        feed_forward: match settings.feed_forward {
            FeedForwardChoice::Relu => FeedForward::Relu,
            FeedForwardChoice::GatedGelu => FeedForward::GatedGelu,
        },
        tie_word_embeddings: settings.tied,
        dropout_rate: settings.dropout,
        ..T5Config::default()
    }
}

/// Steps of the generator stage on so many examples, if it does not stop early.
pub(super) fn generator_steps(settings: &GeneratorSettings, examples: usize) -> u64 {
    let all = examples.div_ceil(settings.batch) as u64 * settings.epochs;
    match settings.max_steps {
        0 => all,
        limit => all.min(limit),
    }
}
