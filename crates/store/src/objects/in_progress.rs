//! The objects that this process is writing, or has written and not recorded yet.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::part::Key;

/// Their keys; clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct InProgress(Arc<Mutex<HashSet<Key>>>);

/// Keeps a key among them until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    keys: InProgress,
    key: Key,
}

impl InProgress {
    pub(crate) fn hold(&self, key: Key) -> Hold {
        self.0.lock().insert(key);
        Hold { keys: self.clone(), key }
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.0.lock().contains(key)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.key);
    }
}
