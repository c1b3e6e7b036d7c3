//! The way of every request to the object store: a limit on how many are in flight, and what is counted of them.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use opendal::raw::ServiceOperation;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter};
use opendal_http_transport_reqwest::ReqwestTransport;
use tokio::sync::Semaphore;

use super::metrics::{Labels, Metrics};

/// Requests that name no operation: tokens and credentials.
const OTHER: Labels = Labels { operation: "Authenticate" };

struct Counted {
    client: ReqwestTransport,
    places: Semaphore,
    metrics: Metrics,
}

/// Sends by `client`. At most `in_flight` requests wait for the beginning of an answer; more queue up. Bodies of answers do
/// not count: how fast a pull goes is up to its client, and slow ones must not stop others.
pub(crate) fn transport(client: reqwest::Client, in_flight: usize, metrics: Metrics) -> HttpTransporter {
    HttpTransporter::new(Counted { client: ReqwestTransport::new(client), places: Semaphore::new(in_flight), metrics })
}

impl HttpTransport for Counted {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>, Error> {
        let operation = request.extensions().get::<ServiceOperation>();
        let labels = operation.map_or(OTHER, |operation| Labels { operation: operation.0 });
        let sent = request.body().len() as u64;
        let _place = self.places.acquire().await.map_err(|_| Error::new(ErrorKind::Unexpected, "shutting down"))?;
        let _in_flight = InFlight::new(&self.metrics);
        let begin = Instant::now();
        self.metrics.requests.get_or_create(&labels).inc();
        let result = self.client.fetch(request).await;
        self.metrics.seconds.get_or_create(&labels).observe(begin.elapsed().as_secs_f64());
        let refused = match &result {
            // To be told that something is not there is no failure of the store.
            Ok(response) => {
                let status = response.status();
                (status.is_client_error() || status.is_server_error()) && status != StatusCode::NOT_FOUND
            }
            Err(_) => true,
        };
        if refused {
            self.metrics.errors.get_or_create(&labels).inc();
        }
        let response = result?;
        self.metrics.sent.get_or_create(&labels).inc_by(sent);
        let received = Arc::new(self.metrics.received.get_or_create(&labels).clone());
        Ok(response.map(|body| {
            body.map_inner(|stream| {
                Box::new(stream.inspect(move |piece| {
                    if let Ok(piece) = piece {
                        received.inc_by(piece.len() as u64);
                    }
                }))
            })
        }))
    }
}

struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}
