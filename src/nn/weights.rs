//! Named tensors in files: where networks get their weights from, and how they are written.
//!
//! A network is built from a [`Source`]: a file, several, or a seeded generator. Names and shapes
//! are those of the published models. Everything that is missing, left over or of another shape is
//! an error that names file and tensor.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

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

/// A tensor on the host, row by row.
#[derive(Clone, Debug)]
struct HostTensor {
    shape: Vec<usize>,
    values: Vec<f32>,
}

enum Origin {
    File(HashMap<String, HostTensor>),
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
            origin: Origin::File(read_file(path)?),
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
                tensors.extend(read_file(&folder.join(shard))?);
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
                if tensor.shape != shape {
                    return Err(WeightsError::Shape {
                        path: self.path.clone(),
                        tensor: name.to_string(),
                        found: tensor.shape,
                        expected: shape.to_vec(),
                    });
                }
                Ok(tensor.values)
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

    /// A linear map from `input` to the outputs of `parts` side by side: `[input, sum of outputs]`,
    /// all drawn with the same deviation.
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

    /// As [`Source::linear`], each part drawn with its own deviation. Files hold each part as
    /// `[output, input]`.
    pub fn linear_of(
        &mut self,
        parts: &[(&str, usize, f64)],
        input: usize,
    ) -> Result<Param<Tensor<2>>, WeightsError> {
        let width: usize = parts.iter().map(|(_, output, _)| output).sum();
        let mut joined = vec![0.0; input * width];
        let mut column = 0;
        for (name, output, std) in parts {
            let values = self.take(name, &[*output, input], Init::Normal(*std))?;
            for (out, row) in values.chunks(input).enumerate() {
                for (at, value) in row.iter().enumerate() {
                    joined[at * width + column + out] = *value;
                }
            }
            column += output;
        }
        Ok(self.upload(joined, [input, width]))
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

fn read_file(path: &Path) -> Result<HashMap<String, HostTensor>, WeightsError> {
    if !path.is_file() {
        return Err(WeightsError::Missing {
            path: path.to_path_buf(),
            mend: "give the path of a weights file".into(),
        });
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("bin" | "pt" | "pth") => read_pickle(path),
        _ => read_safetensors(path),
    }
}

fn read_safetensors(path: &Path) -> Result<HashMap<String, HostTensor>, WeightsError> {
    let foreign = |problem: String| WeightsError::Foreign {
        path: path.to_path_buf(),
        problem,
    };
    let bytes = fs::read(path).map_err(WeightsError::io(path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| foreign(error.to_string()))?;
    let mut tensors = HashMap::new();
    for (name, view) in file.tensors() {
        let values = match view.dtype() {
            Dtype::F64 => wide(view.data(), |b| f64::from_le_bytes(b) as f32),
            Dtype::F32 => wide(view.data(), f32::from_le_bytes),
            Dtype::F16 => wide(view.data(), |b| half::f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => wide(view.data(), |b| half::bf16::from_le_bytes(b).to_f32()),
            other => {
                return Err(foreign(format!(
                    "tensor `{name}` holds {other:?}, not numbers with a point"
                )));
            }
        };
        tensors.insert(
            name.to_string(),
            HostTensor {
                shape: view.shape().to_vec(),
                values,
            },
        );
    }
    Ok(tensors)
}

fn read_pickle(path: &Path) -> Result<HashMap<String, HostTensor>, WeightsError> {
    use burn::store::pytorch_reader::{DType, PytorchReader};

    let foreign = |problem: String| WeightsError::Foreign {
        path: path.to_path_buf(),
        problem,
    };
    let reader = PytorchReader::new(path).map_err(|error| foreign(error.to_string()))?;
    let mut tensors = HashMap::new();
    for (name, tensor) in reader.into_tensors() {
        let bytes = tensor.read().map_err(|error| foreign(error.to_string()))?;
        let values = match tensor.dtype() {
            DType::F64 => wide(&bytes, |b| f64::from_le_bytes(b) as f32),
            DType::F32 => wide(&bytes, f32::from_le_bytes),
            DType::F16 => wide(&bytes, |b| half::f16::from_le_bytes(b).to_f32()),
            DType::BF16 => wide(&bytes, |b| half::bf16::from_le_bytes(b).to_f32()),
            other => {
                return Err(foreign(format!(
                    "tensor `{name}` holds {other:?}, not numbers with a point"
                )));
            }
        };
        tensors.insert(
            name,
            HostTensor {
                shape: tensor.shape().to_vec(),
                values,
            },
        );
    }
    Ok(tensors)
}

/// Numbers of `N` bytes each as f32.
fn wide<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes
        .chunks_exact(N)
        .filter_map(|chunk| chunk.try_into().ok())
        .map(convert)
        .collect()
}

/// Tensors on their way into a file.
#[derive(Default)]
pub struct Sink {
    tensors: BTreeMap<String, HostTensor>,
}

impl Sink {
    /// Adds a tensor as it is.
    pub fn put<const D: usize>(&mut self, name: impl Into<String>, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        self.put_host(name, shape, host(tensor));
    }

    /// Adds values row by row.
    pub fn put_host(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors
            .insert(name.into(), HostTensor { shape, values });
    }

    /// Takes `[input, sum of outputs]` apart again: the inverse of [`Source::linear`].
    pub fn put_linear(&mut self, parts: &[(&str, usize)], tensor: Tensor<2>) {
        let [input, width] = tensor.dims();
        let joined = host(tensor);
        let mut column = 0;
        for (name, output) in parts {
            let mut values = Vec::with_capacity(output * input);
            for out in column..column + output {
                values.extend((0..input).map(|at| joined[at * width + out]));
            }
            self.put_host(*name, vec![*output, input], values);
            column += output;
        }
    }

    /// Writes a `.safetensors` file under a temporary name, then renames it.
    pub fn write(self, path: &Path) -> Result<(), WeightsError> {
        let bytes: BTreeMap<&String, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, tensor)| {
                (
                    name,
                    tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
                )
            })
            .collect();
        let foreign = |problem: String| WeightsError::Foreign {
            path: path.to_path_buf(),
            problem,
        };
        let mut views = Vec::new();
        for (name, tensor) in &self.tensors {
            let view = safetensors::tensor::TensorView::new(
                Dtype::F32,
                tensor.shape.clone(),
                &bytes[name],
            )
            .map_err(|error| foreign(error.to_string()))?;
            views.push((name.as_str(), view));
        }
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        let temporary = path.with_extension("tmp");
        let data = safetensors::serialize(views, Some(metadata))
            .map_err(|error| foreign(error.to_string()))?;
        fs::write(&temporary, data).map_err(WeightsError::io(&temporary))?;
        fs::rename(&temporary, path).map_err(WeightsError::io(path))
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
