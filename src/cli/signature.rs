//! `emprl signature`: whether a store still has what a figure's signature says.

use serde_json::json;

use super::{CommandContext, Failure};
use crate::metrics::signature::{NotASignature, Signature as Signed};
use crate::operations::signature::{Checked, check};
use crate::text::shown::one_line;

#[derive(Debug, clap::Subcommand)]
pub enum Signature {
    /// Say whether the store has runs or a system as the signature says, else which part differs
    Check {
        /// The whole line, in quotes: metric|version|tokenizer|data|decoding|seeds|commit
        signature: String,
    },
}

impl Signature {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let Signature::Check { signature } = self;
        let signature: Signed = signature
            .parse()
            .map_err(|why: NotASignature| Failure::Usage(why.to_string()))?;
        let checked = check(&ctx.store, &signature)?;
        if ctx.out.json {
            ctx.out.document(&json!(checked))?;
        }
        let (text, ok) = words(&checked);
        match (ok, ctx.out.json) {
            (true, true) => Ok(()),
            (true, false) => ctx.out.text(&text),
            (false, _) => Err(Failure::Failed(text.trim_end().to_string())),
        }
    }
}

fn words(checked: &Checked) -> (String, bool) {
    match checked {
        Checked::Ok { found } => (format!("ok: {}\n", one_line(&found.join(", "))), true),
        Checked::Differs { closest, differing } => {
            let each: Vec<String> = differing
                .iter()
                .map(|of| {
                    let (own, store) = (one_line(&of.signature), one_line(&of.store));
                    format!("{}: the signature has {own}, the store {store}", of.part)
                })
                .collect();
            let closest = one_line(closest).into_owned();
            let differs = each.join("; ");
            (
                format!("the signature is not of this store. The closest is {closest}. {differs}\n"),
                false,
            )
        }
        Checked::Nothing => (
            "the signature is not of this store: it has neither a run nor a system; name another by --store\n".into(),
            false,
        ),
    }
}
