//! An address that takes notices as JSON, as chat programs have them.

use std::time::Duration;

use super::{FetchError, Http, Retry};

/// Nobody waits longer for a notice to be taken.
const LIMIT: Duration = Duration::from_secs(10);

/// An address that is sent JSON; what it answers is not read.
pub struct Webhook {
    http: Http,
    address: String,
}

impl Webhook {
    /// # Errors
    /// It is no address of the web, or the file of certificates cannot be read.
    pub fn at(address: &str) -> Result<Webhook, FetchError> {
        Webhook::check(address)?;
        Ok(Webhook {
            http: Http::of_environment(Retry::default())?,
            address: address.to_string(),
        })
    }

    /// # Errors
    /// It is no address of the web.
    pub fn check(address: &str) -> Result<(), FetchError> {
        Http::check(address)
    }

    /// Sends a document, once. No redirect is followed.
    ///
    /// # Errors
    /// The server cannot be reached, takes longer than ten seconds, or answers with anything but success.
    pub fn post(&self, document: &[u8]) -> Result<(), FetchError> {
        self.http.post(&self.address, document, LIMIT)?;
        Ok(())
    }
}
