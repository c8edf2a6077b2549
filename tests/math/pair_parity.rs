//! Identifiers with one encoder over the pair compute what Transformers computes, and are trained by the same step.

use std::fs;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use emprl::nn::Dropout;
use emprl::nn::bert::BertConfig;
use emprl::nn::identifier::{
    Head, Identifier, IdentifierConfig, PairConfig, PairEncoderConfig, Pooling,
};
use emprl::nn::llama::LlamaConfig;
use emprl::text::Tokenizer;
use emprl::train::optimizer::AdamW;
use emprl::train::pair_tokenizer::PairTokenizer;
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::t5_support::{device, fixture, largest_difference, numbers, row, rows, values};

const TOLERANCE: f32 = 1e-4;

fn expected() -> Value {
    let text = fs::read_to_string(fixture("pair_classifier/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn encoder(kind: &str) -> PairEncoderConfig {
    match kind {
        "bert" => PairEncoderConfig::Bert(BertConfig::read(&fixture("bert_small")).unwrap()),
        _ => PairEncoderConfig::Llama(LlamaConfig::read(&fixture("llama/llama_tied")).unwrap()),
    }
}

fn config(kind: &str, pooling: Pooling) -> IdentifierConfig {
    IdentifierConfig::Pair(PairConfig {
        encoder: encoder(kind),
        pooling,
        head: Head::Linear,
    })
}

fn load(kind: &str, pooling: Pooling) -> Identifier {
    let path = fixture(&format!("pair_classifier/{kind}.safetensors"));
    Identifier::load(&config(kind, pooling), &path, &device()).unwrap()
}

fn logits(identifier: &Identifier, pairs: &Value) -> Tensor<2> {
    let (contexts, responses) = (rows(&pairs["contexts"]), rows(&pairs["responses"]));
    identifier.forward(&contexts, &responses, &device(), &mut Dropout::off())
}

/// Mean cross-entropy.
fn loss(logits: Tensor<2>, levels: &[u32]) -> Tensor<1> {
    let mut share = vec![0.0_f32; levels.len() * 3];
    for (row, &level) in share.chunks_mut(3).zip(levels) {
        row[level as usize] = 1.0 / levels.len() as f32;
    }
    let share = Tensor::from_data(TensorData::new(share, [levels.len(), 3]), &device());
    (log_softmax(logits, 1) * share).sum().neg()
}

#[test]
fn logits_and_a_training_step_are_those_of_transformers() {
    let expected = expected();
    let levels = row(&expected["levels"]);
    let number = |value: &Value| value.as_f64().unwrap();
    for kind in ["bert", "llama"] {
        let pairs = &expected[kind];
        for (pooling, key) in [
            (Pooling::Mean, "mean"),
            (Pooling::Max, "max"),
            (Pooling::Cls, "cls"),
        ] {
            let identifier = load(kind, pooling).train();
            let known = &pairs[key];
            let found = logits(&identifier, pairs);
            let off = largest_difference(&values(found.clone()), &numbers(&known["logits"]));
            assert!(off < TOLERANCE, "{kind} {key}: logits are off by {off}");

            let loss = loss(found, &levels);
            let off = values(loss.clone())[0] - number(&known["loss"]) as f32;
            assert!(off.abs() < TOLERANCE, "{kind} {key}: the loss by {off}");
            let gradients = GradientsParams::from_grads(loss.backward(), &identifier);
            let mut optimizer = AdamW::new(number(&expected["weight_decay"]));
            let lr = number(&expected["lr"]);
            let (identifier, norm) = optimizer.step(lr, identifier, gradients, 0.0);
            let off = (norm - number(&known["norm"])).abs();
            assert!(off < 1e-4, "{kind} {key}: the gradient's norm by {off}");
            let after = values(logits(&identifier.valid(), pairs));
            let off = largest_difference(&after, &numbers(&known["after"]));
            assert!(off < TOLERANCE, "{kind} {key}: logits after it by {off}");

            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("after.safetensors");
            identifier.valid().save(&path).unwrap();
            let bytes = fs::read(&path).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let head = file.tensor("classifier.0.weight").unwrap();
            let (four, _) = head.data().as_chunks::<4>();
            let head: Vec<f32> = four
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect();
            let off = largest_difference(&head, &numbers(&known["head"]));
            assert!(off < TOLERANCE, "{kind} {key}: the head by {off}");
        }
    }
}

#[test]
fn what_is_saved_reads_back_bit_for_bit_under_the_same_names() {
    for kind in ["bert", "llama"] {
        let given = load(kind, Pooling::Mean);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identifier.safetensors");
        given.save(&path).unwrap();
        let shape = config(kind, Pooling::Mean);
        let text = serde_json::to_string(&shape).unwrap();
        let shape_again: IdentifierConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(shape_again, shape);
        let read = Identifier::load(&shape_again, &path, &device()).unwrap();
        let pairs = &expected()[kind];
        assert_eq!(values(logits(&read, pairs)), values(logits(&given, pairs)));
        let names = |path: &std::path::Path| {
            let bytes = fs::read(path).unwrap();
            let file = SafeTensors::deserialize(&bytes).unwrap();
            let mut names: Vec<String> = file.names().into_iter().map(str::to_string).collect();
            names.sort();
            names
        };
        let given = fixture(&format!("pair_classifier/{kind}.safetensors"));
        assert_eq!(names(&path), names(&given));
    }
}

#[test]
fn a_pair_among_others_has_the_logits_that_it_has_alone() {
    for kind in ["bert", "llama"] {
        for pooling in [Pooling::Mean, Pooling::Max, Pooling::Cls] {
            let identifier = load(kind, pooling);
            let pairs = &expected()[kind];
            let together = values(logits(&identifier, pairs));
            let (contexts, responses) = (rows(&pairs["contexts"]), rows(&pairs["responses"]));
            for (index, (context, response)) in contexts.iter().zip(&responses).enumerate() {
                let alone = json!({"contexts": [context], "responses": [response]});
                let alone = values(logits(&identifier, &alone));
                let off = largest_difference(&alone, &together[3 * index..3 * index + 3]);
                assert!(off < 1e-5, "{kind} {pooling:?}: {off}");
            }
        }
    }
}

#[test]
fn pairs_are_read_as_transformers_tokenizes_them_and_cut_within_their_frame() {
    let text = fs::read_to_string(fixture("bert_expected.json")).unwrap();
    let known: Value = serde_json::from_str(&text).unwrap();
    let tokenizer = || Tokenizer::from_folder(&fixture("bert_small"), 1_000).unwrap();
    let shape = config("bert", Pooling::Mean);
    let pair = PairTokenizer::new(tokenizer(), &shape, 12, 12).encode("my dog", "ran away");
    assert_eq!(
        [&*pair.context, &pair.response].concat(),
        row(&known["pair"][0])
    );
    let of_second = row(&known["pair"][1])
        .iter()
        .filter(|kind| **kind == 1)
        .count();
    assert_eq!(pair.response.len(), of_second);

    let short = PairTokenizer::new(tokenizer(), &shape, 4, 3);
    let cut = short.encode("i am so sorry that my dog", "ran away and i miss him");
    assert_eq!(cut.context, [&[2][..], &pair.context[1..3], &[3]].concat());
    assert_eq!(cut.response, [&pair.response[..2], &[3]].concat());
    let truncated = short.truncated("my dog", "ran away and");
    assert!(!truncated.context && truncated.response);

    // A decoder's texts end with its own token.
    let shape = config("llama", Pooling::Mean);
    let of_decoder = PairTokenizer::new(tokenizer(), &shape, 12, 12).encode("my dog", "ran");
    assert_eq!(
        (of_decoder.context.last(), of_decoder.response.last()),
        (Some(&8), Some(&8))
    );
}
