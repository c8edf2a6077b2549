//! A series of requests: several at once, each recorded with its answer before it counts as done.
//!
//! What is recorded is never asked again, whether the command ended, was stopped, or was killed. Must not know what the
//! requests are for.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::{RecvTimeoutError, Sender, bounded};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::{OnProgress, OperationError, Progress, reader_if_present};
use super::chat::{ChatAnswer, Endpoint};

use crate::fetch::{ChatServer, FetchError};
use crate::store::{AskId, Exchange, Judged, Store};
use crate::study::hex;

/// How often it is looked whether the command is to stop.
const GLANCE: Duration = Duration::from_millis(100);
/// Requests that are refused in a row for what is in them, after which something else is wrong.
const MOST_REFUSED: usize = 10;

/// In what is said of a series, the file of its prompt: for people, since it is known by its hash wherever it lies.
pub(super) const TEMPLATE: &str = "template";

/// What is to be asked.
pub(super) struct Plan<'a> {
    /// `answer`, `rate` or `compare`.
    pub kind: &'static str,
    /// Where it goes, by what settings, about what: all that decides what is asked.
    pub about: Map<String, Value>,
    /// A name for each request, each once.
    pub items: Vec<String>,
    /// The request of a place in `items`.
    pub body: Box<dyn Fn(usize) -> Value + Sync + 'a>,
}

impl Plan<'_> {
    pub fn digest(&self) -> String {
        let mut about = self.about.clone();
        about.shift_remove(TEMPLATE);
        let text = format!("{}\n{}", self.kind, Value::from(about));
        hex(&Sha256::digest(text.as_bytes()))
    }
}

/// What will be sent where, for a person who is to know before.
#[derive(Clone, Debug, Serialize)]
pub struct Outline {
    pub address: String,
    pub model: String,
    /// The environment variable whose key is sent along; None: no key is sent.
    pub key_variable: Option<String>,
    /// Whether the key can be read on its way to another machine.
    pub key_unencrypted: bool,
    /// In all.
    pub requests: usize,
    /// Answered by an earlier go.
    pub recorded: usize,
    pub at_once: usize,
    /// The first request, as it is sent.
    pub first: Value,
    /// What a person should know; each a sentence.
    pub notes: Vec<String>,
}

impl Outline {
    pub(super) fn of(
        store: &Path,
        endpoint: &Endpoint,
        plan: &Plan<'_>,
        notes: Vec<String>,
    ) -> Result<Outline, OperationError> {
        let server = endpoint.server()?;
        let recorded = recorded(store, plan)?.map_or_else(HashSet::new, |(_, items)| items);
        let known = plan.items.iter().filter(|item| recorded.contains(*item));
        Ok(Outline {
            address: server.address().to_string(),
            model: endpoint.model.clone(),
            key_variable: endpoint.key()?.and_then(|_| endpoint.key_variable.clone()),
            key_unencrypted: server.bares_the_key(),
            requests: plan.items.len(),
            recorded: known.count(),
            at_once: endpoint.at_once,
            first: (plan.body)(0),
            notes,
        })
    }
}

/// The series of a plan, if it was begun, with the items that are answered.
pub(super) fn recorded(
    store: &Path,
    plan: &Plan<'_>,
) -> Result<Option<(AskId, HashSet<String>)>, OperationError> {
    let Some(reader) = reader_if_present(store)? else {
        return Ok(None);
    };
    let Some(ask) = reader.ask_of(&plan.digest())? else {
        return Ok(None);
    };
    Ok(Some((ask, reader.answered(ask)?)))
}

/// A request that the server refused for what is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    pub item: String,
    pub why: String,
}

/// What came of a go.
#[derive(Clone, Debug)]
pub(super) struct Went {
    pub ask: AskId,
    /// Requests that were answered now.
    pub asked: usize,
    pub refused: Vec<Refusal>,
}

/// An answer on its way from whoever asked to who records it, or why there is none.
type Came = Result<(usize, String, Value, ChatAnswer), (usize, FetchError)>;

/// What came, and whom to tell once it is on disk.
type Told = (Came, Sender<()>);

/// Asks what is missing. `judged` says what an answer means, if it is a judgement.
///
/// # Errors
/// The server cannot be reached, refuses or goes on failing; the store cannot be written; or `on_progress` stopped it.
/// What was answered until then is recorded.
pub(super) fn ask(
    store: &Path,
    endpoint: &Endpoint,
    plan: &Plan<'_>,
    judged: &dyn Fn(&ChatAnswer) -> Option<Judged>,
    on_progress: OnProgress<'_>,
) -> Result<Went, OperationError> {
    let mut writer = Store::open(store)?.writable()?;
    let before = recorded(store, plan)?;
    let known = before.as_ref().map(|(_, items)| items);
    let missing: Vec<usize> = (0..plan.items.len())
        .filter(|place| known.is_none_or(|known| !known.contains(&plan.items[*place])))
        .collect();
    let ask = match (&before, missing.is_empty()) {
        (Some((ask, _)), true) => *ask,
        _ => writer.begin_ask(&plan.digest(), plan.kind, &plan.about.clone().into())?,
    };
    let server = endpoint.server()?;
    let mut going = Going {
        ask,
        plan,
        judged,
        recorded: plan.items.len() - missing.len(),
        asked: 0,
        refused: Vec::new(),
        refused_in_a_row: 0,
        failed: None,
    };
    let stop = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let (sender, answers) = bounded::<Told>(endpoint.at_once);
    let flow = std::thread::scope(|scope| {
        let mut failed = None;
        for number in 0..endpoint.at_once.min(missing.len()) {
            let (sender, stop, next, server, missing) =
                (sender.clone(), &stop, &next, &server, &missing);
            let asking = move || asker(server, endpoint, plan, (missing, next), stop, &sender);
            let thread = std::thread::Builder::new().name(format!("asking {number}"));
            if let Err(error) = thread.spawn_scoped(scope, asking) {
                failed = Some(error);
                break;
            }
        }
        drop(sender);
        if let Some(error) = failed {
            going.failed = Some(error.into());
            stop.store(true, Ordering::Relaxed);
        }
        let mut flow = ControlFlow::Continue(());
        loop {
            match answers.recv_timeout(GLANCE) {
                Ok((came, taken)) => {
                    going.take(&mut writer, came);
                    if going.failed.is_some() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    let _ = taken.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if flow.is_continue() {
                flow = on_progress(Progress {
                    doing: "Asking",
                    done: going.recorded,
                    of: plan.items.len(),
                });
            }
            if flow.is_break() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        flow
    });
    if let Some(error) = going.failed {
        return Err(OperationError::AskFailed {
            recorded: going.recorded,
            of: plan.items.len(),
            source: Box::new(error),
        });
    }
    if flow.is_break() && going.recorded + going.refused.len() < plan.items.len() {
        return Err(OperationError::AskStopped {
            recorded: going.recorded,
            of: plan.items.len(),
        });
    }
    if going.recorded == plan.items.len() {
        writer.end_ask(ask)?;
    }
    Ok(Went {
        ask,
        asked: going.asked,
        refused: going.refused,
    })
}

/// Asks one request after the other, the next once the last is on disk, until none is left or it is to stop. A request
/// that is under way is waited for.
fn asker(
    server: &ChatServer,
    endpoint: &Endpoint,
    plan: &Plan<'_>,
    (missing, next): (&[usize], &AtomicUsize),
    stop: &AtomicBool,
    answers: &Sender<Told>,
) {
    let (taken, on_disk) = bounded(1);
    while !stop.load(Ordering::Relaxed) {
        let Some(&place) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else {
            return;
        };
        let body = (plan.body)(place);
        let document = body.to_string();
        let mut keep_going = || match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let asked = server.ask(
            document.as_bytes(),
            endpoint.timeout,
            &ChatAnswer::read,
            &mut keep_going,
        );
        let came = match asked {
            Ok((text, answer)) => Ok((place, text, body, answer)),
            Err(FetchError::Stopped) => return,
            Err(error) => Err((place, error)),
        };
        // Both fail where nobody records any more.
        if answers.send((came, taken.clone())).is_err() || on_disk.recv().is_err() {
            return;
        }
    }
}

/// A go that is under way.
struct Going<'a> {
    ask: AskId,
    plan: &'a Plan<'a>,
    judged: &'a dyn Fn(&ChatAnswer) -> Option<Judged>,
    /// Of all requests, those that are answered and on disk.
    recorded: usize,
    asked: usize,
    refused: Vec<Refusal>,
    refused_in_a_row: usize,
    /// Why it ends.
    failed: Option<OperationError>,
}

impl Going<'_> {
    fn take(&mut self, store: &mut Store, came: Came) {
        match came {
            Ok((place, text, body, answer)) => {
                let exchange = Exchange {
                    item: self.plan.items[place].clone(),
                    request: body.to_string(),
                    answer: text,
                    judged: (self.judged)(&answer),
                };
                match store.record_exchange(self.ask, &exchange) {
                    Ok(()) => {
                        self.recorded += 1;
                        self.asked += 1;
                        self.refused_in_a_row = 0;
                    }
                    Err(error) => self.fail(error.into()),
                }
            }
            Err((place, error)) if error.is_of_this_request() => {
                self.refused_in_a_row += 1;
                // What refuses the first request would refuse them all.
                let hopeless = self.recorded == 0 || self.refused_in_a_row >= MOST_REFUSED;
                self.refused.push(Refusal {
                    item: self.plan.items[place].clone(),
                    why: error.to_string(),
                });
                if hopeless {
                    self.fail(error.into());
                }
            }
            Err((_, error)) => self.fail(error.into()),
        }
    }

    /// The first failure is the one to report.
    fn fail(&mut self, error: OperationError) {
        self.failed.get_or_insert(error);
    }
}

/// What all series say of where they are sent, and how.
pub(super) fn about(endpoint: &Endpoint) -> Result<Map<String, Value>, OperationError> {
    let mut about = Map::new();
    about.insert("address".into(), endpoint.server()?.address().into());
    about.insert("model".into(), endpoint.model.clone().into());
    about.insert("temperature".into(), json!(endpoint.temperature));
    about.insert("top_p".into(), json!(endpoint.top_p));
    about.insert("max_tokens".into(), json!(endpoint.max_tokens));
    about.insert("seed".into(), json!(endpoint.seed));
    about.insert("fields".into(), Value::Object(endpoint.fields.clone()));
    Ok(about)
}
