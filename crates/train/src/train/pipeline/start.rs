//! Data and model before the first stage; the model is read from a folder or made from scratch.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::TOKENIZER;
use crate::experiment::{Config, FeedForwardChoice, SCRATCH, Severity};
use crate::nn::LanguageModel;
use crate::nn::t5::{FeedForward, T5, T5Config};
use crate::text::{Tokenizer, train_unigram};
use crate::train::artifacts::Artifacts;
use crate::train::auditor;
use crate::train::base;
use crate::train::error::TrainError;
use crate::train::material::{Material, Texts};
use crate::train::model_tokenizer::ModelTokenizer;
use crate::train::policy::Policy;
use crate::train::seed::{Draw, seed};
use crate::train::session::Session;

/// Sentinels for span corruption in the tokenizer of a model trained from scratch.
const SENTINELS: usize = 100;

/// Data and model before the first stage.
pub(super) fn artifacts(
    session: &Session<'_>,
    store: &Path,
    run_folder: &Path,
) -> Result<Artifacts, TrainError> {
    let config = session.config;
    let texts = Texts::open(config, store)?;
    let (model, tokenizer, base) = starting_model(config, &texts, run_folder, &session.device)?;
    let dialogues = texts.dialogues.as_ref();
    let (settings, seed) = (&config.data, config.run.seed);
    let material = Material::prepare(dialogues, settings, seed, &tokenizer)?;
    Ok(Artifacts {
        run_folder: run_folder.to_path_buf(),
        level_set: texts.levels,
        preferences: texts.preferences,
        material,
        tokenizer,
        model,
        base,
        identifiers: None,
        auditors: Vec::new(),
        generator: None,
        policy: None,
        constant: OnceCell::new(),
    })
}

/// Notes at the start of a run that its model's weights are not the model's own.
pub(super) fn say_dequantised(session: &mut Session<'_>) -> Result<(), TrainError> {
    let config = session.config;
    let (Some(first), source) = (config.run.stages.first(), &config.model.source) else {
        return Ok(());
    };
    if source == SCRATCH || session.checkpoints.any()? {
        return Ok(());
    }
    let formats = Policy::formats(Path::new(source))?;
    if let Some(words) = base::dequantised(&formats) {
        let text = format!("The weights of {source} are {words}");
        session.note(*first, 0, Severity::Info, text);
    }
    Ok(())
}

/// Opens the run's auditors. At the start of a run it is noted how good those are that are trained for it.
pub(super) fn open_auditors(
    session: &mut Session<'_>,
    store: &Path,
    artifacts: &mut Artifacts,
) -> Result<(), TrainError> {
    let config = session.config;
    let levels = artifacts.level_set.as_ref();
    artifacts.auditors = auditor::open(config, store, levels, &session.device)?;
    let Some(first) = config
        .run
        .stages
        .first()
        .filter(|_| !artifacts.auditors.is_empty())
    else {
        return Ok(());
    };
    if session.checkpoints.any()? {
        return Ok(());
    }
    for own in &artifacts.auditors {
        if let Some(scores) = own.scores() {
            session.note(
                *first,
                0,
                Severity::Info,
                auditor::summary(&own.name, scores),
            );
        }
    }
    Ok(())
}

/// The model before the first stage, its tokenizer, and the folder of its weights if it has one.
fn starting_model(
    config: &Config,
    texts: &Texts,
    run_folder: &Path,
    device: &Device,
) -> Result<(LanguageModel, ModelTokenizer, Option<PathBuf>), TrainError> {
    let settings = &config.model;
    if settings.source != SCRATCH {
        let folder =
            fs::canonicalize(&settings.source).map_err(TrainError::io(&settings.source))?;
        let (policy, tokenizer) = Policy::load(&folder, device)?;
        let tokenizer = tokenizer.with_special_tokens(settings.special_tokens);
        return Ok((policy.model, tokenizer, Some(folder)));
    }
    fs::create_dir_all(run_folder).map_err(TrainError::io(run_folder))?;
    let path = run_folder.join(TOKENIZER);
    let tokenizer = if path.is_file() {
        Tokenizer::from_file(&path)?
    } else {
        let tokenizer = scratch_tokenizer(config, texts)?;
        tokenizer.save(&path)?;
        tokenizer
    };
    let tokenizer = tokenizer.with_special_tokens(settings.special_tokens);
    let seed = seed(config.run.seed, Draw::Weights, 0);
    let t5 = T5::new(&scratch_t5(config, tokenizer.vocab_size()), device, seed);
    let model = LanguageModel::from(t5);
    let tokenizer = ModelTokenizer::new(tokenizer, None, &model.config())?;
    Ok((model, tokenizer, None))
}

/// The tokenizer of a model trained from scratch.
pub(in crate::train) fn scratch_tokenizer(
    config: &Config,
    sets: &Texts,
) -> Result<Tokenizer, TrainError> {
    let mut texts: Vec<&str> = Vec::new();
    for example in sets.dialogues.iter().flat_map(|set| &set.train) {
        texts.push(&example.target);
        if let Some(last) = example.context.last() {
            texts.push(last);
        }
    }
    // An auditor that reads labelled pairs leaves the run as it is.
    let levels = sets.levels.iter().filter(|_| config.trains_identifiers());
    for pair in levels.flat_map(|set| &set.pairs) {
        texts.push(&pair.seeker_post);
        texts.push(&pair.response_post);
    }
    Ok(train_unigram(texts, config.model.vocabulary, SENTINELS)?)
}

/// The shape of a model trained from scratch: a T5.
pub(in crate::train) fn scratch_t5(config: &Config, vocab_size: usize) -> T5Config {
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
