//! A study that is judged over HTTP: the program itself as the server, and a browser in miniature.
#![allow(dead_code)] // every test binary uses a part of it

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};

use serde_json::{Value, json};

use crate::cli_support::Place;

/// A server that ends with the test.
pub struct Served {
    pub child: Child,
    /// Its standard output stays open, so that it can say what it likes.
    _stdout: BufReader<ChildStdout>,
    /// What it said first.
    pub said: Value,
    /// Host and port.
    pub host: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Served {
    pub fn start(place: &Place, more: &[&str]) -> Served {
        let serve = ["study", "serve", "1", "--json"];
        let own = match more.contains(&"--address") {
            true => &[][..],
            false => &["--address", "127.0.0.1:0"],
        };
        let mut child = place.start(&[&serve[..], own, more].concat());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut why = String::new();
            let _ = child.kill();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            panic!("{error}: {line}: {why}")
        });
        let address = said["address"].as_str().unwrap();
        let host = address.split_once("://").unwrap().1.to_string();
        Served {
            child,
            _stdout: stdout,
            said,
            host,
        }
    }

    /// The tokens of the new links, by annotator.
    pub fn tokens(&self) -> Vec<String> {
        let links = self.said["links"].as_array().unwrap().iter();
        links
            .filter_map(|link| link["url"].as_str())
            .map(token)
            .collect()
    }

    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        ask(&self.host, method, path, headers, body).unwrap()
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "", "")
    }

    /// Sends what a page sends; asks again where it is told to come again.
    pub fn send(&self, token: &str, sent: &Value) -> Reply {
        loop {
            let reply = self.ask(
                "POST",
                &format!("/j/{token}/answer"),
                "Content-Type: application/json\r\n",
                &sent.to_string(),
            );
            if reply.status != 429 {
                return reply;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

/// The token of a link.
pub fn token(url: &str) -> String {
    url.rsplit_once("/j/").unwrap().1.to_string()
}

/// One request on a connection of its own.
pub fn ask(
    host: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(host)?;
    stream.write_all(request(host, method, path, headers, body).as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Reply {
        status,
        head: head.to_string(),
        body: body.to_string(),
    })
}

pub fn request(host: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

/// What a page or a fragment shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub view: String,
    pub item: String,
    pub known: usize,
    /// The responses, left before right.
    pub texts: Vec<String>,
    /// The conversation.
    pub context: Vec<String>,
}

/// The value of an attribute, the first time it comes.
pub fn attribute(html: &str, name: &str) -> Option<String> {
    let rest = html.split_once(&format!(" {name}=\""))?.1;
    Some(plain(rest.split_once('"')?.0))
}

fn plain(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

impl Seen {
    pub fn of(html: &str) -> Seen {
        let all = |begin: &str, end: &str| -> Vec<String> {
            let parts = html.split(begin).skip(1);
            parts
                .map(|part| plain(part.split_once(end).unwrap().0))
                .collect()
        };
        Seen {
            view: attribute(html, "data-view").unwrap_or_else(|| panic!("no view: {html}")),
            item: attribute(html, "data-item").unwrap_or_default(),
            known: attribute(html, "data-known").map_or(0, |known| known.parse().unwrap()),
            texts: all("<span class=\"text\" dir=\"auto\" data-say>", "</span>"),
            context: all("<p dir=\"auto\" data-say>", "</p>"),
        }
    }

    /// What the page sends when this is done with the item in view.
    pub fn sends(&self, key: u128, deed: Value) -> Value {
        json!({
            "key": format!("{key:032x}"),
            "known": self.known,
            "item": self.item,
            "do": deed,
            "shown_ms": 1200,
        })
    }
}

/// The deed of a choice.
pub fn choice(choice: &str) -> Value {
    json!({"answer": {"choice": choice}})
}
