//! Fills a network from the tensors of a file, or of the shards of one.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::WeightsError;
use super::read::{self, Stored};

/// The tensors of a weights file by name, still on disk.
pub struct WeightsFile {
    tensors: HashMap<String, Stored>,
    path: PathBuf,
}

impl WeightsFile {
    /// Opens a `.safetensors` file, or a PyTorch file (`.bin`, `.pt`, `.pth`) by a parser that runs
    /// nothing of it.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        Ok(WeightsFile {
            tensors: read::tensors(path)?,
            path: path.to_path_buf(),
        })
    }

    /// Opens the weights of a Hugging Face folder: `model.safetensors`, its shards, or
    /// `pytorch_model.bin`.
    pub fn open_folder(folder: &Path) -> Result<Self, WeightsError> {
        let single = folder.join("model.safetensors");
        let index = folder.join("model.safetensors.index.json");
        let pickle = folder.join("pytorch_model.bin");
        if single.is_file() {
            Self::open(&single)
        } else if index.is_file() {
            Self::open_shards(folder, index)
        } else if pickle.is_file() {
            Self::open(&pickle)
        } else {
            Err(WeightsError::Missing {
                path: single,
                fix: "a model folder holds config.json, tokenizer.json and model.safetensors (or its shards, or pytorch_model.bin)".into(),
            })
        }
    }

    fn open_shards(folder: &Path, index: PathBuf) -> Result<Self, WeightsError> {
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
            tensors.extend(read::tensors(&folder.join(shard))?);
        }
        Ok(WeightsFile {
            tensors,
            path: index,
        })
    }

    /// Fills every parameter of `module`, one in memory at a time.
    ///
    /// `names` gives the tensors that the parameter at a path of the module consists of, equal parts one
    /// above the other; tensors in `ignored` may be in the file though nothing needs them.
    ///
    /// # Errors
    /// A tensor that is missing, unreadable, of another shape, or left over.
    pub fn load<M: Module>(
        self,
        module: M,
        names: impl Fn(&str) -> Vec<String>,
        ignored: &[&str],
    ) -> Result<M, WeightsError> {
        let mut loader = Loader {
            file: self,
            names,
            path: Vec::new(),
            result: Ok(()),
        };
        let module = module.map(&mut loader);
        loader.result?;
        let WeightsFile { mut tensors, path } = loader.file;
        tensors.retain(|name, _| !ignored.contains(&name.as_str()));
        match tensors.keys().min() {
            None => Ok(module),
            Some(tensor) => Err(WeightsError::Unused {
                path,
                tensor: tensor.clone(),
                count: tensors.len(),
            }),
        }
    }

    /// Reads the tensor `name`, row by row.
    fn take(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let path = || self.path.clone();
        match self.tensors.remove(&name) {
            None => Err(WeightsError::MissingTensor {
                path: path(),
                tensor: name,
            }),
            Some(tensor) if tensor.shape() != shape => Err(WeightsError::Shape {
                path: path(),
                tensor: name,
                found: tensor.shape().to_vec(),
                expected: shape.to_vec(),
            }),
            Some(tensor) => tensor.values(&name),
        }
    }
}

struct Loader<N> {
    file: WeightsFile,
    names: N,
    /// Where in the module it is.
    path: Vec<String>,
    /// The first error; what follows it is not read.
    result: Result<(), WeightsError>,
}

impl<N: Fn(&str) -> Vec<String>> Loader<N> {
    fn values(&mut self, mut shape: Vec<usize>) -> Result<Vec<f32>, WeightsError> {
        let mut names = (self.names)(&self.path.join("."));
        shape[0] /= names.len();
        let mut values = self.file.take(names.remove(0), &shape)?;
        for name in names {
            values.extend(self.file.take(name, &shape)?);
        }
        Ok(values)
    }
}

impl<N: Fn(&str) -> Vec<String>> ModuleMapper for Loader<N> {
    crate::nn::track_path!();

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.result.is_err() {
            return param;
        }
        let shape = param.lazy_shape();
        match self.values(shape.to_vec()) {
            Ok(values) => {
                let values = TensorData::new(values, shape);
                Param::from_tensor(Tensor::from_data(values, &param.lazy_device()))
            }
            Err(error) => {
                self.result = Err(error);
                param
            }
        }
    }
}
