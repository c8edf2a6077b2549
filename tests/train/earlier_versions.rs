//! What earlier versions saved is read: optimizer states under the names that parameters had.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use emprl::experiment::Tuning;
use emprl::nn::Dropout;
use emprl::nn::adapter::Adapter;
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::t5::{T5, T5Config};
use emprl::nn::value_head::ValueHead;
use emprl::train::optimizer::AdamW;
use emprl::train::policy::Policy;
use safetensors::SafeTensors;

fn policy(device: &Device) -> Policy {
    let shape = T5Config {
        vocab_size: 20,
        d_model: 8,
        d_kv: 4,
        d_ff: 8,
        num_layers: 1,
        num_decoder_layers: 1,
        num_heads: 2,
        ..T5Config::default()
    };
    let lengths = PrefixConfig {
        encoder: 2,
        decoder: 1,
        cross: 1,
        hidden: 4,
    };
    let prefix = Prefix::new(&lengths, &shape.shape(), device, 2);
    let policy = Policy {
        model: T5::new(&shape, device, 1).into(),
        adapter: Some(Adapter::Prefix(prefix)),
        value_head: Some(ValueHead::new(8, device)),
    };
    policy.for_tuning(Tuning::Both).train()
}

/// The names and content of a file, with other beginnings of names.
fn renamed(from: &Path, to: &Path, names: [(&str, &str); 2]) {
    let bytes = std::fs::read(from).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().map(|(name, tensor)| {
        let other = names.iter().find_map(|(now, then)| {
            let rest = name.strip_prefix(now)?;
            Some(format!("{then}{rest}"))
        });
        (other.unwrap_or(name), tensor)
    });
    safetensors::serialize_to_file(tensors, None, to).unwrap();
}

#[test]
fn moments_saved_under_former_names_are_the_same_moments() {
    let device = crate::device_support::device();
    let (folder, policy) = (tempfile::tempdir().unwrap(), policy(&device));
    let adapter = policy.adapter_weights();
    let (contexts, responses) = ([[5, 6, 1]], [[7, 8, 1]]);
    let dropout = &mut Dropout::off();
    let hidden = policy
        .model
        .forward(&contexts, &responses, adapter.as_ref(), dropout);
    let values = policy.value_head.as_ref().unwrap().forward(hidden.clone());
    let loss = policy.model.logits(hidden).powi_scalar(2).mean() + values.add_scalar(1.0).sum();
    let gradients = GradientsParams::from_grads(loss.backward(), &policy);
    let mut optimizer = AdamW::new(0.0);
    let (policy, _) = optimizer.step(1e-3, policy, gradients, 0.0);

    let [now, then, again] = ["now", "then", "again"].map(|name| folder.path().join(name));
    optimizer.save(&policy, &now).unwrap();
    renamed(&now, &then, [("model.", "t5."), ("adapter.", "prefix.")]);
    let mut read = AdamW::new(0.0);
    read.load(&policy, &then).unwrap();
    read.save(&policy, &again).unwrap();
    let [now, then, again] = [now, then, again].map(|path| std::fs::read(path).unwrap());
    assert!(now == again && now != then);
}
