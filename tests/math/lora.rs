//! LoRA computes what PEFT computes, from the same files, and moves nothing else.

use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};
use emprl::nn::adapter::AdapterWeights;
use emprl::nn::lora::{Lora, LoraConfig, LoraError};
use emprl::nn::{Dropout, LanguageModel, WeightsError};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::llama_parity;
use crate::t5_support;
use crate::t5_support::{
    assert_close_rows, device, fixture, largest_difference, numbers, rows, values,
};

const TOLERANCE: f32 = 2e-5;
const MODELS: [&str; 3] = ["llama_tied", "qwen2", "t5_gated_untied"];

fn model(name: &str) -> LanguageModel {
    match name {
        "t5_gated_untied" => t5_support::model(name).into(),
        name => llama_parity::model(name).into(),
    }
}

/// The adapter that PEFT saved.
fn adapter(name: &str) -> Lora {
    let lora = model(name).load_lora(&fixture("adapters").join(name));
    lora.unwrap_or_else(|error| panic!("{error}"))
}

/// Contexts and responses of a model's fixture.
fn inputs(model: &LanguageModel) -> [Vec<Vec<u32>>; 2] {
    match model {
        LanguageModel::Llama(_) => {
            let expected = llama_parity::expected();
            ["contexts", "responses"].map(|field| rows(&expected[field]))
        }
        LanguageModel::T5(_) => {
            let expected = &t5_support::expected()["t5_gated_untied"];
            ["sources", "targets"].map(|field| rows(&expected[field]))
        }
    }
}

fn logits(model: &LanguageModel, lora: Option<&Lora>) -> Tensor<3> {
    let [contexts, responses] = inputs(model);
    let adapter = lora.cloned().map(AdapterWeights::Lora);
    let states = model.forward(&contexts, &responses, adapter.as_ref(), &mut Dropout::off());
    model.logits(states)
}

fn expected() -> Value {
    let text = fs::read_to_string(fixture("adapters/expected.json")).expect("it is there");
    serde_json::from_str(&text).expect("the fixture is JSON")
}

/// The largest of numbers, and at least 1: what a difference is compared with.
fn scale(numbers: &[f32]) -> f32 {
    numbers.iter().fold(1.0, |largest, x| largest.max(x.abs()))
}

/// The numbers of a tensor in a safetensors file.
fn tensor(file: &Path, name: &str) -> Vec<f32> {
    let bytes = fs::read(file).expect("a file");
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let view = tensors
        .tensor(name)
        .unwrap_or_else(|_| panic!("it has {name}"));
    let (numbers, _) = view.data().as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

/// A step of gradient descent at rate 1.
struct Descent(GradientsParams);

impl ModuleMapper for Descent {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let gradient = self.0.remove::<D>(param.id).expect("a gradient");
        param.map(|tensor| Tensor::from_inner(tensor.inner() - gradient).require_grad())
    }
}

struct Count(usize);

impl ModuleVisitor for Count {
    fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
        self.0 += 1;
    }
}

#[test]
fn logits_are_those_of_peft() {
    let expected = expected();
    for name in MODELS {
        let model = model(name);
        let [_, responses] = inputs(&model);
        let lengths: Vec<usize> = responses.iter().map(Vec::len).collect();
        let with = logits(&model, Some(&adapter(name)));
        let known = &expected[name]["logits"];
        assert_close_rows(
            with.clone(),
            known,
            &lengths,
            TOLERANCE * scale(&numbers(known)),
        );
        let without = logits(&model, None);
        assert!(
            largest_difference(&values(with), &values(without)) > 0.1,
            "{name}"
        );
    }
}

#[test]
fn gradients_are_those_of_peft_and_reach_nothing_but_the_adapter() {
    let expected = expected();
    for name in MODELS {
        let model = model(name);
        let [_, responses] = inputs(&model);
        let before = adapter(name);
        let trained = before.clone().train();
        let model = model.freeze().train();
        let logits = logits(&model, Some(&trained));
        let [batch, tokens, _] = logits.dims();
        let real = |at: usize| f32::from(u8::from(at % tokens < responses[at / tokens].len()));
        let mask: Vec<f32> = (0..batch * tokens).map(real).collect();
        let mask = Tensor::<3>::from_data(TensorData::new(mask, [batch, tokens, 1]), &device());
        let loss = (logits.clone() * logits).mean_dim(2) * mask;
        let mut gradients = loss.sum().backward();
        assert!(GradientsParams::from_module(&mut gradients, &model).is_empty());
        let gradients = GradientsParams::from_module(&mut gradients, &trained);
        let mut count = Count(0);
        trained.visit(&mut count);
        assert_eq!(gradients.len(), count.0);
        let after = trained.map(&mut Descent(gradients)).valid();

        let folder = tempfile::tempdir().expect("a folder");
        let files = ["before", "after"].map(|part| folder.path().join(part));
        before.save(&files[0], None).expect("it saves");
        after.save(&files[1], None).expect("it saves");
        let known = expected[name]["gradients"].as_object().expect("gradients");
        for (tensor_name, known) in known {
            let [before, after] = files
                .each_ref()
                .map(|folder| tensor(&folder.join("adapter_model.safetensors"), tensor_name));
            let moved: Vec<f32> = before.iter().zip(&after).map(|(a, b)| a - b).collect();
            let known = numbers(known);
            let difference = largest_difference(&moved, &known) / scale(&known);
            assert!(difference < 1e-4, "{name}, {tensor_name}: {difference}");
        }
    }
}

#[test]
fn a_new_adapter_changes_nothing_and_is_drawn_by_its_seed() {
    let model = model("llama_tied");
    let config = LoraConfig {
        rank: 4,
        alpha: 8.0,
        dropout: 0.0,
        targets: vec!["k_proj".into(), "down_proj".into()],
    };
    let draw = |seed| model.lora(&config, seed).expect("its layers are there");
    let new = draw(1);
    assert_eq!(
        values(logits(&model, Some(&new))),
        values(logits(&model, None))
    );
    let saved = |lora: &Lora| {
        let folder = tempfile::tempdir().expect("a folder");
        lora.save(folder.path(), None).expect("it saves");
        fs::read(folder.path().join("adapter_model.safetensors")).expect("a file")
    };
    assert_eq!(saved(&new), saved(&draw(1)));
    assert_ne!(saved(&new), saved(&draw(2)));
}

#[test]
fn a_saved_adapter_is_read_back_bit_for_bit() {
    for name in MODELS {
        let model = model(name);
        let before = adapter(name);
        let folder = tempfile::tempdir().expect("a folder");
        before.save(folder.path(), Some(name)).expect("it saves");
        let after = model.load_lora(folder.path()).expect("it loads");
        assert_eq!(after.config(), before.config());
        assert_eq!(
            values(logits(&model, Some(&after))),
            values(logits(&model, Some(&before)))
        );
    }
}

#[test]
fn a_merged_model_computes_the_same_without_its_adapter_and_can_be_unmerged() {
    for name in MODELS {
        let model = model(name);
        let lora = adapter(name);
        let merged = model.clone().merge(&lora);
        let same = |a: Tensor<3>, b: Tensor<3>| {
            let (a, b) = (values(a), values(b));
            let difference = largest_difference(&a, &b) / scale(&b);
            assert!(difference < TOLERANCE, "{name}: {difference}");
        };
        same(logits(&merged, None), logits(&model, Some(&lora)));
        same(logits(&merged.unmerge(&lora), None), logits(&model, None));
    }
}

#[test]
fn decoding_with_a_cache_equals_reading_all_at_once() {
    for name in MODELS {
        let model = model(name);
        let [contexts, responses] = inputs(&model);
        let adapter = AdapterWeights::Lora(adapter(name));
        let known = model.forward(&contexts, &responses, Some(&adapter), &mut Dropout::off());
        let known = model.logits(known);
        let mut generation = model.start(&contexts, Some(&adapter));
        let mut states = vec![generation.first.clone()];
        for position in 0..known.dims()[1] - 1 {
            let token = |response: &Vec<u32>| response.get(position).copied().unwrap_or(0);
            let tokens: Vec<u32> = responses.iter().map(token).collect();
            states.push(model.next(&tokens, &mut generation, Some(&adapter)));
        }
        let found = model.logits(Tensor::cat(states, 1));
        for (at, response) in responses.iter().enumerate() {
            let row = |logits: &Tensor<3>| {
                let logits = logits.clone().narrow(0, at, 1);
                values(logits.narrow(1, 0, response.len()))
            };
            let (found, known) = (row(&found), row(&known));
            let difference = largest_difference(&found, &known) / scale(&known);
            assert!(difference < TOLERANCE, "{name}, row {at}: {difference}");
        }
    }
}

#[test]
fn dropout_is_drawn_only_while_training() {
    let model = model("qwen2");
    let adapter = AdapterWeights::Lora(adapter("qwen2"));
    let [contexts, responses] = inputs(&model);
    let forward = |mut dropout: Dropout| {
        values(model.forward(&contexts, &responses, Some(&adapter), &mut dropout))
    };
    assert_eq!(forward(Dropout::new(0.0, 1)), forward(Dropout::new(0.0, 1)));
    assert_ne!(forward(Dropout::new(0.0, 1)), forward(Dropout::new(0.0, 2)));
    assert_ne!(forward(Dropout::new(0.0, 1)), forward(Dropout::off()));
}

#[test]
fn what_a_model_cannot_have_is_refused_by_name() {
    let model = model("llama_tied");
    let config = LoraConfig {
        rank: 4,
        alpha: 8.0,
        dropout: 0.0,
        targets: vec!["q_proj".into()],
    };
    let refused = |change: &dyn Fn(&mut LoraConfig)| {
        let mut changed = config.clone();
        change(&mut changed);
        model.lora(&changed, 1).expect_err("it is refused")
    };
    assert_eq!(
        refused(&|config| config.rank = 0),
        LoraError::Rank { rank: 0 }
    );
    assert!(matches!(
        refused(&|config| config.alpha = f64::NAN),
        LoraError::Alpha { .. }
    ));
    assert!(matches!(
        refused(&|config| config.dropout = 1.0),
        LoraError::Dropout { .. }
    ));
    assert!(matches!(
        refused(&|config| config.targets.clear()),
        LoraError::NoTargets { .. }
    ));
    let unknown = refused(&|config| config.targets = vec!["q".into()]).to_string();
    assert!(
        unknown.contains("\"q\"") && unknown.contains("gate_proj"),
        "{unknown}"
    );
}

#[test]
fn an_adapter_that_computes_something_else_is_refused_by_name() {
    let model = model("llama_tied");
    let refused = |field: &str, value: Value| {
        let source = fixture("adapters/llama_tied");
        let folder = tempfile::tempdir().expect("a folder");
        let name = "adapter_model.safetensors";
        fs::copy(source.join(name), folder.path().join(name)).expect("it copies");
        let text = fs::read(source.join("adapter_config.json")).expect("a file");
        let mut config: Value = serde_json::from_slice(&text).expect("JSON");
        config[field] = value;
        let path = folder.path().join("adapter_config.json");
        fs::write(path, config.to_string()).expect("it writes");
        let error = model.load_lora(folder.path()).expect_err("it is refused");
        assert!(!matches!(error, WeightsError::Io { .. }), "{error}");
        error.to_string()
    };
    for (field, value) in [
        ("peft_type", json!("PREFIX_TUNING")),
        ("use_dora", json!(true)),
        ("use_rslora", json!(true)),
        ("bias", json!("all")),
        ("rank_pattern", json!({ "q_proj": 2 })),
        ("modules_to_save", json!(["lm_head"])),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("r", json!("many")),
        ("target_modules", json!(["query"])),
    ] {
        let message = refused(field, value);
        assert!(message.contains(field), "{message}");
    }
    let message = refused("r", json!(5));
    assert!(
        message.contains("lora_A.weight") && message.contains("shape"),
        "{message}"
    );
    let message = refused("target_modules", json!(["q_proj", "k_proj", "v_proj"]));
    assert!(
        message.contains("k_proj.lora_A.weight` is missing"),
        "{message}"
    );
}

#[test]
fn targets_given_as_a_pattern_are_those_of_the_file() {
    let model = model("llama_tied");
    let source = fixture("adapters/llama_tied");
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["adapter_model.safetensors", "adapter_config.json"] {
        fs::copy(source.join(name), folder.path().join(name)).expect("it copies");
    }
    let path = folder.path().join("adapter_config.json");
    let mut config: Value =
        serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    config["target_modules"] = json!(".*(q|v)_proj");
    fs::write(&path, config.to_string()).expect("it writes");
    let found = model.load_lora(folder.path()).expect("it loads");
    assert_eq!(found.config().targets, ["q_proj", "v_proj"]);
}
