//! LoRA (Hu et al. 2021): `y = W x + (α/r) B A x` with W frozen, for the linear layers of any architecture here.
//!
//! The layers are those of the model's blocks whose published names are asked for. Where the model has several layers
//! in one product, such as keys and values, so has its adapter. The dense product B·A is formed to merge, never to
//! train. Names and files are PEFT's.

mod files;
mod merge;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Dropout;
use super::host::{self, LowRank, is_host};
use super::linear::{linear, product};
use super::weights::ParamInit;

/// The size of an adapter and the layers that it adapts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraConfig {
    /// The rank of what is added to a weight.
    pub rank: usize,
    /// What is added is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Of the adapter's inputs, while it is trained.
    pub dropout: f64,
    /// Published names of the layers, or the ends of them: `q_proj`, `v_proj`; of T5 `q`, `v`. [`ALL_LINEAR`] alone
    /// stands for every linear layer of the model's blocks.
    pub targets: Vec<String>,
}

/// PEFT's word for every linear layer.
pub const ALL_LINEAR: &str = "all-linear";

/// Ranks above this are no low ranks.
const MAX_RANK: usize = 4_096;

/// Why a model cannot have an adapter of that configuration.
#[derive(Debug, Error, PartialEq)]
pub enum LoraError {
    #[error("LoRA's rank is {rank}; it must be from 1 to {MAX_RANK}")]
    Rank { rank: usize },
    #[error("LoRA's alpha is {alpha}; it must be above 0 and finite")]
    Alpha { alpha: f64 },
    #[error("LoRA's dropout is {dropout}; it must be from 0 to below 1")]
    Dropout { dropout: f64 },
    #[error("LoRA has no layers to adapt; name some of {}", .known.join(", "))]
    NoTargets { known: Vec<String> },
    #[error("the model has no linear layer \"{target}\" that LoRA adapts; it has {}", .known.join(", "))]
    UnknownTarget { target: String, known: Vec<String> },
}

impl LoraConfig {
    /// The first invalid number.
    ///
    /// # Errors
    /// A rank, alpha or dropout outside its range.
    pub fn check(&self) -> Result<(), LoraError> {
        let LoraConfig {
            rank,
            alpha,
            dropout,
            ..
        } = *self;
        if !(1..=MAX_RANK).contains(&rank) {
            return Err(LoraError::Rank { rank });
        }
        if !(alpha > 0.0 && alpha.is_finite()) {
            return Err(LoraError::Alpha { alpha });
        }
        if !(0.0..1.0).contains(&dropout) {
            return Err(LoraError::Dropout { dropout });
        }
        Ok(())
    }
}

/// What PEFT calls the kind of model that an adapter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoraTask {
    CausalLm,
    Seq2SeqLm,
}

/// The adapters of a model's linear layers, trainable.
#[derive(Module, Debug)]
pub struct Lora {
    /// One for each block of the model, in its order.
    blocks: Vec<LoraBlock>,
    #[module(skip)]
    config: LoraConfig,
    #[module(skip)]
    task: LoraTask,
}

/// The adapters of one block.
#[derive(Module, Debug)]
pub(super) struct LoraBlock {
    linears: Vec<LoraLinear>,
    /// The path of the block in its model, such as `layers.3`.
    #[module(skip)]
    path: String,
}

/// The adapter of the layers that one product computes.
#[derive(Module, Debug)]
pub(super) struct LoraLinear {
    /// One above the other, `[adapted * rank, input]`.
    a: Param<Tensor<2>>,
    /// One above the other, `[adapted * output, rank]`.
    b: Param<Tensor<2>>,
    /// The path of the weight in its block, such as `attention.kv`.
    #[module(skip)]
    path: String,
    /// Published names of the layers that are adapted.
    #[module(skip)]
    names: Vec<String>,
    /// Which of the product's layers these are, and how many it has.
    #[module(skip)]
    parts: Vec<usize>,
    of: usize,
    scale: f64,
    dropout: f64,
}

/// A weight of a model's blocks.
struct Site {
    block: String,
    path: String,
    /// Published names of the layers in it.
    names: Vec<String>,
    /// `[output, input]`
    shape: [usize; 2],
}

impl Lora {
    /// Adapters of `model`, whose parameter at a path consists of the tensors that `names` says. They change
    /// nothing yet: A is drawn as PEFT draws it, B is 0.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub(super) fn with<M: Module>(
        init: &mut ParamInit<'_>,
        config: &LoraConfig,
        model: &M,
        names: impl Fn(&str) -> Vec<String>,
        task: LoraTask,
    ) -> Result<Self, LoraError> {
        let sites = sites(model, names);
        let config = &config.resolved(&sites)?;
        let mut blocks: Vec<LoraBlock> = Vec::new();
        for site in sites {
            if blocks.last().is_none_or(|block| block.path != site.block) {
                blocks.push(LoraBlock {
                    linears: Vec::new(),
                    path: site.block.clone(),
                });
            }
            let adapter = LoraLinear::new(init, config, site);
            if let (Some(block), Some(adapter)) = (blocks.last_mut(), adapter) {
                block.linears.push(adapter);
            }
        }
        Ok(Lora {
            blocks,
            config: config.clone(),
            task,
        })
    }

    /// How many parameters [`Lora::with`] would make.
    ///
    /// # Errors
    /// As [`Lora::with`].
    pub(super) fn count<M: Module>(
        config: &LoraConfig,
        model: &M,
        names: impl Fn(&str) -> Vec<String>,
    ) -> Result<u64, LoraError> {
        let sites = sites(model, names);
        let config = config.resolved(&sites)?;
        let of_site = |site: &Site| {
            let [output, input] = site.shape;
            let adapted = config.parts(site).len();
            (adapted * config.rank * (input + output / site.names.len())) as u64
        };
        Ok(sites.iter().map(of_site).sum())
    }

    pub fn config(&self) -> &LoraConfig {
        &self.config
    }

    /// The adapters of the blocks whose paths begin with `stack`.
    pub(super) fn stack(&self, stack: &str) -> &[LoraBlock] {
        let within = |block: &LoraBlock| block.path.starts_with(stack);
        let first = self.blocks.iter().position(within);
        let first = first.unwrap_or(self.blocks.len());
        let count = self.blocks[first..]
            .iter()
            .take_while(|block| within(block));
        &self.blocks[first..first + count.count()]
    }
}

impl LoraBlock {
    /// The adapter of the weight at `path` in a block, if it has one.
    pub fn get<'a>(block: Option<&'a LoraBlock>, path: &str) -> Option<&'a LoraLinear> {
        let linears = &block?.linears;
        linears.iter().find(|linear| linear.path == path)
    }
}

/// A linear layer with what LoRA adds to it, for `x` `[batch, tokens, input]`.
pub(super) fn adapted_linear(
    x: Tensor<3>,
    weight: &Param<Tensor<2>>,
    lora: Option<&LoraLinear>,
    dropout: &mut Dropout,
) -> Tensor<3> {
    match lora {
        None => linear(x, weight),
        Some(lora) => lora.forward(x, weight, dropout),
    }
}

impl LoraLinear {
    /// None where no layer of the site is a target.
    fn new(init: &mut ParamInit<'_>, config: &LoraConfig, site: Site) -> Option<Self> {
        let of = site.names.len();
        let parts = config.parts(&site);
        if parts.is_empty() {
            return None;
        }
        let [output, input] = site.shape;
        Some(LoraLinear {
            // Kaiming's uniform with a = √5, as PyTorch draws a linear layer.
            a: init.uniform(
                [parts.len() * config.rank, input],
                (input as f64).powf(-0.5),
            ),
            b: init.constant([parts.len() * (output / of), config.rank], 0.0),
            names: parts.iter().map(|part| site.names[*part].clone()).collect(),
            path: site.path,
            parts,
            of,
            scale: config.alpha / config.rank as f64,
            dropout: config.dropout,
        })
    }

    /// `x · weightᵀ` and what is added to it, for `x` `[batch, tokens, input]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        weight: &Param<Tensor<2>>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let input = dropout.apply_at(self.dropout, x.clone());
        let hidden = product(input, self.a.val()).mul_scalar(self.scale);
        if is_host(&x.device()) {
            let update = LowRank {
                hidden,
                up: self.b.val(),
                parts: self.parts.clone(),
                of: self.of,
            };
            return host::linear_with(x, weight.val(), update);
        }
        product(x, weight.val()) + self.up(hidden)
    }

    /// `B h` of every layer of the product, `[batch, tokens, output]`, 0 for those that are not adapted; `hidden`
    /// `[batch, tokens, adapted * rank]`.
    fn up(&self, hidden: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, _] = hidden.dims();
        let device = hidden.device().without_autodiff();
        let b = self.b.val();
        let [rows, rank] = b.dims();
        let output = rows / self.parts.len();
        let parts = (0..self.of).map(|part| match self.index(part) {
            None => Tensor::zeros([batch, tokens, output], &device),
            Some(index) => product(
                hidden.clone().narrow(2, index * rank, rank),
                b.clone().narrow(0, index * output, output),
            ),
        });
        Tensor::cat(parts.collect(), 2)
    }

    /// Where a layer of the product stands among those that are adapted.
    fn index(&self, part: usize) -> Option<usize> {
        self.parts.iter().position(|adapted| *adapted == part)
    }
}

/// Whether a layer's published name is `target` or ends with it, as PEFT matches them.
fn is_named(name: &str, target: &str) -> bool {
    match name.strip_suffix(target) {
        Some(front) => front.is_empty() || front.ends_with('.'),
        None => false,
    }
}

impl LoraConfig {
    /// The same with every target by its name, if they are all among `sites`.
    fn resolved(&self, sites: &[Site]) -> Result<LoraConfig, LoraError> {
        self.check()?;
        let names = || sites.iter().flat_map(|site| &site.names);
        let known = || {
            let mut known: Vec<String> = Vec::new();
            for name in names() {
                let last = name.rsplit('.').next().unwrap_or(name);
                if !known.iter().any(|other| other == last) {
                    known.push(last.to_string());
                }
            }
            known
        };
        if self.targets.is_empty() {
            return Err(LoraError::NoTargets { known: known() });
        }
        if self.targets == [ALL_LINEAR] {
            return Ok(LoraConfig {
                targets: known(),
                ..self.clone()
            });
        }
        let unknown = |target: &&String| !names().any(|name| is_named(name, target));
        match self.targets.iter().find(unknown) {
            None => Ok(self.clone()),
            Some(target) => Err(LoraError::UnknownTarget {
                target: target.clone(),
                known: known(),
            }),
        }
    }

    /// Which of a site's layers are targets.
    fn parts(&self, site: &Site) -> Vec<usize> {
        let is_target = |part: &usize| {
            let named = |target: &String| is_named(&site.names[*part], target);
            self.targets.iter().any(named)
        };
        (0..site.names.len()).filter(is_target).collect()
    }
}

/// The weights of the linear layers in the blocks of a model.
fn sites<M: Module>(model: &M, names: impl Fn(&str) -> Vec<String>) -> Vec<Site> {
    let mut visitor = Sites {
        names,
        path: Vec::new(),
        found: Vec::new(),
    };
    model.visit(&mut visitor);
    visitor.found
}

struct Sites<N> {
    names: N,
    /// Where in the module it is.
    path: Vec<String>,
    found: Vec<Site>,
}

impl<N: Fn(&str) -> Vec<String>> ModuleVisitor for Sites<N> {
    crate::nn::track_path!();

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let (Some((block, inside)), &[output, input]) = (split_path(&path), &*param.lazy_shape())
        else {
            return;
        };
        let names = (self.names)(&path).into_iter();
        let names = names.map(|name| name.trim_end_matches(".weight").to_string());
        self.found.push(Site {
            block: block.to_string(),
            path: inside.to_string(),
            names: names.collect(),
            shape: [output, input],
        });
    }
}

/// A parameter's path as that of its block, which ends with a number, and that of the layer in it.
fn split_path(path: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for component in path.split('.') {
        end += component.len() + 1;
        if component.parse::<usize>().is_ok() {
            let layer = path.get(end..)?;
            return Some((&path[..end - 1], layer.trim_end_matches(".weight")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_behind_its_number() {
        let split = |path| split_path(path);
        assert_eq!(
            split("layers.11.attention.q.weight"),
            Some(("layers.11", "attention.q"))
        );
        assert_eq!(
            split("encoder.blocks.0.dense.wi"),
            Some(("encoder.blocks.0", "dense.wi"))
        );
        assert_eq!(split("embedding"), None);
        assert_eq!(split("encoder.final_norm.weight"), None);
    }

    #[test]
    fn a_target_is_a_whole_part_of_a_name() {
        let name = "encoder.block.0.layer.0.SelfAttention.q";
        assert!(is_named(name, "q") && is_named(name, "SelfAttention.q") && is_named(name, name));
        assert!(!is_named(name, "Attention.q") && !is_named(name, "SelfAttention"));
    }
}
