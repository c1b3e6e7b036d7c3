//! What the database counts and times.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Timings of the database; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) read_seconds: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) wait_seconds: Histogram,
    pub(crate) writes: Counter,
    pub(crate) connections_in_use: Gauge,
    pub(crate) connections_opened: Counter,
    pub(crate) connection_failures: Counter,
    pub(crate) connection_wait_seconds: Histogram,
    pub(crate) retries: Family<RetryLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RetryLabels {
    pub(crate) because: Because,
}

/// Why work was done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Because {
    /// Another transaction came between.
    Conflict,
    /// A constraint was violated, perhaps by another transaction.
    Constraint,
    /// The connection broke.
    Connection,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || Histogram::new(exponential_buckets(0.000_004, 4.0, 12));
        Self {
            read_seconds: buckets(),
            commit_seconds: buckets(),
            wait_seconds: buckets(),
            writes: Counter::default(),
            connections_in_use: Gauge::default(),
            connections_opened: Counter::default(),
            connection_failures: Counter::default(),
            connection_wait_seconds: buckets(),
            retries: Family::default(),
        }
    }
}

impl Metrics {
    /// How often work was done again because others came between.
    pub fn conflicts(&self) -> u64 {
        self.retries.get_or_create(&RetryLabels { because: Because::Conflict }).get()
    }

    pub(crate) fn retried(&self, because: Because) {
        self.retries.get_or_create(&RetryLabels { because }).inc();
    }

    /// Adds them to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("database_read_seconds", "Time of one read of the database", self.read_seconds.clone());
        registry.register(
            "database_commit_seconds",
            "Time of one commit, which over SQLite many writes share",
            self.commit_seconds.clone(),
        );
        registry.register(
            "database_write_wait_seconds",
            "Time from asking for a write to its commit",
            self.wait_seconds.clone(),
        );
        registry.register("database_writes", "Writes committed", self.writes.clone());
        registry.register(
            "database_connections_in_use",
            "Connections to PostgreSQL that are in use",
            self.connections_in_use.clone(),
        );
        registry.register(
            "database_connections_opened",
            "Connections to PostgreSQL made",
            self.connections_opened.clone(),
        );
        registry.register(
            "database_connection_failures",
            "Connections to PostgreSQL that could not be made",
            self.connection_failures.clone(),
        );
        registry.register(
            "database_connection_wait_seconds",
            "Time of waiting for a connection that is free",
            self.connection_wait_seconds.clone(),
        );
        registry.register("database_retries", "Work on PostgreSQL that was done again", self.retries.clone());
    }
}
