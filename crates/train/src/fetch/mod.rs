//! What a person asks to have from the network: models from a Hugging Face hub, data sets from their authors, scores
//! from a server of their own, answers from a language model at an address, notices of runs to one.
//!
//! The only room that speaks HTTP, and only when told to. A download can be stopped at any moment and is continued
//! where it ended; what arrives is checked and only then put in its place. Must not know the store, a tensor or
//! anything that draws.

mod archive;
mod chat_server;
mod checksum;
mod disk;
mod download;
mod error;
mod http;
pub mod hub;
mod json_server;
pub mod published;
mod retry;

use std::ops::ControlFlow;

pub use chat_server::{ChatServer, Key};
pub use checksum::Checksum;
pub use error::FetchError;
pub use http::Http;
pub use json_server::JsonServer;
pub use retry::Retry;

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file that is on its way.
    pub file: &'a str,
    /// Bytes that are there, of all files of this fetch.
    pub done: u64,
    /// Bytes in all; 0 while they are not known.
    pub of: u64,
}

/// Called several times a second; `Break` stops the fetch with [`FetchError::Stopped`].
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress<'_>) -> ControlFlow<()>;

/// The progress of one fetch over all its files.
struct Tracker<'a> {
    on_progress: OnProgress<'a>,
    file: String,
    /// Bytes of the files before this one.
    before: u64,
    /// Bytes of this file.
    here: u64,
    of: u64,
}

impl<'a> Tracker<'a> {
    fn new(on_progress: OnProgress<'a>, of: u64) -> Tracker<'a> {
        Tracker {
            on_progress,
            file: String::new(),
            before: 0,
            here: 0,
            of,
        }
    }

    /// Goes on to another file.
    fn begin(&mut self, file: &str) -> Result<(), FetchError> {
        self.before += self.here;
        self.here = 0;
        self.file = file.to_string();
        self.tell()
    }

    /// So many bytes of the file are there.
    fn at(&mut self, bytes: u64) -> Result<(), FetchError> {
        self.here = bytes;
        self.tell()
    }

    /// The file will have so many bytes, and others may follow.
    fn expect(&mut self, bytes: u64) {
        self.of = self.of.max(self.before + bytes);
    }

    fn tell(&mut self) -> Result<(), FetchError> {
        let progress = Progress {
            file: &self.file,
            done: self.before + self.here,
            of: self.of,
        };
        match (self.on_progress)(progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(FetchError::Stopped),
        }
    }
}
