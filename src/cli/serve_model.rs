//! `emprl serve-model`: a checkpoint behind an address, as OpenAI's API answers.

use serde_json::json;

use super::interrupts;
use super::output::line_on_stderr;
use super::{CommandContext, Failure};
use crate::operations::models::{Reference, SavedModel};
use crate::text::shown::one_line;
use crate::web::{ServedModel, Server};

/// Answers until Ctrl-C.
///
/// Under /v1/models and /v1/chat/completions. A request can give temperature (0 always takes the likeliest token), top_p,
/// max_tokens, seed, stop and stream; what it leaves open is as the run's settings say. One request is answered after the
/// other. A message of the system is read as said by the speaker, since these models know two sides.
#[derive(Debug, clap::Args)]
pub struct ServeModel {
    /// Hugging Face folder or GGUF file of a model, or a run: its policy, else its generator
    #[arg(value_name = "DIR|RUN[@STEP]")]
    model: Reference,
    /// Where to listen; port 0 is any free one. Whoever can reach another address than this machine's own can ask
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    address: String,
    /// What others call the model; else as it is given here
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Longest conversation in tokens, else as the run's settings say; longer ones lose their oldest, and the answer says
    /// so as "prompt_cut"
    #[arg(long, value_name = "N")]
    max_source: Option<i64>,
    /// Where to compute; else the run's device, else flex
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

impl ServeModel {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let found = self.model.model(&ctx.store)?;
        let mut config = found.config();
        if let Some(longest) = self.max_source {
            let set = config.set("data.max_source", longest.into());
            set.map_err(|problem| Failure::Usage(format!("--max-source: {}", problem.message)))?;
        }
        let device = self.device.as_deref().unwrap_or(&config.run.device);
        let model = SavedModel::open(&found.folder, device)?;
        let name = match (&self.name, &found.origin) {
            (Some(name), _) => name.clone(),
            (None, Some(origin)) => {
                format!("run-{}-{}-{}", origin.run.run, origin.stage, origin.step)
            }
            (None, None) => {
                let name = found.folder.file_name().unwrap_or(found.folder.as_os_str());
                name.to_string_lossy().into_owned()
            }
        };
        let server =
            Server::bind(&self.address).map_err(|error| Failure::Failed(error.to_string()))?;
        let stopper = server.stopper();
        interrupts::handle(move || {
            stopper.stop();
            line_on_stderr(
                "Stopping once the requests that are under way are answered; Ctrl-C again ends at once.",
            );
        })?;
        let address = format!("http://{}/v1", server.address());
        if !server.is_private() {
            line_on_stderr(
                "warning: whoever can reach this address can ask the model, without a key and without encryption",
            );
        }
        let max_source = config.data.max_source;
        let document = json!({"address": address, "model": name, "max_source": max_source});
        ctx.out.show_line(&document, || {
            format!(
                "{} answers at {address}, and reads the last {max_source} tokens of a conversation\n",
                one_line(&name)
            )
        })?;
        let served = ServedModel {
            name,
            config,
            model,
        };
        served
            .serve(server)
            .map_err(|error| Failure::Failed(error.to_string()))
    }
}
