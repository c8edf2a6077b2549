//! The runs of the store for the table, each with a sketch of a curve.

use std::collections::HashMap;
use std::sync::Arc;

use crate::catalog::Entry;
use crate::store::{RunId, StoreError, StoreReader};

/// Points in a sketch.
const SKETCH: u32 = 48;

/// A run of the table, with a sketch of a curve.
#[derive(Clone, Debug)]
pub struct Listed {
    pub entry: Entry,
    pub sketch: Arc<[f32]>,
}

/// Which runs are listed, and the metric whose curve is sketched.
#[derive(Clone, Debug)]
pub struct Listing {
    pub deleted: bool,
    pub sketch: Option<String>,
}

/// By run and metric: how many points there were, and their sketch.
#[derive(Debug, Default)]
pub struct Sketches(HashMap<SketchKey, (u64, Arc<[f32]>)>);

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
    let rows = match listing.deleted {
        true => reader.deleted_catalog()?,
        false => reader.catalog()?,
    };
    let sketched = listing.sketch.as_deref();
    rows.into_iter()
        .map(|row| {
            let entry = Entry::new(row);
            let sketch = match sketched.and_then(|metric| entry.metrics.get(metric)) {
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
            Ok(Listed { entry, sketch })
        })
        .collect()
}
