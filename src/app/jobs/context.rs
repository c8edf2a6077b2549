//! What a worker thread keeps between jobs.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::store::{Store, StoreError, StoreReader};

/// What a worker thread keeps between jobs: the store, opened once, and the jobs' caches.
pub struct JobContext {
    dir: PathBuf,
    reader: Option<StoreReader>,
    store: Option<Store>,
    caches: HashMap<TypeId, Box<dyn Any>>,
}

impl JobContext {
    pub(super) fn new(dir: PathBuf) -> Self {
        JobContext {
            dir,
            reader: None,
            store: None,
            caches: HashMap::new(),
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The store, for reading.
    ///
    /// # Errors
    /// There is no store yet, or it cannot be opened.
    pub fn reader(&mut self) -> Result<&StoreReader, StoreError> {
        match &mut self.reader {
            Some(reader) => Ok(reader),
            none => Ok(none.insert(StoreReader::open(&self.dir)?)),
        }
    }

    /// The store, for reading; `None` where there is none yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn existing(&mut self) -> Result<Option<&StoreReader>, StoreError> {
        match self.reader() {
            Ok(reader) => Ok(Some(reader)),
            Err(StoreError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The store, for writing; created where there is none yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn store(&mut self) -> Result<&mut Store, StoreError> {
        match &mut self.store {
            Some(store) => Ok(store),
            none => Ok(none.insert(Store::open(&self.dir)?)),
        }
    }

    /// Drops everything: after a panic it may be in an inconsistent state.
    pub(super) fn reset(&mut self) {
        *self = JobContext::new(std::mem::take(&mut self.dir));
    }

    /// The value of this type that an earlier job of the lane left; the default after a panic.
    pub fn take_cache<C: Default + 'static>(&mut self) -> C {
        let cached = self.caches.remove(&TypeId::of::<C>());
        let cached = cached.and_then(|cached| cached.downcast().ok());
        cached.map_or_else(C::default, |cached| *cached)
    }

    /// Leaves a value for later jobs of the lane.
    pub fn put_cache<C: 'static>(&mut self, value: C) {
        self.caches.insert(TypeId::of::<C>(), Box::new(value));
    }
}
