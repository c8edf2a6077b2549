//! Rotary position embeddings (Su et al. 2021): queries and keys are rotated by angles that grow with the position.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::LlamaConfig;
use crate::nn::host::{self, Host, is_host};

/// How positions beyond those of the first training are reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "lowercase")]
pub enum RopeScaling {
    /// Every angle is divided by `factor`.
    Linear { factor: f64 },
    /// Llama 3.1's: slow angles are divided by `factor`, fast ones kept, those between interpolated.
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    /// Reads a `rope_scaling` field; none where it changes nothing. `longest` is what stands for a missing
    /// `original_max_position_embeddings`.
    pub(super) fn read(json: Value, longest: Option<&Value>) -> Result<Option<Self>, String> {
        let Value::Object(mut fields) = json else {
            return Err(format!("is {json}, where an object is needed"));
        };
        // Its first name.
        if let Some(kind) = fields.remove("type") {
            fields.entry("rope_type").or_insert(kind);
        }
        let kind = fields.get("rope_type").and_then(Value::as_str);
        match kind {
            Some("default") => return Ok(None),
            Some("linear" | "llama3") => {}
            other => {
                let kind = other.unwrap_or("of no type");
                return Err(format!(
                    "is {kind}, which this program does not compute; give a model with \"linear\", \"llama3\" or none"
                ));
            }
        }
        if let Some(longest) = longest {
            fields
                .entry("original_max_position_embeddings")
                .or_insert(longest.clone());
        }
        serde_json::from_value(Value::Object(fields))
            .map(Some)
            .map_err(|error| error.to_string())
    }

    /// What is wrong with its numbers.
    pub(super) fn problem(&self) -> Option<String> {
        let (RopeScaling::Linear { factor } | RopeScaling::Llama3 { factor, .. }) = self;
        if !(1.0..=1e6).contains(factor) {
            return Some(format!("has factor {factor}; it must be from 1 to 1e6"));
        }
        if let RopeScaling::Llama3 {
            low_freq_factor: low,
            high_freq_factor: high,
            original_max_position_embeddings: original,
            ..
        } = self
        {
            if !(*low > 0.0 && low < high && *high <= 1e6) {
                return Some(format!(
                    "has low_freq_factor {low} and high_freq_factor {high}; the first must be above 0 and below the second"
                ));
            }
            if !(1..=100_000_000).contains(original) {
                return Some(format!("has original_max_position_embeddings {original}"));
            }
        }
        None
    }

    /// A frequency, in radians a token, as it is scaled.
    fn apply(&self, frequency: f32) -> f32 {
        match *self {
            RopeScaling::Linear { factor } => frequency / factor as f32,
            RopeScaling::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                let turns = original as f32 * frequency / std::f32::consts::TAU;
                let (factor, low, high) = (factor as f32, low as f32, high as f32);
                if turns < low {
                    frequency / factor
                } else if turns > high {
                    frequency
                } else {
                    let kept = (turns - low) / (high - low);
                    (1.0 - kept) * frequency / factor + kept * frequency
                }
            }
        }
    }
}

/// The rotations of the tokens of a batch.
pub(super) struct Rotation {
    /// Cosine and sine of each angle, `[batch, tokens, head_dim / 2]`.
    cos: Tensor<3>,
    sin: Tensor<3>,
}

impl Rotation {
    /// Those of tokens at `positions`, a row of them for each of the batch.
    pub fn of(config: &LlamaConfig, positions: &[Vec<usize>], device: &Device) -> Self {
        let half = config.head_dim / 2;
        let frequencies: Vec<f32> = (0..half)
            .map(|index| {
                // In f32, as the reference computes it.
                let power = (2 * index) as f32 / config.head_dim as f32;
                let frequency = 1.0 / (config.rope_theta as f32).powf(power);
                let scaling = config.rope_scaling.as_ref();
                scaling.map_or(frequency, |scaling| scaling.apply(frequency))
            })
            .collect();
        let tokens = positions.first().map_or(0, Vec::len);
        let shape = [positions.len(), tokens, half];
        let table = |of: fn(f32) -> f32| {
            let angles = positions.iter().flatten().flat_map(|position| {
                let position = *position as f32;
                frequencies
                    .iter()
                    .map(move |frequency| of(frequency * position))
            });
            let values: Vec<f32> = angles.collect();
            Tensor::from_data(TensorData::new(values, shape), device)
        };
        Rotation {
            cos: table(f32::cos),
            sin: table(f32::sin),
        }
    }

    /// Rotates the first `heads` heads of `x` `[batch, tokens, heads or more * head_dim]` and multiplies them by
    /// `scale`; what follows them stays.
    pub fn apply(&self, x: Tensor<3>, heads: usize, scale: f32) -> Tensor<3> {
        if is_host(&x.device()) {
            return host::rotate(x, [&self.cos, &self.sin].map(Host::of), heads, scale);
        }
        let [batch, tokens, half] = self.cos.dims();
        let width = x.dims()[2];
        let rotated = heads * 2 * half;
        let halves = x
            .clone()
            .narrow(2, 0, rotated)
            .reshape([batch, tokens, heads, 2 * half]);
        let [first, second] = [0, half].map(|from| halves.clone().narrow(3, from, half));
        let [cos, sin] = [&self.cos, &self.sin].map(|table| {
            let table = table.clone().mul_scalar(scale);
            table.unsqueeze_dim::<4>(2)
        });
        let turned = Tensor::cat(
            vec![
                first.clone() * cos.clone() - second.clone() * sin.clone(),
                second * cos + first * sin,
            ],
            3,
        );
        let turned = turned.reshape([batch, tokens, rotated]);
        if rotated == width {
            return turned;
        }
        Tensor::cat(vec![turned, x.narrow(2, rotated, width - rotated)], 2)
    }
}
