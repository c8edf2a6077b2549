//! What this program answers on an address of this machine: a checkpoint, as OpenAI's API answers, and the pages on which
//! people judge in a browser.
//!
//! Listens only when told to, and to this machine only unless told otherwise. Must not know the command line or the
//! window, and holds no tensor.

mod answering;
pub mod chat;
mod completions;
pub mod judging;
mod server;
mod tls;

pub use answering::ServedModel;
pub use server::{Server, Stopper, WebError};
pub use tls::{Certificate, CertificateError};
