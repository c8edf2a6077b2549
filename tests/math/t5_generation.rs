//! Decoding token by token with a cache says what decoding all at once says, whoever shares the batch.

use crate::device_support::device_name;
use crate::t5_support::{device, expected, largest_difference, model, padded, rows, values};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use emprl::nn::adapter::Adapter;
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::sampling::Sampling;
use emprl::nn::t5::T5;
use emprl::nn::{Dropout, Generated, LanguageModel, generate};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const FOLDERS: [&str; 2] = ["t5_relu_tied", "t5_gated_untied"];

fn sampling() -> Sampling {
    Sampling {
        max_new_tokens: 14,
        min_new_tokens: 0,
        greedy: false,
        top_k: 20,
        top_p: 1.0,
        temperature: 0.9,
    }
}

fn streams(rows: std::ops::Range<u64>) -> Vec<ChaCha8Rng> {
    rows.map(|row| ChaCha8Rng::seed_from_u64(100 + row))
        .collect()
}

fn prefix_of(model: &T5) -> Prefix {
    let config = PrefixConfig {
        encoder: 4,
        decoder: 3,
        cross: 2,
        hidden: 8,
    };
    Prefix::new(&config, &model.config().shape(), &device(), 9)
}

fn contexts(folder: &str) -> Vec<Vec<u32>> {
    rows(&expected()[folder]["sources"])
}

#[test]
fn the_cache_changes_no_logit() {
    for folder in FOLDERS {
        let model = model(folder);
        let adapter = Adapter::Prefix(prefix_of(&model)).weights();
        for adapter in [None, Some(&adapter)] {
            let (ids, mask) = padded(&contexts(folder), 0, 0);
            let encoded = model.encode(ids, &mask, adapter, &mut Dropout::off());
            let inputs = vec![
                vec![0, 7, 30, 2, 59, 11, 4],
                vec![0, 8, 3, 5, 9, 9, 1],
                vec![0; 7],
                vec![0, 1, 2, 3, 4, 5, 6],
            ];
            let (ids, _) = padded(&inputs, 0, 0);
            let whole =
                model.logits(model.decode(ids, &encoded, &mask, adapter, &mut Dropout::off()));
            let mut cache = model.start_decoding(&encoded, &mask, adapter);
            // First two tokens at once, then one by one.
            for (first, count) in [(0, 2), (2, 1), (3, 1), (4, 1), (5, 2)] {
                let ids: Vec<i32> = inputs
                    .iter()
                    .flat_map(|row| row[first..first + count].iter().map(|id| *id as i32))
                    .collect();
                let ids = Tensor::<2, Int>::from_data(
                    TensorData::new(ids, [inputs.len(), count]),
                    &device(),
                );
                let logits = values(model.logits(model.decode_next(ids, &mut cache, adapter)));
                let known = values(whole.clone().narrow(1, first, count));
                assert!(
                    largest_difference(&logits, &known) < 1e-4,
                    "{folder} at {first}"
                );
            }
        }
    }
}

#[test]
fn a_batch_gives_what_each_row_alone_gives() {
    for folder in FOLDERS {
        let model = model(folder);
        let adapter = Adapter::Prefix(prefix_of(&model)).weights();
        let model = LanguageModel::T5(model);
        let contexts = contexts(folder);
        for adapter in [None, Some(&adapter)] {
            for sampling in [
                sampling(),
                Sampling {
                    top_k: 0,
                    top_p: 0.9,
                    ..sampling()
                },
                Sampling::greedy(14),
            ] {
                let together = generate(&model, adapter, &contexts, &sampling, &mut streams(0..4));
                for (row, context) in contexts.iter().enumerate() {
                    let mut own = streams(row as u64..row as u64 + 1);
                    let alone = generate(
                        &model,
                        adapter,
                        std::slice::from_ref(context),
                        &sampling,
                        &mut own,
                    );
                    assert_eq!(together[row].tokens, alone[0].tokens, "{folder}, row {row}");
                    assert_eq!(together[row].ended, alone[0].ended);
                    assert!(
                        largest_difference(&together[row].log_probs, &alone[0].log_probs) < 1e-4
                    );
                }
            }
        }
    }
}

#[test]
fn log_probabilities_are_those_of_teacher_forcing() {
    for folder in FOLDERS {
        let model = model(folder);
        let (contexts, policy) = (contexts(folder), LanguageModel::T5(model.clone()));
        let responses = generate(&policy, None, &contexts, &sampling(), &mut streams(0..4));
        for (context, response) in contexts.iter().zip(&responses) {
            let (ids, mask) = padded(std::slice::from_ref(context), 0, 0);
            let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
            let mut inputs = vec![0];
            inputs.extend(&response.tokens[..response.tokens.len() - 1]);
            let (ids, _) = padded(&[inputs], 0, 0);
            let logits =
                model.logits(model.decode(ids, &encoded, &mask, None, &mut Dropout::off()));
            let (labels, _) = padded(std::slice::from_ref(&response.tokens), 0, 0);
            let known = values(log_softmax(logits, 2).gather(2, labels.unsqueeze_dim(2)));
            assert!(largest_difference(&response.log_probs, &known) < 1e-4);
        }
    }
}

#[test]
fn what_stands_under_pads_changes_nothing() {
    for folder in FOLDERS {
        let model = model(folder);
        let contexts = contexts(folder);
        let longest = contexts.iter().map(Vec::len).max().expect("rows");
        let run = |pad, extra| {
            let (ids, mask) = padded(&contexts, pad, extra);
            let encoded = model.encode(ids, &mask, None, &mut Dropout::off());
            let (ids, _) = padded(&vec![vec![0, 7, 30, 2]; contexts.len()], 0, 0);
            let logits =
                values(model.logits(model.decode(ids, &encoded, &mask, None, &mut Dropout::off())));
            (values(encoded.narrow(1, 0, longest)), logits)
        };
        let (states, logits) = run(0, 0);
        let (other_states, other_logits) = run(37, 0);
        let width = states.len() / contexts.len();
        for (row, context) in contexts.iter().enumerate() {
            let real = row * width..row * width + context.len() * model.config().d_model;
            assert_eq!(
                states[real.clone()],
                other_states[real],
                "the same bits whatever the pad"
            );
        }
        assert_eq!(logits, other_logits);
        let (_, wider) = run(12, 5);
        // Another width is another order of sums: on flex within 1e-5, elsewhere within f32's precision.
        let size = largest_difference(&logits, &vec![0.0; logits.len()]);
        let bound = if device_name() == "flex" {
            1e-5
        } else {
            2e-6 * size
        };
        let apart = largest_difference(&logits, &wider);
        assert!(apart < bound, "{apart} of {size}");
    }
}

#[test]
fn responses_end_at_the_end_token_or_the_longest_length() {
    let model = LanguageModel::T5(model("t5_relu_tied"));
    let contexts: Vec<Vec<u32>> = (0..24).map(|row| vec![2 + row, 40, 1]).collect();
    let responses = generate(&model, None, &contexts, &sampling(), &mut streams(0..24));
    assert!(responses.iter().any(|response| response.ended));
    assert!(responses.iter().any(|response| !response.ended));
    for Generated {
        tokens,
        log_probs,
        ended,
    } in &responses
    {
        assert_eq!(tokens.len(), log_probs.len());
        assert!(log_probs.iter().all(|log_prob| *log_prob <= 0.0));
        let end = tokens.iter().position(|token| *token == 1);
        assert_eq!(end, ended.then(|| tokens.len() - 1));
        assert!(*ended || tokens.len() == 14);
    }
    let long = Sampling {
        min_new_tokens: 6,
        ..sampling()
    };
    let responses = generate(&model, None, &contexts, &long, &mut streams(0..24));
    assert!(responses.iter().all(|response| response.tokens.len() >= 7));
}

#[test]
fn nothing_to_say_is_said_without_work() {
    let model = LanguageModel::T5(model("t5_relu_tied"));
    assert!(generate(&model, None, &[[0_u32; 0]; 0], &sampling(), &mut []).is_empty());
    let none = Sampling {
        max_new_tokens: 0,
        ..sampling()
    };
    let responses = generate(&model, None, &[vec![5, 1]], &none, &mut streams(0..1));
    assert_eq!(
        responses,
        [Generated {
            tokens: vec![],
            log_probs: vec![],
            ended: false
        }]
    );
    // A context without a token still has an answer, and it is a number.
    let responses = generate(
        &model,
        None,
        &[vec![], vec![5, 1]],
        &sampling(),
        &mut streams(0..2),
    );
    assert!(
        responses[0]
            .log_probs
            .iter()
            .all(|log_prob| log_prob.is_finite())
    );
}

#[test]
fn without_dropout_two_forwards_are_the_same_bits() {
    let model = model("t5_gated_untied");
    let run = |dropout: &mut Dropout| {
        let (ids, mask) = padded(&contexts("t5_gated_untied"), 0, 0);
        let encoded = model.encode(ids.clone(), &mask, None, dropout);
        values(model.logits(model.decode(ids, &encoded, &mask, None, dropout)))
    };
    assert_eq!(run(&mut Dropout::off()), run(&mut Dropout::off()));
    let dropped = run(&mut Dropout::new(0.1, 3));
    assert_eq!(
        dropped,
        run(&mut Dropout::new(0.1, 3)),
        "the same masks for the same seed"
    );
    assert_ne!(dropped, run(&mut Dropout::off()));
    assert_ne!(dropped, run(&mut Dropout::new(0.1, 4)));
}

#[test]
fn dropout_keeps_the_mean_and_drops_its_share() {
    let x = Tensor::<2>::ones([300, 400], &device());
    let dropped = values(Dropout::new(0.25, 8).apply(x));
    let zeros = dropped.iter().filter(|x| **x == 0.0).count() as f64 / dropped.len() as f64;
    assert!((zeros - 0.25).abs() < 0.01);
    assert!(
        dropped
            .iter()
            .all(|x| *x == 0.0 || (*x - 4.0 / 3.0).abs() < 1e-6)
    );
}
