//! The generator stage: maximum likelihood on dialogues, with early stopping (Sec. III-C, IV-B).

use super::artifacts::Artifacts;
use super::error::TrainError;
use super::maximum_likelihood::{
    LikelihoodInputs, LikelihoodSettings, LikelihoodTrainer, MetricKeys,
};
use super::policy::{Policy, fresh_adapter};
use super::seed::Draw;
use super::session::{Ended, Session};
use super::stage;
use crate::experiment::{GeneratorSettings, Stage};
use crate::metrics::declared;

const KEYS: MetricKeys = MetricKeys {
    loss: declared::GENERATOR_LOSS,
    validation_loss: declared::GENERATOR_VALIDATION_LOSS,
    perplexity: Some(declared::GENERATOR_PPL),
    lr: declared::GENERATOR_LEARNING_RATE,
    gradient_norm: declared::GENERATOR_GRADIENT_NORM,
    tokens_per_second: declared::GENERATOR_TOKENS_PER_SECOND,
};

/// Trains the generator from the run's model and a fresh adapter.
pub fn run(session: &mut Session<'_>, artifacts: &mut Artifacts) -> Result<Ended, TrainError> {
    let (config, settings) = (session.config, &session.config.generator);
    let (tuning, device) = (settings.tuning, &session.device);
    let adapter = fresh_adapter(config, tuning, &artifacts.model, device)?;
    let inputs = LikelihoodInputs {
        config,
        device: session.device.clone(),
        tokenizer: &artifacts.tokenizer,
        train: &artifacts.material.train,
        validation: &artifacts.material.validation,
        policy: Policy {
            adapter,
            ..Policy::from(artifacts.model.clone())
        },
        base: artifacts.base_under(settings.tuning),
    };
    let likelihood = LikelihoodSettings {
        stage: Stage::Generator,
        tuning: settings.tuning,
        batch: settings.batch,
        total: steps(settings, artifacts.material.train.len()),
        lr: settings.lr,
        lr_schedule: settings.lr_schedule,
        lr_setting: "generator.lr",
        weight_decay: settings.weight_decay,
        max_gradient_norm: settings.max_gradient_norm,
        validate_every: settings.validate_every,
        patience: settings.patience,
        order: Draw::GeneratorOrder,
        dropout: Draw::GeneratorDropout,
        keys: KEYS,
    };
    let mut trainer = LikelihoodTrainer::new(likelihood, inputs);
    let Some(generator) = stage::train(session, &mut trainer)? else {
        return Ok(Ended::Stopped);
    };
    if settings.tuning.trains_model() {
        artifacts.set_base(&session.checkpoints, Stage::Generator)?;
    }
    artifacts.generator = Some(generator);
    Ok(Ended::Done)
}

/// Steps of the stage, if it does not stop early.
pub fn steps(settings: &GeneratorSettings, examples: usize) -> u64 {
    let all = examples.div_ceil(settings.batch) as u64 * settings.epochs;
    match settings.max_steps {
        0 => all,
        limit => all.min(limit),
    }
}
