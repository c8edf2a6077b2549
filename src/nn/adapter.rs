//! What is put on a frozen model to tune it.

use burn::module::Module;

use super::prefix::{Prefix, PrefixVectors};

/// A trainable adapter.
#[derive(Module, Debug)]
pub enum Adapter {
    Prefix(Prefix),
}

/// An adapter as a model's forward pass takes it: beside the weights and never merged into them, so that the
/// reference of the KL is the same model without it.
#[derive(Clone, Debug)]
pub enum AdapterWeights {
    Prefix(PrefixVectors),
}

impl Adapter {
    /// What a forward pass takes, with its graph.
    pub fn weights(&self) -> AdapterWeights {
        match self {
            Adapter::Prefix(prefix) => AdapterWeights::Prefix(prefix.vectors()),
        }
    }
}

impl AdapterWeights {
    /// The keys and values of a prefix.
    pub fn prefix(&self) -> Option<&PrefixVectors> {
        match self {
            AdapterWeights::Prefix(vectors) => Some(vectors),
        }
    }
}

impl From<Prefix> for Adapter {
    fn from(prefix: Prefix) -> Self {
        Adapter::Prefix(prefix)
    }
}
