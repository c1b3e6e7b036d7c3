//! What is seen of every request: its id, a line in the access log when its answer is sent, and its place in the metrics.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};

use crate::client::Proxies;
use crate::metrics::{Exposition, HttpMetrics};
use crate::net::{Connection, RequestBody};
use crate::request_id::{X_REQUEST_ID, request_id};

const DOCKER_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Watches requests.
#[derive(Clone)]
pub(crate) struct Observer {
    metrics: Arc<HttpMetrics>,
    exposition: Exposition,
    proxies: Proxies,
    access_log: bool,
}

/// One request under way.
pub(crate) struct Watch {
    metrics: Arc<HttpMetrics>,
    start: Instant,
    id: HeaderValue,
    method: Method,
    /// What only the access log wants.
    log: Option<Line>,
}

struct Line {
    uri: Uri,
    /// Who asked: the peer or, if that is a trusted proxy, whom it asked for.
    client: Option<IpAddr>,
    /// The other end of the connection.
    peer: Option<SocketAddr>,
    user_agent: Option<HeaderValue>,
}

impl Observer {
    pub(crate) fn new(metrics: HttpMetrics, exposition: Exposition, proxies: Proxies, access_log: bool) -> Self {
        Self { metrics: Arc::new(metrics), exposition, proxies, access_log }
    }

    pub(crate) fn exposition(&self) -> Exposition {
        self.exposition.clone()
    }

    pub(crate) fn begin(&self, request: &Request<RequestBody>) -> Watch {
        let log = self.access_log.then(|| Line {
            uri: request.uri().clone(),
            client: self.proxies.client(request),
            peer: request.extensions().get::<Connection>().map(Connection::peer),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
        });
        let id = request_id(request.headers());
        Watch { metrics: Arc::clone(&self.metrics), start: Instant::now(), id, method: request.method().clone(), log }
    }
}

impl Watch {
    /// Puts the request's id on everything that is logged on its way.
    pub(crate) fn span(&self) -> tracing::Span {
        tracing::error_span!("request", id = self.id.to_str().unwrap_or_default())
    }

    /// Adds the headers of every answer, and watches its body to its end.
    pub(crate) fn end<B>(self, label: &'static str, mut response: Response<B>) -> Response<Observed<B>> {
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !matches!(label, "page" | "api") {
            headers.insert(DOCKER_API_VERSION, HeaderValue::from_static("registry/2.0"));
        }
        let status = response.status();
        response.map(|body| Observed { body, sent: 0, failed: false, watch: self, label, status })
    }
}

/// A body that reports when it was sent or given up.
pub(crate) struct Observed<B> {
    body: B,
    sent: u64,
    failed: bool,
    watch: Watch,
    label: &'static str,
    status: StatusCode,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Observed<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.sent += frame.data_ref().map_or(0, Bytes::len) as u64,
            Poll::Ready(Some(Err(_))) => self.failed = true,
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Observed<B> {
    fn drop(&mut self) {
        let elapsed = self.watch.start.elapsed();
        self.watch.metrics.record(self.label, &self.watch.method, self.status, elapsed, self.sent);
        let Some(line) = &self.watch.log else { return };
        tracing::info!(
            target: "access",
            request = self.watch.id.to_str().unwrap_or_default(),
            client = line.client.map(tracing::field::display),
            peer = line.peer.map(tracing::field::display),
            method = %self.watch.method,
            path = &*shown(line.uri.path()),
            query = shown_query(&line.uri),
            status = self.status.as_u16(),
            sent_bytes = self.sent,
            duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            user_agent = line.user_agent.as_ref().and_then(|value| value.to_str().ok()),
            failed = self.failed.then_some(true),
        );
    }
}

/// A path as the log may have it: what follows the kind of a link that works once is a secret.
fn shown(path: &str) -> Cow<'_, str> {
    match path.strip_prefix("/link/").map(|rest| rest.split('/').next().unwrap_or_default()) {
        Some(kind) if path.len() > "/link/".len() + kind.len() => Cow::Owned(format!("/link/{kind}/…")),
        _ => Cow::Borrowed(path),
    }
}

/// A query as the log may have it: what a provider sends people back with is good for a login, and with the code of a program that waits
/// somebody else could let it in. Whoever has to log in for that carries it along.
fn shown_query(uri: &Uri) -> Option<&str> {
    let is_secret = matches!(uri.path(), "/device" | "/login") || uri.path().starts_with("/login/oidc/");
    uri.query().map(|query| if is_secret { "…" } else { query })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_queries_are_not_logged() {
        let query = |text: &str| shown_query(&text.parse().unwrap()).map(str::to_owned);
        for secret in [
            "/login/oidc/acme/callback?code=c2VjcmV0&state=x",
            "/device?code=BCDF-GHJK",
            "/login?next=%2Fdevice%3Fcode%3DBCDF-GHJK",
        ] {
            assert_eq!(query(secret).as_deref(), Some("…"), "{secret}");
        }
        assert_eq!(query("/login/oidc/acme"), None);
        assert_eq!(query("/v2/_catalog?n=5").as_deref(), Some("n=5"));
    }

    #[test]
    fn secrets_of_links_are_not_logged() {
        assert_eq!(shown("/link/reset/c2VjcmV0"), "/link/reset/…");
        assert_eq!(shown("/link/reset/c2Vj/cmV0"), "/link/reset/…");
        for path in ["/link/reset", "/link/", "/link", "/v2/acme/app/tags/list", "/"] {
            assert_eq!(shown(path), path);
        }
    }
}
