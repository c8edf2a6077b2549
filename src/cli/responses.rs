//! `emprl responses`: systems' answers, from files or from our own checkpoints; scored, listed, pinned.

mod kept;
mod list;

use std::path::PathBuf;

use kept::report;
use list::{cases, list, pin};
use serde_json::json;

use super::meter::Bars;
use super::{Failure, Place};
use crate::operations::OperationError;
use crate::operations::models::Reference;
use crate::operations::responses::{
    Answering, Generate, Import, Measuring, generate, import, measure,
};
use crate::store::{Store, StoreError};
use crate::study::responses::AlignBy;

#[derive(Debug, clap::Subcommand)]
pub enum Responses {
    /// Import a system's responses: plain text in test order, JSONL, or CSV with a head
    Import {
        /// The file
        file: PathBuf,
        /// What the system is called
        #[arg(long, value_name = "NAME")]
        system: String,
        /// The contexts that the file answers, as rows in its order; else the test split of
        /// EmpatheticDialogues
        #[arg(long, value_name = "FILE")]
        contexts: Option<PathBuf>,
        /// How rows find their contexts; else by the best that all rows offer
        #[arg(long, value_name = "FIELD")]
        by: Option<By>,
        /// Take the place of a system of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Let one of our own checkpoints answer the contexts, as a system
    Generate {
        /// A run's checkpoint, or a model folder
        #[arg(long, value_name = "DIR|RUN[@STEP]")]
        model: Reference,
        /// What the system is called
        #[arg(long, value_name = "NAME")]
        system: String,
        /// The contexts, as rows; else the test split of EmpatheticDialogues
        #[arg(long, value_name = "FILE")]
        contexts: Option<PathBuf>,
        /// Always the likeliest token instead of drawing
        #[arg(long)]
        greedy: bool,
        /// Seed of every draw; else that of the run
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// Where to compute; else the run's device, else flex
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
        /// Take the place of a system of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Measure systems: Dist-1/2, words a response; with identifiers Emp-F1, and the levels of every answer
    Score {
        /// The systems; without any, all of them
        systems: Vec<String>,
        /// The run whose identifiers judge
        #[arg(long, value_name = "RUN|DIR")]
        identifiers: Option<Reference>,
        /// Where to compute; else the run's device, else flex
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
    },
    /// The systems, with what was measured
    List,
    /// Pin a case for Table VI by what tells it from others, as `emprl responses cases` shows it
    Pin {
        /// The case
        case: String,
        /// A note that goes with it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// Take the pin away instead
        #[arg(long, conflicts_with = "note")]
        remove: bool,
    },
    /// Cases that hold every word, with what tells each from the others
    Cases {
        /// The words; without any, the pinned cases
        words: Vec<String>,
    },
    /// Forget a system and its responses; studies keep what they show
    Remove {
        /// The system
        system: String,
    },
}

/// By what rows find their context.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum By {
    /// The first row answers the first context, and so on
    Order,
    /// A field `index` or `idx`
    Index,
    /// The fields `conversation` (or `conv_id`) and `turn`
    Turn,
    /// The words of the field `context`
    Words,
}

impl From<By> for AlignBy {
    fn from(by: By) -> AlignBy {
        match by {
            By::Order => AlignBy::Order,
            By::Index => AlignBy::Index,
            By::Turn => AlignBy::ConversationTurn,
            By::Words => AlignBy::Words,
        }
    }
}

impl Responses {
    pub fn run(&self, place: &Place) -> Result<(), Failure> {
        match self {
            Responses::Import {
                file,
                system,
                contexts,
                by,
                replace,
            } => {
                let request = Import {
                    file: file.clone(),
                    system: system.clone(),
                    contexts: contexts.clone(),
                    by: by.map(AlignBy::from),
                    replace: *replace,
                };
                let stored = import(&place.store, &request).map_err(name_refused)?;
                report(place, &stored)
            }
            Responses::Generate {
                model,
                system,
                contexts,
                greedy,
                seed,
                device,
                replace,
            } => {
                let request = Generate {
                    answering: Answering {
                        model: model.clone(),
                        greedy: *greedy,
                        seed: *seed,
                        device: device.clone(),
                    },
                    system: system.clone(),
                    contexts: contexts.clone(),
                    replace: *replace,
                };
                let mut bars = Bars::default();
                let done = generate(&place.store, &request, &mut |p| bars.show(p));
                bars.clear();
                report(place, &done.map_err(name_refused)?)
            }
            Responses::Score {
                systems,
                identifiers,
                device,
            } => {
                let measuring = Measuring {
                    systems: systems.clone(),
                    identifiers: identifiers.clone(),
                    device: device.clone(),
                };
                let mut bars = Bars::default();
                let done = measure(&place.store, &measuring, &mut |p| bars.show(p));
                bars.clear();
                match done {
                    Err(OperationError::NoSystem) => Err(Failure::Failed(format!(
                        "there is no system to score; `emprl responses import FILE --system NAME{}` imports one",
                        place.store_argument()
                    ))),
                    Err(error) => Err(error.into()),
                    Ok(_) => list(place),
                }
            }
            Responses::List => list(place),
            Responses::Pin { case, note, remove } => pin(place, case, (!remove).then_some(note)),
            Responses::Cases { words } => cases(place, words),
            Responses::Remove { system } => {
                Store::open(&place.store)?.remove_system(system)?;
                match place.out.json {
                    true => place.out.document(&json!({"removed": system})),
                    false => place.out.text(&format!("{system} is forgotten.\n")),
                }
            }
        }
    }
}

/// What is wrong with a system's name is the user's to change on the command line.
fn name_refused(error: OperationError) -> Failure {
    match error {
        OperationError::Store(StoreError::SystemExists { name }) => Failure::Usage(format!(
            "there is a system {name} already; choose another name, or put it in its place with --replace"
        )),
        OperationError::NoSystemName => Failure::Usage(format!("--system: {error}")),
        error => error.into(),
    }
}
