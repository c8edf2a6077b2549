//! A server that is sent JSON once: it scores responses for a term of the reward, or takes notices of runs.

use std::time::Duration;

use super::{FetchError, Http, Retry};

/// A server that is sent JSON.
pub struct JsonServer {
    http: Http,
    address: String,
}

impl JsonServer {
    /// Trusts the certificates of Mozilla, or those that `SSL_CERT_FILE` names.
    ///
    /// # Errors
    /// That file cannot be read.
    pub fn at(address: &str) -> Result<JsonServer, FetchError> {
        Ok(JsonServer {
            http: Http::of_environment(Retry::default())?,
            address: address.to_string(),
        })
    }

    /// # Errors
    /// It is no address of the web.
    pub fn check(address: &str) -> Result<(), FetchError> {
        Http::check(address)
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
