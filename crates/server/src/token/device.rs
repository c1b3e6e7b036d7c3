//! Logging in a program that has no browser (RFC 8628), and logging it out (RFC 7009).

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{FromRequest, State};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use entrepot_access::{DevicePoll, NewDevice, PublicUrl};
use http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Tokens;
use super::refusal::Refusal;
use crate::origin::Origin;

/// How a program says that it asks with such a code.
pub(super) const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The page on which people type the short code.
const PAGE: &str = "/device";

/// What `POST /device/code` takes. What a token may be used for is not asked for: all of them are for the same.
#[derive(Deserialize)]
struct Asked {
    client_id: String,
    /// Where the program runs, for people; it is no parameter of the specification.
    #[serde(default)]
    label: String,
}

/// What it answers (section 3.2).
#[derive(Serialize)]
struct Codes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

/// `POST /device/code`
pub(super) async fn code(State(at): State<Tokens>, request: Request<Body>) -> Result<Response, Refusal> {
    let (address, origin) = (at.proxies.client(&request), Origin::of(&request, &at.proxies));
    let form = Form::<Asked>::from_request(request, &()).await;
    let Form(Asked { client_id, label }) = form.map_err(|_| Refusal::request("client_id has to be in a form"))?;
    let codes = at.access.device_request(NewDevice { client: client_id, label }, address).await?;
    // Where people reach the registry may be another place than where programs do.
    let page = at.access.public_url().map_or_else(|| format!("{origin}{PAGE}"), |url: &PublicUrl| url.at(PAGE));
    Ok(kept_by_nobody(Codes {
        device_code: codes.device_code.reveal().to_owned(),
        verification_uri_complete: format!("{page}?code={}", codes.user_code),
        verification_uri: page,
        user_code: codes.user_code.to_string(),
        expires_in: codes.lifetime.as_secs(),
        interval: codes.pause.as_secs(),
    }))
}

/// `POST /token` with such a code (sections 3.4 and 3.5).
pub(super) async fn grant(
    at: &Tokens,
    device_code: &str,
    client: &str,
    address: Option<IpAddr>,
) -> Result<Response, Refusal> {
    let login = match at.access.poll_device(device_code, client, address).await? {
        DevicePoll::In(login) => login,
        DevicePoll::Waiting => return Err(Refusal::new("authorization_pending", "nobody has allowed it yet")),
        DevicePoll::TooFast => {
            return Err(Refusal::new("slow_down", "ask less often: five seconds more between two questions"));
        }
        DevicePoll::Denied => return Err(Refusal::new("access_denied", "it was denied in the browser")),
        DevicePoll::Expired => return Err(Refusal::new("expired_token", "nobody has allowed it in time: begin again")),
        DevicePoll::Unknown => {
            let why = "there is no such code for this client_id, or it was used: begin again";
            return Err(Refusal::new("invalid_grant", why));
        }
    };
    // Clients of registries show a name with a token, so they have to know it.
    Ok(kept_by_nobody(json!({
        "access_token": login.token.reveal(),
        "token_type": "Bearer",
        "expires_in": login.lifetime.as_secs(),
        "scope": login.scopes.to_words(),
        "username": login.account.as_str(),
    })))
}

/// What `POST /token/revoke` takes; what kind of token it is is seen.
#[derive(Deserialize)]
struct Ended {
    token: String,
}

/// `POST /token/revoke`
pub(super) async fn revoke(State(at): State<Tokens>, request: Request<Body>) -> Result<Response, Refusal> {
    let address = at.proxies.client(&request);
    let form = Form::<Ended>::from_request(request, &()).await;
    let Form(Ended { token }) = form.map_err(|_| Refusal::request("token has to be in a form"))?;
    at.access.log_out(&token, address).await?;
    Ok(StatusCode::OK.into_response())
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414): where all that is.
pub(super) async fn metadata(State(at): State<Tokens>, request: Request<Body>) -> Response {
    let origin = Origin::of(&request, &at.proxies);
    let document = json!({
        "issuer": origin.to_string(),
        "token_endpoint": format!("{origin}/token"),
        "device_authorization_endpoint": format!("{origin}/device/code"),
        "revocation_endpoint": format!("{origin}/token/revoke"),
        "jwks_uri": format!("{origin}/.well-known/jwks.json"),
        "response_types_supported": [],
        "grant_types_supported": ["password", "refresh_token", GRANT],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    });
    // It depends on where the client has reached the registry.
    kept_by_nobody(document)
}

fn kept_by_nobody(content: impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(content)).into_response()
}
