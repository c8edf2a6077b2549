//! What the environment says of the hub: the variables of Hugging Face's own library, with its meanings.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fetch::FetchError;

const ENDPOINT: &str = "https://huggingface.co";

/// Which hub, with what token, and where its cache is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Without a slash at its end.
    pub endpoint: String,
    /// Folder of `models--OWNER--NAME`.
    pub cache: PathBuf,
    pub token: Option<Token>,
    /// Use the cache, and no network.
    pub offline: bool,
    /// A PEM file, instead of the certificates of Mozilla.
    pub certificates: Option<PathBuf>,
}

/// A token, and where it was found.
#[derive(Clone)]
pub struct Token {
    pub value: String,
    pub source: String,
}

impl fmt::Debug for Token {
    /// Without the token, which is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token from {}", self.source)
    }
}

impl Settings {
    /// By `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`,
    /// `HF_HUB_OFFLINE`, `SSL_CERT_FILE` and their older names.
    ///
    /// # Errors
    /// The endpoint is no address of the web; there is no home folder; the token file cannot be read.
    pub fn from_env() -> Result<Settings, FetchError> {
        Settings::read(&|name| env::var(name).ok(), env::home_dir().as_deref())
    }

    fn read(
        variable: &dyn Fn(&str) -> Option<String>,
        user: Option<&Path>,
    ) -> Result<Settings, FetchError> {
        let first = |names: &[&str]| {
            let values = names.iter().filter_map(|name| variable(name));
            values
                .map(|value| value.trim().to_string())
                .find(|value| !value.is_empty())
        };
        let path = |names: &[&str]| first(names).map(|path| expanded(&path, user));
        let endpoint = first(&["HF_ENDPOINT"]).unwrap_or_else(|| ENDPOINT.to_string());
        if !["https://", "http://"]
            .iter()
            .any(|scheme| endpoint.starts_with(scheme))
        {
            return Err(FetchError::Setting {
                variable: "HF_ENDPOINT",
                problem: format!(
                    "{endpoint:?} does not begin with https://; give the address of a hub"
                ),
            });
        }
        let home = match path(&["HF_HOME"]) {
            Some(home) => home,
            None => path(&["XDG_CACHE_HOME"])
                .or_else(|| Some(user?.join(".cache")))
                .ok_or(FetchError::Setting {
                    variable: "HF_HOME",
                    problem: "is not set, and this user has no home folder; set it".to_string(),
                })?
                .join("huggingface"),
        };
        let cache = path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]);
        Ok(Settings {
            endpoint: endpoint.trim_end_matches('/').to_string(),
            cache: cache.unwrap_or_else(|| home.join("hub")),
            token: token(
                &first,
                &path(&["HF_TOKEN_PATH"]).unwrap_or_else(|| home.join("token")),
            )?,
            offline: is_on(first(&["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])),
            certificates: path(&["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"]),
        })
    }
}

fn token(
    first: &dyn Fn(&[&str]) -> Option<String>,
    file: &Path,
) -> Result<Option<Token>, FetchError> {
    if is_on(first(&["HF_HUB_DISABLE_IMPLICIT_TOKEN"])) {
        return Ok(None);
    }
    let (value, source) = match first(&["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
        Some(value) => (value, "HF_TOKEN".to_string()),
        None if file.is_file() => {
            let text = fs::read_to_string(file).map_err(FetchError::io(file))?;
            (text.trim().to_string(), file.display().to_string())
        }
        None => return Ok(None),
    };
    match value.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Some(Token { value, source }).filter(|token| !token.value.is_empty())),
        false => Err(FetchError::Setting {
            variable: "HF_TOKEN",
            problem: format!(
                "the token from {source} has characters that no token has; copy it again"
            ),
        }),
    }
}

fn is_on(value: Option<String>) -> bool {
    let value = value.unwrap_or_default().to_ascii_uppercase();
    ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
}

/// A path whose `~` is the user's folder.
fn expanded(path: &str, user: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), user) {
        (Some(""), Some(user)) => user.to_path_buf(),
        (Some(rest), Some(user)) if rest.starts_with('/') => {
            user.join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, FetchError> {
        let value = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_string())
        };
        Settings::read(&value, Some(Path::new("/home/ada")))
    }

    #[test]
    fn folders_are_where_hugging_face_has_them() {
        let cache =
            |variables: &[(&str, &str)]| read(variables).unwrap().cache.display().to_string();
        assert_eq!(cache(&[]), "/home/ada/.cache/huggingface/hub");
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/c")]), "/c/huggingface/hub");
        assert_eq!(cache(&[("HF_HOME", "~/hf")]), "/home/ada/hf/hub");
        assert_eq!(cache(&[("HF_HOME", "/h"), ("HF_HUB_CACHE", "/b")]), "/b");
    }

    #[test]
    fn the_token_is_that_of_the_environment_or_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().display().to_string();
        let token = |variables: &[(&str, &str)]| {
            let all = [&[("HF_HOME", home.as_str())], variables].concat();
            read(&all).map(|settings| settings.token.map(|token| token.value))
        };
        assert_eq!(token(&[]).unwrap(), None);
        fs::write(dir.path().join("token"), "hf_file\n").unwrap();
        assert_eq!(token(&[]).unwrap().as_deref(), Some("hf_file"));
        assert_eq!(
            token(&[("HF_TOKEN", "hf_env")]).unwrap().as_deref(),
            Some("hf_env")
        );
        assert_eq!(
            token(&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]).unwrap(),
            None
        );
        assert!(token(&[("HF_TOKEN", "hf\nInjected: yes")]).is_err());
    }

    #[test]
    fn an_endpoint_is_an_address() {
        let endpoint = |given| read(&[("HF_ENDPOINT", given)]).map(|settings| settings.endpoint);
        assert_eq!(read(&[]).unwrap().endpoint, ENDPOINT);
        assert_eq!(
            endpoint("http://localhost:8080/").unwrap(),
            "http://localhost:8080"
        );
        assert!(endpoint("hub.example").is_err());
        assert!(read(&[("HF_HUB_OFFLINE", "true")]).unwrap().offline);
        assert!(!read(&[("HF_HUB_OFFLINE", "0")]).unwrap().offline);
    }
}
