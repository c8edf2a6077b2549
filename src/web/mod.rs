//! What this program answers on an address of this machine: so far a checkpoint, as OpenAI's API answers.
//!
//! Listens only when told to, and to this machine only unless told otherwise. Must not know the command line or the
//! window, and holds no tensor.

mod answering;
pub mod chat;
mod server;

pub use answering::ServedModel;
pub use server::{Server, Stopper, WebError};
