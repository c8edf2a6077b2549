//! AdamW's state as a safetensors file, keyed by the parameters' paths, exact to the bit. For each
//! parameter: `<path>.first`, `<path>.second` (f32, flattened), `<path>.steps` (one u64).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, View};
use thiserror::Error;

use super::{AdamW, Moments, State};
use crate::train::clip::is_host;

/// How names of earlier versions began, and how they begin now.
const RENAMED: [(&str, &str); 2] = [("t5.", "model."), ("prefix.", "adapter.")];

/// Why an optimizer's file could not be written or read.
#[derive(Debug, Error)]
pub enum OptimizerFileError {
    #[error("{path}: cannot write the optimizer's state: {reason}; free some space or choose another folder", path = path.display())]
    Write { path: PathBuf, reason: String },
    #[error("{path}: cannot read the optimizer's state: {reason}", path = path.display())]
    Read {
        path: PathBuf,
        reason: std::io::Error,
    },
    #[error("{path}: not a whole safetensors file ({reason}); resume from an earlier checkpoint", path = path.display())]
    Format { path: PathBuf, reason: String },
    #[error("{path}: {reason}; this file belongs to another model or tuning, give the checkpoint that the run wrote itself", path = path.display())]
    Foreign { path: PathBuf, reason: String },
}

impl AdamW {
    /// Writes the moments and step counts of `module`'s parameters, atomically.
    pub fn save<M: Module>(&self, module: &M, path: &Path) -> Result<(), OptimizerFileError> {
        let parameters = Parameters::of(module);
        let states = self
            .states
            .iter()
            .filter(|(name, _)| parameters.places.contains_key(*name));
        let entries = states.flat_map(|(name, state)| {
            let [first, second] = state.moments.numbers().map(|numbers| Entry::Numbers {
                shape: [numbers.len()],
                numbers,
            });
            [
                (format!("{name}.first"), first),
                (format!("{name}.second"), second),
                (format!("{name}.steps"), Entry::Steps(state.steps)),
            ]
        });
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".tmp");
        let unfinished = PathBuf::from(unfinished);
        let written = safetensors::serialize_to_file(entries, None, &unfinished)
            .map_err(|error| error.to_string())
            .and_then(|()| finish(&unfinished, path).map_err(|error| error.to_string()));
        written.map_err(|reason| {
            // Best effort; the first error is the one to report.
            let _ = std::fs::remove_file(&unfinished);
            OptimizerFileError::Write {
                path: path.to_owned(),
                reason,
            }
        })
    }

    /// Reads what [`AdamW::save`] wrote for a module of the same parameters; moments go to the devices of
    /// `module`'s parameters.
    ///
    /// # Errors
    /// The file is missing, truncated, or does not fit `module`; the optimizer is then unchanged.
    pub fn load<M: Module>(&mut self, module: &M, path: &Path) -> Result<(), OptimizerFileError> {
        let at = || path.to_owned();
        let bytes = std::fs::read(path)
            .map_err(|reason| OptimizerFileError::Read { path: at(), reason })?;
        let file =
            SafeTensors::deserialize(&bytes).map_err(|error| OptimizerFileError::Format {
                path: at(),
                reason: error.to_string(),
            })?;
        self.states = read(&file, &Parameters::of(module))
            .map_err(|reason| OptimizerFileError::Foreign { path: at(), reason })?;
        Ok(())
    }
}

/// Flushes a written file to disk, then renames it.
fn finish(unfinished: &Path, path: &Path) -> std::io::Result<()> {
    std::fs::File::open(unfinished)?.sync_all()?;
    std::fs::rename(unfinished, path)
}

fn read(
    file: &SafeTensors<'_>,
    parameters: &Parameters,
) -> Result<BTreeMap<String, State>, String> {
    let mut states = BTreeMap::new();
    let mut names = file.names();
    names.sort();
    for name in names
        .into_iter()
        .filter_map(|name| name.strip_suffix(".steps"))
    {
        let path = current(name);
        let Some(place) = parameters.places.get(&path) else {
            return Err(format!(
                "it contains `{name}`, which the model does not have"
            ));
        };
        let part = |suffix: &str, dtype: Dtype, count: usize| {
            let full = format!("{name}.{suffix}");
            let view = file
                .tensor(&full)
                .map_err(|_| format!("`{full}` is missing"))?;
            if view.dtype() != dtype || view.shape() != [count] {
                return Err(format!(
                    "`{full}` is {:?} {:?} where {dtype:?} [{count}] is needed",
                    view.dtype(),
                    view.shape()
                ));
            }
            Ok(view)
        };
        let first = floats(&part("first", Dtype::F32, place.count)?);
        let second = floats(&part("second", Dtype::F32, place.count)?);
        let (steps, _) = part("steps", Dtype::U64, 1)?.data().as_chunks::<8>();
        let moments = if place.on_host {
            Moments::Host { first, second }
        } else {
            let tensor = |numbers: &[f32]| Tensor::from_data(numbers, (&place.device, place.dtype));
            Moments::Device {
                first: tensor(&first),
                second: tensor(&second),
            }
        };
        states.insert(
            path,
            State {
                steps: u64::from_le_bytes(steps[0]),
                moments,
            },
        );
    }
    if states.len() * 3 != file.len() {
        return Err("it contains more than an optimizer's state".to_owned());
    }
    Ok(states)
}

/// The path today of a parameter that the file may have under an earlier one.
fn current(name: &str) -> String {
    let renamed = RENAMED.iter().find_map(|(earlier, now)| {
        let rest = name.strip_prefix(earlier)?;
        Some(format!("{now}{rest}"))
    });
    renamed.unwrap_or_else(|| name.to_owned())
}

fn floats(view: &TensorView<'_>) -> Vec<f32> {
    let (numbers, _) = view.data().as_chunks::<4>();
    numbers
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect()
}

/// Where each parameter of a module is, by path.
#[derive(Default)]
struct Parameters {
    path: Vec<String>,
    places: BTreeMap<String, Place>,
}

struct Place {
    count: usize,
    on_host: bool,
    device: Device,
    dtype: DType,
}

impl Parameters {
    fn of<M: Module>(module: &M) -> Self {
        let mut parameters = Self::default();
        module.visit(&mut parameters);
        parameters
    }
}

impl ModuleVisitor for Parameters {
    crate::nn::track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let device = param.device().without_autodiff();
        let place = Place {
            count: param.shape().num_elements(),
            on_host: is_host(&device) && param.dtype() == DType::F32,
            device,
            dtype: param.dtype(),
        };
        self.places.insert(self.path.join("."), place);
    }
}

impl Moments {
    fn numbers(&self) -> [Cow<'_, [f32]>; 2] {
        match self {
            Self::Host { first, second } => [Cow::Borrowed(first), Cow::Borrowed(second)],
            Self::Device { first, second } => [first, second]
                .map(|tensor| Cow::Owned(tensor.to_data().iter::<f32>().collect::<Vec<f32>>())),
        }
    }
}

enum Entry<'a> {
    Numbers {
        shape: [usize; 1],
        numbers: Cow<'a, [f32]>,
    },
    Steps(u64),
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Numbers { .. } => Dtype::F32,
            Self::Steps(_) => Dtype::U64,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Numbers { shape, .. } => shape,
            Self::Steps(_) => &[1],
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Numbers { numbers, .. } => numbers.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Self::Steps(steps) => steps.to_le_bytes().to_vec().into(),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Numbers { numbers, .. } => 4 * numbers.len(),
            Self::Steps(_) => 8,
        }
    }
}
