//! A server on this machine that answers as OpenAI's does, or misbehaves as it is told to.
#![allow(dead_code)] // every test binary uses a part of it

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What it does with a request.
pub enum Act {
    /// Answers with this text.
    Say(String),
    /// Answers with this status, this header and this body.
    Raw(u16, &'static str, String),
    /// Ends in the middle of the body.
    Cut,
    /// Says nothing for so long, and then what it would.
    Hang(Duration, String),
}

impl Act {
    pub fn say(text: impl Into<String>) -> Act {
        Act::Say(text.into())
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    /// With names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Value,
    pub at: Instant,
}

impl Request {
    /// What the last message says.
    pub fn prompt(&self) -> String {
        let messages = self.body["messages"].as_array().unwrap();
        let last = messages.last().unwrap();
        last["content"].as_str().unwrap().to_string()
    }
}

/// The server; it answers until the test ends.
pub struct TestChat {
    /// Without a path.
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

type Acts = Arc<dyn Fn(usize, &Request) -> Act + Send + Sync>;

impl TestChat {
    /// Starts one that does to each request, counted from 0, what `act` says.
    pub fn start(act: impl Fn(usize, &Request) -> Act + Send + Sync + 'static) -> TestChat {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (act, log): (Acts, _) = (Arc::new(act), requests.clone());
        let accept = move || {
            for stream in listener.incoming().flatten() {
                let (act, log) = (act.clone(), log.clone());
                let answer = move || answer(stream, &act, &log);
                std::thread::Builder::new().spawn(answer).unwrap();
            }
        };
        std::thread::Builder::new().spawn(accept).unwrap();
        TestChat { address, requests }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn prompts(&self) -> Vec<String> {
        self.requests().iter().map(Request::prompt).collect()
    }

    /// Waits until there were so many requests.
    pub fn wait_for(&self, requests: usize) {
        for _ in 0..600 {
            if self.requests.lock().unwrap().len() >= requests {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {requests} requests came");
    }
}

/// The body of an answer.
pub fn completion(text: &str) -> String {
    json!({
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
    })
    .to_string()
}

/// One request a connection. A client that went away is no fault of the server.
fn answer(mut stream: TcpStream, act: &Acts, log: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(&stream);
    let mut first = String::new();
    if reader.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_string()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let request = Request {
        path: first.split(' ').nth(1).unwrap().to_string(),
        headers,
        body: serde_json::from_slice(&body).unwrap(),
        at: Instant::now(),
    };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    let (status, header, body, sent) = match act(number, &request) {
        Act::Say(text) => (200, "X-A: b", completion(&text), 1),
        Act::Raw(status, header, body) => (status, header, body, 1),
        Act::Cut => (200, "X-A: b", completion("never whole"), 2),
        Act::Hang(pause, text) => {
            std::thread::sleep(pause);
            (200, "X-A: b", completion(&text), 1)
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Type: application/json\r\n{header}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body.as_bytes()[..body.len() / sent]);
}
