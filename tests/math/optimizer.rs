//! AdamW against torch's, on plain memory and as tensor operations; resuming is exact; clipping is
//! global; accumulation equals one big batch; frozen parameters stay.

use burn::module::{Module, Param};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use emprl::train::clip::Gradients;
use emprl::train::optimizer::{AdamW, OptimizerFileError};
use serde::Deserialize;

#[derive(Module, Debug)]
struct Two {
    matrix: Param<Tensor<2>>,
    vector: Param<Tensor<1>>,
}

#[derive(Deserialize)]
struct Fixture {
    start: [Vec<f32>; 2],
    gradients: Vec<[Vec<f32>; 2]>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    weight_decay: f64,
    max_norm: Option<f64>,
    trace: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    norm: f64,
    parameters: [Vec<f32>; 2],
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/ppo_adamw.json")).unwrap()
}

fn device() -> Device {
    crate::device_support::device().autodiff()
}

impl Two {
    fn new(start: &[Vec<f32>; 2]) -> Self {
        Self::of(DType::F32, start)
    }

    /// f32 on flex takes the pass over plain memory; any other type takes tensor operations, as
    /// every other device does.
    fn of(dtype: DType, start: &[Vec<f32>; 2]) -> Self {
        let device = device();
        Self {
            matrix: Param::from_tensor(tensor(&start[0], [3, 4], &device, dtype)),
            vector: Param::from_tensor(tensor(&start[1], [5], &device, dtype)),
        }
    }

    /// The fixture's gradients of one step; the second parameter has none at step 3.
    fn gradients(&self, fixture: &Fixture, step: usize) -> GradientsParams {
        let plain = crate::device_support::device();
        let dtype = self.matrix.dtype();
        let [matrix, vector] = &fixture.gradients[step];
        let mut gradients = GradientsParams::new();
        gradients.register::<2>(self.matrix.id, tensor(matrix, [3, 4], &plain, dtype));
        if step != 3 {
            gradients.register::<1>(self.vector.id, tensor(vector, [5], &plain, dtype));
        }
        gradients
    }

    fn numbers(&self) -> [Vec<f32>; 2] {
        [
            self.matrix.val().into_data().iter().collect(),
            self.vector.val().into_data().iter().collect(),
        ]
    }
}

fn tensor<const D: usize>(
    numbers: &[f32],
    shape: [usize; D],
    device: &Device,
    dtype: DType,
) -> Tensor<D> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), shape), (device, dtype))
}

#[test]
fn ten_steps_equal_torch() {
    let fixture = fixture();
    let cases = || fixture.cases.iter();
    for (case, dtype) in cases()
        .map(|c| (c, DType::F32))
        .chain(cases().map(|c| (c, DType::F64)))
    {
        let mut optimizer = AdamW::new(case.weight_decay);
        let mut module = Two::of(dtype, &fixture.start);
        for (step, expected) in case.trace.iter().enumerate() {
            let gradients = module.gradients(&fixture, step);
            let (moved, norm) =
                optimizer.step(1e-2, module, gradients, case.max_norm.unwrap_or(0.0));
            module = moved;
            assert!((norm - expected.norm).abs() < 1e-5);
            for (got, expected) in module.numbers().iter().zip(&expected.parameters) {
                for (got, expected) in got.iter().zip(expected) {
                    assert!((got - expected).abs() < 1e-6, "{got} against {expected}");
                }
            }
        }
    }
}

#[test]
fn parameters_keep_their_training_state() {
    let fixture = fixture();
    let module = Two::new(&fixture.start);
    let module = Two {
        vector: module.vector.set_require_grad(false),
        ..module
    };
    let ids = (module.matrix.id, module.vector.id);
    let gradients = module.gradients(&fixture, 3);
    let (module, _) = AdamW::new(0.0).step(1e-2, module, gradients, 0.0);
    assert_eq!((module.matrix.id, module.vector.id), ids);
    assert!(module.matrix.is_require_grad() && !module.vector.is_require_grad());
    assert!(module.matrix.val().is_autodiff());
    assert!(module.clone().valid().train().matrix.is_require_grad());
    let gradients = module.matrix.val().sum().backward();
    assert!(module.matrix.val().grad(&gradients).is_some());
}

#[test]
fn a_clone_kept_elsewhere_stays_as_it_was() {
    let fixture = fixture();
    let module = Two::new(&fixture.start);
    let kept = module.clone();
    let gradients = module.gradients(&fixture, 0);
    let (module, _) = AdamW::new(0.0).step(1e-2, module, gradients, 0.0);
    assert_eq!(kept.numbers(), fixture.start);
    assert_ne!(module.numbers(), fixture.start);
}

#[test]
fn resuming_is_exact_to_the_bit() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimizer.safetensors");
    let advance = |optimizer: &mut AdamW, mut module: Two, steps: std::ops::Range<usize>| {
        for step in steps {
            let gradients = module.gradients(&fixture, step);
            module = optimizer.step(1e-2, module, gradients, 1.0).0;
        }
        module
    };
    let mut straight = AdamW::new(0.01);
    let whole = advance(&mut straight, Two::new(&fixture.start), 0..10);

    let mut first = AdamW::new(0.01);
    let half = advance(&mut first, Two::new(&fixture.start), 0..5);
    first.save(&half, &path).unwrap();
    let half = Two::new(&half.numbers());
    let mut second = AdamW::new(0.01);
    second.load(&half, &path).unwrap();
    let resumed = advance(&mut second, half, 5..10);
    let bits = |module: &Two| {
        module
            .numbers()
            .map(|row| row.into_iter().map(f32::to_bits).collect::<Vec<_>>())
    };
    assert_eq!(bits(&resumed), bits(&whole));
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "nothing half-written is left");
}

#[test]
fn a_wrong_file_is_a_clear_error() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("optimizer.safetensors");
    let module = Two::new(&fixture.start);
    let load = |module: &Two| AdamW::new(0.0).load(module, &path);
    assert!(matches!(
        load(&module),
        Err(OptimizerFileError::Read { .. })
    ));

    let gradients = module.gradients(&fixture, 0);
    let mut optimizer = AdamW::new(0.0);
    let (module, _) = optimizer.step(1e-2, module, gradients, 0.0);
    optimizer.save(&module, &path).unwrap();
    load(&module).unwrap();

    let linear = LinearConfig::new(3, 4).init(&device());
    let foreign = AdamW::new(0.0).load(&linear, &path).unwrap_err();
    assert!(matches!(&foreign, OptimizerFileError::Foreign { .. }));
    assert!(foreign.to_string().contains("`matrix`"), "{foreign}");
    let wider = Two {
        vector: Param::from_tensor(Tensor::zeros([6], &device())),
        ..module.clone()
    };
    let error = load(&wider).unwrap_err().to_string();
    assert!(
        error.contains("vector.first") && error.contains("[6]"),
        "{error}"
    );

    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();
    assert!(matches!(
        load(&module),
        Err(OptimizerFileError::Format { .. })
    ));
    std::fs::write(&path, b"not a file of tensors").unwrap();
    assert!(matches!(
        load(&module),
        Err(OptimizerFileError::Format { .. })
    ));
    let nowhere = folder.path().join("missing").join("file");
    assert!(matches!(
        optimizer.save(&module, &nowhere),
        Err(OptimizerFileError::Write { .. })
    ));
}

#[test]
fn a_gradient_that_is_not_a_number_moves_nothing() {
    let fixture = fixture();
    let mut optimizer = AdamW::new(0.01);
    let module = Two::new(&fixture.start);
    let mut gradients = module.gradients(&fixture, 0);
    gradients.register(
        module.vector.id,
        Tensor::<1>::from_floats(
            [1.0, f32::NAN, 0.0, 0.0, 0.0],
            &crate::device_support::device(),
        ),
    );
    let (module, norm) = optimizer.step(1e-2, module, gradients, 1.0);
    assert!(norm.is_nan());
    assert_eq!(module.numbers(), fixture.start);
}

fn rows(count: usize, device: &Device) -> Tensor<2> {
    Tensor::random([count, 6], Distribution::Default, device)
}

fn loss(linear: &Linear, rows: Tensor<2>) -> Tensor<1> {
    linear.forward(rows).square().sum_dim(1).mean()
}

fn gradients_of(linear: &Linear, loss: Tensor<1>) -> GradientsParams {
    GradientsParams::from_grads(loss.backward(), linear)
}

#[test]
fn accumulating_four_microbatches_equals_one_batch() {
    let device = device();
    let linear = LinearConfig::new(6, 3).init(&device);
    let batch = rows(32, &device);
    let whole = gradients_of(&linear, loss(&linear, batch.clone()));
    let mut accumulator = GradientsAccumulator::new();
    for part in batch.chunk(4, 0) {
        let share = loss(&linear, part).div_scalar(4.0);
        accumulator.accumulate(&linear, gradients_of(&linear, share));
    }
    let parts = accumulator.grads();
    let flat = |gradients: &GradientsParams| -> Vec<f32> {
        let weight: Tensor<2> = gradients.get(linear.weight.id).unwrap();
        weight.into_data().iter().collect()
    };
    for (one, four) in flat(&whole).iter().zip(flat(&parts)) {
        assert!((one - four).abs() < 1e-5);
    }
    let norms = [whole, parts].map(|gradients| Gradients::collect(&linear, gradients).norm());
    assert!((norms[0] - norms[1]).abs() < 1e-5);
}

#[test]
fn one_norm_over_all_parameters_clips_them_together() {
    let device = device();
    let linear = LinearConfig::new(2, 1).init(&device);
    let mut gradients = GradientsParams::new();
    let plain = crate::device_support::device();
    gradients.register(
        linear.weight.id,
        Tensor::<2>::from_floats([[3.0], [0.0]], &plain),
    );
    let bias = linear.bias.as_ref().unwrap().id;
    gradients.register(bias, Tensor::<1>::from_floats([4.0], &plain));
    let gradients = Gradients::collect(&linear, gradients);
    assert_eq!(gradients.norm(), 5.0);
    assert!((gradients.scale(1.0) - 0.2).abs() < 1e-6);
    assert_eq!(gradients.scale(10.0), 1.0);
    assert_eq!(gradients.scale(0.0), 1.0);
}

#[test]
fn gradients_reach_only_trainable_parameters() {
    let device = device();
    let frozen = LinearConfig::new(6, 6).init(&device).no_grad();
    let trained = LinearConfig::new(6, 3).init(&device);
    let both = (frozen, trained);
    let before: Vec<f32> = both.0.weight.val().into_data().iter().collect();
    let out = both.1.forward(both.0.forward(rows(4, &device)));
    let gradients = GradientsParams::from_grads(out.square().mean().backward(), &both);
    assert_eq!(gradients.len(), 2);
    let mut optimizer = AdamW::new(0.1);
    let trained_before: Vec<f32> = both.1.weight.val().into_data().iter().collect();
    let (both, _) = optimizer.step(0.1, both, gradients, 0.0);
    assert_eq!(
        before,
        both.0.weight.val().into_data().iter().collect::<Vec<f32>>()
    );
    assert_ne!(
        trained_before,
        both.1.weight.val().into_data().iter().collect::<Vec<f32>>()
    );
}
