//! A server that answers as OpenAI's does, under `/v1/chat/completions`: asked one request at a time.
//!
//! Must not know what is asked.

use std::env;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::retry::Trouble;
use super::{FetchError, Http, Progress, Retry, Tracker};

/// What a person does not want to see anywhere: the key of a server.
#[derive(Clone)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key in an environment variable; None where the variable is not set or empty.
    ///
    /// # Errors
    /// What it holds cannot be sent.
    pub fn from_variable(variable: &str) -> Result<Option<Key>, FetchError> {
        let Some(found) = env::var_os(variable) else {
            return Ok(None);
        };
        let found = found.to_string_lossy();
        let found = found.trim();
        match found {
            "" => Ok(None),
            key if key.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Some(Key(key.to_string())))
            }
            _ => Err(FetchError::Key {
                variable: variable.to_string(),
            }),
        }
    }

    /// A text without the key in it, whoever put it there.
    fn hidden(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

/// A server that is sent JSON and answers with JSON.
pub struct ChatServer {
    http: Http,
    address: String,
    key: Option<Key>,
    /// Whether it has answered: then it is there, and comes back.
    has_answered: AtomicBool,
}

impl ChatServer {
    /// A server at an address: of the server, of its `/v1`, or the whole one. The key goes there and nowhere else.
    ///
    /// # Errors
    /// It is no address of the web, or has a name with a password, a query or a fragment, where secrets would be.
    pub fn at(address: &str, key: Option<Key>, retry: Retry) -> Result<ChatServer, FetchError> {
        let address = completions(address)?;
        let http = Http::of_environment(retry)?;
        let http = match &key {
            Some(key) => http.with_token(&address, key.0.clone())?,
            None => http,
        };
        Ok(ChatServer {
            http,
            address,
            key,
            has_answered: AtomicBool::new(false),
        })
    }

    /// Where requests go.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the key would be readable on its way to another machine.
    pub fn bares_the_key(&self) -> bool {
        self.key.is_some() && self.http.is_bare(&self.address)
    }

    /// Sends a request until there is an answer that `read` understands, with the body of it. What passes is tried
    /// again: too many requests, trouble of the server, a cut, silence for longer than `limit`, an answer that `read`
    /// refuses with a reason, and that it cannot be reached any more. `keep_going` is asked during the pauses.
    ///
    /// No redirect is followed: the texts go where the address says.
    ///
    /// # Errors
    /// The server cannot be reached, refuses, goes on failing, or it was stopped.
    pub fn ask<T>(
        &self,
        document: &[u8],
        limit: Duration,
        read: &dyn Fn(&str) -> Result<T, String>,
        keep_going: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(String, T), FetchError> {
        let mut attempts = self.http.attempts();
        let mut on_progress = |_: Progress<'_>| keep_going();
        let mut tracker = Tracker::new(&mut on_progress, 0);
        loop {
            let trouble = match self.ask_once(document, limit, read) {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            attempts
                .again(&self.address, trouble, &mut tracker)
                .map_err(|error| self.without_key(error))?;
        }
    }

    fn ask_once<T>(
        &self,
        document: &[u8],
        limit: Duration,
        read: &dyn Fn(&str) -> Result<T, String>,
    ) -> Result<(String, T), Trouble> {
        let bytes = match self.http.post_once(&self.address, document, limit) {
            // It is being started anew, or the network is.
            Err(Trouble::Lasting(error @ FetchError::Unreachable { .. }))
                if self.has_answered.load(Ordering::Relaxed) =>
            {
                return Err(Trouble::passing(error));
            }
            bytes => bytes?,
        };
        let text = String::from_utf8_lossy(&bytes);
        let text = self
            .key
            .as_ref()
            .map_or_else(|| text.to_string(), |key| key.hidden(&text));
        match read(&text) {
            Ok(read) => {
                self.has_answered.store(true, Ordering::Relaxed);
                Ok((text, read))
            }
            Err(why) => Err(Trouble::passing(why)),
        }
    }

    /// The same error; a server may repeat what it was sent.
    fn without_key(&self, error: FetchError) -> FetchError {
        let hidden = |text: String| {
            self.key
                .as_ref()
                .map_or(text.clone(), |key| key.hidden(&text))
        };
        match error {
            FetchError::Refused { url, status, says } => FetchError::Refused {
                url,
                status,
                says: hidden(says),
            },
            FetchError::Failing { url, times, why } => FetchError::Failing {
                url,
                times,
                why: hidden(why),
            },
            FetchError::Cut { url, times, why } => FetchError::Failing {
                url,
                times,
                why: hidden(why),
            },
            error => error,
        }
    }
}

/// The whole address.
fn completions(given: &str) -> Result<String, FetchError> {
    let wrong = |address: &str, problem: &str| FetchError::Address {
        address: address.to_string(),
        problem: problem.to_string(),
    };
    let given = given.trim().trim_end_matches('/');
    let Some((scheme, rest)) = given.split_once("://") else {
        return Err(wrong(given, "is no address of the web"));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    // Not repeated: there may be a secret in it.
    if host.contains('@') {
        let place = host.rsplit('@').next().unwrap_or_default();
        let problem = "has a name or password in it, which would be kept; give the key in an environment variable";
        return Err(wrong(&format!("{scheme}://…@{place}"), problem));
    }
    if let Some(at) = rest.find(['?', '#']) {
        let problem =
            "has a query or fragment, which would be kept; give the key in an environment variable";
        return Err(wrong(&format!("{scheme}://{}…", &rest[..at]), problem));
    }
    Ok(match path {
        "" => format!("{given}/v1/chat/completions"),
        path if path.ends_with("chat/completions") => given.to_string(),
        _ => format!("{given}/chat/completions"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_server_of_its_v1_or_whole() {
        let whole = "http://h:8000/v1/chat/completions";
        for given in [
            "http://h:8000",
            "http://h:8000/",
            "http://h:8000/v1",
            "http://h:8000/v1/",
            whole,
        ] {
            assert_eq!(completions(given).unwrap(), whole, "{given}");
        }
        let other = "https://h/v1beta/openai";
        assert_eq!(
            completions(other).unwrap(),
            format!("{other}/chat/completions")
        );
        assert!(completions("localhost:8000").is_err());
    }

    #[test]
    fn an_address_with_a_secret_is_refused_without_repeating_it() {
        for given in [
            "https://me:secret@h/v1",
            "https://h/v1?key=secret",
            "https://h/v1#secret",
            "https://h?secret",
        ] {
            let error = completions(given).unwrap_err().to_string();
            assert!(
                error.contains("environment variable") && !error.contains("secret"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = Key("sk-abc".into());
        assert_eq!(format!("{key:?}"), "Key(…)");
        assert_eq!(key.hidden("wrong key sk-abc!"), "wrong key [key]!");
    }
}
