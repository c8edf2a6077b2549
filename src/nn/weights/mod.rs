//! Named tensors: where networks get their weights from, and how they are written.
//!
//! A network is built from a [`Source`]: a file, several, or a seeded generator. Names and shapes
//! are those of the published models. Everything that is missing, left over or of another shape is
//! an error that names file and tensor.

mod file;
mod sink;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use thiserror::Error;

use file::Stored;
pub use sink::Sink;

/// Why weights cannot be read or written.
#[derive(Debug, Error)]
pub enum WeightsError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not there; {mend}")]
    Missing { path: PathBuf, mend: String },
    #[error("{path}: {problem}; the file is damaged or of another kind, fetch it again")]
    Foreign { path: PathBuf, problem: String },
    #[error(
        "{path}: tensor `{tensor}` is missing; the weights do not belong to this configuration"
    )]
    MissingTensor { path: PathBuf, tensor: String },
    #[error(
        "{path}: tensor `{tensor}` has shape {found:?} where {expected:?} is needed; the weights do not belong to this configuration"
    )]
    Shape {
        path: PathBuf,
        tensor: String,
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    #[error(
        "{path}: {count} tensors have no place in this model, such as `{tensor}`; the weights do not belong to this configuration"
    )]
    Unused {
        path: PathBuf,
        tensor: String,
        count: usize,
    },
    #[error("{path}: `{field}` {problem}")]
    Config {
        path: PathBuf,
        field: String,
        problem: String,
    },
}

impl WeightsError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| WeightsError::Io { path, source }
    }
}

/// How a tensor is drawn where there is no file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// The same value everywhere.
    Constant(f32),
}

enum Origin {
    File(HashMap<String, Stored>),
    Random(Box<ChaCha8Rng>),
}

/// Where a network's tensors come from.
pub struct Source<'a> {
    origin: Origin,
    path: PathBuf,
    pub device: &'a Device,
}

impl<'a> Source<'a> {
    /// Draws every tensor, the same on every device.
    pub fn random(seed: u64, device: &'a Device) -> Self {
        Source {
            origin: Origin::Random(Box::new(ChaCha8Rng::seed_from_u64(seed))),
            path: PathBuf::new(),
            device,
        }
    }

    /// Reads a `.safetensors` file, or a PyTorch file (`.bin`, `.pt`, `.pth`) by a parser that runs
    /// nothing of it.
    pub fn file(path: &Path, device: &'a Device) -> Result<Self, WeightsError> {
        Ok(Source {
            origin: Origin::File(file::read(path)?),
            path: path.to_path_buf(),
            device,
        })
    }

    /// Reads the weights of a Hugging Face folder: `model.safetensors`, its shards, or
    /// `pytorch_model.bin`.
    pub fn folder(folder: &Path, device: &'a Device) -> Result<Self, WeightsError> {
        let single = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        let pickle = folder.join("pytorch_model.bin");
        if single.is_file() {
            return Self::file(&single, device);
        }
        if index.is_file() {
            let text = fs::read_to_string(&index).map_err(WeightsError::io(&index))?;
            let foreign = |problem: String| WeightsError::Foreign {
                path: index.clone(),
                problem,
            };
            let json: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
            let map = json
                .get("weight_map")
                .and_then(|map| map.as_object())
                .ok_or_else(|| foreign("has no `weight_map`".into()))?;
            let mut shards: Vec<&str> = map.values().filter_map(|file| file.as_str()).collect();
            shards.sort_unstable();
            shards.dedup();
            let mut tensors = HashMap::new();
            for shard in shards {
                // A name that leaves the folder is not one of its shards.
                if shard.contains(['/', '\\']) {
                    return Err(foreign(format!(
                        "names a shard outside its folder: {shard}"
                    )));
                }
                tensors.extend(file::read(&folder.join(shard))?);
            }
            return Ok(Source {
                origin: Origin::File(tensors),
                path: index,
                device,
            });
        }
        if pickle.is_file() {
            return Self::file(&pickle, device);
        }
        Err(WeightsError::Missing {
            path: single,
            mend: "a model folder holds config.json, tokenizer.json and model.safetensors (or its shards, or pytorch_model.bin)".into(),
        })
    }

    /// The tensor `name` of that shape, row by row.
    pub fn take(
        &mut self,
        name: &str,
        shape: &[usize],
        init: Init,
    ) -> Result<Vec<f32>, WeightsError> {
        match &mut self.origin {
            Origin::Random(random) => Ok(draw(random, shape.iter().product(), init)),
            Origin::File(tensors) => {
                let tensor = tensors
                    .remove(name)
                    .ok_or_else(|| WeightsError::MissingTensor {
                        path: self.path.clone(),
                        tensor: name.to_string(),
                    })?;
                if tensor.shape() != shape {
                    return Err(WeightsError::Shape {
                        path: self.path.clone(),
                        tensor: name.to_string(),
                        found: tensor.shape().to_vec(),
                        expected: shape.to_vec(),
                    });
                }
                tensor.values(name)
            }
        }
    }

    /// A parameter in the layout of the file.
    pub fn param<const D: usize>(
        &mut self,
        name: &str,
        shape: [usize; D],
        init: Init,
    ) -> Result<Param<Tensor<D>>, WeightsError> {
        let values = self.take(name, &shape, init)?;
        Ok(self.upload(values, shape))
    }

    /// A linear map from `input` to the outputs of `parts`, one under the other as files hold each:
    /// `[sum of outputs, input]`, all drawn with the same deviation.
    pub fn linear(
        &mut self,
        parts: &[(&str, usize)],
        input: usize,
        std: f64,
    ) -> Result<Param<Tensor<2>>, WeightsError> {
        let parts: Vec<_> = parts
            .iter()
            .map(|(name, output)| (*name, *output, std))
            .collect();
        self.linear_of(&parts, input)
    }

    /// As [`Source::linear`], each part drawn with its own deviation.
    pub fn linear_of(
        &mut self,
        parts: &[(&str, usize, f64)],
        input: usize,
    ) -> Result<Param<Tensor<2>>, WeightsError> {
        let mut joined = Vec::new();
        for (name, output, std) in parts {
            let part = self.take(name, &[*output, input], Init::Normal(*std))?;
            match joined.is_empty() {
                true => joined = part,
                false => joined.extend(part),
            }
        }
        let outputs = parts.iter().map(|(_, output, _)| output).sum();
        Ok(self.upload(joined, [outputs, input]))
    }

    fn upload<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }

    /// Tensors that may be there though nothing needs them, such as copies of shared ones.
    pub fn forget(&mut self, names: &[&str]) {
        if let Origin::File(tensors) = &mut self.origin {
            for name in names {
                tensors.remove(*name);
            }
        }
    }

    /// Whether a file holds this tensor.
    pub fn holds(&self, name: &str) -> bool {
        matches!(&self.origin, Origin::File(tensors) if tensors.contains_key(name))
    }

    /// Refuses tensors that nothing asked for.
    pub fn finish(self) -> Result<(), WeightsError> {
        let Origin::File(tensors) = self.origin else {
            return Ok(());
        };
        match tensors.keys().min() {
            None => Ok(()),
            Some(tensor) => Err(WeightsError::Unused {
                path: self.path,
                tensor: tensor.clone(),
                count: tensors.len(),
            }),
        }
    }
}

/// Normal draws by Box and Muller's method, or one value throughout.
fn draw(random: &mut ChaCha8Rng, count: usize, init: Init) -> Vec<f32> {
    match init {
        Init::Constant(value) => vec![value; count],
        Init::Normal(std) => {
            let mut values = Vec::with_capacity(count + 1);
            while values.len() < count {
                let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt() * std;
                let (sin, cos) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
                values.push((radius * cos) as f32);
                values.push((radius * sin) as f32);
            }
            values.truncate(count);
            values
        }
    }
}
