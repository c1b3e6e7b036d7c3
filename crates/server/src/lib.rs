#![doc = include_str!("../README.md")]

mod api;
mod app;
mod bandwidth;
mod body;
mod client;
mod credentials;
mod metrics;
pub mod net;
mod network;
mod observe;
mod operator;
mod origin;
mod own;
mod pages;
mod provider_logout;
mod rate;
mod request_id;
mod time;
mod token;
mod v2;
mod web;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use entrepot_access::Access;
use entrepot_registry::Registry;
use entrepot_registry::gate::Gate;

pub use bandwidth::Bandwidth;
pub use network::{InvalidNetwork, Network};
pub use operator::{Cause, Operator};
pub use v2::endpoint::{Endpoint, InvalidPath};

/// How the server behaves, from the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Largest manifest in bytes.
    pub max_manifest_bytes: u64,
    /// Time-outs and limits of connections.
    pub limits: net::Limits,
    /// Write a line for each request.
    pub access_log: bool,
    /// Serve `/metrics`.
    pub metrics: bool,
    /// Reverse proxies that are believed when they say who the client is.
    pub trusted_proxies: Vec<Network>,
    /// How fast content may come and go.
    pub bandwidth: Bandwidth,
    /// Clients for whom nothing is counted, where something is limited.
    pub rate_exempt: Vec<Network>,
    /// Clients that are sent to the object store for the bytes of blobs.
    pub redirect: Vec<Network>,
    /// How long the addresses are good to which they are sent.
    pub redirect_expiry: Duration,
}

/// Serves `registry` until `shutdown` is ready and requests in flight are done or out of time.
pub async fn serve(
    listener: net::Listener,
    tls: Option<net::TlsReloader>,
    registry: Registry,
    access: Access,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> net::DrainReport {
    let counters = Arc::<net::Counters>::default();
    let mut all = prometheus_client::registry::Registry::with_prefix("entrepot");
    let http = metrics::HttpMetrics::register(&mut all);
    registry.metrics().register(&mut all);
    registry.database().metrics().register(&mut all);
    registry.store().register_metrics(&mut all);
    all.register_collector(Box::new(metrics::ConnectionMetrics(Arc::clone(&counters))));

    let proxies = client::Proxies::new(options.trusted_proxies);
    let rates = rate::RateLimits::new(access.clone(), proxies.clone(), options.rate_exempt, &mut all);
    let exposition = metrics::Exposition::new(all);
    let observer = observe::Observer::new(http, exposition, proxies.clone(), options.access_log);
    let redirects =
        v2::Redirects { networks: options.redirect, expiry: options.redirect_expiry, proxies: proxies.clone() };
    let gate = Gate::new(access);
    let max_manifest_bytes = options.max_manifest_bytes;
    let v2 = v2::V2 { registry, gate, max_manifest_bytes, redirects: Arc::new(redirects), rates };
    let app = app::App::new(v2, proxies, observer, bandwidth::Caps::new(options.bandwidth), options.metrics);
    net::serve(listener, tls, options.limits, counters, app, shutdown).await
}
