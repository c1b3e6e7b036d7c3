//! The token service: `GET` and `POST /token` ("Token Authentication Specification" and "OAuth2 Token Authentication" of the
//! docker registry), and the keys with which its tokens are verified.

mod device;
mod refusal;

use axum::extract::{FromRequest, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use entrepot_access::{Access, Caller, Error, Granted, On, RequestedScope, Service, Shown, TokenAccess};
use entrepot_database::Kind;
use http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::refusal::Refusal;
use crate::client::Proxies;
use crate::v2::error::STOPPED_RETRY;
use crate::{credentials, time};

/// Longest body of a form: a name, a password and scopes.
const MAX_FORM: usize = 64 * 1024;

#[derive(Clone)]
struct Tokens {
    access: Access,
    proxies: Proxies,
}

pub(crate) fn router(access: Access, proxies: Proxies) -> Router {
    let limit = axum::extract::DefaultBodyLimit::max(MAX_FORM);
    Router::new()
        .route("/token", get(by_query).post(by_form))
        .route("/token/revoke", post(device::revoke))
        .route("/device/code", post(device::code))
        .layer(limit)
        .route("/.well-known/oauth-authorization-server", get(device::metadata))
        .route("/.well-known/jwks.json", get(keys))
        .with_state(Tokens { access, proxies })
}

/// What `POST /token` takes.
#[derive(Deserialize)]
struct OAuthForm {
    grant_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    access_type: String,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    refresh_token: String,
    #[serde(default)]
    device_code: String,
}

/// What both answer.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    access_token: String,
    expires_in: u64,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// `GET /token?service=…&scope=…&scope=…&offline_token=true&client_id=…`, with Basic credentials or none.
async fn by_query(State(at): State<Tokens>, request: Request<axum::body::Body>) -> Result<Response, TokenError> {
    let address = at.proxies.client(&request);
    let (request, _) = request.into_parts();
    let query = request.uri.query().unwrap_or_default().as_bytes();
    let mut service = Service::default();
    for (key, value) in form_urlencoded::parse(query) {
        match &*key {
            "scope" => service.scopes.extend(scopes(&value)),
            "offline_token" => service.offline = value == "true" || value == "1",
            "client_id" => service.client = value.into_owned(),
            _ => {}
        }
    }
    let caller = credentials::identify(&at.access, &request.headers, address).await?;
    let granted = at.grant(&caller, service).await?;
    let token = Some(granted.token.clone());
    Ok(answer(Answer { token, ..Answer::from(granted) }))
}

/// `POST /token` (RFC 6749, sections 4.3 and 6): with a name and a password, or with what was given for them earlier; or with the code
/// of a program that has no browser.
async fn by_form(State(at): State<Tokens>, request: Request<axum::body::Body>) -> Result<Response, TokenError> {
    let address = at.proxies.client(&request);
    let form = Form::<OAuthForm>::from_request(request, &()).await;
    let Form(form) = form.map_err(|_| TokenError::Form("the body has to be a form with grant_type"))?;
    if form.grant_type == device::GRANT {
        return Ok(device::grant(&at, &form.device_code, &form.client_id, address).await.into_response());
    }
    let service =
        Service { scopes: scopes(&form.scope), offline: form.access_type == "offline", client: form.client_id };
    let (caller, login) = match form.grant_type.as_str() {
        "password" => {
            let shown = Shown::Basic { username: &form.username, password: &form.password };
            (at.access.identify(shown, address).await?, None)
        }
        "refresh_token" => (at.access.resume_login(&form.refresh_token, address).await?, Some(form.refresh_token)),
        _ => return Err(TokenError::Form("grant_type has to be password, refresh_token or that of device codes")),
    };
    let granted = at.grant(&caller, service).await?;
    let scope = Some(granted.access.iter().map(words).collect::<Vec<_>>().join(" "));
    let fresh = Answer::from(granted);
    let refresh_token = fresh.refresh_token.clone().or(login);
    Ok(answer(Answer { scope, refresh_token, ..fresh }))
}

/// `GET /.well-known/jwks.json` (RFC 7517, section 5).
async fn keys(State(at): State<Tokens>) -> Result<Response, TokenError> {
    let keys = at.access.public_keys().await?;
    Ok(([(header::CACHE_CONTROL, "max-age=60")], Json(json!({ "keys": keys }))).into_response())
}

impl Tokens {
    async fn grant(&self, caller: &Caller, service: Service) -> Result<Granted, Error> {
        self.access.grant_token(caller, service).await
    }
}

/// Scopes with spaces between. One that is unknown is for nothing here, and so is left out.
fn scopes(text: &str) -> Vec<RequestedScope> {
    text.split_whitespace().filter_map(|scope| scope.parse().ok()).collect()
}

fn words(access: &TokenAccess) -> String {
    match &access.on {
        On::Repository(name) => {
            let actions: Vec<_> = access.actions.iter().map(|action| action.as_str()).collect();
            format!("repository:{}:{}", name.as_str(), actions.join(","))
        }
        On::Catalog => "registry:catalog:*".to_owned(),
    }
}

impl From<Granted> for Answer {
    fn from(granted: Granted) -> Self {
        Self {
            token: None,
            access_token: granted.token,
            expires_in: granted.lifetime.as_secs(),
            issued_at: time::rfc3339(granted.issued_at),
            scope: None,
            refresh_token: granted.login.map(|login| login.reveal().to_owned()),
        }
    }
}

/// What is in it is nobody else's to keep.
fn answer(answer: Answer) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// Why there is no token.
enum TokenError {
    Form(&'static str),
    Access(Error),
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self::Access(error)
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        let (status, code, message, after) = match self {
            Self::Form(why) => (StatusCode::BAD_REQUEST, "UNSUPPORTED", why.to_owned(), None),
            Self::Access(error) => {
                let message = error.to_string();
                match error {
                    Error::Unauthenticated | Error::WrongPassword { .. } | Error::SecondFactorAsked => {
                        (StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message, None)
                    }
                    Error::TooMany { after } => {
                        (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message, Some(after.as_secs().max(1)))
                    }
                    Error::Invalid { .. } => (StatusCode::BAD_REQUEST, "UNSUPPORTED", message, None),
                    Error::Database(error) if error.kind() == Kind::ReadOnly => {
                        let reason = error.message().to_owned();
                        (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", reason, Some(STOPPED_RETRY))
                    }
                    error => {
                        tracing::error!(error = &error as &dyn std::error::Error, "no token could be given");
                        let message = "the registry is busy; try again".to_owned();
                        (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message, Some(1))
                    }
                }
            }
        };
        let body = json!({ "errors": [{ "code": code, "message": message }], "details": message });
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = http::HeaderValue::from_static("Basic realm=\"entrepot\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = after {
            response.headers_mut().insert(header::RETRY_AFTER, after.into());
        }
        response
    }
}
