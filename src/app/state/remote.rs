//! A value that is loaded by a job: idle, pending, there, or failed.
//!
//! The old value stays visible while a new one loads. Loading again drops an older pending result.

use crate::app::jobs::{JobError, Pending};

/// A value that is loaded off the window's thread: idle, pending, then a value or why it failed.
#[derive(Debug)]
pub struct Remote<T, P = ()> {
    shown: Option<Result<T, String>>,
    pending: Option<Pending<T, P>>,
    /// The value may be out of date.
    stale: bool,
}

impl<T, P> Default for Remote<T, P> {
    fn default() -> Self {
        Remote {
            shown: None,
            pending: None,
            stale: false,
        }
    }
}

impl<T, P> Remote<T, P> {
    /// A value that needs no loading.
    pub fn ready(value: T) -> Self {
        Remote {
            shown: Some(Ok(value)),
            ..Remote::default()
        }
    }

    /// Sets the job that loads it.
    pub fn load(&mut self, pending: Pending<T, P>) {
        self.pending = Some(pending);
        self.stale = false;
    }

    /// Takes the job's result. True when there was one.
    pub fn poll(&mut self) -> bool {
        self.poll_with(|_, _| {})
    }

    /// The same; `merge` may move parts of the old value into the new one.
    pub fn poll_with(&mut self, merge: impl FnOnce(&mut T, T)) -> bool {
        let Some(result) = self.pending.as_ref().and_then(Pending::poll) else {
            return false;
        };
        self.pending = None;
        let before = self.shown.take();
        self.shown = match result {
            Ok(mut value) => {
                if let Some(Ok(before)) = before {
                    merge(&mut value, before);
                }
                Some(Ok(value))
            }
            Err(JobError::Cancelled) => before,
            Err(error) => Some(Err(error.to_string())),
        };
        true
    }

    /// Whether it was never loaded.
    pub fn is_idle(&self) -> bool {
        self.pending.is_none() && self.shown.is_none()
    }

    pub fn value(&self) -> Option<&T> {
        self.shown.as_ref()?.as_ref().ok()
    }

    pub fn value_mut(&mut self) -> Option<&mut T> {
        self.shown.as_mut()?.as_mut().ok()
    }

    /// Takes the value away; a failure stays.
    pub fn take(&mut self) -> Option<T> {
        match self.shown.take() {
            Some(Ok(value)) => Some(value),
            other => {
                self.shown = other;
                None
            }
        }
    }

    /// Why it failed.
    pub fn failure(&self) -> Option<&str> {
        self.shown.as_ref()?.as_ref().err().map(String::as_str)
    }

    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Gives the pending job up; the value stays.
    pub fn cancel(&mut self) {
        self.pending = None;
    }

    /// The job's progress since the last call.
    pub fn progress(&self) -> Option<P> {
        self.pending.as_ref()?.progress()
    }

    /// Shows a value until the result arrives.
    pub fn show(&mut self, value: T) {
        self.shown = Some(Ok(value));
    }

    /// Marks it as out of date; the value stays visible.
    pub fn invalidate(&mut self) {
        self.stale = true;
        self.pending = None;
    }

    /// Whether to load it now: it never was, or is out of date.
    pub fn needs_loading(&self) -> bool {
        self.pending.is_none() && (self.shown.is_none() || self.stale)
    }

    /// Drops the value and the pending job.
    pub fn clear(&mut self) {
        *self = Remote::default();
    }
}

/// One value of many, by its key: the store has too many to load them all.
#[derive(Debug)]
pub struct Keyed<K, T> {
    pending: Option<(K, Pending<T>)>,
    shown: Option<(K, Result<T, String>)>,
    stale: bool,
}

impl<K, T> Default for Keyed<K, T> {
    fn default() -> Self {
        Keyed {
            pending: None,
            shown: None,
            stale: false,
        }
    }
}

impl<K: PartialEq, T> Keyed<K, T> {
    /// Whether to load the value of `key`, which is wanted now. Cancels the loading of another.
    pub fn wants(&mut self, key: &K) -> bool {
        if self.pending.as_ref().is_some_and(|(known, _)| known == key) {
            return false;
        }
        self.pending = None;
        self.stale || self.shown.as_ref().is_none_or(|(known, _)| known != key)
    }

    pub fn load(&mut self, key: K, pending: Pending<T>) {
        self.pending = Some((key, pending));
    }

    /// Takes the job's result. True when there was one.
    pub fn poll(&mut self) -> bool {
        let Some((key, pending)) = self.pending.take() else {
            return false;
        };
        match pending.poll() {
            None => {
                self.pending = Some((key, pending));
                false
            }
            Some(result) => {
                self.put(key, result.map_err(|error| error.to_string()));
                true
            }
        }
    }

    /// Sets the result for a key.
    pub fn put(&mut self, key: K, result: Result<T, String>) {
        self.shown = Some((key, result));
        self.stale = false;
    }

    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The latest result with its key, also while the next is pending.
    pub fn shown(&self) -> Option<(&K, Result<&T, &str>)> {
        let (key, result) = self.shown.as_ref()?;
        Some((key, result.as_ref().map_err(String::as_str)))
    }

    /// Marks it as out of date; the value stays visible.
    pub fn invalidate(&mut self) {
        self.stale = true;
        self.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::jobs::{Jobs, Lane};

    fn jobs() -> Jobs {
        Jobs::start("no such store".into(), Arc::new(|| {})).unwrap()
    }

    fn settle(keyed: &mut Keyed<u32, &'static str>) {
        while !keyed.poll() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_old_value_stays_while_a_new_one_loads() {
        let jobs = jobs();
        let mut remote: Remote<u32> = Remote::default();
        assert!(remote.is_idle() && remote.needs_loading());
        remote.load(jobs.ask(Lane::Reader, |_| Ok(1)));
        while !remote.poll() {
            std::thread::yield_now();
        }
        assert_eq!(remote.value(), Some(&1));
        // The older of two answers is dropped.
        remote.load(jobs.ask(Lane::Reader, |_| Ok(2)));
        remote.load(jobs.ask(Lane::Reader, |_| Err(JobError::Failed("gone".into()))));
        assert_eq!(remote.value(), Some(&1));
        while !remote.poll() {
            std::thread::yield_now();
        }
        assert_eq!(remote.failure(), Some("gone"));
    }

    #[test]
    fn each_key_is_loaded_once_and_late_results_are_dropped() {
        let jobs = jobs();
        let ask = |words: &'static str| jobs.ask(Lane::Reader, move |_| Ok(words));
        let mut keyed: Keyed<u32, &str> = Keyed::default();
        assert!(keyed.wants(&1));
        keyed.load(1, ask("one"));
        assert!(!keyed.wants(&1));
        assert!(keyed.wants(&2), "another one is");
        keyed.load(2, ask("two"));
        settle(&mut keyed);
        assert_eq!(keyed.shown(), Some((&2, Ok(&"two"))));
        assert!(!keyed.wants(&2));
        assert!(keyed.wants(&3));
        keyed.load(3, ask("three"));
        assert!(!keyed.wants(&2), "back before it came");
        assert!(!keyed.poll());
        assert_eq!(keyed.shown(), Some((&2, Ok(&"two"))));
    }

    #[test]
    fn an_invalidated_value_is_loaded_again_and_shown_meanwhile() {
        let jobs = jobs();
        let mut keyed: Keyed<u32, &str> = Keyed::default();
        keyed.put(1, Err("gone".into()));
        keyed.invalidate();
        assert!(keyed.wants(&1));
        keyed.load(1, jobs.ask(Lane::Reader, |_| Ok("back")));
        assert!(!keyed.wants(&1));
        assert!(keyed.shown().is_some());
        settle(&mut keyed);
        assert!(!keyed.wants(&1));
        assert_eq!(keyed.shown(), Some((&1, Ok(&"back"))));
    }
}
