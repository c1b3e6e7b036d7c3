//! What is counted of the requests to the object store.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The name that the store's own interface has for a request: "PutObject", "UploadPart".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    pub(crate) operation: &'static str,
}

/// Counters and timings; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) requests: Family<Labels, Counter>,
    pub(crate) errors: Family<Labels, Counter>,
    pub(crate) seconds: Family<Labels, Histogram>,
    pub(crate) sent: Family<Labels, Counter>,
    pub(crate) received: Family<Labels, Counter>,
    pub(crate) retries: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            errors: Family::default(),
            // From 1 ms to 65 s.
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 4.0, 9))),
            sent: Family::default(),
            received: Family::default(),
            retries: Counter::default(),
            in_flight: Gauge::default(),
            memory: Gauge::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, family: &Family<Labels, Counter>| {
            registry.register(name, help, family.clone());
        };
        add("object_store_requests", "Requests to the object store", &self.requests);
        add("object_store_errors", "Requests to the object store that failed or were refused", &self.errors);
        add("object_store_sent_bytes", "Bytes of bodies sent to the object store", &self.sent);
        add("object_store_received_bytes", "Bytes of bodies received from the object store", &self.received);
        let help = "Time until the object store began to answer";
        registry.register_with_unit("object_store_request", help, Unit::Seconds, self.seconds.clone());
        let help = "Operations of the object store that were tried again";
        registry.register("object_store_retries", help, self.retries.clone());
        let help = "Requests to the object store that wait for the beginning of their answer";
        registry.register("object_store_in_flight", help, self.in_flight.clone());
        let help = "Memory that uploads to the object store hold";
        registry.register_with_unit("object_store_upload_memory", help, Unit::Bytes, self.memory.clone());
    }
}
