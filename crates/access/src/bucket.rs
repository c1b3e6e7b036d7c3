//! How often something may be done: so many times at once, and then one more every so often.

use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use quick_cache::sync::Cache;

use crate::Error;
use crate::guessing::network;

/// Buckets that are kept; the least used are forgotten first.
const KEPT: usize = 20_000;

/// How often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// At once.
    pub(crate) burst: f64,
    /// After that, one more every so often.
    pub(crate) refill: Duration,
}

/// So many times are left, as of a moment.
pub(crate) struct Bucket {
    pace: Pace,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(crate) fn full(pace: Pace) -> Self {
        Self { pace, state: Mutex::new((pace.burst, Instant::now())) }
    }

    /// Whether there is one left.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(crate) fn check(&self, now: Instant) -> Result<(), Error> {
        let left = self.settle(now, 0.0);
        if left >= 1.0 { Ok(()) } else { Err(Error::TooMany { after: self.pace.refill.mul_f64(1.0 - left) }) }
    }

    /// Takes one, if there is one or not.
    pub(crate) fn take(&self, now: Instant) {
        self.settle(now, 1.0);
    }

    /// Gives one back that was taken.
    pub(crate) fn put_back(&self, now: Instant) {
        self.settle(now, -1.0);
    }

    /// Adds what time has given, takes `taken`, and returns what is left.
    fn settle(&self, now: Instant, taken: f64) -> f64 {
        let mut state = self.state.lock();
        let (left, at) = *state;
        let refilled = left + now.saturating_duration_since(at).as_secs_f64() / self.pace.refill.as_secs_f64();
        *state = ((refilled.min(self.pace.burst) - taken).clamp(0.0, self.pace.burst), now.max(at));
        state.0
    }
}

/// A bucket for each of many.
pub(crate) struct Buckets<K> {
    pace: Pace,
    kept: Cache<K, Arc<Bucket>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, kept: Cache::new(KEPT) }
    }

    /// Takes one out of the bucket of `key`.
    ///
    /// # Errors
    /// [`Error::TooMany`] if there is none left.
    pub(crate) fn take(&self, key: &K) -> Result<(), Error> {
        let full = || Ok::<_, Infallible>(Arc::new(Bucket::full(self.pace)));
        let Ok(bucket) = self.kept.get_or_insert_with(key, full);
        let now = Instant::now();
        bucket.check(now)?;
        bucket.take(now);
        Ok(())
    }
}

impl Buckets<IpAddr> {
    /// Takes one out of the bucket of whoever asks, if it is known from where.
    ///
    /// # Errors
    /// [`Error::TooMany`] if there is none left.
    pub(crate) fn take_from(&self, address: Option<IpAddr>) -> Result<(), Error> {
        address.map_or(Ok(()), |address| self.take(&network(address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_again() {
        let pace = Pace { burst: 10.0, refill: Duration::from_secs(6) };
        let (bucket, now) = (Bucket::full(pace), Instant::now());
        for _ in 0..10 {
            bucket.check(now).unwrap();
            bucket.take(now);
        }
        assert!(bucket.check(now).is_err());
        bucket.put_back(now);
        assert!(bucket.check(now).is_ok());
        bucket.take(now);
        assert!(bucket.check(now).is_err());
        assert!(bucket.check(now + pace.refill).is_ok());
    }
}
