//! Pulls that are sent to the object store itself.

use std::time::Duration;

use entrepot_store::Blob;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};

use crate::body::Body;
use crate::client::Proxies;
use crate::network::Network;

/// Whose pulls are redirected, and for how long the address is good.
#[derive(Clone, Debug)]
pub(crate) struct Redirects {
    pub(crate) networks: Vec<Network>,
    pub(crate) expiry: Duration,
    pub(crate) proxies: Proxies,
}

impl Redirects {
    /// The redirect to where the client can read the blob itself; `None` if it is to be sent from here. The client repeats its
    /// `Range` there.
    pub(super) async fn answer<B>(&self, request: &Request<B>, blob: &Blob) -> Option<Response<Body>> {
        if self.networks.is_empty() {
            return None;
        }
        let client = self.proxies.client(request)?;
        if !self.networks.iter().any(|network| network.contains(client)) {
            return None;
        }
        let location = match blob.signed_url(self.expiry).await {
            Ok(url) => HeaderValue::try_from(url?).ok()?,
            Err(error) => {
                tracing::warn!(%error, "no address can be signed; the blob is sent from here");
                return None;
            }
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(header::LOCATION, location);
        // The address ends to be good, and is good for its client alone.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Some(response)
    }
}
