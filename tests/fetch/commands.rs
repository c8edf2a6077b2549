//! `emprl model fetch` and its kin, as a terminal session.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cli_support::Place;
use crate::hub_support::{COMMIT, MODEL, TestHub};

/// A command with this hub, and with nothing of the machine's own settings.
fn command(place: &Place, hub: &TestHub, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    for name in [
        "HF_HUB_CACHE",
        "HUGGINGFACE_HUB_CACHE",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_TOKEN_PATH",
        "HF_HUB_OFFLINE",
        "TRANSFORMERS_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
    ] {
        command.env_remove(name);
    }
    command
        .env("HF_ENDPOINT", &hub.endpoint)
        .env("HF_HOME", place.path().join("hf"));
    command
}

fn run(place: &Place, hub: &TestHub, arguments: &[&str]) -> (i32, String, String) {
    let output = command(place, hub, arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn json(place: &Place, hub: &TestHub, arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = run(place, hub, &[arguments, &["--json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn a_model_is_fetched_found_and_listed() {
    let (place, hub) = (Place::new(), TestHub::start());
    let (code, stdout, stderr) = run(&place, &hub, &["model", "fetch", MODEL]);
    assert_eq!(code, 0, "{stderr}");
    let folder = place
        .path()
        .join(format!("hf/hub/models--ada--tiny/snapshots/{COMMIT}"));
    let folder = folder.display().to_string();
    assert!(stdout.contains("300.0 kB fetched now"), "{stdout}");
    assert!(
        stdout.contains(&format!("emprl model show {folder}")),
        "{stdout}"
    );
    let again = json(&place, &hub, &["model", "fetch", MODEL]);
    assert_eq!(again["folder"], folder.as_str());
    assert_eq!(again["received"], 0);
    let listed = json(&place, &hub, &["model", "list"]);
    assert_eq!(listed[0]["name"], MODEL);
    assert_eq!(listed[0]["folder"], folder.as_str());
}

#[test]
fn a_wrong_name_is_explained_before_anything_is_asked() {
    let (place, hub) = (Place::new(), TestHub::start());
    for (arguments, said) in [
        (["model", "fetch", "gpt2"].as_slice(), "OWNER/NAME"),
        (
            &["model", "fetch", MODEL, "--revision", "../x"],
            "is not a revision",
        ),
        (
            &["data", "fetch", "wikitext"],
            "known are empathetic-dialogues and",
        ),
        (
            &["data", "fetch", "ed", "--address", "ftp://x/y"],
            "https://",
        ),
    ] {
        let (code, _, stderr) = run(&place, &hub, arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
    assert!(hub.take_requests().is_empty());
}

#[test]
fn a_killed_fetch_goes_on_and_two_processes_fetch_once() {
    let (place, hub) = (Place::new(), TestHub::start());
    hub.state().pause = Duration::from_secs(60);
    let mut killed = command(&place, &hub, &["model", "fetch", MODEL])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let blobs = place.path().join("hf/hub/models--ada--tiny/blobs");
    let half = || {
        let entries = std::fs::read_dir(&blobs).into_iter().flatten().flatten();
        entries
            .flat_map(|entry| entry.metadata())
            .any(|blob| blob.len() == 150_000)
    };
    while !half() {
        std::thread::sleep(Duration::from_millis(10));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();

    hub.state().pause = Duration::from_millis(500);
    hub.take_requests();
    let processes: Vec<_> = (0..2)
        .map(|_| {
            let mut command = command(&place, &hub, &["model", "fetch", MODEL, "--json"]);
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
    }
    let requests = hub.take_requests();
    let ranges: Vec<_> = requests
        .iter()
        .filter(|request| request.server == "store" && request.is_body())
        .map(|request| request.headers.get("range").cloned())
        .collect();
    assert_eq!(ranges, [Some("bytes=150000-".to_string())]);
}

#[test]
fn a_data_set_is_fetched_from_another_address_and_imported() {
    let (place, hub) = (Place::new(), TestHub::start());
    for (file, levels) in crate::data_sets::reddit() {
        hub.put(file, levels);
    }
    let address = format!("{}/small", hub.endpoint);
    let arguments = ["data", "fetch", "reddit", "--address", &address];
    let (code, stdout, stderr) = run(&place, &hub, &arguments);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stdout.contains("not the file whose checksum this program knows"),
        "{stdout}"
    );
    assert!(
        stdout.contains("mental-health-subreddits is in the store."),
        "{stdout}"
    );
    let done = json(&place, &hub, &arguments);
    assert_eq!(done["fetched"]["files"][0]["as_published"], false);
    assert_eq!(done["imported"]["labelled_pairs"], 2);
    let record = place
        .store()
        .join("downloads/mental-health-subreddits/fetched.json");
    assert!(record.is_file());
}
