//! `emprl study pause | resume | exclude | replace`: who may judge, and whose judgements count.

use serde_json::json;

use super::find;
use crate::cli::{CommandContext, Failure};
use crate::operations::studies;
use crate::store::{Store, StudyId};
use crate::study::standing::Standing;

#[derive(Debug, clap::Args)]
pub struct Change {
    /// The study's number
    study: StudyId,
    /// Whom: a number, a pseudonym such as A2, or a name
    annotator: String,
    /// Why; it stays with the study
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Debug, clap::Args)]
pub struct Replace {
    #[command(flatten)]
    change: Change,
    /// Who judges instead
    #[arg(long = "with", value_name = "NAME")]
    substitute: String,
}

impl Change {
    pub fn run(&self, ctx: &CommandContext, standing: Standing) -> Result<(), Failure> {
        let mut store = Store::open(&ctx.store)?;
        let annotator = self.number(&store)?;
        studies::set_standing(&mut store, self.study, annotator, standing, &self.reason)?;
        if ctx.out.json {
            return ctx.out.document(&json!({
                "study": self.study, "annotator": annotator, "standing": standing,
            }));
        }
        ctx.out.text(match standing {
            Standing::Judging => "They can judge again.\n",
            Standing::Paused => "They cannot judge until they are resumed; what they judged counts.\n",
            Standing::Excluded => {
                "They cannot judge any more; what they judged is kept and exported, and counts nowhere.\n"
            }
        })
    }

    fn number(&self, store: &Store) -> Result<u32, Failure> {
        let study = store.reader()?.study(self.study)?;
        Ok(find(&study, &self.annotator)?.number)
    }
}

impl Replace {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let Change {
            study, ref reason, ..
        } = self.change;
        let mut store = Store::open(&ctx.store)?;
        let annotator = self.change.number(&store)?;
        let name = &self.substitute;
        let number = studies::replace(&mut store, study, annotator, name, reason)?;
        if ctx.out.json {
            return ctx.out.document(&json!({
                "study": study, "annotator": annotator, "substitute": number,
            }));
        }
        ctx.out.text(&format!(
            "A{annotator} is excluded, and A{number} has all of their items: `emprl study pack {study} --annotator \
             A{number}{}` writes them.\n",
            ctx.store_argument()
        ))
    }
}
