//! `/metrics`, in the form of Prometheus (OpenMetrics 1.0).

use std::fmt::Error;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::net::Counters;

/// Everything that is counted, ready to be written out.
#[derive(Clone)]
pub(crate) struct Exposition(Arc<Registry>);

impl Exposition {
    pub(crate) fn new(registry: Registry) -> Self {
        Self(Arc::new(registry))
    }

    pub(crate) fn text(&self) -> Result<String, Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LatencyLabels {
    endpoint: &'static str,
    method: &'static str,
}

/// Requests by endpoint, method and status. A repository's name is never a label: there is no bound to their number.
#[derive(Clone)]
pub(crate) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<LatencyLabels, Histogram, fn() -> Histogram>,
    sent: Family<LatencyLabels, Counter>,
}

impl HttpMetrics {
    /// Makes them and adds them to `registry`.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_064, 4.0, 12));
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            sent: Family::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to answer, with the body", metrics.seconds.clone());
        registry.register("http_sent_bytes", "Bytes of answers' bodies", metrics.sent.clone());
        metrics
    }

    pub(crate) fn record(
        &self,
        endpoint: &'static str,
        method: &Method,
        status: StatusCode,
        elapsed: Duration,
        sent: u64,
    ) {
        let method = name(method);
        self.requests.get_or_create(&RequestLabels { endpoint, method, status: status.as_u16() }).inc();
        let labels = LatencyLabels { endpoint, method };
        self.seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
        self.sent.get_or_create(&labels).inc_by(sent);
    }
}

/// The method as a label; clients can invent methods, labels must be few.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// The counters of the accept loop, read when somebody asks.
#[derive(Debug)]
pub(crate) struct ConnectionMetrics(pub(crate) Arc<Counters>);

impl Collector for ConnectionMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let counters = &self.0;
        let open = ConstGauge::new(i64::try_from(counters.open()).unwrap_or(i64::MAX));
        let mut describe = |name: &str, help: &str, metric: &dyn Encode| {
            metric.encode(encoder.encode_descriptor(name, help, None, metric.kind())?)
        };
        describe("connections_open", "Connections open now", &open)?;
        describe("connections_accepted", "Connections accepted", &ConstCounter::new(counters.accepted()))?;
        describe(
            "connections_timed_out",
            "Connections cut for want of progress",
            &ConstCounter::new(counters.timed_out()),
        )?;
        describe("connections_refused", "Connections cut before a request", &ConstCounter::new(counters.refused()))?;
        describe("connection_received_bytes", "Bytes read from clients", &ConstCounter::new(counters.received()))?;
        describe("connection_sent_bytes", "Bytes written to clients", &ConstCounter::new(counters.sent()))
    }
}

/// [`EncodeMetric`] as a trait object.
trait Encode {
    fn encode(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), Error>;
    fn kind(&self) -> prometheus_client::metrics::MetricType;
}

impl<M: EncodeMetric> Encode for M {
    fn encode(&self, encoder: prometheus_client::encoding::MetricEncoder<'_>) -> Result<(), Error> {
        EncodeMetric::encode(self, encoder)
    }

    fn kind(&self) -> prometheus_client::metrics::MetricType {
        self.metric_type()
    }
}
