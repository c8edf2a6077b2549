//! The pre-training stage: T5's span corruption, in which spans of a text are replaced by sentinels and are to
//! be predicted (Raffel et al. 2020, Sec. 3.1.4: 15 % of the tokens, spans of 3 on average).

use rand::{Rng, RngExt};

use super::artifacts::{Artifacts, as_t5};
use super::error::TrainError;
use super::material::PairSource;
use super::maximum_likelihood::{
    LikelihoodInputs, LikelihoodSettings, LikelihoodTrainer, MetricKeys,
};
use super::policy::Policy;
use super::seed::{Draw, stream};
use super::session::{Ended, Session};
use super::stage;
use crate::experiment::{PretrainingSettings, Stage, Tuning};
use crate::metrics::declared;
use crate::text::{EOS, Tokenizer};

const KEYS: MetricKeys = MetricKeys {
    loss: declared::PRETRAINING_LOSS,
    validation_loss: declared::PRETRAINING_VALIDATION_LOSS,
    perplexity: None,
    lr: declared::PRETRAINING_LEARNING_RATE,
    gradient_norm: declared::PRETRAINING_GRADIENT_NORM,
    tokens_per_second: declared::PRETRAINING_TOKENS_PER_SECOND,
};

/// Pre-trains the run's T5 on all of its training texts.
///
/// # Errors
/// The run's model is no T5; or as [`stage::train`].
pub fn run(session: &mut Session<'_>, artifacts: &mut Artifacts) -> Result<Ended, TrainError> {
    let (config, settings) = (session.config, &session.config.pretraining);
    as_t5(&artifacts.model, Stage::Pretraining)?;
    let source = CorruptedTexts {
        texts: texts(artifacts, config.data.max_source),
        settings,
        tokenizer: &artifacts.tokenizer,
        run_seed: config.run.seed,
    };
    let inputs = LikelihoodInputs {
        config,
        device: session.device.clone(),
        tokenizer: &artifacts.tokenizer,
        train: &source,
        validation: &[],
        policy: Policy::from(artifacts.model.clone()),
        base: None,
    };
    let likelihood = LikelihoodSettings {
        stage: Stage::Pretraining,
        tuning: Tuning::Full,
        batch: settings.batch,
        total: settings.steps,
        lr: settings.lr,
        lr_schedule: settings.lr_schedule,
        lr_setting: "pretraining.lr",
        weight_decay: 0.0,
        max_gradient_norm: 1.0,
        validate_every: settings.steps,
        patience: 0,
        order: Draw::PretrainingOrder,
        dropout: Draw::PretrainingDropout,
        keys: KEYS,
    };
    let mut trainer = LikelihoodTrainer::new(likelihood, inputs);
    let Some(policy) = stage::train(session, &mut trainer)? else {
        return Ok(Ended::Stopped);
    };
    artifacts.model = policy.model;
    artifacts.set_base(&session.checkpoints, Stage::Pretraining)?;
    Ok(Ended::Done)
}

/// The run's dialogues and labelled posts as tokens without eos, cut to leave room for it.
fn texts(artifacts: &Artifacts, max_source: usize) -> Vec<Vec<u32>> {
    let mut texts = Vec::new();
    for encoded in &artifacts.material.train {
        let context = encoded.example.context_text();
        texts.push(format!("{context} {}", encoded.example.target));
    }
    for pair in artifacts.level_set.iter().flat_map(|set| &set.pairs) {
        texts.push(pair.seeker_post.clone());
        texts.push(pair.response_post.clone());
    }
    let tokens = texts.iter().map(|text| {
        let mut tokens = artifacts.tokenizer.encode_plain(text);
        tokens.truncate(max_source - 1);
        tokens
    });
    tokens.filter(|tokens| tokens.len() > 1).collect()
}

/// Texts with other spans corrupted in each epoch.
struct CorruptedTexts<'a> {
    texts: Vec<Vec<u32>>,
    settings: &'a PretrainingSettings,
    tokenizer: &'a Tokenizer,
    run_seed: u64,
}

impl PairSource for CorruptedTexts<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.texts.iter().map(Vec::len).collect()
    }

    fn pairs(&self, indices: &[usize], epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let Self {
            settings,
            tokenizer,
            ..
        } = self;
        indices
            .iter()
            .map(|&index| {
                let mut random = stream(self.run_seed, Draw::Corruption, epoch, index as u64);
                corrupt(
                    &self.texts[index],
                    settings.corruption,
                    settings.mean_span,
                    &|span| tokenizer.sentinel(span),
                    EOS,
                    &mut random,
                )
            })
            .unzip()
    }
}

/// Replaces spans of `text`: the source has a sentinel for each, the target has each after its sentinel. Both
/// end with eos.
fn corrupt(
    text: &[u32],
    corruption: f64,
    mean_span: f64,
    sentinel: &dyn Fn(usize) -> Option<u32>,
    eos: u32,
    random: &mut impl Rng,
) -> (Vec<u32>, Vec<u32>) {
    let length = text.len();
    let hidden = ((length as f64 * corruption).round() as usize)
        .clamp(1.min(length), length.max(1) - usize::from(length > 1));
    let spans = ((hidden as f64 / mean_span).round() as usize).clamp(1, hidden.max(1));
    let spans = spans.min(length - hidden + 1);
    let hidden_lengths = partition(hidden, spans, 1, random);
    let shown_lengths = partition(length - hidden, spans + 1, 0, random);
    let (mut source, mut target) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (span, (&shown, &concealed)) in shown_lengths.iter().zip(&hidden_lengths).enumerate() {
        source.extend_from_slice(&text[at..at + shown]);
        at += shown;
        if let Some(mark) = sentinel(span) {
            source.push(mark);
            target.push(mark);
        }
        target.extend_from_slice(&text[at..at + concealed]);
        at += concealed;
    }
    source.extend_from_slice(&text[at..]);
    source.push(eos);
    target.push(eos);
    (source, target)
}

/// Cuts `total` into `parts` lengths of at least `least`, every cut equally likely.
fn partition(total: usize, parts: usize, least: usize, random: &mut impl Rng) -> Vec<usize> {
    let free = total - least * parts;
    let mut cuts: Vec<usize> = (1..parts).map(|_| random.random_range(0..=free)).collect();
    cuts.sort_unstable();
    let mut lengths = Vec::with_capacity(parts);
    let mut last = 0;
    for cut in cuts.into_iter().chain([free]) {
        lengths.push(least + cut - last);
        last = cut;
    }
    lengths
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn source_and_target_hold_every_token_once() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for length in 1..80 {
            let text: Vec<u32> = (100..100 + length).collect();
            let (source, target) = corrupt(
                &text,
                0.15,
                3.0,
                &|span| Some(1000 + span as u32),
                1,
                &mut random,
            );
            assert_eq!((source.last(), target.last()), (Some(&1), Some(&1)));
            let mut seen: Vec<u32> = source
                .iter()
                .chain(&target)
                .copied()
                .filter(|t| (100..1000).contains(t))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, text);
            let marks = |tokens: &[u32]| {
                tokens
                    .iter()
                    .copied()
                    .filter(|t| *t >= 1000)
                    .collect::<Vec<_>>()
            };
            assert_eq!(marks(&source), marks(&target));
            let hidden = target.iter().filter(|t| (100..1000).contains(*t)).count();
            assert_eq!(hidden, ((f64::from(length) * 0.15).round() as usize).max(1));
        }
    }
}
