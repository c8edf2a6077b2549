//! Trains the three empathy identifiers on labelled pairs (Sec. III-D, Table I).

use std::collections::BTreeSet;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::generator::Order;
use super::judge::{Judge, argmax, encode_pair, weights_file};
use super::optimizer::AdamW;
use super::seed::{Draw, seed, stream};
use super::session::{Asked, Session, memory, schedule};
use super::tensors::{Tokens, floats, scalar};
use crate::data::batch::Batches;
use crate::data::{EmpathyLevel, LabelledPair, LevelSet, Mechanism};
use crate::experiment::{HeadChoice, IdentifierSettings, PoolingChoice, Report, Severity, Stage};
use crate::metrics::identified::SCORES_FILE;
use crate::metrics::{Confusion, Digits, IdentifierScores, declared};
use crate::nn::Dropout;
use crate::nn::identifier::{Head, Identifier, IdentifierConfig, Pooling};
use crate::nn::t5::T5;
use crate::text::Tokenizer;

/// A labelled pair as tokens, for one mechanism.
struct Item {
    context: Vec<u32>,
    response: Vec<u32>,
    level: usize,
}

/// Where training stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// Mechanisms whose identifiers are complete.
    finished: usize,
    /// Steps done of the one in training.
    step: u64,
    best: Option<f64>,
    /// Epochs since the best.
    misses: u64,
    /// How well the complete ones do.
    scores: Vec<IdentifierScores>,
}

const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";
const CURRENT: &str = "current.safetensors";
const BEST: &str = "best.safetensors";

/// The network that the settings describe.
pub fn network(settings: &IdentifierSettings, t5: &T5) -> IdentifierConfig {
    IdentifierConfig {
        encoder: t5.config().clone(),
        pooling: match settings.pooling {
            PoolingChoice::Max => Pooling::Max,
            PoolingChoice::Mean => Pooling::Mean,
        },
        head: match settings.head {
            HeadChoice::Linear => Head::Linear,
            HeadChoice::Mlp => Head::Mlp,
        },
    }
}

/// Trains one identifier for each mechanism. With `from_t5` their encoders start as `t5`'s, else at
/// random.
///
/// Goes on from the stage's last checkpoint if there is one. Returns none if it was stopped.
pub fn train(
    session: &mut Session<'_>,
    set: &LevelSet,
    tokenizer: &Tokenizer,
    t5: &T5,
    from_t5: bool,
) -> Result<Option<Judge>, TrainError> {
    const STAGE: Stage = Stage::Identifiers;
    let settings = session.config.identifiers.clone();
    let config = network(&settings, t5);
    let run_seed = session.config.run.seed;
    let device = session.device.clone();

    let mut state = State::default();
    let mut finished: Vec<Identifier> = Vec::new();
    let mut resumed = None;
    if let Some(checkpoint) = session.checkpoints.latest(STAGE)? {
        checkpoint.verify()?;
        if checkpoint.listing.done {
            let scores = read_json(&checkpoint.folder.join(SCORES_FILE))?;
            session.observer.report(Report::Identifiers { scores });
            return Ok(Some(Judge::load(&checkpoint.folder, &device)?));
        }
        state = read_json(&checkpoint.folder.join(STATE))?;
        for mechanism in &Mechanism::ALL[..state.finished] {
            let file = checkpoint.folder.join(weights_file(*mechanism));
            finished.push(Identifier::load(&config, &file, &device)?);
        }
        resumed = Some(checkpoint.folder);
    }

    let pairs = split(set, &settings, run_seed);
    let batch = settings.batch;
    let per_epoch = |mechanism: usize| {
        (labelled(&pairs.train, Mechanism::ALL[mechanism])
            .len()
            .div_ceil(batch)) as u64
    };
    // The stage's steps count on over the three mechanisms; one that stops early leaves a gap.
    let offset = |mechanism: usize| (0..mechanism).map(per_epoch).sum::<u64>() * settings.epochs;
    let total = offset(3);
    session.begin(STAGE, total);

    for index in state.finished..3 {
        let mechanism = Mechanism::ALL[index];
        let train_items = items(&pairs.train, mechanism, tokenizer, &settings, set)?;
        let validation_items = items(&pairs.validation, mechanism, tokenizer, &settings, set)?;
        let weights = class_weights(&train_items, settings.class_weights);
        let lengths: Vec<usize> = train_items
            .iter()
            .map(|item| item.context.len() + item.response.len())
            .collect();
        let (per_epoch, offset) = (per_epoch(index), offset(index));
        let steps = per_epoch * settings.epochs;

        let mut optimizer = AdamW::new(settings.weight_decay);
        let mut best = None;
        let mut identifier = match resumed.take() {
            Some(folder) => {
                let load = |name| Identifier::load(&config, &folder.join(name), &device);
                let identifier = load(CURRENT)?;
                optimizer.load(&identifier, &folder.join(OPTIMIZER))?;
                if state.best.is_some() {
                    best = Some(load(BEST)?);
                }
                identifier
            }
            None => {
                let weights = seed(run_seed, Draw::Identifier, index as u64);
                let fresh = Identifier::new(&config, &device, weights);
                if from_t5 {
                    fresh.with_encoders_of(t5)
                } else {
                    fresh
                }
            }
        }
        .train();
        let mut order = Order::default();
        while state.step < steps {
            let local = state.step;
            let indices = order.batch(local, per_epoch, |epoch| {
                Batches::new(
                    &lengths,
                    batch,
                    seed(run_seed, Draw::IdentifierOrder, index as u64),
                    epoch,
                )
            });
            let dropout_seed = seed(
                run_seed,
                Draw::IdentifierDropout,
                (index as u64) << 32 | local,
            );
            let mut dropout = Dropout::new(session.config.model.dropout, dropout_seed);
            let (logits, levels) = predict(
                &identifier,
                indices.iter().map(|&i| &train_items[i]),
                &device,
                &mut dropout,
            );
            let loss = weighted_cross_entropy(logits, &levels, &weights);
            let value = scalar(loss.clone().inner());
            if !value.is_finite() {
                return Err(TrainError::NotFinite {
                    stage: STAGE,
                    step: offset + local,
                    loss: value,
                    setting: "identifiers.lr",
                });
            }
            let gradients = GradientsParams::from_grads(loss.backward(), &identifier);
            let lr = schedule(settings.lr, settings.lr_schedule, steps).rate(local);
            (identifier, _) = optimizer.step(lr, identifier, gradients, settings.max_gradient_norm);
            state.step += 1;

            let mut values = vec![(declared::IDENTIFIER_KEYS[index].loss.to_string(), value)];
            values.extend(memory());
            if state.step.is_multiple_of(per_epoch) {
                let resting = identifier.valid();
                let scores = validate(&resting, &validation_items, mechanism, &device);
                values.extend(curve(&scores));
                if state.best.is_none_or(|known| scores.loss < known) {
                    state.best = Some(scores.loss);
                    state.misses = 0;
                    best = Some(resting);
                } else {
                    state.misses += 1;
                }
            }
            let step = offset + state.step;
            session.metrics(STAGE, step, total, values);
            if state.step == steps || (settings.patience > 0 && state.misses >= settings.patience) {
                break;
            }
            let save = |session: &mut Session<'_>| {
                session.checkpoint(STAGE, step, false, |folder| {
                    for (mechanism, identifier) in Mechanism::ALL.iter().zip(&finished) {
                        identifier.save(&folder.join(weights_file(*mechanism)))?;
                    }
                    identifier.valid().save(&folder.join(CURRENT))?;
                    if let Some(best) = &best {
                        best.save(&folder.join(BEST))?;
                    }
                    optimizer.save(&identifier, &folder.join(OPTIMIZER))?;
                    write_json(&folder.join(STATE), &state)
                })
            };
            let mut saved = session.checkpoint_is_due(step);
            if saved {
                save(session)?;
            }
            let stop = session.attend(|session, asked| {
                match asked {
                    // To look changes nothing: what is kept as the best comes of whole epochs.
                    Asked::Evaluate => {
                        let resting = identifier.valid();
                        let scores = validate(&resting, &validation_items, mechanism, &device);
                        session.metrics(STAGE, step, total, curve(&scores));
                    }
                    Asked::Checkpoint if !saved => {
                        save(session)?;
                        saved = true;
                    }
                    Asked::Checkpoint | Asked::Set(_) => {}
                }
                Ok(())
            })?;
            if stop {
                if !saved {
                    save(session)?;
                }
                return Ok(None);
            }
        }
        let complete = best.unwrap_or_else(|| identifier.valid());
        let scores = validate(&complete, &validation_items, mechanism, &device);
        let summary = summary(&scores);
        session.note(STAGE, offset + state.step, Severity::Info, summary);
        finished.push(complete);
        state.scores.push(scores);
        state = State {
            finished: index + 1,
            scores: state.scores,
            ..State::default()
        };
    }
    let judge = Judge::new(
        finished,
        config,
        tokenizer.clone(),
        settings.max_context,
        settings.max_response,
    );
    let scores = state.scores;
    session.checkpoint(STAGE, total, true, |folder| {
        judge.save(folder)?;
        write_json(&folder.join(SCORES_FILE), &scores)
    })?;
    session.observer.report(Report::Identifiers { scores });
    session.end(STAGE, total);
    Ok(Some(judge))
}

/// Steps of the stage, over its three mechanisms, if none stops early.
pub fn steps(set: &LevelSet, settings: &IdentifierSettings, run_seed: u64) -> u64 {
    let pairs = split(set, settings, run_seed);
    let batches = |mechanism| {
        let items = labelled(&pairs.train, mechanism).len();
        items.div_ceil(settings.batch) as u64
    };
    Mechanism::ALL.into_iter().map(batches).sum::<u64>() * settings.epochs
}

/// Pairs for training and for validation, no seeker post on both sides.
struct Parts<'a> {
    train: Vec<&'a LabelledPair>,
    validation: Vec<&'a LabelledPair>,
}

fn split<'a>(set: &'a LevelSet, settings: &IdentifierSettings, run_seed: u64) -> Parts<'a> {
    let posts: BTreeSet<&str> = set
        .pairs
        .iter()
        .map(|pair| pair.seeker_id.as_str())
        .collect();
    let mut posts: Vec<&str> = posts.into_iter().collect();
    posts.shuffle(&mut stream(run_seed, Draw::Split, 0, 0));
    let kept = (posts.len() as f64 * settings.validation_share).round() as usize;
    let kept: BTreeSet<&str> = posts.into_iter().take(kept).collect();
    let (validation, train) = set
        .pairs
        .iter()
        .partition(|pair| kept.contains(pair.seeker_id.as_str()));
    Parts { train, validation }
}

fn labelled<'a>(
    pairs: &[&'a LabelledPair],
    mechanism: Mechanism,
) -> Vec<(&'a LabelledPair, EmpathyLevel)> {
    pairs
        .iter()
        .filter_map(|pair| Some((*pair, pair.levels[mechanism.index()]?)))
        .collect()
}

fn items(
    pairs: &[&LabelledPair],
    mechanism: Mechanism,
    tokenizer: &Tokenizer,
    settings: &IdentifierSettings,
    set: &LevelSet,
) -> Result<Vec<Item>, TrainError> {
    let items = labelled(pairs, mechanism)
        .into_iter()
        .map(|(pair, level)| {
            let (context, response) = encode_pair(
                tokenizer,
                &pair.seeker_post,
                &pair.response_post,
                settings.max_context,
                settings.max_response,
            );
            Item {
                context,
                response,
                level: level.index(),
            }
        })
        .collect::<Vec<_>>();
    if items.is_empty() {
        return Err(TrainError::Empty {
            what: format!("{} of {}", mechanism.title(), set.name),
            mend: "import the data set again, or change identifiers.validation_share".into(),
        });
    }
    Ok(items)
}

/// Weight of each level: 1, or the inverse of its share (scikit-learn's "balanced").
fn class_weights(items: &[Item], balanced: bool) -> [f32; 3] {
    if !balanced {
        return [1.0; 3];
    }
    let mut counts = [0_usize; 3];
    for item in items {
        counts[item.level] += 1;
    }
    counts.map(|count| items.len() as f32 / (3 * count.max(1)) as f32)
}

/// Logits `[items, 3]` and the true levels.
fn predict<'a>(
    identifier: &Identifier,
    items: impl Iterator<Item = &'a Item>,
    device: &Device,
    dropout: &mut Dropout,
) -> (Tensor<2>, Vec<usize>) {
    let items: Vec<&Item> = items.collect();
    let contexts = Tokens::pad(
        &items.iter().map(|item| &item.context).collect::<Vec<_>>(),
        device,
    );
    let responses = Tokens::pad(
        &items.iter().map(|item| &item.response).collect::<Vec<_>>(),
        device,
    );
    let logits = identifier.forward(
        contexts.ids,
        &contexts.mask,
        responses.ids,
        &responses.mask,
        dropout,
    );
    (logits, items.iter().map(|item| item.level).collect())
}

/// Cross-entropy, each item counted by its level's weight.
fn weighted_cross_entropy(logits: Tensor<2>, levels: &[usize], weights: &[f32; 3]) -> Tensor<1> {
    let total: f32 = levels.iter().map(|&level| weights[level]).sum();
    let mut share = vec![0.0; levels.len() * 3];
    for (row, &level) in share.chunks_mut(3).zip(levels) {
        row[level] = weights[level] / total;
    }
    let share = Tensor::from_data(
        TensorData::new(share, [levels.len(), 3]),
        &logits.device().without_autodiff(),
    );
    (log_softmax(logits, 1) * share).sum().neg()
}

fn validate(
    identifier: &Identifier,
    items: &[Item],
    mechanism: Mechanism,
    device: &Device,
) -> IdentifierScores {
    let mut order: Vec<&Item> = items.iter().collect();
    order.sort_by_key(|item| (item.context.len(), item.response.len()));
    let (mut confusion, mut loss) = (Confusion::new(EmpathyLevel::ALL.len()), 0.0);
    for part in order.chunks(32) {
        let (logits, levels) = predict(
            identifier,
            part.iter().copied(),
            device,
            &mut Dropout::off(),
        );
        for (row, &level) in floats(log_softmax(logits, 1)).chunks(3).zip(&levels) {
            loss -= f64::from(row[level]);
            confusion.add(level, argmax(row));
        }
    }
    IdentifierScores {
        mechanism,
        loss: loss / items.len() as f64,
        confusion,
    }
}

/// The scores as points of curves.
fn curve(scores: &IdentifierScores) -> Vec<(String, f64)> {
    let keys = declared::IDENTIFIER_KEYS[scores.mechanism.index()];
    let report = scores.report();
    [
        (keys.validation_loss, scores.loss),
        (keys.accuracy, report.accuracy),
        (keys.weighted_f1, report.weighted_f1),
        (keys.macro_f1, report.macro_f1),
    ]
    .map(|(key, value)| (key.to_string(), value))
    .to_vec()
}

fn summary(scores: &IdentifierScores) -> String {
    let report = scores.report();
    let percent = |value| Digits::RESULT.write(value);
    format!(
        "{}: accuracy {} %, weighted F1 {} %, macro F1 {} % on {} validation pairs; always saying the commonest level would be right in {} %",
        scores.mechanism.title(),
        percent(report.accuracy),
        percent(report.weighted_f1),
        percent(report.macro_f1),
        report.n,
        percent(scores.commonest().accuracy),
    )
}
