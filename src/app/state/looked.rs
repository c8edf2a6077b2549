//! Something of a run that is too much to hold for all its steps: it is read from the store when it is
//! looked at, one at a time.
//!
//! Knows no widget and no thread.

use std::sync::Arc;

/// What is looked at, by the key it is asked for with.
#[derive(Debug)]
pub struct Looked<K, V> {
    /// Asked for, and not there yet.
    awaited: Option<K>,
    there: Option<(K, Result<Arc<V>, String>)>,
    /// What is there may have changed since.
    old: bool,
}

impl<K, V> Default for Looked<K, V> {
    fn default() -> Self {
        Looked {
            awaited: None,
            there: None,
            old: false,
        }
    }
}

impl<K: PartialEq + Copy, V> Looked<K, V> {
    /// Looks at `key`. True where it is to be asked for now, which is once.
    pub fn look(&mut self, key: K) -> bool {
        let there = self.there.as_ref().is_some_and(|(known, _)| *known == key);
        if self.awaited == Some(key) || (there && !self.old && self.awaited.is_none()) {
            return false;
        }
        if there && !self.old {
            // Another was asked for and is not wanted any more.
            self.awaited = None;
            return false;
        }
        self.awaited = Some(key);
        true
    }

    /// What came of the last question that was answered, also while the next is awaited.
    pub fn there(&self) -> Option<&(K, Result<Arc<V>, String>)> {
        self.there.as_ref()
    }

    /// Takes an answer; one that is not awaited any more is dropped.
    pub fn put(&mut self, key: K, answer: Result<Arc<V>, String>) {
        if self.awaited == Some(key) {
            self.awaited = None;
            self.there = Some((key, answer));
            self.old = false;
        }
    }

    /// What is there is shown until it has been asked for again.
    pub fn renew(&mut self) {
        self.old = true;
        self.awaited = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_asked_for_once_and_late_answers_are_dropped() {
        let mut looked: Looked<u32, &str> = Looked::default();
        assert!(looked.look(1) && !looked.look(1));
        assert!(looked.look(2), "another one is");
        looked.put(1, Ok(Arc::new("one")));
        assert!(looked.there().is_none(), "the first is not wanted any more");
        looked.put(2, Ok(Arc::new("two")));
        assert_eq!(looked.there().map(|(key, _)| *key), Some(2));
        assert!(!looked.look(2));
        assert!(looked.look(3) && !looked.look(2), "back before it came");
        looked.put(3, Ok(Arc::new("three")));
        assert_eq!(looked.there().map(|(key, _)| *key), Some(2));
    }

    #[test]
    fn what_may_have_changed_is_asked_for_again_and_shown_meanwhile() {
        let mut looked: Looked<u32, &str> = Looked::default();
        assert!(looked.look(1));
        looked.put(1, Err("gone".into()));
        looked.renew();
        assert!(looked.look(1) && !looked.look(1));
        assert!(looked.there().is_some());
        looked.put(1, Ok(Arc::new("back")));
        assert!(!looked.look(1));
        assert!(looked.there().is_some_and(|(_, answer)| answer.is_ok()));
    }
}
