//! Identifiers compute what PyTorch computes from the same weights, under the released names.

use std::path::Path;

use crate::t5_support::{
    device, expected, fixture, largest_difference, model, numbers, padded, rows, values,
};
use burn::module::Module;
use burn::optim::GradientsParams;
use emprl::nn::Dropout;
use emprl::nn::identifier::{AttentionConfig, AttentionIdentifier, Head, Pooling};
use emprl::nn::t5::T5Config;
use safetensors::SafeTensors;

fn config(pooling: Pooling, head: Head) -> AttentionConfig {
    AttentionConfig {
        encoder: T5Config::read(&fixture("t5_identifier")).expect("the fixture is a config"),
        pooling,
        head,
    }
}

fn load(pooling: Pooling, head: Head, file: &str) -> AttentionIdentifier {
    let path = fixture("t5_identifier").join(file);
    AttentionIdentifier::load(&config(pooling, head), &path, &device())
        .expect("the fixture is an identifier")
}

fn pairs(pad: u32, extra: usize, identifier: &AttentionIdentifier) -> Vec<f32> {
    let expected = expected();
    let (context, context_mask) = padded(&rows(&expected["t5_relu_tied"]["sources"]), pad, extra);
    let (response, response_mask) = padded(&rows(&expected["t5_relu_tied"]["targets"]), pad, extra);
    values(identifier.forward(
        context,
        &context_mask,
        response,
        &response_mask,
        &mut Dropout::off(),
    ))
}

#[test]
fn both_poolings_and_heads_equal_pytorch() {
    let expected = expected();
    for (pooling, head, file, key) in [
        (
            Pooling::Max,
            Head::Linear,
            "max_linear.safetensors",
            "identifier_max_linear",
        ),
        (
            Pooling::Mean,
            Head::Mlp,
            "mean_mlp.pt",
            "identifier_mean_mlp",
        ),
    ] {
        let identifier = load(pooling, head, file);
        let known = numbers(&expected[key]);
        assert!(
            largest_difference(&pairs(0, 0, &identifier), &known) < 1e-5,
            "{file}"
        );
        // Pads, whatever stands there, are neither attended to nor pooled.
        assert!(
            largest_difference(&pairs(23, 4, &identifier), &known) < 1e-5,
            "{file}"
        );
    }
}

#[test]
fn what_is_saved_has_the_released_names_and_reads_back_bit_for_bit() {
    let identifier = load(Pooling::Mean, Head::Mlp, "mean_mlp.pt");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("identifier.safetensors");
    identifier.save(&path).expect("it saves");
    let read = AttentionIdentifier::load(identifier.config(), &path, &device()).expect("it loads");
    assert_eq!(pairs(0, 0, &read), pairs(0, 0, &identifier));
    for name in [
        "attn.q_linear.weight",
        "attn.out.bias",
        "classifier.0.weight",
        "classifier.3.bias",
    ] {
        assert!(names(&path).iter().any(|known| known == name), "{name}");
    }

    let identifier = load(Pooling::Max, Head::Linear, "max_linear.safetensors");
    identifier
        .save(&path)
        .expect("it saves over what was there");
    assert_eq!(
        names(&path),
        names(&fixture("t5_identifier").join("max_linear.safetensors"))
    );
}

fn names(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).expect("a file");
    let file = SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut names: Vec<String> = file
        .names()
        .into_iter()
        // PyTorch saves the embedding under both of its names.
        .filter(|name| !name.contains("embed_tokens"))
        .map(str::to_string)
        .collect();
    names.sort();
    names
}

#[test]
fn the_wrong_head_is_an_error_that_names_file_and_tensor() {
    let path = fixture("t5_identifier").join("mean_mlp.pt");
    let error = AttentionIdentifier::load(&config(Pooling::Mean, Head::Linear), &path, &device())
        .expect_err("it cannot load");
    let text = error.to_string();
    assert!(
        text.contains("mean_mlp.pt") && text.contains("classifier"),
        "{text}"
    );
}

#[test]
fn encoders_may_start_from_a_model_and_then_go_their_own_way() {
    // Frozen, as a generator with a prefix is.
    let t5 = model("t5_relu_tied").freeze().train();
    let config = AttentionConfig {
        encoder: t5.config().clone(),
        pooling: Pooling::Max,
        head: Head::Linear,
    };
    let identifier = AttentionIdentifier::new(&config, &device(), 4)
        .with_encoders_of(&t5)
        .train();
    let expected = expected();
    let (context, context_mask) = padded(&rows(&expected["t5_relu_tied"]["sources"]), 0, 0);
    let (response, response_mask) = padded(&rows(&expected["t5_relu_tied"]["targets"]), 0, 0);
    let logits = identifier.forward(
        context,
        &context_mask,
        response,
        &response_mask,
        &mut Dropout::off(),
    );
    let gradients =
        GradientsParams::from_grads(logits.powi_scalar(2).sum().backward(), &identifier);
    // Two encoders of 2 layers (6 tensors each), embedding, position bias and last norm; attention
    // and classifier with biases.
    let of_encoder = 3 + 2 * 6;
    assert_eq!(gradients.len(), 2 * of_encoder + 4 * 2 + 2);
}
