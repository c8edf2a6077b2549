//! Runs on named threads: queue, messages, control, and panics as errors.
//!
//! Knows threads and the store; the body of a run is a closure, its listener a channel.
//!
//! ```text
//! trainer --bounded, blocking--> recorder --one transaction a batch--> store
//!                                         \--after the commit--> listener
//! ```
//!
//! Events are on disk before they reach a listener. The channel to the recorder blocks when full, so it loses
//! nothing. A window's channel never blocks: when it is full, the run is marked as lagging and its curves are
//! read from the store again.

pub mod alert;
mod control;
mod failure;
mod message;
mod recorder;
mod reporter;
mod resumption;
mod run;
mod supervisor;
pub mod worker;

pub use crate::experiment::Control;
pub use failure::{panic_text, with_sources};
pub use message::{Message, MessageKind, results_to_json};
pub use run::{
    Listener, RunBody, RunContext, RunEnd, RunError, RunHandle, RunOutcome, RunState, StartError,
    StartRequest, Waker, What,
};
pub use supervisor::{MOST_AT_ONCE, StillRunning, Supervisor};
