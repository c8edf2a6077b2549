//! `emprl runs tag | note | rename | archive | delete | undelete`: edits saved runs.

use serde_json::json;

use super::super::{CommandContext, Failure};
use crate::operations::existing_store;
use crate::operations::runs::{Edit, delete_for_good};
use crate::store::{ParseIdError, RunId, Store, StoreReader, is_tag};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("edit").required(true).multiple(true).args(["add", "remove"]))]
pub struct Tag {
    #[arg(required = true, value_parser = tagged_run)]
    runs: Vec<RunId>,
    /// A tag to add
    #[arg(long, value_name = "TAG")]
    add: Vec<String>,
    /// A tag to remove
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
}

/// A run, where a tag may have been written in its place.
fn tagged_run(text: &str) -> Result<RunId, String> {
    text.parse()
        .map_err(|error: ParseIdError| match is_tag(text) {
            true => format!("{error}; a tag is added by --add {text}"),
            false => format!("{error}"),
        })
}

#[derive(Debug, clap::Args)]
pub struct Note {
    run: RunId,
    /// The note; an empty one removes it
    text: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct Archive {
    #[arg(required = true)]
    runs: Vec<RunId>,
    /// Bring them back instead
    #[arg(long)]
    back: bool,
}

#[derive(Debug, clap::Args)]
pub struct Delete {
    #[arg(required = true)]
    runs: Vec<RunId>,
    /// Remove runs that are already deleted, with their checkpoints, from the disk: this cannot be undone
    #[arg(long)]
    for_good: bool,
}

/// Applies an edit to the existing store.
fn apply(ctx: &CommandContext, edit: &Edit) -> Result<(), Failure> {
    edit.apply(&mut existing_store(&ctx.store)?)?;
    Ok(())
}

/// Prints the result for each run.
fn done(ctx: &CommandContext, runs: &[RunId], json_name: &str, words: &str) -> Result<(), Failure> {
    if ctx.out.json {
        return ctx.out.document(&json!({ json_name: runs }));
    }
    let lines: String = runs
        .iter()
        .map(|run| format!("Run {run} {}.\n", one_line(words)))
        .collect();
    ctx.out.text(&lines)
}

fn print_tags(ctx: &CommandContext, store: &Store, runs: &[RunId]) -> Result<(), Failure> {
    let reader = store.reader()?;
    let mut rows = Vec::new();
    for run in runs {
        rows.push(reader.run(*run)?.row);
    }
    if ctx.out.json {
        return ctx.out.document(&rows);
    }
    let lines = rows.iter().map(|row| match row.tags.is_empty() {
        true => format!("Run {} has no tags.\n", row.id),
        false => format!("Run {}: {}\n", row.id, one_line(&row.tags.join(", "))),
    });
    ctx.out.text(&lines.collect::<String>())
}

impl Tag {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut store = existing_store(&ctx.store)?;
        let runs = self.runs.clone();
        let edit = Edit::Tag {
            runs: self.runs,
            add: self.add,
            remove: self.remove,
        };
        edit.apply(&mut store)?;
        print_tags(ctx, &store, &runs)
    }
}

impl Note {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let run = self.run;
        if let Some(text) = self.text {
            apply(ctx, &Edit::Note { run, text })?;
        }
        let row = StoreReader::open(&ctx.store)?.run_row(run)?;
        if ctx.out.json {
            return ctx.out.document(&json!({"id": row.id, "note": row.note}));
        }
        let note = match row.note.as_str() {
            "" => "no note",
            note => note,
        };
        ctx.out.text(&format!("Run {}: {note}\n", row.id))
    }
}

pub fn rename(ctx: &CommandContext, run: RunId, name: &str) -> Result<(), Failure> {
    let name = name.trim().to_string();
    let words = format!("is called {name}");
    apply(ctx, &Edit::Rename { run, name })?;
    done(ctx, &[run], "renamed", &words)
}

impl Archive {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let runs = self.runs.clone();
        let archived = !self.back;
        apply(ctx, &Edit::Archive { runs, archived })?;
        match archived {
            false => done(ctx, &self.runs, "unarchived", "is back among the others"),
            true => done(ctx, &self.runs, "archived", "is archived"),
        }
    }
}

impl Delete {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        if self.for_good {
            delete_for_good(&mut existing_store(&ctx.store)?, &self.runs)?;
            return done(ctx, &self.runs, "removed", "is removed for good");
        }
        apply(ctx, &Edit::Delete(self.runs.clone()))?;
        let argument = ctx.store_argument();
        let words = format!("is deleted; `emprl runs undelete RUN{argument}` brings it back");
        done(ctx, &self.runs, "deleted", &words)
    }
}

pub fn undelete(ctx: &CommandContext, runs: Vec<RunId>) -> Result<(), Failure> {
    apply(ctx, &Edit::Undelete(runs.clone()))?;
    done(ctx, &runs, "undeleted", "is back")
}
