//! What goes wrong on the way: cut connections, damaged files, refusals, and two at once.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use emprl::fetch::hub::{Hub, ModelRequest, Settings, Token};
use emprl::fetch::{FetchError, Retry};

use crate::hub_support::{MODEL, TestHub, sha256};
use crate::models::{fetch, request, settings};

fn ranges(hub: &TestHub) -> Vec<String> {
    let requests = hub.take_requests();
    let to_store = requests.iter().filter(|request| request.server == "store");
    let ranges = to_store.filter_map(|request| request.headers.get("range"));
    ranges.cloned().collect()
}

fn blob(cache: &Path, hub: &TestHub, end: &str) -> PathBuf {
    let etag = sha256(&hub.content("model.safetensors"));
    cache.join(format!("models--ada--tiny/blobs/{etag}{end}"))
}

#[test]
fn a_cut_download_goes_on_where_it_ended() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    // More cuts than attempts: each brings something, so none is in vain.
    hub.state().cuts = 4;
    let fetched = fetch(&settings(&hub, cache.path()), &request(MODEL)).unwrap();
    let arrived = fs::read(fetched.folder.join("model.safetensors")).unwrap();
    assert_eq!(arrived, hub.content("model.safetensors"));
    let expected = [150_000, 225_000, 262_500, 281_250].map(|from| format!("bytes={from}-"));
    assert_eq!(ranges(&hub), expected);
}

#[test]
fn a_stopped_download_goes_on_with_the_next_fetch() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub, cache.path());
    let mut last = 0;
    let stopped = Hub::new(settings.clone(), Retry::default()).unwrap().fetch(
        &request(MODEL),
        &mut |progress| {
            assert!(progress.done >= last && progress.done <= progress.of.max(progress.done));
            last = progress.done;
            match progress.done > 100_000 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        },
    );
    assert!(matches!(stopped, Err(FetchError::Stopped)));
    let kept = blob(cache.path(), &hub, ".incomplete")
        .metadata()
        .unwrap()
        .len();
    assert!(kept > 50_000 && kept < 300_000, "{kept}");
    hub.take_requests();
    let fetched = fetch(&settings, &request(MODEL)).unwrap();
    assert_eq!(ranges(&hub), [format!("bytes={kept}-")]);
    let arrived = fs::read(fetched.folder.join("model.safetensors")).unwrap();
    assert_eq!(arrived, hub.content("model.safetensors"));
}

#[test]
fn a_server_without_ranges_sends_it_all_again() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.state().cuts = 1;
    hub.state().ignores_ranges = true;
    let fetched = fetch(&settings(&hub, cache.path()), &request(MODEL)).unwrap();
    let arrived = fs::read(fetched.folder.join("model.safetensors")).unwrap();
    assert_eq!(arrived, hub.content("model.safetensors"));
}

#[test]
fn a_damaged_file_is_deleted_and_said() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub, cache.path());
    hub.state().damaged = true;
    let said = fetch(&settings, &request(MODEL)).unwrap_err().to_string();
    let announced = sha256(&hub.content("model.safetensors"));
    assert!(
        said.contains("model.safetensors: arrived damaged (SHA-256"),
        "{said}"
    );
    assert!(said.contains(&announced), "{said}");
    assert!(!blob(cache.path(), &hub, "").exists());
    assert!(!blob(cache.path(), &hub, ".incomplete").exists());
    // Nothing says that the model is there.
    assert!(!cache.path().join("models--ada--tiny/refs/main").exists());
    hub.state().damaged = false;
    fetch(&settings, &request(MODEL)).unwrap();
}

#[test]
fn what_another_program_left_half_written_does_no_harm() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    for left in [vec![7; 1000], vec![7; 300_000], vec![7; 400_000]] {
        let part = blob(cache.path(), &hub, ".incomplete");
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(&part, left).unwrap();
        let fetched = fetch(&settings(&hub, cache.path()), &request(MODEL)).unwrap();
        let arrived = fs::read(fetched.folder.join("model.safetensors")).unwrap();
        assert_eq!(arrived, hub.content("model.safetensors"));
        fs::remove_dir_all(cache.path().join("models--ada--tiny")).unwrap();
    }
}

#[test]
fn a_busy_hub_is_asked_again_for_a_while() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub, cache.path());
    hub.state().failures = (3, 503);
    let said = fetch(&settings, &request(MODEL)).unwrap_err().to_string();
    assert!(
        said.contains("failed 3 times (the server answers 503)"),
        "{said}"
    );
    hub.state().failures = (2, 429);
    fetch(&settings, &request(MODEL)).unwrap();
}

fn said(settings: &Settings, request: ModelRequest) -> String {
    fetch(settings, &request).unwrap_err().to_string()
}

#[test]
fn refusals_say_what_to_do() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let mut settings = settings(&hub, cache.path());
    let text = said(&settings, request("ada/none"));
    assert!(
        text.contains("has no model ada/none, or it is private"),
        "{text}"
    );
    assert!(text.contains("HF_TOKEN"), "{text}");
    let revision = ModelRequest {
        revision: "v9".parse().unwrap(),
        ..request(MODEL)
    };
    assert!(said(&settings, revision).contains("ada/tiny has no revision v9"));
    let file = ModelRequest {
        files: vec!["other.gguf".to_string()],
        ..request(MODEL)
    };
    assert!(said(&settings, file).contains("ada/tiny has no file other.gguf; it has "));

    hub.state().gated = true;
    let text = said(&settings, request(MODEL));
    let page = format!("accept its terms on {}/ada/tiny", hub.endpoint);
    assert!(
        text.contains(&page) && text.contains("set HF_TOKEN"),
        "{text}"
    );
    hub.state().gated = false;

    hub.state().token = Some("right".to_string());
    assert!(said(&settings, request(MODEL)).contains("or it is private"));
    settings.token = Some(Token {
        value: "wrong".to_string(),
        source: "HF_TOKEN".to_string(),
    });
    assert!(said(&settings, request(MODEL)).contains("refuses the token from HF_TOKEN"));
    settings.endpoint = "http://127.0.0.1:9".to_string();
    assert!(said(&settings, request(MODEL)).contains("127.0.0.1 cannot be reached"));
}

#[test]
fn names_of_a_hostile_hub_stay_in_the_cache() {
    let (hub, dir) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.put("../../outside.gguf", "x");
    let file = ModelRequest {
        files: vec!["../../outside.gguf".to_string()],
        ..request(MODEL)
    };
    let cache = dir.path().join("a/b/cache");
    assert!(fetch(&settings(&hub, &cache), &file).is_err());
    assert!(!dir.path().join("a").exists());
}

#[test]
fn two_at_once_fetch_it_once() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.state().pause = Duration::from_millis(400);
    let settings = settings(&hub, cache.path());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| fetch(&settings, &request(MODEL)).unwrap());
        }
    });
    let requests = hub.take_requests();
    let bodies = requests
        .iter()
        .filter(|request| request.server == "store" && request.is_body());
    assert_eq!(bodies.count(), 1);
}
