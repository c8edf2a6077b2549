//! A checkpoint behind an address: asked by hand, and by the program itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;

use crate::cli_support::Place;
use crate::models::place;
use serde_json::{Value, json};

/// A server that ends with the test.
struct Served {
    child: Child,
    address: String,
    model: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    fn start(place: &Place, more: &[&str]) -> Served {
        let mut child = place.start(&[&["serve-model", "1", "--json"], more].concat());
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Served {
            child,
            address: said["address"].as_str().unwrap().to_string(),
            model: said["model"].as_str().unwrap().to_string(),
        }
    }

    /// Status, head and body of a request.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
        let host = self
            .address
            .trim_start_matches("http://")
            .trim_end_matches("/v1");
        let mut stream = TcpStream::connect(host).unwrap();
        let host = if headers.contains("Host: ") {
            String::new()
        } else {
            format!("Host: {host}\r\n")
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_string(), body.to_string())
    }

    fn complete(&self, mut request: Value) -> (u16, String) {
        if request["model"].is_null() {
            request["model"] = json!(self.model);
        }
        let (status, _, body) = self.ask(
            "POST",
            "/v1/chat/completions",
            "Content-Type: application/json\r\n",
            &request.to_string(),
        );
        (status, body)
    }

    fn answer(&self, request: Value) -> Value {
        let (status, body) = self.complete(request);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }
}

fn said(text: &str) -> Value {
    json!([{"role": "user", "content": text}])
}

/// What a stream says, and how it ends.
fn streamed(body: &str) -> (String, Value, bool) {
    let (mut text, mut last, mut done) = (String::new(), Value::Null, false);
    // Chunks of HTTP have their lengths on lines of their own.
    for line in body.lines().filter_map(|line| line.strip_prefix("data: ")) {
        if line == "[DONE]" {
            done = true;
            continue;
        }
        let event: Value = serde_json::from_str(line).unwrap();
        text += event["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default();
        last = event;
    }
    (text, last, done)
}

#[test]
fn a_checkpoint_answers_others_tools_as_generate_does() {
    let place = place();
    let served = Served::start(place, &[]);
    assert!(
        served.address.starts_with("http://127.0.0.1:"),
        "{}",
        served.address
    );
    let (status, _, body) = served.ask("GET", "/v1/models", "", "");
    let models: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &models["data"][0]["id"]),
        (200, &json!(served.model))
    );

    let text = "I lost my job today.";
    let contexts = place.write("served.jsonl", json!({"context": text}).to_string());
    let generate = ["generate", "--model", "1", "--input", &contexts];
    let drawn = place.lines(&[&generate[..], &["--seed", "5", "--temperature", "0.8"]].concat());
    let answer = served.answer(json!({"messages": said(text), "seed": 5, "temperature": 0.8}));
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        drawn[0]["response"]
    );
    assert_eq!(answer["seed"], 5);
    let tokens = drawn[0]["tokens"].as_array().unwrap().len();
    assert_eq!(answer["usage"]["completion_tokens"], tokens);
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 3);
    let greedy = place.lines(&[&generate[..], &["--greedy"]].concat());
    let answer = served.answer(json!({"messages": said(text), "temperature": 0}));
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        greedy[0]["response"]
    );

    // At most so many tokens, and before a stop.
    let short = served.answer(json!({"messages": said(text), "seed": 5, "max_tokens": 2}));
    assert_eq!(short["usage"]["completion_tokens"], 2);
    assert_eq!(short["choices"][0]["finish_reason"], "length");
    let whole = drawn[0]["response"].as_str().unwrap();
    let letter: String = whole.chars().skip(3).take(1).collect();
    let request = json!({"messages": said(text), "seed": 5, "temperature": 0.8, "stop": [letter]});
    let cut = served.answer(request.clone());
    let cut_text = cut["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!(cut_text, whole.split(&letter).next().unwrap());
    assert_eq!(cut["choices"][0]["finish_reason"], "stop");

    // Streams say the same, piece by piece.
    for (request, text) in [
        (
            json!({"messages": said(text), "seed": 5, "temperature": 0.8}),
            whole,
        ),
        (request, cut_text),
    ] {
        let mut request = request;
        request["stream"] = json!(true);
        request["stream_options"] = json!({"include_usage": true});
        let (status, body) = served.complete(request);
        let (said, last, done) = streamed(&body);
        assert_eq!((status, said.as_str(), done), (200, text, true), "{body}");
        assert!(
            last["usage"]["total_tokens"].as_u64().unwrap() > 3,
            "{last}"
        );
    }
    // What is longer than it reads is cut, and that is said.
    assert_eq!(answer["prompt_cut"], false);
    let long = served.answer(json!({"messages": said(&"I am sad. ".repeat(400)), "seed": 1}));
    assert_eq!(long["prompt_cut"], true);
    // Without a seed another one each time, which is said.
    let seeds = [0, 1].map(|_| {
        served.answer(json!({"messages": said(text)}))["seed"]
            .as_u64()
            .unwrap()
    });
    assert_ne!(seeds[0], seeds[1]);
}

#[test]
fn what_is_wrong_is_refused_with_a_reason() {
    let place = place();
    let served = Served::start(place, &["--name", "tiny"]);
    assert_eq!(served.model, "tiny");
    for (request, status, says) in [
        (
            json!({"model": "gpt-4", "messages": said("Hi")}),
            404,
            "it is \"tiny\"",
        ),
        (json!({"messages": []}), 400, "say nothing"),
        (json!({"messages": said("Hi"), "n": 3}), 400, "`n`"),
        (
            json!({"messages": said("Hi"), "temperature": 99}),
            400,
            "`temperature`",
        ),
    ] {
        let (found, body) = served.complete(request);
        let body: Value = serde_json::from_str(&body).unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(found == status && message.contains(says), "{found}: {body}");
    }
    let chat = "/v1/chat/completions";
    let body = json!({"model": "tiny", "messages": said("Hi")}).to_string();
    // What a page of the web could send.
    assert_eq!(
        served
            .ask("POST", chat, "Content-Type: text/plain\r\n", &body)
            .0,
        415
    );
    let host = "Host: evil.example\r\nContent-Type: application/json\r\n";
    assert_eq!(served.ask("POST", chat, host, &body).0, 403);
    assert_eq!(
        served
            .ask("GET", "/v1/models", "Host: evil.example\r\n", "")
            .0,
        403
    );
    assert_eq!(served.ask("GET", "/", "", "").0, 404);
    assert_eq!(
        served
            .ask("POST", chat, "Content-Type: application/json\r\n", "{")
            .0,
        400
    );
    let taken = served
        .address
        .trim_start_matches("http://")
        .trim_end_matches("/v1");
    let done = place.run(&["serve-model", "1", "--address", taken]);
    assert!(
        done.code == 1 && done.stderr.contains("choose another with --address"),
        "{}",
        done.stderr
    );
}

#[cfg(unix)]
#[test]
fn the_program_asks_its_own_checkpoint_as_it_asks_any_model() {
    let place = place();
    let mut served = Served::start(place, &["--max-source", "512"]);
    let template = place.write("bare.txt", "{context}");
    let address = served.address.clone();
    let arguments = [
        "endpoint",
        "answer",
        "--address",
        &address,
        "--model",
        &served.model,
        "--data",
        "builtin",
        "--limit",
        "5",
        "--system",
        "served",
        "--template",
        &template,
        "--seed",
        "2",
    ];
    let found = place.json(&arguments);
    assert_eq!(
        (&found["responses"], &found["asked"]),
        (&json!(5), &json!(5))
    );
    assert!(
        found["tally"]["prompt_tokens"].as_u64().unwrap() > 5,
        "{found}"
    );
    assert_eq!(found["tally"]["without_usage"], 0);
    assert_eq!(found["tally"]["prompts_cut"], 0);
    assert!(place.ok(&["responses", "list"]).contains("served"));
    // Drawn by the same seeds by another go, they are the same.
    let again = arguments.map(|word| if word == "served" { "again" } else { word });
    let again = place.json(&again);
    assert_eq!(found["sha256"], again["sha256"]);
    // Ctrl-C ends it politely.
    let id = served.child.id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let status = served.child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
}
