//! Experiments: settings, their files, and the events and reports of a run.
//!
//! Reads and writes text; knows no tensors, no SQL and no window.

mod alert;
mod change;
mod check;
mod config;
mod environment;
mod error;
mod event;
mod file;
mod held;
mod memory;
mod needs;
mod progress;
mod recorded;
mod rollout;
mod setting;
mod shared;
mod stage;
mod status;
pub mod sweep;
mod term;
mod values;

pub use alert::Alert;
pub use change::{Change, changeable, changeable_in, number_words};
pub use config::*;
pub use environment::{Environment, commit, set_commit};
pub use error::{ExperimentError, Problem};
pub use event::{Control, Event, EventKind, size_words};
pub use file::{ExperimentFile, presets};
pub use held::{Held, MadeChange, changes_made};
pub use memory::{MachineMemory, resident_memory};
pub use progress::{Report, SampleDialogue, SampleLevel, Severity};
pub use recorded::RecordedSettings;
pub use rollout::{
    InGroup, RewardTerm, RolloutResponse, RolloutToken, TokenFigures, TokenQuantity,
    TruncatedFigures,
};
pub use setting::{Setting, SettingKind};
pub use shared::SharedStages;
pub use stage::Stage;
pub use status::RunStatus;
pub use term::*;
pub use values::{Difference, value_words};
