//! Models are fetched into the cache that Hugging Face's programs use, and found there.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use emprl::fetch::hub::{FetchedModel, Hub, ModelRequest, Settings, Token};
use emprl::fetch::{FetchError, Retry};

use crate::hub_support::{COMMIT, MODEL, TestHub, git_blob, sha256};

/// Settings for a hub, with a cache in this folder.
pub fn settings(hub: &TestHub, cache: &Path) -> Settings {
    Settings {
        endpoint: hub.endpoint.clone(),
        cache: cache.to_path_buf(),
        token: None,
        offline: false,
        certificates: None,
    }
}

pub fn request(name: &str) -> ModelRequest {
    ModelRequest {
        name: name.parse().unwrap(),
        revision: "main".parse().unwrap(),
        files: Vec::new(),
        to: None,
    }
}

/// Fetches without pauses between attempts.
pub fn fetch(settings: &Settings, request: &ModelRequest) -> Result<FetchedModel, FetchError> {
    let retry = Retry {
        times: 3,
        pause: Duration::from_millis(1),
    };
    let hub = Hub::new(settings.clone(), retry)?;
    hub.fetch(request, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn a_model_is_fetched_into_the_layout_of_hugging_face() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let fetched = fetch(&settings(&hub, cache.path()), &request(MODEL)).unwrap();
    let repo = cache.path().join("models--ada--tiny");
    assert_eq!(fetched.folder, repo.join("snapshots").join(COMMIT));
    assert_eq!(fetched.model, fetched.folder);
    assert_eq!(fs::read_to_string(repo.join("refs/main")).unwrap(), COMMIT);
    let names: Vec<&str> = fetched
        .files
        .iter()
        .map(|file| file.file.as_str())
        .collect();
    let expected = [
        "config.json",
        "tokenizer.json",
        "1_Pooling/config.json",
        "model.safetensors",
    ];
    assert_eq!(names, expected);
    for file in &fetched.files {
        let content = hub.content(&file.file);
        assert!(file.received && file.checked, "{}", file.file);
        assert_eq!(fs::read(fetched.folder.join(&file.file)).unwrap(), content);
        let large = content.len() >= 1000;
        let etag = if large {
            sha256(&content)
        } else {
            git_blob(&content)
        };
        assert_eq!(fs::read(repo.join("blobs").join(&etag)).unwrap(), content);
        if cfg!(unix) {
            let link = fs::read_link(fetched.folder.join(&file.file)).unwrap();
            let up = "../".repeat(2 + file.file.matches('/').count());
            assert_eq!(link, Path::new(&format!("{up}blobs/{etag}")));
        }
    }
    assert_eq!(fetched.received, fetched.bytes);
    let blobs = fs::read_dir(repo.join("blobs")).unwrap().flatten();
    assert!(
        blobs
            .into_iter()
            .all(|blob| !blob.file_name().to_string_lossy().contains("incomplete"))
    );

    let listed = Hub::list(cache.path());
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].name.as_str(), listed[0].bytes),
        (MODEL, fetched.bytes)
    );
    assert_eq!(listed[0].folder, fetched.folder);
}

#[test]
fn what_the_cache_has_is_not_asked_for_again() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub, cache.path());
    let first = fetch(&settings, &request(MODEL)).unwrap();
    hub.take_requests();
    let again = fetch(&settings, &request(MODEL)).unwrap();
    assert_eq!((again.received, &again.folder), (0, &first.folder));
    let asked: Vec<String> = hub.take_requests().into_iter().map(|r| r.path).collect();
    assert_eq!(asked, [format!("/api/models/{MODEL}/revision/main")]);

    // A file that another program put there, or that another commit has too, is linked.
    fs::remove_file(first.folder.join("model.safetensors")).unwrap();
    let again = fetch(&settings, &request(MODEL)).unwrap();
    assert!(again.folder.join("model.safetensors").is_file());
    assert_eq!(again.received, 0);
    assert!(!hub.take_requests().iter().any(|request| request.is_body()));

    // A link to a blob that somebody removed is made anew.
    let blob = fs::canonicalize(first.folder.join("model.safetensors")).unwrap();
    fs::remove_file(blob).unwrap();
    assert_eq!(fetch(&settings, &request(MODEL)).unwrap().received, 300_000);
}

#[test]
fn without_a_network_the_cache_is_used() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    let mut settings = settings(&hub, cache.path());
    settings.offline = true;
    let said = fetch(&settings, &request(MODEL)).unwrap_err().to_string();
    assert!(said.contains("HF_HUB_OFFLINE"), "{said}");
    settings.offline = false;
    let online = fetch(&settings, &request(MODEL)).unwrap();
    hub.take_requests();
    settings.offline = true;
    let offline = fetch(&settings, &request(MODEL)).unwrap();
    assert_eq!((offline.folder, offline.received), (online.folder, 0));
    let by_commit = ModelRequest {
        revision: COMMIT.parse().unwrap(),
        ..request(MODEL)
    };
    assert_eq!(fetch(&settings, &by_commit).unwrap().commit, COMMIT);
    assert!(hub.take_requests().is_empty());
}

#[test]
fn a_file_alone_a_revision_and_a_folder_can_be_named() {
    let (hub, dir) = (TestHub::start(), tempfile::tempdir().unwrap());
    let settings = settings(&hub, &dir.path().join("cache"));
    let to = dir.path().join("models/tiny");
    let asked = ModelRequest {
        revision: "refs/pr/1".parse().unwrap(),
        files: vec!["tiny-Q4.gguf".to_string()],
        to: Some(to.clone()),
        ..request(MODEL)
    };
    let fetched = fetch(&settings, &asked).unwrap();
    assert_eq!(fetched.model, to.join("tiny-Q4.gguf"));
    assert_eq!(
        fs::read(&fetched.model).unwrap(),
        hub.content("tiny-Q4.gguf")
    );
    assert!(!fetched.model.is_symlink());
    let reference = dir.path().join("cache/models--ada--tiny/refs/refs/pr/1");
    assert_eq!(fs::read_to_string(reference).unwrap(), COMMIT);
    assert_eq!(fs::read_dir(dir.path().join("models")).unwrap().count(), 1);

    hub.take_requests();
    let said = fetch(&settings, &asked).unwrap_err().to_string();
    assert!(said.contains("exists and is not empty"), "{said}");
    assert!(
        hub.take_requests().is_empty(),
        "refused before anything is asked"
    );
}

#[test]
fn the_token_reaches_the_hub_and_no_other_server() {
    let (hub, cache) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.state().token = Some("hf_secret".to_string());
    let mut settings = settings(&hub, cache.path());
    settings.token = Some(Token {
        value: "hf_secret".to_string(),
        source: "HF_TOKEN".to_string(),
    });
    fetch(&settings, &request(MODEL)).unwrap();
    let requests = hub.take_requests();
    assert!(requests.iter().any(|request| request.server == "store"));
    for request in requests {
        let sent = request.headers.contains_key("authorization");
        assert_eq!(sent, request.server == "hub", "{request:?}");
    }
}
