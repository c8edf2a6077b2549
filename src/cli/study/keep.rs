//! `emprl study rename | note | archive | delete | undelete`: what the lead keeps of a study. Annotators see nothing of it.

use serde_json::json;

use crate::cli::output::number_of;
use crate::cli::{CommandContext, Failure};
use crate::operations::existing_store;
use crate::operations::studies;
use crate::store::{StoreError, StoreReader, StudyId, StudyMark};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Rename {
    /// The study's number
    study: StudyId,
    /// Your own name of it; an empty one leaves the title
    name: String,
}

#[derive(Debug, clap::Args)]
pub struct Note {
    /// The study's number
    study: StudyId,
    /// The note; an empty one removes it
    text: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Archive {
    /// The study's number
    study: StudyId,
    /// Bring it back instead
    #[arg(long)]
    back: bool,
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    /// The study's number
    study: StudyId,
    /// Remove it from the store: this cannot be undone, and packs that are out can no longer be merged
    #[arg(long)]
    for_good: bool,
    /// Remove its judgements too
    #[arg(long, requires = "for_good")]
    with_judgements: bool,
}

fn mark(ctx: &CommandContext, study: StudyId, mark: &StudyMark) -> Result<(), Failure> {
    Ok(studies::mark(
        &mut existing_store(&ctx.store)?,
        study,
        mark,
    )?)
}

impl Rename {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        mark(ctx, self.study, &StudyMark::Name(self.name.clone()))?;
        let row = StoreReader::open(&ctx.store)?.study(self.study)?;
        ctx.out
            .show(&json!({"study": row.id, "name": row.name()}), || {
                format!("Study {} is called {}.\n", row.id, one_line(row.name()))
            })
    }
}

impl Note {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        if let Some(text) = &self.text {
            mark(ctx, self.study, &StudyMark::Note(text.clone()))?;
        }
        let row = StoreReader::open(&ctx.store)?.study(self.study)?;
        ctx.out
            .show(&json!({"study": row.id, "note": row.marks.note}), || {
                let note = match row.marks.note.as_str() {
                    "" => "no note",
                    note => note,
                };
                format!("Study {}: {note}\n", row.id)
            })
    }
}

impl Archive {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let (study, archived) = (self.study, !self.back);
        mark(ctx, study, &StudyMark::Archived(archived))?;
        ctx.out.show(
            &json!({"study": study, "archived": archived}),
            || match archived {
                true => format!("Study {study} is archived; `emprl study list --all` shows it.\n"),
                false => format!("Study {study} is back among the others.\n"),
            },
        )
    }
}

impl Delete {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let study = self.study;
        if !self.for_good {
            mark(ctx, study, &StudyMark::Deleted(true))?;
            let store = ctx.store_argument();
            return ctx.out.show(&json!({"deleted": study}), || {
                format!("Study {study} is deleted; `emprl study undelete {study}{store}` brings it back.\n")
            });
        }
        let removed = studies::delete(
            &mut existing_store(&ctx.store)?,
            study,
            self.with_judgements,
        );
        if let Err(crate::operations::OperationError::Store(StoreError::HoldsJudgements {
            ..
        })) = &removed
        {
            let row = StoreReader::open(&ctx.store)?.study(study)?;
            let annotators = row.annotators.iter();
            let judged: usize = annotators.map(|one| one.progress.answered).sum();
            return Err(Failure::Usage(format!(
                "study {study} ({}) has {}; add --with-judgements to remove them too",
                one_line(row.name()),
                number_of(judged as u64, "judged item", "judged items"),
            )));
        }
        removed?;
        ctx.out.show(&json!({"removed": study}), || {
            format!("Study {study} is removed for good.\n")
        })
    }
}

pub fn undelete(ctx: &CommandContext, study: StudyId) -> Result<(), Failure> {
    mark(ctx, study, &StudyMark::Deleted(false))?;
    ctx.out.show(&json!({"undeleted": study}), || {
        format!("Study {study} is back.\n")
    })
}
