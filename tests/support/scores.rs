//! A server on this machine that scores responses, and answers as it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// The answer to the rows of one request: its status, its body, and how long it takes.
pub struct Reply {
    pub status: u16,
    pub body: String,
    pub pause: Duration,
}

impl Reply {
    pub fn of(status: u16, body: impl Into<String>) -> Reply {
        Reply {
            status,
            body: body.into(),
            pause: Duration::ZERO,
        }
    }
}

type Replies = Arc<Mutex<dyn FnMut(&Value) -> Reply + Send>>;

/// Starts a server that answers until the test ends, and returns its address.
pub fn start(reply: impl FnMut(&Value) -> Reply + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/score", listener.local_addr().unwrap());
    let reply: Replies = Arc::new(Mutex::new(reply));
    let accept = move || {
        for stream in listener.incoming().flatten() {
            answer(stream, &reply);
        }
    };
    std::thread::Builder::new().spawn(accept).unwrap();
    address
}

/// One request a connection. A client that went away is no fault of the server.
fn answer(mut stream: TcpStream, reply: &Replies) {
    let mut reader = BufReader::new(&stream);
    let mut length = 0;
    let mut is_post = false;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        is_post |= line.starts_with("POST /score ");
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().unwrap();
            }
            _ if line.trim().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    assert!(is_post, "rows are posted");
    let rows: Value = serde_json::from_slice(&body).unwrap();
    let Reply {
        status,
        body,
        pause,
    } = (reply.lock().unwrap())(&rows);
    std::thread::sleep(pause);
    let head = format!(
        "HTTP/1.1 {status} Status\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}
