//! What a hub answers, and what its refusals mean.

use serde::Deserialize;
use ureq::http::HeaderMap;

use super::name::is_commit;
use super::{Hub, ModelRequest, is_relative};
use crate::fetch::http::Answer;
use crate::fetch::{FetchError, Tracker};

/// A revision's commit, and the files that it has.
pub(super) struct ModelInfo {
    pub commit: String,
    pub available: Vec<String>,
}

/// What the head of a file says.
pub(super) struct FileHead {
    /// Its name among the cache's blobs, and its checksum where it is one.
    pub etag: String,
    pub bytes: u64,
}

#[derive(Deserialize)]
struct InfoDocument {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Hub {
    /// Asks for the commit and the files of a revision.
    pub(super) fn info(
        &self,
        request: &ModelRequest,
        tracker: &mut Tracker<'_>,
    ) -> Result<ModelInfo, FetchError> {
        let revision = encoded(request.revision.as_str(), "");
        let endpoint = &self.settings.endpoint;
        let url = format!("{endpoint}/api/models/{}/revision/{revision}", request.name);
        let answer = self.http.get(&url, tracker).map_err(|error| match error {
            FetchError::Unreachable { host, why, .. } => FetchError::Unreachable {
                host,
                why,
                or: ", or another hub with HF_ENDPOINT",
            },
            error => error,
        })?;
        if answer.status() != 200 {
            return Err(self.refusal(request, "", &answer));
        }
        let document: InfoDocument = answer.json()?;
        let files = document
            .siblings
            .into_iter()
            .map(|sibling| sibling.rfilename);
        match is_commit(&document.sha) {
            true => Ok(ModelInfo {
                commit: document.sha,
                // A name that would lead out of the cache is no file of a model.
                available: files.filter(|file| is_relative(file)).collect(),
            }),
            false => Err(FetchError::NotAHub {
                url,
                problem: format!("{:?} is no commit", document.sha),
            }),
        }
    }

    /// Asks for a file's length and checksum.
    pub(super) fn head(
        &self,
        request: &ModelRequest,
        commit: &str,
        file: &str,
        tracker: &mut Tracker<'_>,
    ) -> Result<FileHead, FetchError> {
        let url = self.file_url(request, commit, file);
        let answer = self.http.head(&url, describe_file, tracker)?;
        if answer.status() >= 400 {
            return Err(self.refusal(request, file, &answer));
        }
        let not_a_hub = |problem: &str| FetchError::NotAHub {
            url: url.clone(),
            problem: problem.to_string(),
        };
        if answer
            .header("x-repo-commit")
            .is_some_and(|at| at != commit)
        {
            return Err(not_a_hub("the file is of another commit"));
        }
        let etag = answer
            .header("x-linked-etag")
            .or_else(|| answer.header("etag"));
        let etag = etag.and_then(plain_etag);
        let bytes = answer.number("x-linked-size");
        // Of a redirect, the length is its own.
        let bytes = bytes.or_else(|| {
            answer
                .number("content-length")
                .filter(|_| answer.status() == 200)
        });
        Ok(FileHead {
            etag: etag.ok_or_else(|| not_a_hub("the file has no ETag"))?,
            bytes: bytes.ok_or_else(|| not_a_hub("the file has no length"))?,
        })
    }

    pub(super) fn file_url(&self, request: &ModelRequest, commit: &str, file: &str) -> String {
        let endpoint = &self.settings.endpoint;
        format!(
            "{endpoint}/{}/resolve/{commit}/{}",
            request.name,
            encoded(file, "/")
        )
    }

    /// The hub's refusal in words. It hides what a token would show: a private model is not found.
    fn refusal(&self, request: &ModelRequest, file: &str, answer: &Answer) -> FetchError {
        let name = request.name.to_string();
        let endpoint = self.settings.endpoint.clone();
        let page = format!("{endpoint}/{name}");
        let token = self.settings.token.as_ref();
        let code = answer.header("x-error-code").unwrap_or_default();
        match (answer.status(), code) {
            (_, "GatedRepo") => FetchError::Gated {
                name,
                page,
                token: match token {
                    Some(_) => "signed in to the account whose token this is",
                    None => "make a token in your settings there, and set HF_TOKEN to it",
                },
            },
            (_, "RevisionNotFound") => FetchError::NoRevision {
                name,
                revision: request.revision.to_string(),
                page,
            },
            (404, _) if !file.is_empty() => FetchError::NoFile {
                name,
                file: file.to_string(),
                has: format!("others; see {page}"),
            },
            (401, "") if let Some(token) = token => FetchError::TokenRefused {
                endpoint,
                source_of_token: token.source.clone(),
            },
            (401 | 404, _) => FetchError::NoModel {
                name,
                endpoint,
                token: match token {
                    Some(_) => ", or the account of the token",
                    None => ", or set HF_TOKEN to a token that may read it",
                },
            },
            _ => answer.refused(),
        }
    }
}

/// Whether the headers of a redirect say all of the file that it leads to.
fn describe_file(headers: &HeaderMap) -> bool {
    headers.contains_key("x-linked-etag") && headers.contains_key("x-linked-size")
}

/// An ETag without its quotes, if it can name a file.
fn plain_etag(etag: &str) -> Option<String> {
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    (!etag.is_empty() && etag.len() <= 128 && etag.chars().all(plain)).then(|| etag.to_string())
}

/// Percent-encodes what may not stand in a path; `kept` stays as it is.
fn encoded(text: &str, kept: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let letter = char::from(byte);
        match letter.is_ascii_alphanumeric() || "-._~".contains(letter) || kept.contains(letter) {
            true => out.push(letter),
            false => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_encoded() {
        assert_eq!(encoded("refs/pr/1", ""), "refs%2Fpr%2F1");
        assert_eq!(
            encoded("1_Pooling/a b?.json", "/"),
            "1_Pooling/a%20b%3F.json"
        );
    }

    #[test]
    fn etags_are_names_or_nothing() {
        assert_eq!(plain_etag("\"abc-1\"").as_deref(), Some("abc-1"));
        assert_eq!(plain_etag("W/\"abc\"").as_deref(), Some("abc"));
        for wrong in ["", "\"\"", "\"../a\"", "a/b"] {
            assert_eq!(plain_etag(wrong), None, "{wrong}");
        }
    }
}
