//! Fills a network from the tensors of a file, or of the shards of one.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Tensor, TensorData};

use super::read::{self, Stored};
use super::{WeightsError, document};

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

    /// Tensors of a file of another kind.
    pub(super) fn of(tensors: HashMap<String, Stored>, path: PathBuf) -> Self {
        WeightsFile { tensors, path }
    }

    /// Opens the weights of a Hugging Face folder: `model.safetensors` or its shards, else
    /// `pytorch_model.bin` or its shards.
    pub fn open_folder(folder: &Path) -> Result<Self, WeightsError> {
        for name in ["model.safetensors", "pytorch_model.bin"] {
            let single = folder.join(name);
            if single.is_file() {
                return Self::open(&single);
            }
            let index = folder.join(format!("{name}.index.json"));
            if index.is_file() {
                return Self::open_shards(folder, index);
            }
        }
        let others = ["tf_model.h5", "flax_model.msgpack"];
        if let Some(other) = others.iter().find(|name| folder.join(name).is_file()) {
            return Err(WeightsError::Unsupported {
                path: folder.join(other),
                problem: "the weights are not PyTorch's".into(),
                fix: "convert them in Python: T5ForConditionalGeneration.from_pretrained(folder, from_tf or from_flax).save_pretrained(folder)".into(),
            });
        }
        Err(WeightsError::Missing {
            path: folder.join("model.safetensors"),
            fix: "a model folder holds config.json, tokenizer.json and model.safetensors (or its shards, or pytorch_model.bin)".into(),
        })
    }

    fn open_shards(folder: &Path, index: PathBuf) -> Result<Self, WeightsError> {
        let foreign = |problem: String| WeightsError::Foreign {
            path: index.clone(),
            problem,
        };
        let json = document(&index)?;
        let map = json["weight_map"]
            .as_object()
            .ok_or_else(|| foreign("has no `weight_map`".into()))?;
        let mut shards = BTreeSet::new();
        for (tensor, shard) in map {
            let shard = shard.as_str().unwrap_or_default();
            // A name that leaves the folder is not one of its shards.
            if shard.contains(['/', '\\']) {
                return Err(foreign(format!(
                    "names a shard outside its folder: {shard}"
                )));
            }
            if shard.is_empty() {
                return Err(foreign(format!("names no shard for tensor `{tensor}`")));
            }
            shards.insert(shard);
        }
        let mut tensors = HashMap::new();
        for shard in shards {
            for (name, tensor) in read::tensors(&folder.join(shard))? {
                // Of two with one name, the index says which is meant.
                let meant = map.get(&name).is_none_or(|meant| meant == shard);
                if meant && tensors.insert(name.clone(), tensor).is_some() {
                    return Err(foreign(format!("two shards have tensor `{name}`")));
                }
            }
        }
        Ok(WeightsFile {
            tensors,
            path: index,
        })
    }

    /// The file, or the index of its shards.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its tensors, in no order.
    pub(in crate::nn) fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Drops what stands before the model's own names, as training code puts it there (`module.`,
    /// `base_model.`, `state_dict.model.`): before `known`, a tensor that every such model has.
    ///
    /// # Errors
    /// The file has several models.
    pub fn strip_prefix(&mut self, known: &str) -> Result<(), WeightsError> {
        let prefix = |name: &String| {
            let prefix = name.strip_suffix(known)?;
            (prefix.is_empty() || prefix.ends_with('.')).then(|| prefix.to_string())
        };
        let prefixes: BTreeSet<String> = self.tensors.keys().filter_map(prefix).collect();
        let mut prefixes = prefixes.into_iter();
        match (prefixes.next(), prefixes.next()) {
            (Some(only), None) if !only.is_empty() => {
                let own = |name: String| match name.strip_prefix(&only) {
                    Some(own) => own.to_string(),
                    None => name,
                };
                let tensors = std::mem::take(&mut self.tensors);
                self.tensors = tensors.into_iter().map(|(n, t)| (own(n), t)).collect();
                Ok(())
            }
            (Some(first), Some(second)) if !first.is_empty() => Err(WeightsError::Unsupported {
                path: self.path.clone(),
                problem: format!("has two models, `{first}` and `{second}`"),
                fix: "save the one that is meant with save_pretrained".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Gives a tensor another name.
    pub fn rename(&mut self, name: &str, new: &str) {
        if let Some(tensor) = self.tensors.remove(name) {
            self.tensors.insert(new.to_string(), tensor);
        }
    }

    /// Removes those of `copies` whose numbers are those of `original`, and names the others.
    pub fn drop_copies<'a>(
        &mut self,
        original: &str,
        copies: &[&'a str],
    ) -> Result<Vec<&'a str>, WeightsError> {
        let Some(tensor) = self.tensors.get(original) else {
            return Ok(Vec::new());
        };
        let mut values = None;
        let mut others = Vec::new();
        let mut same = Vec::new();
        for &name in copies {
            let Some(copy) = self.tensors.get(name) else {
                continue;
            };
            if values.is_none() {
                values = Some(tensor.values(original)?);
            }
            let equal = copy.shape() == tensor.shape() && Some(copy.values(name)?) == values;
            if equal { &mut same } else { &mut others }.push(name);
        }
        for name in same {
            self.tensors.remove(name);
        }
        Ok(others)
    }

    /// Removes the tensors that `is_other` says belong to something else than the model, and names them.
    pub fn leave_out(&mut self, is_other: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names: Vec<String> = self.tensors.keys().cloned().collect();
        names.retain(|name| is_other(name));
        names.sort();
        for name in &names {
            self.tensors.remove(name);
        }
        names
    }

    /// Fills every parameter of `module`, one in memory at a time.
    ///
    /// `names` gives the tensors that the parameter at a path of the module consists of, equal parts one
    /// above the other.
    ///
    /// # Errors
    /// A tensor that is missing, unreadable, of another shape, or left over.
    pub fn load<M: Module>(
        self,
        module: M,
        names: impl Fn(&str) -> Vec<String>,
    ) -> Result<M, WeightsError> {
        let mut loader = Loader {
            file: self,
            names,
            path: Vec::new(),
            result: Ok(()),
        };
        let module = module.map(&mut loader);
        loader.result?;
        let WeightsFile { tensors, path } = loader.file;
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
