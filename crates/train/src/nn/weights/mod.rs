//! Weights files: named tensors that fill a network or are written from one.
//!
//! A network is built by [`ParamInit`], either drawn by seed or empty. [`WeightsFile::load`] fills an
//! empty one and [`save`] writes it: both visit the module's parameters, and a function from a parameter's path
//! to its tensors' names gives those of the published models. A missing, unused or misshapen tensor is an error
//! that names file and tensor. Must not know any network.

mod config;
mod files;
pub(super) mod gguf;
mod init;
mod load;
mod names;
mod read;
mod save;

use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use thiserror::Error;

pub(super) use config::{ConfigFile, write_config};
pub(super) use files::{document, refuse_other_folders};
pub use init::ParamInit;
pub use load::WeightsFile;
pub use names::by_path;
#[cfg(test)]
pub(super) use names::paths;
pub(super) use names::stacked;
pub use save::save;

/// Why weights cannot be read or written.
#[derive(Debug, Error)]
pub enum WeightsError {
    #[error("{path}: {source}")]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is not there; {fix}")]
    Missing { path: PathBuf, fix: String },
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
    /// Sound, but nothing that this program can use; or nothing that it can use rightly.
    #[error("{path}: {problem}; {fix}")]
    Unsupported {
        path: PathBuf,
        problem: String,
        fix: String,
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

    fn pointer(path: &Path) -> Self {
        WeightsError::Unsupported {
            path: path.to_path_buf(),
            problem: "is a Git LFS pointer, not the file itself".into(),
            fix: "run `git lfs pull` in its folder, or download the file".into(),
        }
    }
}

/// Gives copied parameters new ids, by which gradients and optimizers distinguish them.
struct NewIds;

impl ModuleMapper for NewIds {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::from_tensor(param.val())
    }
}

/// A copy of a network without autodiff, to be trained apart from it.
pub(super) fn with_new_ids<M: Module>(network: M) -> M {
    network.map(&mut NewIds)
}
