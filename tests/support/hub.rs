//! A Hugging Face hub in miniature, on this machine: the paths, headers and redirects of a real one, a second server
//! that holds the large files, and faults to order.
#![allow(dead_code)] // Each test binary uses its own part.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const MODEL: &str = "ada/tiny";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the servers were asked, and what they do wrong.
#[derive(Default)]
pub struct State {
    pub files: BTreeMap<String, Vec<u8>>,
    pub requests: Vec<Request>,
    /// So many bodies of large files end after half of what is left.
    pub cuts: usize,
    /// So many answers are this status.
    pub failures: (usize, u16),
    pub damaged: bool,
    pub ignores_ranges: bool,
    pub gated: bool,
    /// Everything but redirects to the other server needs this token.
    pub token: Option<String>,
    /// The pause in the middle of a large body.
    pub pause: Duration,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub server: &'static str,
    pub method: String,
    pub path: String,
    /// With names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Request {
    pub fn is_body(&self) -> bool {
        self.method == "GET" && !self.path.starts_with("/api/models/")
    }
}

pub struct TestHub {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

impl TestHub {
    /// A hub with one model: settings, a tokenizer, weights of 300 000 bytes, and files that no model needs.
    pub fn start() -> TestHub {
        let weights: Vec<u8> = (0..300_000u32)
            .map(|at| (at.wrapping_mul(at) / 7) as u8)
            .collect();
        let files = [
            ("README.md", b"# tiny".to_vec()),
            ("config.json", br#"{"model_type": "t5"}"#.to_vec()),
            ("tokenizer.json", b"{}".to_vec()),
            ("1_Pooling/config.json", br#"{"pooling": "mean"}"#.to_vec()),
            ("model.safetensors", weights.clone()),
            ("pytorch_model.bin", weights.clone()),
            ("tiny-Q4.gguf", weights[..1000].to_vec()),
        ];
        let files = files.map(|(name, content)| (name.to_string(), content));
        let state = State {
            files: files.into(),
            ..State::default()
        };
        let state = Arc::new(Mutex::new(state));
        let store = serve("store", state.clone(), String::new());
        let endpoint = serve("hub", state.clone(), store);
        TestHub { endpoint, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests since the last call.
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.state().requests)
    }

    pub fn content(&self, file: &str) -> Vec<u8> {
        self.state().files[file].clone()
    }

    pub fn put(&self, file: &str, content: impl Into<Vec<u8>>) {
        self.state().files.insert(file.to_string(), content.into());
    }
}

pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub fn git_blob(content: &[u8]) -> String {
    let head = format!("blob {}\0", content.len());
    hex(&Sha1::new_with_prefix(head).chain_update(content).finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Starts a server that answers until the test ends, and returns its address.
fn serve(name: &'static str, state: Arc<Mutex<State>>, store: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let (state, store) = (state.clone(), store.clone());
            let answer = move || answer(name, stream, &state, &store);
            std::thread::Builder::new().spawn(answer).unwrap();
        }
    };
    std::thread::Builder::new().spawn(accept).unwrap();
    address
}

/// One request a connection. A client that went away is no fault of the server.
fn answer(server: &'static str, mut stream: TcpStream, state: &Mutex<State>, store: &str) {
    let Some(request) = read_request(server, &stream) else {
        return;
    };
    let reply = {
        let mut state = state.lock().unwrap();
        state.requests.push(request.clone());
        match server {
            "hub" => hub(&request, &mut state, store),
            _ => large_file(&request, &mut state),
        }
    };
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let length = reply.announced.unwrap_or(reply.body.len());
    head += &format!("Content-Length: {length}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    if request.method != "HEAD" {
        let (first, second) = reply.body.split_at(reply.body.len() / 2);
        let _ = stream.write_all(first).and_then(|()| stream.flush());
        std::thread::sleep(reply.pause);
        let _ = stream.write_all(second);
    }
}

fn read_request(server: &'static str, stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream.take(64 << 10)).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_string(), words.next()?.to_string());
    let mut headers = BTreeMap::new();
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    Some(Request {
        server,
        method,
        path,
        headers,
    })
}

#[derive(Default)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The length that is announced, where it is another.
    announced: Option<usize>,
    pause: Duration,
}

impl Reply {
    fn refused(status: u16, code: &str) -> Reply {
        Reply {
            status,
            headers: vec![("X-Error-Code", code.to_string())],
            ..Reply::default()
        }
    }
}

fn hub(request: &Request, state: &mut State, store: &str) -> Reply {
    if state.failures.0 > 0 {
        state.failures.0 -= 1;
        return Reply::refused(state.failures.1, "");
    }
    let given = request.headers.get("authorization");
    if let Some(token) = &state.token
        && given != Some(&format!("Bearer {token}"))
    {
        return Reply::refused(401, if given.is_some() { "" } else { "RepoNotFound" });
    }
    let path = request.path.trim_start_matches('/');
    if let Some(rest) = path.strip_prefix("api/models/") {
        return info(rest, state);
    }
    if let Some(file) = path.strip_prefix(&format!("{MODEL}/resolve/{COMMIT}/")) {
        return resolve(file, state, store);
    }
    if let Some(file) = path.strip_prefix("small/") {
        let Some(content) = state.files.get(file) else {
            return Reply::refused(404, "EntryNotFound");
        };
        let mut reply = part(request, content, state.ignores_ranges);
        reply
            .headers
            .push(("ETag", format!("\"{}\"", git_blob(content))));
        reply.headers.push(("X-Repo-Commit", COMMIT.to_string()));
        return reply;
    }
    Reply::refused(404, "RepoNotFound")
}

fn info(rest: &str, state: &State) -> Reply {
    let Some(revision) = rest.strip_prefix(&format!("{MODEL}/revision/")) else {
        return Reply::refused(404, "RepoNotFound");
    };
    if !["main", "refs%2Fpr%2F1", COMMIT].contains(&revision) {
        return Reply::refused(404, "RevisionNotFound");
    }
    let files = state.files.keys();
    let siblings: Vec<_> = files
        .map(|file| serde_json::json!({"rfilename": file}))
        .collect();
    let document = serde_json::json!({"id": MODEL, "sha": COMMIT, "siblings": siblings});
    Reply {
        status: 200,
        headers: vec![("Content-Type", "application/json".to_string())],
        body: document.to_string().into_bytes(),
        ..Reply::default()
    }
}

/// A redirect: of a large file to the other server, of a small one to another path.
fn resolve(file: &str, state: &State, store: &str) -> Reply {
    if state.gated {
        return Reply::refused(403, "GatedRepo");
    }
    let Some(content) = state.files.get(file) else {
        return Reply::refused(404, "EntryNotFound");
    };
    let is_large = content.len() >= 1000;
    let (etag, location) = match is_large {
        true => (sha256(content), format!("{store}/{file}")),
        false => (git_blob(content), format!("/small/{file}")),
    };
    let mut headers = vec![
        ("X-Repo-Commit", COMMIT.to_string()),
        ("Location", location),
    ];
    if is_large {
        headers.push(("X-Linked-Etag", format!("\"{etag}\"")));
        headers.push(("X-Linked-Size", content.len().to_string()));
    }
    Reply {
        status: if is_large { 302 } else { 307 },
        headers,
        ..Reply::default()
    }
}

fn large_file(request: &Request, state: &mut State) -> Reply {
    let Some(content) = state.files.get(request.path.trim_start_matches('/')) else {
        return Reply::refused(404, "");
    };
    let mut content = content.clone();
    if state.damaged {
        content[0] ^= 1;
    }
    let mut reply = part(request, &content, state.ignores_ranges);
    reply
        .headers
        .push(("ETag", format!("\"{}-of-the-store\"", content.len())));
    reply.pause = state.pause;
    if state.cuts > 0 {
        state.cuts -= 1;
        reply.announced = Some(reply.body.len());
        reply.body.truncate(reply.body.len() / 2);
    }
    reply
}

/// The content, or the end of it that is asked for.
fn part(request: &Request, content: &[u8], ignores_ranges: bool) -> Reply {
    let all = content.len();
    let range = request.headers.get("range").filter(|_| !ignores_ranges);
    let from = range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    match from {
        None => Reply {
            status: 200,
            body: content.to_vec(),
            ..Reply::default()
        },
        Some(from) if from >= all => Reply::refused(416, ""),
        Some(from) => Reply {
            status: 206,
            headers: vec![("Content-Range", format!("bytes {from}-{}/{all}", all - 1))],
            body: content[from..].to_vec(),
            ..Reply::default()
        },
    }
}
