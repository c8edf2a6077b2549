//! What is put on a frozen model to tune it.

use burn::module::Module;

use super::lora::Lora;
use super::prefix::{Prefix, PrefixVectors};

/// A trainable adapter.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a policy has one, which is seldom moved"
)]
pub enum Adapter {
    Prefix(Prefix),
    Lora(Lora),
}

/// An adapter as a model's forward pass takes it: beside the weights and never merged into them, so that the
/// reference of the KL is the same model without it.
#[derive(Clone, Debug)]
pub enum AdapterWeights {
    Prefix(PrefixVectors),
    Lora(Lora),
}

impl Adapter {
    pub fn prefix(&self) -> Option<&Prefix> {
        match self {
            Adapter::Prefix(prefix) => Some(prefix),
            Adapter::Lora(_) => None,
        }
    }

    pub fn lora(&self) -> Option<&Lora> {
        match self {
            Adapter::Lora(lora) => Some(lora),
            Adapter::Prefix(_) => None,
        }
    }

    /// What a forward pass takes, with its graph.
    pub fn weights(&self) -> AdapterWeights {
        match self {
            Adapter::Prefix(prefix) => AdapterWeights::Prefix(prefix.vectors()),
            Adapter::Lora(lora) => AdapterWeights::Lora(lora.clone()),
        }
    }
}

impl AdapterWeights {
    /// The keys and values of a prefix.
    pub fn prefix(&self) -> Option<&PrefixVectors> {
        match self {
            AdapterWeights::Prefix(vectors) => Some(vectors),
            AdapterWeights::Lora(_) => None,
        }
    }

    /// What is added to the linear layers.
    pub fn lora(&self) -> Option<&Lora> {
        match self {
            AdapterWeights::Lora(lora) => Some(lora),
            AdapterWeights::Prefix(_) => None,
        }
    }
}

impl From<Lora> for Adapter {
    fn from(lora: Lora) -> Self {
        Adapter::Lora(lora)
    }
}

impl From<Prefix> for Adapter {
    fn from(prefix: Prefix) -> Self {
        Adapter::Prefix(prefix)
    }
}
