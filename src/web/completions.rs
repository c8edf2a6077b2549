//! A checkpoint at an address: `/v1/models` and `/v1/chat/completions`.
//!
//! Where only this machine can reach it, only this machine's pages can ask: a request for another host's name, as a page
//! of the web could send by a trick, is refused, and so is one that a form could send.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use crossbeam::channel::{Sender, TrySendError, bounded};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answering::{Job, Piece, ServedModel};
use super::chat::{self, Head, Problem, event};
use super::server::{Server, WebError};
use crate::experiment::Config;

/// Requests that wait for the model; more are asked to come again.
const WAITING: usize = 64;
/// Pieces of an answer that wait for a slow reader.
const PIECES: usize = 256;

impl ServedModel {
    /// Answers with a model until it is stopped.
    ///
    /// # Errors
    /// The system gives no thread, or takes the address away.
    pub fn serve(self, server: Server) -> Result<(), WebError> {
        let (jobs, waiting) = bounded(WAITING);
        let served = Arc::new(Served {
            name: self.name.clone(),
            config: self.config.clone(),
            jobs,
            private: server.is_private(),
            begun: now(),
            answers: AtomicU64::new(0),
        });
        let answering = std::thread::Builder::new().name("answering".into());
        let answering = answering.spawn(move || self.answer_all(&waiting));
        let answering = answering.map_err(WebError::Run)?;
        let router = Router::new()
            .route("/v1/models", get(models))
            .route("/v1/chat/completions", post(completions))
            .fallback(nothing_here)
            .with_state(served);
        let done = server.answer(router, None);
        // Nobody can ask any more, so that it ends.
        let _ = answering.join();
        done
    }
}

/// What every request needs.
struct Served {
    name: String,
    config: Config,
    jobs: Sender<Job>,
    private: bool,
    /// In seconds since the Unix epoch.
    begun: u64,
    answers: AtomicU64,
}

impl Served {
    /// Refuses what a page of the web could send.
    fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match self.private && host.is_some_and(|host| !is_this_machine(host)) {
            true => Err(Problem::new(
                403,
                "this server is for this machine only; ask it by its number",
            )),
            false => Ok(()),
        }
    }

    fn ask(&self, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Problem> {
        self.admit(headers)?;
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.trim().starts_with("application/json")) {
            return Err(Problem::new(415, "send the request as application/json"));
        }
        let asked = chat::parse(body, &self.name, &self.config)?;
        // As others' servers do, and said with the answer, so that it can be drawn again.
        let seed = asked
            .seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 33);
        let (stream, with_usage) = (asked.stream, asked.stream_usage);
        let (sender, pieces) = mpsc::channel(PIECES);
        let job = Job {
            asked,
            seed,
            pieces: sender,
        };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Problem::new(503, "too many requests wait; come again"),
            TrySendError::Disconnected(_) => {
                Problem::new(500, "the model has ended; start it again")
            }
        })?;
        let number = self.answers.fetch_add(1, Ordering::Relaxed);
        Ok(Answer {
            head: Head {
                id: format!("chatcmpl-{}-{number}", self.begun),
                created: now(),
                model: self.name.clone(),
                seed,
            },
            pieces,
            stream,
            with_usage,
        })
    }
}

/// An answer that is on its way.
struct Answer {
    head: Head,
    pieces: mpsc::Receiver<Piece>,
    stream: bool,
    with_usage: bool,
}

impl Answer {
    async fn whole(mut self) -> Response {
        while let Some(piece) = self.pieces.recv().await {
            match piece {
                Piece::Text(_) => {}
                Piece::Finished(finished) => return document(200, &self.head.whole(&finished)),
                Piece::Failed(why) => return refused(&Problem::new(500, why)),
            }
        }
        refused(&Problem::new(500, "the model has ended; start it again"))
    }

    /// A stream of server-sent events.
    fn streamed(mut self) -> Response {
        let mut is_first = true;
        let events = stream::poll_fn(move |context| {
            if std::mem::take(&mut is_first) {
                return Some(Ok::<_, io::Error>(self.head.first_chunk())).into();
            }
            self.pieces.poll_recv(context).map(|piece| {
                Some(Ok(match piece? {
                    Piece::Text(text) => self.head.text_chunk(&text),
                    Piece::Finished(finished) => self.head.last_chunks(&finished, self.with_usage),
                    Piece::Failed(why) => event(&Problem::new(500, why).document()),
                }))
            })
        });
        of_kind(200, "text/event-stream", Body::from_stream(events))
    }
}

async fn models(State(served): State<Arc<Served>>, headers: HeaderMap) -> Response {
    match served.admit(&headers) {
        Ok(()) => document(
            200,
            &json!({"object": "list", "data": [
                {"id": served.name, "object": "model", "created": served.begun, "owned_by": "emprl"},
            ]}),
        ),
        Err(problem) => refused(&problem),
    }
}

async fn completions(
    State(served): State<Arc<Served>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match served.ask(&headers, &body) {
        Ok(answer) if answer.stream => answer.streamed(),
        Ok(answer) => answer.whole().await,
        Err(problem) => refused(&problem),
    }
}

async fn nothing_here() -> Response {
    let what = "there are /v1/models and /v1/chat/completions here";
    refused(&Problem::new(404, what))
}

fn refused(problem: &Problem) -> Response {
    let mut response = document(problem.status, &problem.document());
    if problem.status == 503 {
        response.headers_mut().insert(RETRY_AFTER, 1.into());
    }
    response
}

fn document(status: u16, document: &Value) -> Response {
    of_kind(status, "application/json", Body::from(document.to_string()))
}

fn of_kind(status: u16, kind: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = axum::http::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let number = name.trim_matches(['[', ']']).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || number.is_ok_and(|number| number.is_loopback())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1:8080",
            "[::1]:9",
            "127.0.0.2",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8080",
            "10.0.0.1:80",
            "localhost.evil.example",
            "",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
