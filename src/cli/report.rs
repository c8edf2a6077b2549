//! `emprl report`: chosen runs, systems and studies as one page for a browser.

use std::path::PathBuf;

use super::bundle::Chosen;
use super::output::{count, line_on_stderr, number_of};
use super::{CommandContext, Failure};
use crate::operations::report;
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Report {
    /// The file to write, such as review.html
    file: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

impl Report {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let request = self.chosen.into();
        let reported = report::report(&ctx.store, &request, &self.file)?;
        for why in &reported.without {
            line_on_stderr(why);
        }
        ctx.out.show(&reported, || {
            format!(
                "{}: {} and {}, {} kB. It needs no network and has no script; settings of runs and reasons of the lead are in \
                 it as they were written.\n",
                one_line(&reported.file.to_string_lossy()),
                number_of(reported.tables as u64, "table", "tables"),
                number_of(reported.curves as u64, "curve", "curves"),
                count(reported.bytes.div_ceil(1000))
            )
        })
    }
}
