//! What becomes of a request: `/v2` goes to the distribution API, everything else to the router of pages.
//!
//! The distribution API has names with slashes in the middle of its paths, which no router of patterns takes apart, so it
//! reads them itself.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use entrepot_access::Exhausted;
use http::{Request, Response};
use hyper::service::Service as HyperService;
use tower::ServiceExt;

use crate::api::{self, Api, Asker};
use crate::bandwidth::Caps;
use crate::body::Body;
use crate::client::Proxies;
use crate::credentials;
use crate::net::RequestBody;
use crate::observe::{Observed, Observer};
use crate::origin::Origin;
use crate::pages;
use crate::provider_logout;
use crate::token;
use crate::v2::V2;
use crate::v2::endpoint::{Endpoint, InvalidPath};
use crate::v2::error::ApiError;
use crate::web::{self, Web};

/// The whole application; clones share it.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

struct Parts {
    v2: V2,
    proxies: Proxies,
    pages: axum::Router,
    observer: Observer,
    caps: Caps,
}

impl App {
    pub(crate) fn new(v2: V2, proxies: Proxies, observer: Observer, caps: Caps, metrics: bool) -> Self {
        let tokens = token::router(v2.gate.policy().clone(), proxies.clone());
        let (registry, gate) = (Some(v2.registry.clone()), v2.gate.clone());
        let api = Api { registry, gate, proxies: proxies.clone(), asker: Asker::Shown };
        let web = Web { access: v2.gate.policy().clone(), proxies: proxies.clone() };
        let pages = tokens
            .merge(provider_logout::router(v2.gate.policy().clone()))
            .merge(api::router(api))
            .merge(web::router(web))
            .merge(pages::router(v2.registry.clone(), metrics.then(|| observer.exposition())));
        Self(Arc::new(Parts { v2, proxies, pages, observer, caps }))
    }

    /// The distribution API, for whoever asks.
    async fn distribution(
        &self,
        endpoint: Endpoint,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, ApiError> {
        let v2 = &self.0.v2;
        let address = self.0.proxies.client(&request);
        let identified = credentials::identify(v2.gate.policy(), request.headers(), address).await;
        match identified {
            Ok(caller) => {
                let capped = self.0.caps.request(&caller, &mut request);
                Ok(capped.answer(v2.answer(&caller, endpoint, request).await?))
            }
            Err(error) => Err(ApiError::unidentified(error, &v2.gate.policy().nobody(None))),
        }
    }

    /// Everything that has paths of a plain form.
    async fn page(&self, request: Request<RequestBody>) -> Response<Body> {
        let Ok(response) = self.0.pages.clone().oneshot(request.map(axum::body::Body::new)).await;
        response.map(Body::Page)
    }

    /// There were too many requests.
    fn refuse(exhausted: &Exhausted, request: &Request<RequestBody>, origin: &Origin) -> Response<Body> {
        if request.uri().path().starts_with("/api/") {
            return api::exhausted(exhausted).map(Body::Page);
        }
        ApiError::exhausted(exhausted).answer(origin)
    }

    async fn answer(self, request: Request<RequestBody>) -> Response<Observed<Body>> {
        let watch = self.0.observer.begin(&request);
        let span = watch.span();
        let route = async {
            if let Err(exhausted) = self.0.v2.rates.admit(&request) {
                let origin = Origin::of(&request, &self.0.proxies);
                return ("limited", Self::refuse(&exhausted, &request, &origin));
            }
            let path = request.uri().path();
            if path == "/v2" || path.starts_with("/v2/") {
                let origin = Origin::of(&request, &self.0.proxies);
                match Endpoint::parse(path) {
                    Ok(endpoint) => {
                        let label = endpoint.label();
                        let answer = self.distribution(endpoint, request).await;
                        (label, answer.unwrap_or_else(|error| error.answer(&origin)))
                    }
                    Err(InvalidPath::Unknown) if api::hub_serves(path) => ("hub", self.page(request).await),
                    Err(error) => ("invalid", ApiError::from(error).answer(&origin)),
                }
            } else {
                let label = if path.starts_with("/api/") { "api" } else { "page" };
                (label, self.page(request).await)
            }
        };
        let (label, response) = tracing::Instrument::instrument(route, span).await;
        watch.end(label, response)
    }
}

impl HyperService<Request<RequestBody>> for App {
    type Response = Response<Observed<Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<RequestBody>) -> Self::Future {
        let app = self.clone();
        Box::pin(async move { Ok(app.answer(request).await) })
    }
}
