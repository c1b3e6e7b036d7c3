//! What the database counts and times.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Timings of the database; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) read_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) wait_seconds: Histogram,
    pub(crate) writes: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || Histogram::new(exponential_buckets(0.000_004, 4.0, 12));
        Self { read_seconds: buckets(), commit_seconds: buckets(), wait_seconds: buckets(), writes: Counter::default() }
    }
}

impl Metrics {
    /// Adds them to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("database_read_seconds", "Time of one read of the database", self.read_seconds.clone());
        registry.register(
            "database_commit_seconds",
            "Time of one commit, which many writes share",
            self.commit_seconds.clone(),
        );
        registry.register(
            "database_write_wait_seconds",
            "Time from asking for a write to its commit",
            self.wait_seconds.clone(),
        );
        registry.register("database_writes", "Writes committed", self.writes.clone());
    }
}
