//! The runs of the store for the table, each with a sketch of a curve.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::{DifferingSettings, Entry};
use crate::metrics::declared;
use crate::store::{CatalogParts, CatalogRow, RunId, StoreError, StoreReader};

/// Points in a sketch.
const SKETCH: u32 = 48;

/// A run of the table, with a sketch of a curve.
#[derive(Clone, Debug)]
pub struct Listed {
    pub entry: Entry,
    /// Whether all of it was read, or only what the table shows.
    pub is_whole: bool,
    pub sketch: Arc<[f32]>,
}

/// Which runs are listed, and the metric whose curve is sketched.
#[derive(Clone, Debug)]
pub struct Listing {
    pub deleted: bool,
    pub sketch: Option<String>,
    /// What is read of every run.
    pub parts: CatalogParts,
    /// The runs of which everything is read.
    pub whole: Vec<RunId>,
}

/// By run and metric: how many points there were, and their sketch.
#[derive(Debug, Default)]
pub struct Sketches(HashMap<SketchKey, (u64, Arc<[f32]>)>);

/// The settings that differ among the runs that are not deleted, and of how many runs, how many of them begun, and up to
/// which they were found.
#[derive(Debug, Default)]
pub struct Differences {
    of: (usize, usize, Option<RunId>),
    paths: Vec<String>,
}

/// The settings that differ among the runs; read again only where runs were added or removed.
///
/// # Errors
/// The store cannot be read.
pub fn differing(
    reader: &StoreReader,
    differences: &mut Differences,
) -> Result<Vec<String>, StoreError> {
    let row = |found: CatalogRow| (found.row.id, found.row.stage.is_some());
    let runs = reader.catalog(false, &CatalogParts::default(), row)?;
    // The settings of another program's run come once it is there, and before its first values.
    let begun = runs.iter().filter(|(_, begun)| *begun).count();
    let of = (runs.len(), begun, runs.first().map(|(run, _)| *run));
    if differences.of != of {
        let parts = CatalogParts {
            settings: true,
            ..CatalogParts::default()
        };
        let mut differing = DifferingSettings::default();
        let texts = |found: CatalogRow| differing.add(&found.config_toml);
        reader.catalog(false, &parts, texts)?;
        let paths = differing.paths();
        *differences = Differences { of, paths };
    }
    Ok(differences.paths.clone())
}

type SketchKey = (RunId, String);

/// The runs of the store; a sketch is read again only where its curve has grown.
///
/// # Errors
/// The store cannot be read.
pub fn listed(
    reader: &StoreReader,
    listing: &Listing,
    sketches: &mut Sketches,
) -> Result<Vec<Listed>, StoreError> {
    let entries = reader.catalog(listing.deleted, &listing.parts, Entry::new)?;
    let sketched = listing.sketch.as_deref();
    entries
        .into_iter()
        .map(|mut entry| {
            let is_whole = listing.whole.contains(&entry.row.id);
            if is_whole {
                entry = Entry::new(reader.catalog_row(entry.row.id, &CatalogParts::ALL)?);
            }
            let logged = sketched.and_then(|metric| {
                let mut keys = declared::in_every_stage(metric).into_iter();
                keys.find_map(|key| entry.metrics.get(&key))
            });
            let sketch = match logged {
                None => Arc::from([]),
                Some(summary) => {
                    let key = (entry.row.id, summary.key.name.clone());
                    match sketches.0.get(&key) {
                        Some((count, sketch)) if *count == summary.count => sketch.clone(),
                        _ => {
                            let points = reader.sketch(entry.row.id, &summary.key, SKETCH)?;
                            let points: Arc<[f32]> = points.into();
                            sketches.0.insert(key, (summary.count, points.clone()));
                            points
                        }
                    }
                }
            };
            Ok(Listed {
                entry,
                is_whole,
                sketch,
            })
        })
        .collect()
}
