//! Tensors on their way into a file of weights, each copied to the host only when it is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::{Dtype, SafeTensorError, View};

use super::WeightsError;

/// Named tensors that one file will hold.
#[derive(Default)]
pub struct Sink {
    tensors: BTreeMap<String, Outgoing>,
}

/// A tensor that is still on its device.
struct Outgoing {
    shape: Vec<usize>,
    values: Box<dyn Fn() -> Vec<f32>>,
}

impl Sink {
    /// Adds a tensor as it is.
    pub fn put<const D: usize>(&mut self, name: impl Into<String>, tensor: Tensor<D>) {
        let shape = tensor.dims().to_vec();
        let values = Box::new(move || host(tensor.clone()));
        self.tensors.insert(name.into(), Outgoing { shape, values });
    }

    /// Takes `[sum of outputs, input]` apart again: the inverse of [`super::Source::linear`].
    pub fn put_linear(&mut self, parts: &[(&str, usize)], tensor: Tensor<2>) {
        let mut first = 0;
        for (name, output) in parts {
            self.put(*name, tensor.clone().narrow(0, first, *output));
            first += output;
        }
    }

    /// Writes a `.safetensors` file under a temporary name, then renames it.
    ///
    /// # Errors
    /// A folder that cannot be written to, or a full disk; what was there before stays.
    pub fn write(self, path: &Path) -> Result<(), WeightsError> {
        let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
        let temporary = path.with_extension("tmp");
        safetensors::serialize_to_file(self.tensors.iter(), Some(metadata), &temporary).map_err(
            |error| match error {
                SafeTensorError::IoError(source) => WeightsError::Io {
                    path: temporary.clone(),
                    source,
                },
                other => WeightsError::Foreign {
                    path: temporary.clone(),
                    problem: other.to_string(),
                },
            },
        )?;
        File::open(&temporary)
            .and_then(|file| file.sync_all())
            .map_err(WeightsError::io(&temporary))?;
        fs::rename(&temporary, path).map_err(WeightsError::io(path))
    }
}

impl View for &Outgoing {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(
            (self.values)()
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        )
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
