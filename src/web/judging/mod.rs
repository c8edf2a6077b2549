//! Judging in a browser: the page of a link, and what is sent from it.
//!
//! A link's page holds its annotator's own items and nothing of systems, runs, orders or other people. A wrong link, a
//! revoked one and a wrong path are answered by the same bytes.

mod crowd;
mod desk;
mod limits;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use crossbeam::channel::{Sender, TrySendError, bounded};
use tokio::sync::oneshot;

pub use self::crowd::Endings;
use self::crowd::platform_ids;
use self::desk::{Answer, HEAD, Job, Judging};
use self::limits::Limits;
use super::server::{Server, WebError};
use super::tls::Certificate;
use crate::operations::studies::desk::{Desk, Sent};
use crate::report::judging::{Document, SCRIPT, STYLE, Texts, document};

/// Requests that wait for the store; more are asked to come again.
const WAITING: usize = 256;
/// The longest that a page sends: a comment of 10 000 characters, each escaped.
const LONGEST: usize = 96 * 1024;
/// How long it may take to send.
const SENDING: Duration = Duration::from_secs(30);

/// What every answer says to browsers: nothing is kept on the way, loaded from elsewhere, framed or told to others.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// The path of a link's page, before its token, and that of an entrance.
pub const LINKS: &str = "/j/";
pub const ENTRANCES: &str = "/c/";

/// A store that is open for judging by links.
pub struct ServedJudging {
    pub desk: Desk,
    pub texts: Texts,
    /// How it ends for who came from a crowd platform.
    pub endings: Endings,
    /// Is told why something could not be kept.
    pub report: Box<dyn Fn(&str) + Send>,
}

impl ServedJudging {
    /// Answers on this thread until the server is stopped; by HTTPS with a certificate.
    ///
    /// # Errors
    /// The system gives no thread, or takes the address away.
    pub fn serve(self, server: Server, certificate: Option<Certificate>) -> Result<(), WebError> {
        let (jobs, waiting) = bounded(WAITING);
        let dead = whole(&self.texts, self.texts.dead_html());
        let served = Arc::new(Served {
            jobs,
            dead_fragment: self.texts.dead_html().1,
            dead,
            full: whole(&self.texts, self.texts.full_html()),
            no_id: whole(&self.texts, self.texts.no_id_html()),
            limits: Mutex::new(Limits::new(Instant::now())),
        });
        let judging = Judging {
            desk: self.desk,
            texts: self.texts,
            endings: self.endings,
            report: self.report,
        };
        let thread = std::thread::Builder::new().name("judging".into());
        let thread = thread.spawn(move || judging.answer_all(&waiting));
        let thread = thread.map_err(WebError::Run)?;
        let router = Router::new()
            .route("/c/{token}", get(entrance))
            .route("/j/{token}", get(page))
            .route("/j/{token}/answer", post(answer))
            .route("/assets/judging.js", get(script))
            .route("/assets/judging.css", get(style))
            .fallback(nothing_here)
            .method_not_allowed_fallback(nothing_here)
            .layer(DefaultBodyLimit::max(LONGEST))
            .layer(map_response(with_headers))
            .with_state(served);
        let done = server.answer(router, certificate);
        // Nobody can send any more, so that it ends once all is recorded.
        let _ = thread.join();
        done
    }
}

/// What every request needs.
struct Served {
    jobs: Sender<Job>,
    /// The document, and the fragment, that say that a link opens nothing.
    dead: String,
    dead_fragment: String,
    /// The documents that say that no place is free, and that the platform's id is missing.
    full: String,
    no_id: String,
    limits: Mutex<Limits>,
}

impl Served {
    /// Asks the store, unless this link asks too often or too many wait.
    async fn ask(&self, token: &str, job: impl FnOnce(oneshot::Sender<Answer>) -> Job) -> Asked {
        if !self.limits().admit(token, Instant::now()) {
            return Asked::TooOften;
        }
        let (sender, answer) = oneshot::channel();
        match self.jobs.try_send(job(sender)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Asked::TooOften,
            Err(TrySendError::Disconnected(_)) => return Asked::Answered(Answer::Busy),
        }
        let answer = answer.await.unwrap_or(Answer::Busy);
        if !matches!(answer, Answer::Dead) {
            self.limits().know(token, Instant::now());
        }
        Asked::Answered(answer)
    }

    fn limits(&self) -> std::sync::MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Asked {
    Answered(Answer),
    TooOften,
}

async fn page(State(served): State<Arc<Served>>, Path(token): Path<String>) -> Response {
    let named = token.clone();
    let asked = served.ask(&token, |answer| Job::Page {
        token: named,
        answer,
    });
    match asked.await {
        Asked::Answered(Answer::Kept(page)) => html(StatusCode::OK, page),
        Asked::Answered(Answer::Busy) => again(StatusCode::SERVICE_UNAVAILABLE),
        Asked::TooOften => again(StatusCode::TOO_MANY_REQUESTS),
        Asked::Answered(_) => html(StatusCode::NOT_FOUND, served.dead.clone()),
    }
}

async fn entrance(
    State(served): State<Arc<Served>>,
    Path(token): Path<String>,
    uri: Uri,
) -> Response {
    let Some(ids) = platform_ids(uri.query().unwrap_or_default()) else {
        return html(StatusCode::BAD_REQUEST, served.no_id.clone());
    };
    let named = token.clone();
    let asked = served.ask(&token, |answer| Job::Entrance {
        token: named,
        ids,
        answer,
    });
    match asked.await {
        Asked::Answered(Answer::Admitted(own)) => {
            let mut response = html(StatusCode::SEE_OTHER, String::new());
            if let Ok(place) = HeaderValue::try_from(format!("..{LINKS}{own}")) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            response
        }
        Asked::Answered(Answer::Full) => html(StatusCode::OK, served.full.clone()),
        Asked::Answered(Answer::Busy) => again(StatusCode::SERVICE_UNAVAILABLE),
        Asked::TooOften => again(StatusCode::TOO_MANY_REQUESTS),
        Asked::Answered(_) => html(StatusCode::NOT_FOUND, served.dead.clone()),
    }
}

async fn answer(
    State(served): State<Arc<Served>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    // What a form of another page could send is none of ours.
    let is_json = kind.is_some_and(|kind| kind.trim().starts_with("application/json"));
    let body = match tokio::time::timeout(SENDING, Bytes::from_request(request, &served)).await {
        Ok(Ok(body)) => body,
        Ok(Err(refused)) => return refused.into_response(),
        // Whoever is this slow keeps a connection; the page sends again what is not answered.
        Err(_) => return html(StatusCode::REQUEST_TIMEOUT, String::new()),
    };
    let Some(sent) = Sent::parse(&body).filter(|_| is_json) else {
        return html(StatusCode::BAD_REQUEST, String::new());
    };
    let named = token.clone();
    let asked = served.ask(&token, |answer| Job::Sent {
        token: named,
        sent,
        answer,
    });
    match asked.await {
        Asked::Answered(Answer::Kept(fragment)) => html(StatusCode::OK, fragment),
        Asked::Answered(Answer::Elsewhere(fragment)) => html(StatusCode::CONFLICT, fragment),
        Asked::Answered(Answer::Closed(fragment)) => html(StatusCode::GONE, fragment),
        Asked::Answered(Answer::Dead) => html(StatusCode::NOT_FOUND, served.dead_fragment.clone()),
        Asked::Answered(Answer::Wrong | Answer::Admitted(_) | Answer::Full) => {
            html(StatusCode::BAD_REQUEST, String::new())
        }
        Asked::Answered(Answer::Busy) => again(StatusCode::SERVICE_UNAVAILABLE),
        Asked::TooOften => again(StatusCode::TOO_MANY_REQUESTS),
    }
}

async fn script() -> Response {
    of_kind(
        StatusCode::OK,
        "text/javascript; charset=utf-8",
        SCRIPT.to_string(),
    )
}

async fn style() -> Response {
    of_kind(StatusCode::OK, "text/css; charset=utf-8", STYLE.to_string())
}

async fn nothing_here(State(served): State<Arc<Served>>) -> Response {
    html(StatusCode::NOT_FOUND, served.dead.clone())
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The document of a notice.
fn whole(texts: &Texts, (title, fragment): (&str, String)) -> String {
    document(&Document {
        texts,
        title,
        head: HEAD,
        fragment: &fragment,
        instructions: "",
        reading: false,
        place: "",
    })
}

fn html(status: StatusCode, text: String) -> Response {
    of_kind(status, "text/html; charset=utf-8", text)
}

/// Asks to come again soon.
fn again(status: StatusCode) -> Response {
    let mut response = of_kind(
        status,
        "text/plain; charset=utf-8",
        "Come again in a moment.\n".to_string(),
    );
    let wait = HeaderValue::from(Limits::again().as_secs());
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

fn of_kind(status: StatusCode, kind: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
