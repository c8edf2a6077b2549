//! The networks: language models, adapters, value head, empathy identifier, sampling.
//!
//! Knows tensors and weights files; knows no data sets, no settings and no training.

/// The two methods by which a visitor or mapper of modules keeps `self.path`, the path of the current parameter. An
/// enum adds nothing to it: a model's parameters are `model.…` whatever its architecture.
macro_rules! track_path {
    () => {
        fn enter_module(&mut self, name: &str, container_type: &str) {
            if !container_type.starts_with("Enum:") {
                self.path.push(name.to_owned());
            }
        }

        fn exit_module(&mut self, _name: &str, container_type: &str) {
            if !container_type.starts_with("Enum:") {
                self.path.pop();
            }
        }
    };
}
pub(crate) use track_path;

pub mod adapter;
mod attention;
pub mod bert;
pub mod device;
mod dropout;
mod generate;
pub mod gguf;
mod host;
pub mod identifier;
mod language_model;
#[cfg(feature = "tch")]
mod libtorch;
mod limits;
mod linear;
pub mod llama;
pub mod lora;
mod norms;
mod padding;
mod precision;
pub mod prefix;
pub mod sampling;
mod shape;
pub mod t5;
pub mod value_head;
pub mod weights;

pub use device::{DeviceError, DeviceInfo};
pub use dropout::Dropout;
pub use generate::{Generated, generate, generate_groups, generate_while};
pub(crate) use host::of_rows;
pub use language_model::{Generation, LanguageModel, LanguageModelConfig};
pub use padding::pad;
pub use precision::{in_bf16, is_in_bf16};
pub use shape::ModelShape;
pub use weights::WeightsError;
