//! Writes a network's parameters as named tensors, each copied to the host only when it is written.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use safetensors::{Dtype, SafeTensorError, View};

use super::WeightsError;

/// Writes the parameters of `module` as a `.safetensors` file, under a temporary name that is then
/// renamed. `names` is as in [`WeightsFile::load`](super::WeightsFile::load).
///
/// # Errors
/// A folder that cannot be written to, or a full disk; what was there before stays.
pub fn save<M: Module>(
    module: &M,
    path: &Path,
    names: impl Fn(&str) -> Vec<String>,
) -> Result<(), WeightsError> {
    let mut collector = Collector {
        names,
        path: Vec::new(),
        tensors: BTreeMap::new(),
    };
    module.visit(&mut collector);
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let temporary = path.with_extension("tmp");
    let permissions = usual_permissions(&temporary).map_err(WeightsError::io(&temporary))?;
    safetensors::serialize_to_file(collector.tensors.iter(), Some(metadata), &temporary).map_err(
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
    fs::set_permissions(&temporary, permissions)
        .and_then(|()| File::open(&temporary)?.sync_all())
        .map_err(WeightsError::io(&temporary))?;
    fs::rename(&temporary, path).map_err(WeightsError::io(path))
}

/// The permissions that a new file gets here. The file that safetensors writes can be read by its owner only.
fn usual_permissions(path: &Path) -> io::Result<fs::Permissions> {
    Ok(File::create(path)?.metadata()?.permissions())
}

struct Collector<N> {
    names: N,
    /// Where in the module it is.
    path: Vec<String>,
    tensors: BTreeMap<String, Outgoing>,
}

impl<N: Fn(&str) -> Vec<String>> ModuleVisitor for Collector<N> {
    crate::nn::track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let names = (self.names)(&self.path.join("."));
        let parts = param.val().chunk(names.len(), 0);
        for (name, part) in names.into_iter().zip(parts) {
            let shape = part.dims().to_vec();
            let values = Box::new(move || part.clone().into_data().iter::<f32>().collect());
            self.tensors.insert(name, Outgoing { shape, values });
        }
    }
}

/// A tensor that is still on its device.
struct Outgoing {
    shape: Vec<usize>,
    values: Box<dyn Fn() -> Vec<f32>>,
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
