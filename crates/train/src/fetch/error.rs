//! Why something could not be fetched: what, from where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error(
        "{given:?} is not the name of a model: give OWNER/NAME as its page on the hub has it, such as \
         google-t5/t5-small, or a short name: {short}"
    )]
    Name { given: String, short: String },
    #[error("{given:?} is not a revision: give a branch, a tag or a commit, such as main")]
    Revision { given: String },
    #[error("there is nothing published under {given:?}; known are {known}")]
    UnknownSet { given: String, known: String },
    #[error("{address}: {problem}; give an address that begins with https://")]
    Address { address: String, problem: String },
    #[error("{variable}: {problem}")]
    Setting {
        variable: &'static str,
        problem: String,
    },
    #[error(
        "{name} is not in the cache {} as a whole, and HF_HUB_OFFLINE forbids the network; unset it, or name a \
         revision that is there",
        cache.display()
    )]
    Offline { name: String, cache: PathBuf },

    #[error(
        "{host} cannot be reached ({why}); check the connection, or name a proxy with HTTPS_PROXY{or}"
    )]
    Unreachable {
        host: String,
        why: String,
        /// What else could be done.
        or: &'static str,
    },
    #[error(
        "{url}: the connection failed {times} times ({why}); what arrived is kept, and the same again continues it"
    )]
    Cut {
        url: String,
        times: u32,
        why: String,
    },
    #[error("{url}: the server answers {status}{says}; try again later, or check the address")]
    Status {
        url: String,
        status: u16,
        /// In the server's own words, after a colon; or empty.
        says: String,
    },
    #[error("{url}: the server refuses the request with {status}{says}{}", refused_fix(*.status))]
    Refused {
        url: String,
        status: u16,
        /// In the server's own words, after a colon; or empty.
        says: String,
    },
    #[error(
        "{url}: failed {times} times ({why}); check the server, and that it answers as OpenAI's does under this address"
    )]
    Failing {
        url: String,
        times: u32,
        why: String,
    },
    #[error(
        "{variable}: holds what cannot be a key (blanks, or letters beyond ASCII); set it again"
    )]
    Key { variable: String },
    #[error("{url}: does not answer as a hub does ({problem}); check HF_ENDPOINT")]
    NotAHub { url: String, problem: String },
    #[error("{url}: {why}")]
    Unanswered { url: String, why: String },
    #[error("{url}: {problem}; it was deleted")]
    Unexpected { url: String, problem: String },

    #[error("{endpoint} has no model {name}, or it is private: check the name{token}")]
    NoModel {
        name: String,
        endpoint: String,
        /// What to do about the token.
        token: &'static str,
    },
    #[error("{name} has no revision {revision}; its branches and tags are on {page}")]
    NoRevision {
        name: String,
        revision: String,
        page: String,
    },
    #[error("{name} has no file {file}; it has {has}")]
    NoFile {
        name: String,
        file: String,
        has: String,
    },
    #[error(
        "{name} has no weights that can be read (model.safetensors, its shards, or pytorch_model.bin); {has}"
    )]
    NoWeights { name: String, has: String },
    #[error("{name} is gated: accept its terms on {page}, {token}")]
    Gated {
        name: String,
        page: String,
        /// What to do about the token.
        token: &'static str,
    },
    #[error(
        "{endpoint} refuses the token from {source_of_token}; make a new one there, and give it as HF_TOKEN"
    )]
    TokenRefused {
        endpoint: String,
        source_of_token: String,
    },

    #[error(
        "{file}: arrived damaged ({kind} {found}, {expected} was announced) and was deleted; fetch it again"
    )]
    Checksum {
        file: String,
        kind: &'static str,
        expected: String,
        found: String,
    },
    #[error(
        "{url}: is not the file that was published (SHA-256 {found}, not {expected}) and was deleted; fetch it again \
         or, if its authors have changed it, give the address with --address"
    )]
    NotAsPublished {
        url: String,
        expected: String,
        found: String,
    },
    #[error("{}: {needed} bytes are needed and {free} are free; free some space, or choose another place", folder.display())]
    Space {
        folder: PathBuf,
        needed: u64,
        free: u64,
    },
    #[error("{}: exists and is not empty; name a new folder", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {problem}; the archive is not the one that was published", archive.display())]
    Archive { archive: PathBuf, problem: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The progress callback asked for it.
    #[error("stopped; what arrived is kept, and the same again continues it")]
    Stopped,
}

/// What helps where a server refuses.
fn refused_fix(status: u16) -> &'static str {
    match status {
        401 | 403 => "; check the key in the environment variable",
        404 => "; check the address, and the name of the model",
        300..=399 => "; it leads elsewhere: give the address that it leads to",
        _ => "",
    }
}

impl FetchError {
    /// Whether a server refused this one request for what is in it; another one may be answered.
    pub fn is_of_this_request(&self) -> bool {
        let status = match self {
            FetchError::Refused { status, .. } => *status,
            _ => return false,
        };
        matches!(status, 400 | 413 | 422)
    }

    /// Whether the request itself was invalid.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            FetchError::Name { .. }
                | FetchError::Revision { .. }
                | FetchError::UnknownSet { .. }
                | FetchError::Address { .. }
                | FetchError::Setting { .. }
                | FetchError::Key { .. }
        )
    }

    /// For `map_err`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> FetchError + '_ {
        move |source| FetchError::Io {
            path: path.to_path_buf(),
            source,
        }
    }
}
