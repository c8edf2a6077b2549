//! What people see of a rollout is what the step computed: every figure of every token, through the store.

use crate::store_support::new_run;
use burn::module::Module;
use emprl::data::Example;
use emprl::experiment::{Config, Report, RolloutResponse, Stage, TokenQuantity, Tuning};
use emprl::nn::Generated;
use emprl::nn::t5::{T5, T5Config};
use emprl::nn::value_head::ValueHead;
use emprl::store::Store;
use emprl::text::{EOS, Tokenizer, train_unigram};
use emprl::train::material::Encoded;
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use emprl::train::policy_gradient::algorithm::LearnerState;
use emprl::train::policy_gradient::record::{RECORDED_RESPONSES, recorded_responses};
use emprl::train::policy_gradient::rollout::Rollout;
use emprl::train::ppo::step::{PpoLearner, PpoState, StepOutcome, Stepper};
use emprl::train::reward::{Score, Term};

/// More than are kept.
const BATCH: usize = RECORDED_RESPONSES + 2;

fn tokenizer() -> Tokenizer {
    let words = ["red", "blue", "green", "white", "hat", "dog", "car", "tree"];
    train_unigram(words.iter().cycle().take(400), 40, 0).unwrap()
}

fn config(skip_first_token: bool) -> Config {
    let mut config = Config::default();
    config.ppo.tuning = Tuning::Full;
    config.ppo.lr = 1e-3;
    config.ppo.skip_first_token = skip_first_token;
    config.reward.scale_scores = true;
    config
}

fn t5(tokenizer: &Tokenizer, seed: u64) -> T5 {
    let shape = T5Config {
        vocab_size: tokenizer.vocab_size(),
        d_model: 16,
        d_kv: 8,
        d_ff: 32,
        num_layers: 1,
        num_decoder_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    T5::new(&shape, &crate::device_support::device(), seed)
}

/// Examples answered in an order of their own, by responses of several lengths.
fn batch(tokenizer: &Tokenizer) -> (Vec<Encoded>, Vec<usize>, Rollout) {
    let examples: Vec<Encoded> = (0..BATCH)
        .map(|n| Encoded {
            example: Example {
                conversation: n.to_string(),
                turn: 2,
                emotion: "content".into(),
                situation: String::new(),
                context: vec![format!("my dog is number {n}")],
                roles: Vec::new(),
                target: format!("target {n}"),
            },
            source: vec![5, 6, 7 + n as u32, EOS],
            target: vec![EOS],
        })
        .collect();
    let indices: Vec<usize> = (0..BATCH).rev().collect();
    let generated: Vec<Generated> = (0..BATCH)
        .map(|row| {
            let ended = row % 2 == 0;
            let mut tokens: Vec<u32> = (0..1 + row as u32 % 5)
                .map(|t| 3 + row as u32 + t)
                .collect();
            if ended {
                tokens.push(EOS);
            }
            Generated {
                log_probs: vec![0.0; tokens.len()],
                tokens,
                ended,
            }
        })
        .collect();
    let rollout = Rollout {
        contexts: indices
            .iter()
            .map(|&i| examples[i].source.clone())
            .collect(),
        responses: generated
            .iter()
            .map(|row| tokenizer.decode(&row.tokens))
            .collect(),
        generated,
    };
    (examples, indices, rollout)
}

fn stepped(
    config: &Config,
    tokenizer: &Tokenizer,
    rollout: &Rollout,
    scores: &[f32],
) -> StepOutcome {
    let device = crate::device_support::device();
    let reference = Policy {
        model: t5(tokenizer, 2).into(),
        adapter: None,
        value_head: None,
    };
    let policy = Policy {
        model: t5(tokenizer, 1).into(),
        adapter: None,
        value_head: Some(ValueHead::new(16, &device)),
    };
    let stepper = Stepper {
        config,
        reference: &reference,
        device: &device,
    };
    let learner = PpoLearner {
        policy: policy.for_tuning(config.ppo.tuning).train(),
        optimizer: AdamW::new(0.0),
        state: PpoState::new(config),
    };
    stepper.step(learner, rollout, scores, 0).unwrap().1
}

/// What a quantity is by the step's own rows.
fn computed(stepped: &StepOutcome, row: usize, quantity: TokenQuantity) -> Vec<f32> {
    let (policy, against) = (&stepped.old_log_probs[row], &stepped.against);
    let reference = &against.reference_log_probs[row];
    match quantity {
        TokenQuantity::K1 => policy.iter().zip(reference).map(|(p, q)| p - q).collect(),
        TokenQuantity::FullKl => against.full_kl[row].clone(),
        TokenQuantity::Advantage => stepped.advantages[row].clone(),
        TokenQuantity::Value => stepped.old_values[row].clone(),
        TokenQuantity::Reward => stepped.rewards[row].clone(),
        TokenQuantity::Return => stepped.returns[row].clone(),
        TokenQuantity::LogProb => policy.clone(),
        TokenQuantity::ReferenceLogProb => reference.clone(),
        TokenQuantity::TruncatedKl
        | TokenQuantity::TruncatedLogProb
        | TokenQuantity::TruncatedReferenceLogProb => panic!("of the truncated distribution"),
    }
}

#[test]
fn every_figure_of_every_token_is_the_steps_own_through_the_store() {
    let tokenizer = tokenizer();
    let (examples, indices, rollout) = batch(&tokenizer);
    let raw: Vec<f32> = (0..BATCH).map(|row| row as f32 / 7.0).collect();
    let scores: Vec<Score> = raw
        .iter()
        .map(|&total| Score {
            total,
            terms: vec![Term {
                name: "half".into(),
                value: total / 2.0,
            }],
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path()).unwrap();
    for skip_first_token in [false, true] {
        let config = config(skip_first_token);
        let stepped = stepped(&config, &tokenizer, &rollout, &raw);
        let responses =
            recorded_responses(&rollout, &stepped, &scores, &examples, &indices, &tokenizer);
        let lock = store.create_run(&new_run("shown")).unwrap();
        let report = Report::Rollout {
            stage: Stage::Ppo,
            step: 1,
            responses: responses.clone(),
        };
        store.record(lock.run(), &[(0, report)]).unwrap();
        let reader = store.reader().unwrap();
        let read = reader.rollout_at(lock.run(), Stage::Ppo, 1).unwrap();
        assert_eq!(read, responses);
        assert_eq!(read.len(), RECORDED_RESPONSES, "a handful is kept");
        for (row, response) in read.iter().enumerate() {
            check_words(response, row, &examples[indices[row]], &rollout, &tokenizer);
            assert_eq!(
                (response.score, response.shaped),
                (raw[row], stepped.shaped[row])
            );
            let terms = response.terms.iter().map(|t| (t.name.as_str(), t.value));
            assert_eq!(terms.collect::<Vec<_>>(), [("half", raw[row] / 2.0)]);
            for quantity in TokenQuantity::of(&read) {
                let figures = response
                    .figures()
                    .filter_map(|f| Some(f.get(quantity)?.to_bits()));
                let expected = computed(&stepped, row, quantity);
                let expected: Vec<u32> = expected.iter().map(|x| x.to_bits()).collect();
                assert_eq!(figures.collect::<Vec<_>>(), expected, "{row} {quantity:?}");
            }
            let counted = response.tokens.iter().map(|t| t.figures.is_some());
            let first = response.tokens.len() - response.figures().count();
            assert_eq!(first, usize::from(skip_first_token));
            assert!(counted.skip(first).all(|counts| counts));
        }
    }
}

fn check_words(
    response: &RolloutResponse,
    row: usize,
    answered: &Encoded,
    rollout: &Rollout,
    tokenizer: &Tokenizer,
) {
    assert_eq!(response.index as usize, row);
    assert_eq!(response.context, answered.example.context);
    assert_eq!(response.target, answered.example.target);
    assert_eq!(response.response, rollout.responses[row]);
    let generated = &rollout.generated[row];
    assert_eq!(response.ended, generated.ended);
    let pieces: Vec<&str> = response.tokens.iter().map(|t| t.piece.as_str()).collect();
    let expected: Vec<String> = generated
        .tokens
        .iter()
        .map(|&id| tokenizer.token(id).unwrap())
        .collect();
    assert_eq!(pieces, expected);
    assert_eq!(pieces.last() == Some(&"</s>"), generated.ended);
}
