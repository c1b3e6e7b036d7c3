//! Who may touch the staged file of an upload: one at a time.
//!
//! A batch that goes on in the blocking pool after its [`StagedUpload`](super::upload::StagedUpload) was dropped still holds its claim,
//! so whoever takes the upload up again waits for it instead of racing with it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

/// The ids that are claimed at the moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims(Arc<Mutex<HashMap<Uuid, Arc<Holder>>>>);

/// What others can see of the one who holds a claim.
#[derive(Debug, Default)]
pub(crate) struct Holder {
    /// A client is sending: nobody knows when that ends, so others are turned away. Else they wait.
    occupied: AtomicBool,
    /// The claim was given back, or became occupied.
    changed: Notify,
}

/// The right to touch the staged file of `id`; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    claims: Claims,
    id: Uuid,
    holder: Arc<Holder>,
}

/// A client is sending to this upload right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupied;

impl Holder {
    /// A client begins to send.
    pub(crate) fn occupy(&self) {
        self.occupied.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// The client has left: what is still at work ends by itself.
    pub(crate) fn abandon(&self) {
        self.occupied.store(false, Ordering::SeqCst);
    }
}

impl Claims {
    /// Takes the claim, after those who will give it back by themselves.
    pub(crate) async fn take(&self, id: Uuid) -> Result<Claim, Occupied> {
        loop {
            let holder = match self.0.lock().entry(id) {
                Entry::Occupied(entry) => Arc::clone(entry.get()),
                Entry::Vacant(entry) => {
                    let holder = Arc::clone(entry.insert(Arc::default()));
                    return Ok(Claim { claims: self.clone(), id, holder });
                }
            };
            // Made before looking: a change after this line wakes it, one before this line is seen.
            let changed = holder.changed.notified();
            if holder.occupied.load(Ordering::SeqCst) {
                return Err(Occupied);
            }
            let held = self.0.lock().get(&id).is_some_and(|now| Arc::ptr_eq(now, &holder));
            if held {
                changed.await;
            }
        }
    }
}

impl Claim {
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) fn holder(&self) -> Arc<Holder> {
        Arc::clone(&self.holder)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().remove(&self.id);
        self.holder.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_client_turns_others_away_until_it_leaves() {
        let claims = Claims::default();
        let id = Uuid::from_u128(1);
        let claim = claims.take(id).await.unwrap();
        claim.holder().occupy();
        assert_eq!(claims.take(id).await.err(), Some(Occupied));
        assert!(claims.take(Uuid::from_u128(2)).await.is_ok());

        claim.holder().abandon();
        let waiting = tokio::spawn({
            let claims = claims.clone();
            async move { claims.take(id).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waiting.is_finished());
        drop(claim);
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert!(claims.0.lock().is_empty());
    }

    #[tokio::test]
    async fn those_who_wait_learn_of_a_client() {
        let claims = Claims::default();
        let claim = claims.take(Uuid::nil()).await.unwrap();
        let waiting = tokio::spawn({
            let claims = claims.clone();
            async move { claims.take(Uuid::nil()).await.map(drop) }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        claim.holder().occupy();
        assert_eq!(waiting.await.unwrap(), Err(Occupied));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn operations_queue() {
        let claims = Claims::default();
        let inside = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (claims, inside) = (claims.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let _claim = claims.take(Uuid::nil()).await.unwrap();
                    assert!(!inside.swap(true, Ordering::SeqCst));
                    tokio::task::yield_now().await;
                    inside.store(false, Ordering::SeqCst);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}
