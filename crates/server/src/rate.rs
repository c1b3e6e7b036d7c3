//! Limits on how often clients may ask, in the words of Docker Hub. Who is counted, and when it is too much, access decides.

use std::net::IpAddr;
use std::sync::Arc;

use entrepot_access::{Access, Allowance, Caller, Exhausted};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::client::Proxies;
use crate::network::Network;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const SOURCE: HeaderName = HeaderName::from_static("docker-ratelimit-source");

/// The limits on how often clients may ask; clones are the same.
#[derive(Clone)]
pub(crate) struct RateLimits {
    access: Access,
    proxies: Proxies,
    exempt: Arc<[Network]>,
    refused: Family<RefusedLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    counted: &'static str,
}

impl RateLimits {
    pub(crate) fn new(access: Access, proxies: Proxies, exempt: Vec<Network>, metrics: &mut Registry) -> Self {
        let refused = Family::default();
        metrics.register("rate_refused", "Requests refused because there were too many", refused.clone());
        Self { access, proxies, exempt: exempt.into(), refused }
    }

    /// Counts a request of any kind. Those by which an orchestrator sees whether the process lives do not count: it would end one
    /// that refuses them.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Result<(), Box<Exhausted>> {
        if !self.access.counts_requests() || matches!(request.uri().path(), "/healthz" | "/readyz") {
            return Ok(());
        }
        match self.proxies.client(request) {
            Some(address) if !self.is_exempt(address) => self.noted(self.access.count_request(address)),
            _ => Ok(()),
        }
    }

    /// Counts what is asked of a manifest, if it is a pull: to ask for the head alone is none.
    pub(crate) fn pull(&self, caller: &Caller, method: &Method) -> Result<Pull<'_>, Box<Exhausted>> {
        let none = Pull { access: &self.access, allowance: None, counted: false };
        if caller.address().is_some_and(|address| self.is_exempt(address)) {
            return Ok(none);
        }
        if method == Method::HEAD {
            return Ok(Pull { allowance: self.access.pulls_left(caller), ..none });
        }
        let allowance = self.noted(self.access.count_pull(caller))?;
        Ok(Pull { counted: allowance.is_some(), allowance, ..none })
    }

    fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(address))
    }

    fn noted<T>(&self, admitted: Result<T, Box<Exhausted>>) -> Result<T, Box<Exhausted>> {
        admitted.inspect_err(|exhausted| {
            self.refused.get_or_create(&RefusedLabels { counted: exhausted.counted.as_str() }).inc();
        })
    }
}

/// A pull, or a look at what could be pulled.
pub(crate) struct Pull<'a> {
    access: &'a Access,
    allowance: Option<Allowance>,
    counted: bool,
}

impl Pull<'_> {
    /// There was nothing to pull.
    pub(crate) fn failed(self, caller: &Caller) {
        if self.counted {
            self.access.uncount_pull(caller);
        }
    }

    /// Says what is left.
    pub(crate) fn tell(self, answer: &mut HeaderMap) {
        if let Some(allowance) = self.allowance {
            answer.extend(headers(&allowance));
        }
    }
}

/// What is allowed, what is left of it, and for whom it is counted.
pub(crate) fn headers(allowance: &Allowance) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let in_window = |number: u32| format!("{number};w={}", allowance.rate.seconds());
    let texts = [
        (LIMIT, in_window(allowance.rate.most())),
        (REMAINING, in_window(allowance.left)),
        (SOURCE, allowance.source.clone()),
    ];
    // A job's name is what its provider calls it, which no header may have to take.
    texts.into_iter().filter_map(|(name, text)| Some((name, text.try_into().ok()?)))
}
