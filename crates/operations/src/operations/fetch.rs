//! Models and data sets from the network: nothing is fetched but by these.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{OperationError, require_writable};
use crate::data::{ImportReport, library};
use crate::fetch::hub::Hub;
pub use crate::fetch::hub::{
    CachedModel, FetchedModel, ModelName, ModelRequest, Revision, Settings,
};
use crate::fetch::published::Published;
pub use crate::fetch::published::{FetchedPart, FetchedSet};
use crate::fetch::{FetchError, Http, Retry};
pub use crate::fetch::{OnProgress, Progress};

/// Fetches a model from a hub, or finds it in the cache.
///
/// # Errors
/// See [`Hub::fetch`].
pub fn model(
    settings: Settings,
    request: &ModelRequest,
    on_progress: OnProgress<'_>,
) -> Result<FetchedModel, OperationError> {
    Ok(Hub::new(settings, Retry::default())?.fetch(request, on_progress)?)
}

/// The models in the cache.
pub fn cached_models(settings: &Settings) -> Vec<CachedModel> {
    Hub::list(&settings.cache)
}

/// A set that was fetched and imported.
#[derive(Debug, Serialize)]
pub struct ImportedSet {
    pub fetched: FetchedSet,
    pub imported: ImportReport,
}

/// Fetches a data set from its authors, or from `address`, and imports it. The files stay in the store's `downloads/`,
/// or in `folder`.
///
/// # Errors
/// The store is read-only; see [`Published::fetch`]; what arrived is not such a set.
pub fn set(
    settings: &Settings,
    store: &Path,
    name: &str,
    address: Option<&str>,
    folder: Option<PathBuf>,
    on_progress: OnProgress<'_>,
) -> Result<ImportedSet, OperationError> {
    let published = Published::find(name)?;
    require_writable(store)?;
    if settings.offline {
        return Err(FetchError::Setting {
            variable: "HF_HUB_OFFLINE",
            problem: "forbids the network; unset it to fetch a data set".to_string(),
        }
        .into());
    }
    let http = Http::new(settings.certificates.as_deref(), Retry::default())?;
    let folder = folder.unwrap_or_else(|| store.join("downloads").join(published.name));
    let fetched = published.fetch(&http, address, &folder, on_progress)?;
    let imported = library::import(store, published.name, &fetched.folder)?;
    Ok(ImportedSet { fetched, imported })
}
