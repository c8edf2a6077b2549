//! A server that scores responses, for a term of the reward that names its address.

use std::time::Duration;

use super::{FetchError, Http, Retry};

/// A server that is sent JSON and answers with JSON.
pub struct ScoreServer {
    http: Http,
    address: String,
}

impl ScoreServer {
    /// Trusts the certificates of Mozilla, or those that `SSL_CERT_FILE` names.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn at(address: &str) -> Result<ScoreServer, FetchError> {
        Ok(ScoreServer {
            http: Http::of_environment(Retry::default())?,
            address: address.to_string(),
        })
    }

    /// Sends a document, once, and gives the one that is answered within `limit`. No redirect is followed: the texts
    /// go where the address says.
    ///
    /// # Errors
    /// The server cannot be reached, takes longer, or answers with anything but success.
    pub fn ask(&self, document: &[u8], limit: Duration) -> Result<Vec<u8>, FetchError> {
        self.http.post(&self.address, document, limit)
    }
}
