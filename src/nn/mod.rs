//! The networks: T5, BERT, prefixes, value head, empathy identifier, sampling.
//!
//! Knows tensors and weights files; knows no data sets, no settings and no training.

/// The two methods by which a visitor or mapper of modules keeps `self.path`, the path of the current parameter.
macro_rules! track_path {
    () => {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }
    };
}
pub(crate) use track_path;

pub mod bert;
pub mod device;
mod dropout;
mod generate;
pub mod gguf;
mod host;
pub mod identifier;
pub mod prefix;
pub mod sampling;
pub mod t5;
pub mod value_head;
pub mod weights;

pub use device::{DeviceError, DeviceInfo};
pub use dropout::Dropout;
pub use generate::{Generated, generate, generate_while, pad};
pub use weights::WeightsError;
