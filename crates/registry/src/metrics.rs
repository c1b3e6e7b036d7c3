//! What the core counts and times.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::cache::Cache;

/// Counters and timings of the core; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) uploads_active: Gauge,
    pub(crate) uploads_started: Counter,
    pub(crate) uploads_finished: Counter,
    pub(crate) uploads_cancelled: Counter,
    pub(crate) bytes_received: Counter,
    pub(crate) manifests_pushed: Counter,
    pub(crate) purged_bytes: Counter,
    pub(crate) condemned: Counter,
    pub(crate) revived: Counter,
    pub(crate) retired: Counter,
    pub(crate) collected: Counter,
    pub(crate) collected_bytes: Counter,
    pub(crate) scrubbed_blobs: Counter,
    pub(crate) scrubbed_bytes: Counter,
    pub(crate) scrub_damaged: Counter,
    pub(crate) scrub_repaired: Counter,
    pub(crate) quarantined: Gauge,
    pub(crate) store_open_seconds: Histogram,
    pub(crate) store_sync_seconds: Histogram,
    pub(crate) store_publish_seconds: Histogram,
    cache_hits: Counter,
    cache_misses: Counter,
}

/// Counts an upload as active until dropped.
pub(crate) struct ActiveUpload(Gauge);

impl Drop for ActiveUpload {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new(cache: &Cache) -> Self {
        let buckets = || Histogram::new(exponential_buckets(0.000_016, 4.0, 11));
        Self {
            uploads_active: Gauge::default(),
            uploads_started: Counter::default(),
            uploads_finished: Counter::default(),
            uploads_cancelled: Counter::default(),
            bytes_received: Counter::default(),
            manifests_pushed: Counter::default(),
            purged_bytes: Counter::default(),
            condemned: Counter::default(),
            revived: Counter::default(),
            retired: Counter::default(),
            collected: Counter::default(),
            collected_bytes: Counter::default(),
            scrubbed_blobs: Counter::default(),
            scrubbed_bytes: Counter::default(),
            scrub_damaged: Counter::default(),
            scrub_repaired: Counter::default(),
            quarantined: Gauge::default(),
            store_open_seconds: buckets(),
            store_sync_seconds: buckets(),
            store_publish_seconds: buckets(),
            cache_hits: cache.hits.clone(),
            cache_misses: cache.misses.clone(),
        }
    }

    pub(crate) fn active_upload(&self) -> ActiveUpload {
        self.uploads_active.inc();
        ActiveUpload(self.uploads_active.clone())
    }

    /// Adds them to what `/metrics` shows.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("uploads_active", "Requests that bring bytes of blobs", self.uploads_active.clone());
        registry.register("uploads_started", "Uploads begun", self.uploads_started.clone());
        registry.register("uploads_finished", "Uploads that became blobs", self.uploads_finished.clone());
        registry.register("uploads_cancelled", "Uploads cancelled by clients", self.uploads_cancelled.clone());
        registry.register("upload_bytes", "Bytes of blobs received", self.bytes_received.clone());
        registry.register("manifests_pushed", "Manifests pushed", self.manifests_pushed.clone());
        registry.register("purged_bytes", "Bytes given back by the purge", self.purged_bytes.clone());
        registry.register("gc_condemned", "Blobs and manifests that nothing needed", self.condemned.clone());
        registry.register("gc_revived", "Condemned blobs and manifests that were asked for", self.revived.clone());
        registry.register("retention_removed", "Tags that no rule of retention kept", self.retired.clone());
        registry.register("gc_removed", "Blobs and manifests taken from repositories", self.collected.clone());
        registry.register(
            "gc_removed_bytes",
            "Bytes of blobs given back by the collection",
            self.collected_bytes.clone(),
        );
        registry.register("scrubbed_blobs", "Blobs that the scrub looked at", self.scrubbed_blobs.clone());
        registry.register("scrubbed_bytes", "Bytes that the scrub read", self.scrubbed_bytes.clone());
        registry.register("scrub_damaged", "Blobs that the scrub found damaged", self.scrub_damaged.clone());
        registry.register("scrub_repaired", "Blobs that the scrub copied back", self.scrub_repaired.clone());
        registry.register("quarantined_blobs", "Blobs that are damaged", self.quarantined.clone());
        registry.register("store_open_seconds", "Time to open a blob for a pull", self.store_open_seconds.clone());
        registry.register("store_sync_seconds", "Time to sync an upload's bytes", self.store_sync_seconds.clone());
        registry.register(
            "store_publish_seconds",
            "Time to give a blob its name and sync the directory",
            self.store_publish_seconds.clone(),
        );
        registry.register("cache_hits", "Reads answered from memory", self.cache_hits.clone());
        registry.register("cache_misses", "Reads that went to the database", self.cache_misses.clone());
    }
}
