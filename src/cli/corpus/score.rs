//! `emprl corpus score`: levels of all answers of a corpus.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::super::interrupts;
use super::super::meter::Bars;
use super::super::output::{count, line_on_stderr, number_of};
use super::super::{CommandContext, Failure};
use crate::operations::OperationError;
use crate::operations::corpus::{self, ScoreRequest, Scored};
use crate::operations::models::Reference;
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Score {
    /// The corpus
    corpus: String,
    /// The run whose identifiers judge, or a folder of identifiers
    #[arg(long, value_name = "RUN|DIR")]
    identifiers: Reference,
    /// What the levels are called by: labels and scores NAME_emotional_reaction and so on
    #[arg(long = "as", value_name = "NAME", default_value = "identifiers")]
    name: String,
    /// Read only the beginning of a response that is longer than the identifiers read, as training and evaluation do;
    /// else it is read in windows of whole sentences, and each mechanism has the level of the strongest one
    #[arg(long)]
    beginning: bool,
    /// Answers judged at once
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    batch: u16,
    /// Where to compute; else the run's device, else flex
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

impl Score {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let request = ScoreRequest {
            name: &self.name,
            identifiers: &self.identifiers,
            device: self.device.as_deref(),
            batch: self.batch.into(),
            windows: !self.beginning,
        };
        let says = "Stopping after the answers that are being judged; Ctrl-C again ends at once.";
        let interrupted = interrupts::noted(says)?;
        let mut bars = Bars::default();
        let scored = corpus::score(&ctx.store, &self.corpus, &request, &mut |progress| {
            let _ = bars.show(progress);
            match interrupted.load(Ordering::Relaxed) {
                false => ControlFlow::Continue(()),
                true => ControlFlow::Break(()),
            }
        });
        bars.clear();
        if let Err(OperationError::Stopped) = scored {
            line_on_stderr(
                "Stopped: what was judged is in the store, and the same command goes on.",
            );
            return Err(Failure::Stopped);
        }
        let scored = scored?;
        ctx.out
            .show(&scored, || self.text(&scored))
            .map_err(Failure::but_done)
    }

    fn text(&self, scored: &Scored) -> String {
        let answers = number_of(scored.answers as u64, "answer has", "answers have");
        let mut text = format!("{answers} levels by {}", one_line(&scored.by));
        text += &match scored.before {
            0 => ".\n".to_string(),
            before => format!(", {} of them from before.\n", count(before as u64)),
        };
        if scored.without_context > 0 {
            let n = number_of(scored.without_context as u64, "answer", "answers");
            text += &format!("Left out {n} without a context.\n");
        }
        let cut = &scored.truncation;
        text += &match self.beginning {
            true => format!("{}\n", cut.sentence()),
            false => format!(
                "The identifiers read the last {} tokens of a context ({:.1} % are longer) and {} of a response: {} read \
                 in windows, of whole sentences where they fit, and each mechanism has the level of the strongest.\n",
                cut.max_context,
                cut.contexts,
                cut.max_response,
                number_of(
                    scored.in_windows as u64,
                    "longer one was",
                    "longer ones were"
                ),
            ),
        };
        if !self.beginning && cut.responses > 0.0 {
            text += &format!(
                "{:.1} % of responses have a word that is longer still, and is cut.\n",
                cut.responses
            );
        }
        let name = format!("{}_exploration", scored.name);
        text += &format!(
            "Labels and scores are called {name} and so on: emprl corpus table {} --by {name}\n",
            one_line(&self.corpus)
        );
        text
    }
}
