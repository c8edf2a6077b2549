//! `emprl bundle`: chosen runs, systems and studies in one file for a reviewer.

use std::path::PathBuf;

use super::output::{count, line_on_stderr, number_of};
use super::{CommandContext, Failure};
use crate::operations::bundle::{self, BundleRequest, Bundled};
use crate::store::{RunId, StudyId};
use crate::text::shown::{one_line, shell_last};

#[derive(Debug, clap::Args)]
pub struct Bundle {
    /// The file to write, such as review.zip
    file: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

/// What is chosen of a store.
#[derive(Debug, clap::Args)]
pub struct Chosen {
    /// Runs, with their settings, points, events, samples and results, and without checkpoints
    #[arg(long, value_name = "RUN,…", value_delimiter = ',')]
    runs: Vec<RunId>,
    /// Unblinded studies with their judgements, under pseudonyms, and their systems' responses
    #[arg(long, value_name = "STUDY,…", value_delimiter = ',')]
    studies: Vec<StudyId>,
    /// Other systems with their responses and scores
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    systems: Vec<String>,
}

impl From<Chosen> for BundleRequest {
    fn from(chosen: Chosen) -> Self {
        BundleRequest {
            runs: chosen.runs,
            studies: chosen.studies,
            systems: chosen.systems,
        }
    }
}

impl Bundle {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let request = self.chosen.into();
        let bundled = bundle::bundle(&ctx.store, &request, &self.file)?;
        for why in &bundled.without {
            line_on_stderr(why);
        }
        ctx.out.show(&bundled, || bundled_words(&bundled))
    }
}

fn bundled_words(bundled: &Bundled) -> String {
    let held = &bundled.manifest;
    let mut parts = Vec::new();
    for (n, one, several) in [
        (held.runs.len(), "run", "runs"),
        (held.studies.len(), "study", "studies"),
        (held.systems.len(), "system", "systems"),
    ] {
        if n > 0 {
            parts.push(number_of(n as u64, one, several));
        }
    }
    let file = bundled.file.to_string_lossy();
    format!(
        "{}: {}, {} kB. Whoever has it opens it, read-only, with `emprl open {}`.\n\
         It has pseudonyms for annotators, and neither ids of workers, links, keys, checkpoints nor data sets. Settings and \
         environments of runs, comments of annotators and reasons of the lead are in it as they were written: paths and \
         words in them may name people.\n",
        one_line(&file),
        parts.join(", "),
        count(bundled.bytes.div_ceil(1000)),
        shell_last(&file)
    )
}
