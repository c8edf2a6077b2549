//! Judging in a browser, over HTTP: what a link shows and what it does not, answers that count once whatever is lost on
//! the way, and links that end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::cli_support::Place;
use crate::serve_support::{Reply, Seen, Served, ask, choice, request};
use crate::study_support::*;
use emprl::store::{Store, StoreReader, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::JudgementRecord;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

const STUDY: StudyId = StudyId(1);
const PEOPLE: [&str; 3] = ["Ada", "Ben", "Cem"];

fn place_with(kind: StudyKind, contexts: usize) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.store()).unwrap();
    let mut store = store_with_systems(&place.store(), 2, contexts);
    let mut definition = definition(kind, 2);
    definition.contexts = contexts;
    assert_eq!(create(&mut store, &definition), STUDY);
    place
}

fn records(place: &Place, annotator: u32) -> Vec<JudgementRecord> {
    let reader = StoreReader::open(&place.store()).unwrap();
    reader.pack(STUDY, annotator).unwrap().acts
}

fn page(served: &Served, token: &str) -> Seen {
    let reply = served.get(&format!("/j/{token}"));
    assert_eq!(reply.status, 200, "{}", reply.body);
    Seen::of(&reply.body)
}

#[test]
fn a_link_is_judged_from_its_first_item_to_its_last() {
    let place = place_with(StudyKind::AbTest, 6);
    let served = Served::start(&place, &[]);
    let tokens = served.tokens();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| token.len() == 32));
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), 3);

    // The items come in the annotator's own order, with the texts and sides of the window.
    let reader = StoreReader::open(&place.store()).unwrap();
    let worklist = reader.worklist(STUDY, 2).unwrap();
    let mut seen = page(&served, &tokens[1]);
    for (at, own) in worklist.pages().iter().enumerate() {
        assert_eq!(seen.texts, texts(own));
        assert_eq!(seen.context, own.context);
        let action = ["left", "right", "tie"][at % 3];
        let reply = served.send(&tokens[1], &seen.sends(at as u128, choice(action)));
        assert_eq!(reply.status, 200, "{}", reply.body);
        // It is on disk before the next item is sent.
        assert_eq!(records(&place, 2).len(), at + 1);
        seen = Seen::of(&reply.body);
    }
    assert_eq!(seen.view, "done");
    // The last answer is taken back and given anew; a flag and a comment leave the item in view.
    let reply = served.send(&tokens[1], &seen.sends(100, json!("undo")));
    let mut seen = Seen::of(&reply.body);
    assert_eq!(seen.texts, texts(&worklist.pages()[5]));
    for (key, action) in [
        (101, json!({"flag": true})),
        (102, json!({"comment": "  odd <b> "})),
    ] {
        let before = seen.item.clone();
        let reply = served.send(&tokens[1], &seen.sends(key, action));
        seen = Seen::of(&reply.body);
        assert_eq!(seen.item, before);
        assert!(!reply.body.contains("<b> "));
    }
    let reply = served.send(&tokens[1], &seen.sends(103, json!("skip")));
    // A skipped item comes again when nothing else is left.
    let seen = Seen::of(&reply.body);
    assert_eq!(seen.texts, texts(&worklist.pages()[5]));
    let reply = served.send(&tokens[1], &seen.sends(104, choice("tie")));
    assert_eq!(Seen::of(&reply.body).view, "done");
    let after = reader.worklist(STUDY, 2).unwrap();
    assert_eq!(after.progress().answered, 6);
    let state = after.state(&after.pages()[5]);
    assert!(state.flagged && state.comment == "odd <b>" && state.shown_ms >= 1200);
    assert!(records(&place, 1).is_empty() && records(&place, 3).is_empty());
}

#[test]
fn an_answer_that_is_sent_again_counts_once() {
    let place = place_with(StudyKind::Rating, 4);
    let served = Served::start(&place, &["--annotators", "Ada"]);
    let token = &served.tokens()[0];
    let seen = page(&served, token);
    let rating = json!({"answer": {"rating": {"empathy": 4, "relevance": 2, "fluency": 5}}});
    let sent = seen.sends(7, rating);
    let first = served.send(token, &sent);
    let again = served.send(token, &sent);
    assert_eq!((first.status, &first.body), (200, &again.body));
    assert_eq!(records(&place, 1).len(), 1);
    let undone = served.send(token, &Seen::of(&again.body).sends(8, json!("undo")));
    let undone_again = served.send(token, &Seen::of(&again.body).sends(8, json!("undo")));
    assert_eq!(undone.body, undone_again.body);
    assert_eq!(Seen::of(&undone.body).item, seen.item);
    assert_eq!(records(&place, 1).len(), 2);
    // The key of an answer is its link's own.
    let other = Served::start(&place, &["--annotators", "Ben"]);
    let other_token = &other.tokens()[0];
    let there = page(&other, other_token);
    let rating = json!({"answer": {"rating": {"empathy": 1, "relevance": 1, "fluency": 1}}});
    assert_eq!(other.send(other_token, &there.sends(7, rating)).status, 200);
    assert_eq!(records(&place, 2).len(), 1);
}

#[test]
fn a_page_that_is_behind_records_nothing_and_is_read_again() {
    let place = place_with(StudyKind::AbTest, 5);
    let served = Served::start(&place, &["--annotators", "A1"]);
    let token = &served.tokens()[0];
    let seen = page(&served, token);
    assert_eq!(
        served.send(token, &seen.sends(1, choice("left"))).status,
        200
    );
    // The same page in another tab, with another answer to the same item.
    let late = served.send(token, &seen.sends(2, choice("right")));
    assert_eq!(late.status, 409);
    let now = Seen::of(&late.body);
    assert_ne!(now.item, seen.item);
    assert_eq!(records(&place, 1).len(), 1);
    // Judged in the window meanwhile: the page's item is still open, and stays.
    let mut store = Store::open(&place.store()).unwrap();
    let worklist = store.reader().unwrap().worklist(STUDY, 1).unwrap();
    let last = worklist.pages().last().unwrap().item;
    let tie = emprl::study::judgement::JudgementAction::Skip;
    store.judge_now(STUDY, 1, last, &[tie], 5).unwrap();
    let late = served.send(token, &now.sends(3, choice("right")));
    assert_eq!(
        (late.status, Seen::of(&late.body).item),
        (409, now.item.clone())
    );
    let fresh = Seen::of(&late.body);
    let reply = served.send(token, &fresh.sends(4, choice("right")));
    assert_eq!(reply.status, 200);
    let fresh = Seen::of(&reply.body);
    // What is no page's is refused, and nothing is recorded.
    for wrong in [
        json!({"key": "0", "known": 0, "do": "undo"}),
        fresh.sends(
            5,
            json!({"answer": {"rating": {"empathy": 1, "relevance": 1, "fluency": 1}}}),
        ),
        Seen {
            item: "0000000000000000".into(),
            ..fresh.clone()
        }
        .sends(6, choice("left")),
        fresh.sends(7, json!({"overrule": []})),
    ] {
        assert_eq!(served.send(token, &wrong).status, 400, "{wrong}");
    }
    assert_eq!(records(&place, 1).len(), 3);
}

/// All that differs between two answers to nothing.
fn without_date(reply: &Reply) -> (u16, String, String) {
    let head = reply.head.lines().filter(|line| !line.starts_with("date:"));
    (
        reply.status,
        head.collect::<Vec<_>>().join("\n"),
        reply.body.clone(),
    )
}

/// Everything that a link, or who has none, can reach: head and body of every answer.
fn all_that_a_link_reaches(served: &Served, tokens: &[String]) -> BTreeMap<String, Reply> {
    let mut read = BTreeMap::new();
    let mut put = |what: String, reply: Reply| {
        read.insert(what, reply);
    };
    let paths = [
        "/",
        "/j",
        "/j/",
        "/assets/judging.js",
        "/assets/judging.css",
        "/robots.txt",
        "/.git/config",
    ];
    let paths = paths.into_iter().chain([
        "/j/00000000000000000000000000000000",
        "/j/../emprl.db",
        "/assets/../../emprl.db",
        "/j/00000000000000000000000000000000/answer",
        "/study/1",
        "/j/1",
    ]);
    for path in paths {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
            put(format!("{method} {path}"), served.ask(method, path, "", ""));
        }
    }
    for (who, token) in tokens.iter().enumerate() {
        let path = format!("/j/{token}");
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            put(
                format!("{method} link {who}"),
                served.ask(method, &path, "", ""),
            );
        }
        let headers = "Accept: application/json\r\nIf-None-Match: *\r\nRange: bytes=0-9\r\n";
        put(
            format!("odd link {who}"),
            served.ask("GET", &path, headers, ""),
        );
        put(
            format!("answer of link {who}"),
            served.get(&format!("{path}/answer")),
        );
        put(
            format!("behind link {who}"),
            served.get(&format!("{path}/results")),
        );
        for (at, body) in ["", "{", "null", "[[[[", "{\"key\":1}"].iter().enumerate() {
            let json = "Content-Type: application/json\r\n";
            let reply = served.ask("POST", &format!("{path}/answer"), json, body);
            put(format!("nonsense {at} of link {who}"), reply);
        }
        let long = "x".repeat(200_000);
        let json = "Content-Type: application/json\r\n";
        if let Ok(reply) = ask(&served.host, "POST", &format!("{path}/answer"), json, &long) {
            assert_eq!(reply.status, 413);
            put(format!("too long a body of link {who}"), reply);
        }
        let mut seen = Seen::of(&served.get(&path).body);
        let mut key = 1000 * who as u128;
        while seen.view == "item" {
            let actions = [
                json!({"flag": true}),
                json!({"comment": "hm"}),
                choice("left"),
            ];
            for action in actions {
                key += 1;
                let reply = served.send(token, &seen.sends(key, action));
                seen = Seen::of(&reply.body);
                put(format!("reply {key}"), reply);
            }
        }
        let behind = Seen {
            known: 0,
            ..seen.clone()
        };
        put(
            format!("late {who}"),
            served.send(token, &behind.sends(999, json!("undo"))),
        );
    }
    read
}

#[test]
fn nothing_that_a_link_reaches_names_a_system_a_run_or_a_person() {
    let place = place_with(StudyKind::AbTest, 12);
    let served = Served::start(&place, &[]);
    let tokens = served.tokens();
    let read = all_that_a_link_reaches(&served, &tokens);
    assert!(read.len() > 150, "{}", read.len());
    let uid = StoreReader::open(&place.store())
        .unwrap()
        .study(STUDY)
        .unwrap()
        .head
        .uid;
    let store = place.store().display().to_string();
    for (what, reply) in &read {
        let text = format!("{}\n{}", reply.head, reply.body);
        let lower = text.to_lowercase();
        for name in SYSTEMS {
            assert!(!lower.contains(&name.to_lowercase()), "{what} names {name}");
        }
        // As words: names of items are hexadecimal, in which an Ada is nobody.
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
        for name in PEOPLE {
            let name = name.to_lowercase();
            assert!(!words.contains(&name.as_str()), "{what} names {name}");
        }
        for word in [
            uid.as_str(),
            &uid[..8],
            &store,
            "A1",
            "A2",
            "A3",
            "swapped",
            "data-annotator",
            "panicked",
        ] {
            assert!(!text.contains(word), "{what} says {word}");
        }
        let head = reply.head.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'",
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.contains(header), "{what}: {head}");
        }
        for header in [
            "set-cookie",
            "etag",
            "last-modified",
            "server:",
            "location:",
            "x-powered",
        ] {
            assert!(!head.contains(header), "{what}: {head}");
        }
        assert!(
            !reply.body.contains(" style="),
            "{what}: nothing that the policy refuses"
        );
        // Nothing is loaded from elsewhere.
        assert!(
            !text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"),
            "{what}"
        );
    }
    // No reply leads from one link to another, or from an item of one to that of another.
    for (what, reply) in &read {
        assert!(
            tokens.iter().all(|token| !reply.body.contains(token)),
            "{what}"
        );
    }
    let names: Vec<BTreeSet<String>> = (0..3)
        .map(|who| {
            let own = read.iter().filter(|(what, _)| what.starts_with("reply "));
            let own = own.filter(|(what, _)| {
                let key: usize = what["reply ".len()..].parse().unwrap();
                key / 1000 == who
            });
            own.map(|(_, reply)| Seen::of(&reply.body).item)
                .filter(|item| !item.is_empty())
                .collect()
        })
        .collect();
    assert!(names.iter().all(|names| names.len() == 12));
    assert!(names[0].is_disjoint(&names[1]) && names[1].is_disjoint(&names[2]));
}

#[test]
fn a_wrong_link_a_revoked_one_and_a_wrong_path_are_the_same() {
    let place = place_with(StudyKind::AbTest, 4);
    let served = Served::start(&place, &[]);
    let tokens = served.tokens();
    let sent = page(&served, &tokens[0]).sends(1, choice("left"));
    place.ok(&["study", "links", "1", "--revoke", "1"]);
    let revoked = served.get(&format!("/j/{}", tokens[0]));
    let wrong = served.get("/j/ffffffffffffffffffffffffffffffff");
    let path = served.get("/nothing");
    assert_eq!(revoked.status, 404);
    assert_eq!(without_date(&revoked), without_date(&wrong));
    assert_eq!(without_date(&path), without_date(&wrong));
    let json = "Content-Type: application/json\r\n";
    let post = |token: &str| {
        let path = format!("/j/{token}/answer");
        without_date(&served.ask("POST", &path, json, &sent.to_string()))
    };
    assert_eq!(post(&tokens[0]), post("ffffffffffffffffffffffffffffffff"));
    assert!(records(&place, 1).is_empty());
    assert_eq!(served.get(&format!("/j/{}", tokens[1])).status, 200);
    // Nor is a token told again or to be found in the store.
    let told = place.ok(&["study", "links", "1"]) + &place.ok(&["study", "links", "1", "--json"]);
    for file in std::fs::read_dir(place.store()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                tokens.iter().all(|token| !text.contains(token)),
                "{}",
                path.display()
            );
        }
    }
    assert!(tokens.iter().all(|token| !told.contains(token)), "{told}");
    assert!(told.contains("revoked") && told.contains("open"), "{told}");
}

#[test]
fn links_stay_from_one_serving_to_the_next() {
    let place = place_with(StudyKind::AbTest, 4);
    let first = Served::start(&place, &["--links", "2"]);
    let tokens = first.tokens();
    assert_eq!(tokens.len(), 2);
    drop(first);
    let second = Served::start(&place, &[]);
    assert_eq!(second.tokens().len(), 1, "only who has none gets one");
    let urls: Vec<&Value> = second.said["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| &link["url"])
        .collect();
    assert!(urls[0].is_null() && urls[1].is_null() && urls[2].is_string());
    assert_eq!(page(&second, &tokens[0]).view, "item");
    drop(second);
    let third = Served::start(&place, &["--annotators", "A1", "--renew"]);
    assert_eq!(third.get(&format!("/j/{}", tokens[0])).status, 404);
    assert_eq!(page(&third, &third.tokens()[0]).view, "item");
    assert_eq!(page(&third, &tokens[1]).view, "item");
    let refused = place.run(&[
        "study",
        "serve",
        "1",
        "--address",
        "127.0.0.1:0",
        "--links",
        "1",
    ]);
    assert!(
        refused.code == 1 && refused.stderr.contains("0 annotators have none yet"),
        "{}",
        refused.stderr
    );
}

#[test]
fn who_judges_when_the_study_is_unblinded_is_told() {
    let place = place_with(StudyKind::AbTest, 4);
    let served = Served::start(&place, &[]);
    let token = &served.tokens()[0];
    let seen = page(&served, token);
    place.ok(&[
        "study",
        "unblind",
        "1",
        "--by",
        "Ada",
        "--reason",
        "time",
        "--unfinished",
    ]);
    let late = served.send(token, &seen.sends(1, choice("left")));
    assert_eq!(late.status, 410);
    assert!(late.body.contains("This study is over"), "{}", late.body);
    let reply = served.get(&format!("/j/{token}"));
    assert_eq!(reply.status, 200);
    assert!(
        reply.body.contains("This study is over") && !reply.body.contains("What is"),
        "{}",
        reply.body
    );
    for name in SYSTEMS.iter().chain(&PEOPLE) {
        assert!(!reply.body.contains(name) && !late.body.contains(name));
    }
    assert!(records(&place, 1).is_empty());
    drop(served);
    let refused = place.run(&["study", "serve", "1", "--address", "127.0.0.1:0"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("unblinded"),
        "{}",
        refused.stderr
    );
}

#[test]
fn who_asks_too_often_is_asked_to_come_again() {
    let place = place_with(StudyKind::AbTest, 4);
    let served = Served::start(&place, &[]);
    let tokens = served.tokens();
    assert_eq!(page(&served, &tokens[1]).view, "item");
    let guess = |at: u32| served.get(&format!("/j/{at:032x}"));
    let refused = (0..2000).map(guess).find(|reply| reply.status == 429);
    let head = refused.unwrap().head.to_lowercase();
    assert!(head.contains("retry-after: 1"), "{head}");
    // Nobody else is held up.
    assert_eq!(page(&served, &tokens[1]).view, "item");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let place = place_with(StudyKind::AbTest, 4);
    let mut served = Served::start(&place, &[]);
    let id = served.child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_served_says_why() {
    let place = place_with(StudyKind::AbTest, 4);
    let serve = |more: &[&str]| {
        let done = place.run(&[&["study", "serve", "1"], more].concat());
        assert_ne!(done.code, 0, "{}", done.stdout);
        done.stderr
    };
    assert!(serve(&["--address", "0.0.0.0:0"]).contains("--public URL"));
    assert!(serve(&["--address", "nowhere"]).contains("no address to listen at"));
    assert!(serve(&["--public", "lab.example"]).contains("has no scheme"));
    assert!(serve(&["--annotators", "Zoe"]).contains("no annotator Zoe"));
    assert!(serve(&["--texts", "xx"]).contains("give a language (en, es, zh, ar)"));
    let texts = place.write("texts.toml", "language = \"en\"");
    assert!(serve(&["--texts", &texts]).contains("texts.toml: "));
    assert!(serve(&["--certificate", "a.pem"]).contains("--key"));
    let empty = place.write("empty.pem", "");
    let told = serve(&["--certificate", &empty, "--key", &empty]);
    assert!(told.contains("has no certificate in PEM"), "{told}");
    let done = place.run(&["study", "links", "1", "--revoke", "9"]);
    assert!(
        done.code == 1 && done.stderr.contains("has no link 9"),
        "{}",
        done.stderr
    );
    assert!(
        place
            .ok(&["study", "links", "1"])
            .contains("has no links yet")
    );
}

/// The server is killed between an answer and its reply, at any moment; sent again to the next one, each answer counts
/// once, and none that was acknowledged is lost.
#[test]
fn nothing_is_lost_or_counted_twice_by_60_kills() {
    const KILLS: usize = 60;
    let place = place_with(StudyKind::AbTest, 200);
    let mut served = Served::start(&place, &[]);
    let tokens = served.tokens();
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut lost, mut recorded_before) = (0, 0);
    let mut given: Vec<(String, &str)> = Vec::new();
    let token = &tokens[0];
    let mut seen = page(&served, token);
    for kill in 0..KILLS {
        let action = ["left", "right", "tie"][kill % 3];
        let sent = seen.sends(kill as u128, choice(action));
        let path = format!("/j/{token}/answer");
        let json = "Content-Type: application/json\r\n";
        let mut stream = TcpStream::connect(&served.host).unwrap();
        let text = request(&served.host, "POST", &path, json, &sent.to_string());
        stream.write_all(text.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_micros(random.random_range(0..9_000)));
        served.child.kill().unwrap();
        served.child.wait().unwrap();
        let mut reply = String::new();
        let _ = stream.read_to_string(&mut reply);
        let acknowledged = reply.contains("data-view");
        let on_disk = records(&place, 1).len();
        assert!(
            on_disk == kill + 1 || (on_disk == kill && !acknowledged),
            "kill {kill}"
        );
        lost += usize::from(!acknowledged);
        recorded_before += usize::from(!acknowledged && on_disk == kill + 1);
        served = Served::start(&place, &[]);
        // As the page does, which has heard nothing.
        let reply = served.send(token, &sent);
        assert_eq!(reply.status, 200, "kill {kill}: {}", reply.body);
        given.push((seen.item.clone(), action));
        seen = Seen::of(&reply.body);
        assert_eq!(records(&place, 1).len(), kill + 1, "kill {kill}");
    }
    println!("{lost} of {KILLS} replies were lost, {recorded_before} of them of answers on disk");
    assert!(lost > 0);
    let items: BTreeSet<&String> = given.iter().map(|(item, _)| item).collect();
    assert_eq!(items.len(), KILLS);
    let choices: Vec<String> = records(&place, 1)
        .iter()
        .map(|record| {
            serde_json::to_value(&record.action).unwrap()["answer"]["choice"]
                .as_str()
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(
        choices,
        given
            .iter()
            .map(|(_, action)| action.to_string())
            .collect::<Vec<_>>()
    );
}

/// By HTTPS with a certificate of files, as a browser would ask that trusts it.
#[test]
fn a_certificate_makes_it_https() {
    use std::sync::Arc;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    let place = place_with(StudyKind::AbTest, 4);
    let files = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/https");
    let file = |name: &str| files.join(name).display().to_string();
    let (certificate, key) = (file("certificate.pem"), file("key.pem"));
    let served = Served::start(&place, &["--certificate", &certificate, "--key", &key]);
    let url = served.said["links"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let mut trusted = RootCertStore::empty();
    let known = CertificateDer::from_pem_file(&certificate).unwrap();
    trusted.add(known).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(&served.host).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let path = format!("/j/{}", served.tokens()[0]);
    let text = request(&served.host, "GET", &path, "", "");
    stream.write_all(text.as_bytes()).unwrap();
    let mut reply = String::new();
    // A server that ends the connection without a word of parting is no matter here.
    let _ = stream.read_to_string(&mut reply);
    assert!(
        reply.starts_with("HTTP/1.1 200") && reply.contains("data-view"),
        "{reply}"
    );
    // Nothing is said without encryption.
    let plain = ask(&served.host, "GET", &path, "", "");
    assert!(plain.is_err(), "{plain:?}");
    drop(served);
    let done = place.run(&["study", "serve", "1", "--certificate", &key, "--key", &key]);
    assert!(
        done.code == 1 && done.stderr.contains("has no certificate in PEM"),
        "{}",
        done.stderr
    );
}
