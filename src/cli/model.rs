//! `emprl model`: describes a saved model and exports it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::output::count;
use super::{CommandContext, Failure};
use crate::experiment::size_words;
use crate::operations::models::{self, Reference};

#[derive(Debug, clap::Subcommand)]
pub enum Model {
    /// Read a whole model, so that damage shows, and describe it
    Show {
        /// Hugging Face folder of a model, or a run: its policy, else its generator
        #[arg(value_name = "DIR|RUN[@STEP]")]
        model: Reference,
    },
    /// Write a model as a Hugging Face folder: config.json, model.safetensors, tokenizer.json
    Export {
        /// A run: its policy, else its generator; or a folder
        #[arg(value_name = "RUN[@STEP]|DIR")]
        model: Reference,
        /// A new folder, or an empty one
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Model {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        match self {
            Model::Show { model } => show(ctx, model),
            Model::Export { model, folder } => export(ctx, model, folder),
        }
    }
}

fn export(ctx: &CommandContext, model: &Reference, folder: &Path) -> Result<(), Failure> {
    let found = model.model(&ctx.store)?;
    let exported = models::export(&found.folder, folder)?;
    if ctx.out.json {
        return ctx.out.document(&json!({
            "from": found.folder,
            "folder": exported.folder,
            "files": exported.files,
            "bytes": exported.bytes,
            "needs_prefix": exported.needs_prefix,
        }));
    }
    let mut text = format!(
        "{} in {}: {}\n",
        size_words(exported.bytes),
        exported.folder.display(),
        exported.files.join(", ")
    );
    if let Some(remark) = exported.remark() {
        text += &format!("note: {remark}.\n");
    }
    ctx.out.text(&text)
}

fn show(ctx: &CommandContext, model: &Reference) -> Result<(), Failure> {
    let found = model.model(&ctx.store)?;
    let anatomy = models::describe(&found.folder)?;
    let origin = found.origin.as_ref();
    if ctx.out.json {
        return ctx.out.document(&json!({
            "folder": found.folder,
            "run": origin.map(|origin| origin.run.run),
            "stage": origin.map(|origin| origin.stage),
            "step": origin.map(|origin| origin.step),
            "config": anatomy.config,
            "model_parameters": anatomy.model_parameters,
            "prefix": anatomy.prefix,
            "prefix_parameters": anatomy.prefix_parameters,
            "value_head": anatomy.value_head,
            "tokens": anatomy.tokens,
            "special_tokens": anatomy.special_tokens,
            "left_out": anatomy.left_out,
        }));
    }
    let shape = anatomy.config.shape();
    let mut text = format!("{}\n", found.folder.display());
    let mut fact = |name: &str, value: String| text.push_str(&format!("{name:<14}{value}\n"));
    if let Some(origin) = origin {
        fact(
            "From",
            format!(
                "run {}, {} step {}",
                origin.run.run, origin.stage, origin.step
            ),
        );
    }
    let parameters = anatomy.model_parameters as u64;
    fact(
        anatomy.config.architecture(),
        format!(
            "{} parameters, {} as f32",
            count(parameters),
            size_words(parameters * 4)
        ),
    );
    fact(
        "Layers",
        match (shape.encoder_layers, shape.decoder_layers) {
            (0, decoder) => format!("{decoder} decoder"),
            (encoder, decoder) => format!("{encoder} encoder, {decoder} decoder"),
        },
    );
    fact(
        "Width",
        format!(
            "{}, feed-forward {}",
            shape.hidden_size, shape.intermediate_size
        ),
    );
    fact(
        "Heads",
        match (shape.num_heads, shape.num_key_value_heads) {
            (heads, shared) if shared < heads => {
                format!("{heads} of {}, {shared} of keys and values", shape.head_dim)
            }
            (heads, _) => format!("{heads} of {}", shape.head_dim),
        },
    );
    fact(
        "Vocabulary",
        format!("{} rows, {} tokens", shape.vocab_size, anatomy.tokens),
    );
    let head = if shape.tie_word_embeddings {
        "the embedding"
    } else {
        "of its own"
    };
    fact("Output head", head.to_string());
    fact(
        "Prefix",
        match &anatomy.prefix {
            Some(prefix) => format!(
                "{} encoder, {} decoder, {} cross positions; {} parameters",
                prefix.encoder,
                prefix.decoder,
                prefix.cross,
                count(anatomy.prefix_parameters as u64)
            ),
            None => "none".to_string(),
        },
    );
    fact(
        "Value head",
        if anatomy.value_head { "yes" } else { "none" }.to_string(),
    );
    if let Some(first) = anatomy.left_out.first() {
        let all = anatomy.left_out.len();
        fact(
            "Left out",
            format!("{all} tensors that are no part of the model, such as {first}"),
        );
    }
    ctx.out.text(&text)
}
