//! Requests: redirects, the token's one destination, answers.
//!
//! A redirect is followed here rather than by the client below, so that the token reaches no other server and a hub's
//! own headers, which come with its redirect, are seen.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, Method, Request, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, BodyReader};

use super::retry::{Attempts, Retry, Trouble};
use super::{FetchError, Tracker};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);
const MOST_REDIRECTS: usize = 10;
/// Bytes of a JSON answer. A list of a thousand files has 0.1 MB.
const LARGEST_DOCUMENT: u64 = 16 << 20;
/// Letters of what a server says that are repeated.
const MOST_WORDS: usize = 300;

/// A client. Proxies come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
pub struct Http {
    agent: Agent,
    retry: Retry,
    /// Sent to this origin only.
    token: Option<(Uri, String)>,
}

impl Http {
    /// A client that trusts the certificates of Mozilla, or those in a PEM file.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate.
    pub fn new(certificates: Option<&Path>, retry: Retry) -> Result<Http, FetchError> {
        let roots = match certificates {
            Some(path) => certificates_of(path)?,
            None => RootCerts::WebPki,
        };
        let config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("emprl/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .build();
        Ok(Http {
            agent: config.new_agent(),
            retry,
            token: None,
        })
    }

    /// A client that trusts the certificates of Mozilla, or those that `SSL_CERT_FILE` names.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn of_environment(retry: Retry) -> Result<Http, FetchError> {
        let certificates = env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
        Http::new(certificates.map(PathBuf::from).as_deref(), retry)
    }

    /// # Errors
    /// It is no address of the web.
    pub(super) fn check(address: &str) -> Result<(), FetchError> {
        parse(address).map(drop)
    }

    /// The same client with a token for the server at `endpoint`, and for no other.
    pub fn with_token(mut self, endpoint: &str, token: String) -> Result<Http, FetchError> {
        self.token = Some((parse(endpoint)?, token));
        Ok(self)
    }

    /// The failures of one request, counted.
    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.retry)
    }

    /// Asks for the head of a file; stops at the redirect that describes it.
    pub(super) fn head(
        &self,
        url: &str,
        describes: fn(&HeaderMap) -> bool,
        tracker: &mut Tracker<'_>,
    ) -> Result<Answer, FetchError> {
        self.repeat(url, tracker, || {
            self.send(Method::HEAD, url, &[], describes)
        })
    }

    /// Asks for a document.
    pub(super) fn get(&self, url: &str, tracker: &mut Tracker<'_>) -> Result<Answer, FetchError> {
        self.repeat(url, tracker, || self.get_once(url, &[]))
    }

    /// The same, tried once and with more headers.
    pub(super) fn get_once(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, Trouble> {
        self.send(Method::GET, url, headers, |_| false)
    }

    /// Sends a JSON document, once, and gives the answer of success that comes within `limit`.
    pub(super) fn post(
        &self,
        url: &str,
        document: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>, FetchError> {
        let failed = |trouble| match trouble {
            Trouble::Passing { why, .. } => FetchError::Unanswered {
                url: url.to_string(),
                why,
            },
            Trouble::Lasting(error) => error,
        };
        let answer = self.posted(url, document, limit).map_err(failed)?;
        if !(200..300).contains(&answer.status()) {
            return Err(answer.refused());
        }
        answer.document().map_err(failed)
    }

    /// The same with the token, for who tries again what passes.
    pub(super) fn post_once(
        &self,
        url: &str,
        document: &[u8],
        limit: Duration,
    ) -> Result<Vec<u8>, Trouble> {
        let answer = self.posted(url, document, limit)?;
        let status = answer.status();
        if (200..300).contains(&status) {
            return answer.document();
        }
        let wait = wait_of(answer.response.headers());
        // 529 is what some servers say when they are overloaded.
        let passes = matches!(status, 408 | 409 | 425 | 429 | 500 | 502 | 503 | 504 | 529);
        let url = answer.url.to_string();
        let says = says_of(&answer.document().unwrap_or_default());
        if passes {
            return Err(Trouble::Passing {
                why: format!("the server answers {status}{says}"),
                wait,
            });
        }
        Err(FetchError::Refused { url, status, says }.into())
    }

    /// Whether what is sent there could be read on its way.
    pub(super) fn is_bare(&self, url: &str) -> bool {
        parse(url).is_ok_and(|url| url.scheme_str() == Some("http") && !is_this_machine(&url))
    }

    /// The answer to a document, whatever its status.
    fn posted(&self, url: &str, document: &[u8], limit: Duration) -> Result<Answer, Trouble> {
        let uri = parse(url)?;
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri.clone())
            .header(CONTENT_TYPE, "application/json");
        if let Some((_, token)) = self.token.as_ref().filter(|(at, _)| same_origin(at, &uri)) {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(document)
            .map_err(|error| FetchError::Address {
                address: url.to_string(),
                problem: error.to_string(),
            })?;
        let configured = self.agent.configure_request(request);
        let configured = configured
            .timeout_global(Some(limit))
            .timeout_per_read(None)
            .timeout_per_write(None);
        let request = match is_this_machine(&uri) {
            true => configured.proxy(None).build(),
            false => configured.build(),
        };
        let response = self.agent.run(request);
        let response = response.map_err(|error| trouble(&uri, error))?;
        Ok(Answer { url: uri, response })
    }

    fn repeat(
        &self,
        url: &str,
        tracker: &mut Tracker<'_>,
        mut request: impl FnMut() -> Result<Answer, Trouble>,
    ) -> Result<Answer, FetchError> {
        let mut attempts = self.attempts();
        loop {
            match request() {
                Ok(answer) => return Ok(answer),
                Err(trouble) => attempts.again(url, trouble, tracker)?,
            }
        }
    }

    /// Sends a request and follows its redirects, until `is_last` says that one is the answer.
    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        is_last: fn(&HeaderMap) -> bool,
    ) -> Result<Answer, Trouble> {
        let mut url = parse(url)?;
        for _ in 0..MOST_REDIRECTS {
            let response = self.send_one(&method, &url, headers)?;
            let status = response.status().as_u16();
            if matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504) {
                return Err(Trouble::Passing {
                    why: format!("the server answers {status}"),
                    wait: wait_of(response.headers()),
                });
            }
            let next = response.headers().get(LOCATION);
            let Some(next) = next.filter(|_| (300..400).contains(&status)) else {
                return Ok(Answer { url, response });
            };
            if is_last(response.headers()) {
                return Ok(Answer { url, response });
            }
            url = redirected(&url, next.to_str().unwrap_or_default())?;
        }
        Err(Trouble::Lasting(FetchError::Unexpected {
            url: url.to_string(),
            problem: format!("was reached by {MOST_REDIRECTS} redirects, and is another"),
        }))
    }

    fn send_one(
        &self,
        method: &Method,
        url: &Uri,
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>, Trouble> {
        let mut request = Request::builder().method(method.clone()).uri(url.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some((_, token)) = self.token.as_ref().filter(|(at, _)| same_origin(at, url)) {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(()).map_err(|error| FetchError::Address {
            address: url.to_string(),
            problem: error.to_string(),
        })?;
        // A proxy would look for this machine's own servers on itself.
        let request = match is_this_machine(url) {
            true => self.agent.configure_request(request).proxy(None).build(),
            false => request,
        };
        self.agent.run(request).map_err(|error| trouble(url, error))
    }
}

/// An answer; its body is still to be read.
pub(super) struct Answer {
    /// Where the redirects led.
    pub url: Uri,
    response: Response<Body>,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// A number in a header.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    pub fn body(self) -> BodyReader<'static> {
        let body = self.response.into_body().into_with_config();
        body.limit(u64::MAX).reader()
    }

    /// The whole body.
    fn document(self) -> Result<Vec<u8>, Trouble> {
        let body = self.response.into_body().into_with_config();
        let bytes = body.limit(LARGEST_DOCUMENT).read_to_vec();
        bytes.map_err(|error| trouble(&self.url, error))
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(self) -> Result<T, FetchError> {
        let url = self.url.to_string();
        let body = self.response.into_body().into_with_config();
        let bytes = body.limit(LARGEST_DOCUMENT).read_to_vec();
        let not_a_hub = |problem: String| FetchError::NotAHub { url, problem };
        match bytes.map_err(|error| error.to_string()) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| not_a_hub(e.to_string())),
            Err(why) => Err(not_a_hub(why)),
        }
    }

    /// The error for an answer that is a refusal.
    pub fn refused(&self) -> FetchError {
        let says = self.header("x-error-message").unwrap_or_default();
        let says: String = says.chars().take(200).collect();
        FetchError::Status {
            url: self.url.to_string(),
            status: self.status(),
            says: if says.is_empty() {
                says
            } else {
                format!(": {says}")
            },
        }
    }
}

/// What a body says is wrong, after a colon: the message of an error in JSON, else the text itself; or nothing.
fn says_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_str(&text).ok();
    let message = json.as_ref().and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        let message = error.get("message").or_else(|| json.get("detail"));
        message.unwrap_or(error).as_str()
    });
    let words: Vec<&str> = message.unwrap_or(&text).split_whitespace().collect();
    let words: String = words.join(" ").chars().take(MOST_WORDS).collect();
    match words.is_empty() {
        true => words,
        false => format!(": {words}"),
    }
}

fn parse(url: &str) -> Result<Uri, FetchError> {
    let wrong = |problem: String| FetchError::Address {
        address: url.to_string(),
        problem,
    };
    let uri: Uri = url.parse().map_err(|error| wrong(format!("{error}")))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.authority().is_some() => Ok(uri),
        _ => Err(wrong("is no address of the web".to_string())),
    }
}

fn is_this_machine(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn same_origin(one: &Uri, other: &Uri) -> bool {
    one.scheme() == other.scheme() && one.authority() == other.authority()
}

/// Where a redirect leads.
fn redirected(from: &Uri, location: &str) -> Result<Uri, FetchError> {
    let scheme = from.scheme_str().unwrap_or_default();
    let authority = from.authority().map(|a| a.as_str()).unwrap_or_default();
    let to = if location.contains("://") {
        parse(location)?
    } else if location.starts_with("//") {
        parse(&format!("{scheme}:{location}"))?
    } else if location.starts_with('/') {
        parse(&format!("{scheme}://{authority}{location}"))?
    } else {
        let folder = from
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        parse(&format!("{scheme}://{authority}{folder}/{location}"))?
    };
    match (scheme, to.scheme_str()) {
        ("https", Some("http")) => Err(FetchError::Unexpected {
            url: from.to_string(),
            problem: format!("leads to {to}, which is not encrypted"),
        }),
        _ => Ok(to),
    }
}

/// The pause that the server asks for.
fn wait_of(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
    let seconds: Option<f64> = seconds.and_then(|wait| wait.trim().parse().ok());
    // A day is more than anybody waits for, and no overflow.
    let seconds = seconds.filter(|seconds| (0.0..=86_400.0).contains(seconds));
    Duration::from_secs_f64(seconds.unwrap_or(0.0))
}

fn trouble(url: &Uri, error: ureq::Error) -> Trouble {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, TimedOut, UnexpectedEof,
    };
    use ureq::{Error, Timeout};
    match &error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {}
        Error::Timeout(_) | Error::Protocol(_) => return Trouble::passing(error),
        Error::Io(cause) => match cause.kind() {
            ConnectionReset | ConnectionAborted | UnexpectedEof | BrokenPipe | TimedOut
            | Interrupted => return Trouble::passing(error),
            _ => {}
        },
        _ => {}
    }
    let mut why = match &error {
        Error::Io(cause) => cause.to_string(),
        error => error.to_string(),
    };
    if why.contains("certificate") {
        why += "; SSL_CERT_FILE can name the certificates to trust";
    }
    Trouble::Lasting(FetchError::Unreachable {
        host: url.host().unwrap_or_default().to_string(),
        why,
        or: "",
    })
}

fn certificates_of(path: &Path) -> Result<RootCerts, FetchError> {
    let wrong = |problem: String| FetchError::Setting {
        variable: "SSL_CERT_FILE",
        problem: format!("{} {problem}", path.display()),
    };
    let pem = fs::read(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    let found: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match found.is_empty() {
        true => Err(wrong("has no certificate in PEM form".to_string())),
        false => Ok(RootCerts::new_with_certs(&found)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(from: &str, location: &str) -> String {
        let to = redirected(&from.parse().unwrap(), location);
        to.map_or_else(|error| error.to_string(), |to| to.to_string())
    }

    #[test]
    fn redirects_are_absolute_or_relative_and_stay_encrypted() {
        let from = "https://hub.example/a/b?c";
        assert_eq!(
            led(from, "https://cdn.example/x?y=1"),
            "https://cdn.example/x?y=1"
        );
        assert_eq!(led(from, "//cdn.example/x"), "https://cdn.example/x");
        assert_eq!(led(from, "/d/e"), "https://hub.example/d/e");
        assert_eq!(led(from, "e"), "https://hub.example/a/e");
        assert!(led(from, "http://cdn.example/x").contains("not encrypted"));
        assert!(led(from, "ftp://cdn.example/x").contains("is no address of the web"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same =
            |one: &str, other: &str| same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://hub.example", "https://hub.example/a/b"));
        assert!(!same("https://hub.example", "http://hub.example/a"));
        assert!(!same("https://hub.example", "https://hub.example:8443/a"));
        assert!(!same("https://hub.example", "https://cdn.hub.example/a"));
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        let here = |url: &str| is_this_machine(&url.parse().unwrap());
        assert!(
            here("http://localhost:80/a") && here("http://127.0.0.1/") && here("http://[::1]:9")
        );
        assert!(!here("http://hub.example/") && !here("http://10.0.0.1/"));
    }
}
