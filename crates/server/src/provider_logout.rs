//! `POST /login/oidc/{provider}/logout`: a provider that says that somebody has logged out there (OpenID Connect Back-Channel Logout 1.0).
//! It is no form of a page: what it brings is signed, and no cookie is looked at.

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Form, Router};
use entrepot_access::{Access, Error};
use http::{StatusCode, header};
use serde::Deserialize;

use crate::api::Problem;
use crate::token::Refusal;

/// Longest body: a token of the longest that are looked at, and what is around it.
const MAX_BODY: usize = 32 * 1024;

pub(crate) fn router(access: Access) -> Router {
    let limit = DefaultBodyLimit::max(MAX_BODY);
    Router::new().route("/login/oidc/{provider}/logout", post(act).layer(limit)).with_state(access)
}

#[derive(Deserialize)]
struct Logout {
    logout_token: String,
}

async fn act(
    State(access): State<Access>,
    Path(provider): Path<String>,
    form: Result<Form<Logout>, FormRejection>,
) -> Response {
    let said = match form {
        Ok(Form(Logout { logout_token })) => access.end_provider_sessions(&provider, &logout_token).await,
        Err(_) => Err(Error::Invalid { field: "logout_token", why: "it is missing, or too long".to_owned() }),
    };
    // Section 2.8: nobody on the way may keep the answer.
    let unkept = [(header::CACHE_CONTROL, "no-store")];
    match said {
        Ok(()) => (StatusCode::OK, unkept).into_response(),
        Err(error @ Error::Invalid { .. }) => Refusal::request(error.to_string()).into_response(),
        Err(error) => (unkept, Problem::from(error)).into_response(),
    }
}
