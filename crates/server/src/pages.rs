//! The routes besides the distribution API.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use entrepot_registry::Registry;
use http::{StatusCode, header};

use crate::metrics::Exposition;

const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
const OPEN_METRICS: [(header::HeaderName, &str); 1] =
    [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];

pub(crate) fn router(registry: Registry, metrics: Option<Exposition>) -> Router {
    let mut router = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz).with_state(registry));
    if let Some(metrics) = metrics {
        router = router.route("/metrics", get(exposition).with_state(metrics));
    }
    router.fallback(not_found)
}

/// Whether the process answers at all.
async fn healthz() -> impl IntoResponse {
    (TEXT, "ok\n")
}

/// Whether it can serve: database and blob store answer.
async fn readyz(State(registry): State<Registry>) -> impl IntoResponse {
    match registry.probe().await {
        Ok(()) => (StatusCode::OK, TEXT, "ready\n"),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, TEXT, "not ready; the log says why\n")
        }
    }
}

async fn exposition(State(metrics): State<Exposition>) -> impl IntoResponse {
    match metrics.text() {
        Ok(text) => (StatusCode::OK, OPEN_METRICS, text),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, OPEN_METRICS, String::new()),
    }
}

async fn not_found() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, TEXT, "There is nothing here. The registry's API is under /v2/.\n")
}
