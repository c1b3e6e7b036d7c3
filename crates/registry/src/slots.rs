//! Exclusive use of a key by one task at a time: an upload while a body is written to it, a digest while its blob is
//! published or removed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedMutexGuard};

/// Keys in use.
pub(crate) struct Slots<K>(Mutex<HashMap<K, Arc<Slot>>>);

#[derive(Default)]
struct Slot {
    lock: Arc<tokio::sync::Mutex<()>>,
    waiting: AtomicUsize,
    arrival: Notify,
}

/// The exclusive use of one key, until dropped.
pub(crate) struct Held<'a, K: Eq + Hash> {
    slots: &'a Slots<K>,
    key: K,
    slot: Arc<Slot>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for Slots<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash + Clone> Slots<K> {
    fn slot(&self, key: &K) -> Arc<Slot> {
        Arc::clone(self.0.lock().entry(key.clone()).or_default())
    }

    /// Waits until nobody else holds `key`, after letting the holder know ([`Held::somebody_waits`]).
    pub(crate) async fn hold(&self, key: K) -> Held<'_, K> {
        let slot = self.slot(&key);
        // Made before waiting, so that a caller that gives up leaves no trace.
        let mut held = Held { slots: self, key, slot: Arc::clone(&slot), guard: None };
        let waiting = Waiting::new(&slot);
        held.guard = Some(Arc::clone(&slot.lock).lock_owned().await);
        drop(waiting);
        held
    }

    /// Holds `key` if nobody else does.
    pub(crate) fn try_hold(&self, key: K) -> Option<Held<'_, K>> {
        let slot = self.slot(&key);
        let guard = Arc::clone(&slot.lock).try_lock_owned().ok();
        let held = Held { slots: self, key, slot, guard };
        held.guard.is_some().then_some(held)
    }
}

struct Waiting<'a>(&'a Slot);

impl<'a> Waiting<'a> {
    fn new(slot: &'a Slot) -> Self {
        slot.waiting.fetch_add(1, Ordering::SeqCst);
        slot.arrival.notify_waiters();
        Self(slot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<K: Eq + Hash> Held<'_, K> {
    /// Returns when another task wants this key.
    pub(crate) async fn somebody_waits(&self) {
        let arrival = self.slot.arrival.notified();
        if self.slot.waiting.load(Ordering::SeqCst) == 0 {
            arrival.await;
        }
    }
}

impl<K: Eq + Hash> Drop for Held<'_, K> {
    fn drop(&mut self) {
        let mut slots = self.slots.0.lock();
        self.guard = None;
        // One reference in the map and one here: nobody else holds or awaits it, and under the map's lock nobody can begin to.
        if Arc::strong_count(&self.slot) == 2 {
            slots.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_holder_at_a_time_and_no_trace_afterwards() {
        let slots = Arc::new(Slots::<u8>::default());
        let first = slots.hold(1).await;
        assert!(slots.try_hold(1).is_none());
        assert!(slots.try_hold(2).is_some());
        let waiter = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move {
                let _held = slots.hold(1).await;
            }
        });
        first.somebody_waits().await;
        drop(first);
        waiter.await.unwrap();
        assert!(slots.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_no_trace() {
        let slots = Slots::<u8>::default();
        let first = slots.hold(1).await;
        let second = slots.hold(1);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(10), second).await.is_err());
        drop(first);
        assert!(slots.0.lock().is_empty());
    }
}
