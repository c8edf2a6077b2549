//! `emprl model`: fetches a model, lists those in the cache, describes a saved one and exports it.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::meter::ByteBar;
use super::output::number_of;
use super::{CommandContext, Failure};
use crate::experiment::size_words;
use crate::operations::fetch::{self, FetchedModel, ModelName, ModelRequest, Revision, Settings};
use crate::operations::models::{self, Reference};
use crate::report::{Align, TextTable};
use crate::text::shown::shell_word;

#[derive(Debug, clap::Subcommand)]
pub enum Model {
    /// Fetch a model from a Hugging Face hub into its cache; what is there is not fetched again
    ///
    /// HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to Hugging Face's own
    /// programs, and the cache is theirs. A fetch that was cut or stopped goes on where it ended.
    Fetch {
        /// OWNER/NAME, such as HuggingFaceTB/SmolLM2-135M-Instruct, or a short name, such as t5-small
        name: ModelName,
        /// Branch, tag or commit
        #[arg(long, value_name = "REVISION", default_value_t)]
        revision: Revision,
        /// Only this file, such as a GGUF; may be given more than once
        #[arg(long = "file", value_name = "FILE")]
        files: Vec<String>,
        /// Copy the files to this folder, which is new or empty
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// The models in the hub's cache
    List,
    /// Read a whole model, so that damage shows, and describe it
    Show {
        /// Hugging Face folder or GGUF file of a model, or a run: its policy, else its generator
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
            Model::Fetch {
                name,
                revision,
                files,
                to,
            } => {
                let request = ModelRequest {
                    name: name.clone(),
                    revision: revision.clone(),
                    files: files.clone(),
                    to: to.clone(),
                };
                fetch(ctx, &request)
            }
            Model::List => list(ctx),
            Model::Show { model } => show(ctx, model),
            Model::Export { model, folder } => export(ctx, model, folder),
        }
    }
}

fn fetch(ctx: &CommandContext, request: &ModelRequest) -> Result<(), Failure> {
    let mut bar = ByteBar::default();
    let fetched = fetch::model(Settings::from_env()?, request, &mut |progress| {
        bar.show(progress)
    });
    bar.clear();
    let fetched = fetched?;
    ctx.out
        .show(&fetched, || fetched_text(&fetched))
        .map_err(Failure::but_done)
}

fn fetched_text(fetched: &FetchedModel) -> String {
    let files = number_of(fetched.files.len() as u64, "file", "files");
    let received = match fetched.received {
        0 => "all there already".to_string(),
        bytes => format!("{} fetched now", size_words(bytes)),
    };
    let model = fetched.model.display().to_string();
    let unchecked = fetched
        .files
        .iter()
        .filter(|file| file.received && !file.checked);
    let unchecked: Vec<&str> = unchecked.map(|file| file.file.as_str()).collect();
    let mut text = format!(
        "{} at {} ({})\n{files}, {}, {received}\n{model}\n",
        fetched.name,
        fetched.revision,
        fetched.commit,
        size_words(fetched.bytes)
    );
    if !unchecked.is_empty() {
        text += &format!(
            "note: the hub gave no checksum of {}.\n",
            unchecked.join(", ")
        );
    }
    let word = shell_word(&model);
    text += &format!(
        "\nLook at it:    emprl model show {word}\nTalk with it:  emprl generate --model {word} --input FILE\n\
         Train it:      emprl run FILE --set {}\n",
        shell_word(&format!("model.source={model}"))
    );
    text
}

fn list(ctx: &CommandContext) -> Result<(), Failure> {
    let models = fetch::cached_models(&Settings::from_env()?);
    if ctx.out.json {
        return ctx.out.document(&models);
    }
    if models.is_empty() {
        return ctx.out.text("No models yet: emprl model fetch NAME\n");
    }
    let mut table = TextTable::new(&[
        ("Name", Align::Left),
        ("Size", Align::Right),
        ("Folder", Align::Left),
    ]);
    for model in models {
        let folder = model.folder.display().to_string();
        table.row([model.name, size_words(model.bytes), folder]);
    }
    ctx.out.text(&table.text())
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
            "lora": anatomy.lora,
            "adapter_parameters": anatomy.adapter_parameters,
            "chat_template": anatomy.chat_template,
            "formats": anatomy.formats,
            "value_head": anatomy.value_head,
            "tokens": anatomy.tokens,
            "special_tokens": anatomy.special_tokens,
            "left_out": anatomy.left_out,
        }));
    }
    let mut lines = Vec::new();
    if let Some(origin) = origin {
        let (run, stage, step) = (origin.run.run, origin.stage, origin.step);
        lines.push(("From", format!("run {run}, {stage} step {step}")));
    }
    lines.extend(models::facts(&anatomy));
    let mut text = format!("{}\n", found.folder.display());
    for (name, value) in lines {
        text += &format!("{name:<14}{value}\n");
    }
    ctx.out.text(&text)
}
