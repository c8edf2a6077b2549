//! Data sets from where they are published: checked, unpacked, recorded.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use emprl::fetch::published::{FetchedSet, Published, PublishedFile};
use emprl::fetch::{FetchError, Http, Retry};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::hub_support::{TestHub, sha256};

/// Two labelled pairs in the files of Mental Health Subreddits.
pub fn reddit() -> [(&'static str, String); 3] {
    let rows = "sp_id,rp_id,seeker_post,response_post,level,rationales\n\
                a,b,I lost my job.,I am sorry.,1,I am sorry.|\n\
                c,d,I am alone.,Why is that?,0,\n";
    [
        "emotional-reactions-reddit.csv",
        "interpretations-reddit.csv",
        "explorations-reddit.csv",
    ]
    .map(|file| (file, rows.to_string()))
}

fn archive() -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for file in ["train.csv", "valid.csv", "test.csv"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(4);
        header.set_mode(0o644);
        header.set_cksum();
        let path = format!("empatheticdialogues/{file}");
        tar.append_data(&mut header, path, &b"rows"[..]).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// A set of one archive at this hub.
fn published(hub: &TestHub, sha256: String) -> &'static Published {
    let file = PublishedFile {
        file: "set.tar.gz",
        sha256: sha256.leak(),
    };
    Box::leak(Box::new(Published {
        name: "set",
        alias: "s",
        address: format!("{}/small/", hub.endpoint).leak(),
        files: Box::leak(Box::new([file])),
    }))
}

fn fetch(set: &'static Published, folder: &Path) -> Result<FetchedSet, FetchError> {
    let retry = Retry {
        times: 2,
        pause: Duration::from_millis(1),
    };
    let http = Http::new(None, retry).unwrap();
    set.fetch(&http, None, folder, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn an_archive_is_checked_unpacked_and_not_fetched_twice() {
    let (hub, dir) = (TestHub::start(), tempfile::tempdir().unwrap());
    let content = archive();
    hub.put("set.tar.gz", content.clone());
    let set = published(&hub, sha256(&content));
    let fetched = fetch(set, dir.path()).unwrap();
    assert!(fetched.files[0].as_published && fetched.files[0].received);
    assert_eq!(fetched.files[0].sha256, sha256(&content));
    let unpacked = dir.path().join("empatheticdialogues/valid.csv");
    assert_eq!(std::fs::read(&unpacked).unwrap(), b"rows");

    hub.take_requests();
    assert!(!fetch(set, dir.path()).unwrap().files[0].received);
    assert!(hub.take_requests().is_empty());
}

#[test]
fn another_file_than_the_published_one_is_refused() {
    let (hub, dir) = (TestHub::start(), tempfile::tempdir().unwrap());
    hub.put("set.tar.gz", archive());
    let said = fetch(published(&hub, sha256(b"another")), dir.path());
    let said = said.unwrap_err().to_string();
    assert!(
        said.contains("is not the file that was published (SHA-256"),
        "{said}"
    );
    assert!(!dir.path().join("set.tar.gz").exists());
    assert!(!dir.path().join("empatheticdialogues").exists());
}

#[test]
fn a_set_that_is_gone_is_said() {
    let (hub, dir) = (TestHub::start(), tempfile::tempdir().unwrap());
    let said = fetch(published(&hub, sha256(b"")), dir.path()).unwrap_err();
    assert!(
        said.to_string().contains("the server answers 404"),
        "{said}"
    );
}
