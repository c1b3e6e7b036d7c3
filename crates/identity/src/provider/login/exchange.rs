//! The questions to the provider that no browser sees: tokens for a code or for those from before, and who that is.

use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Login, Pending, Registration, SecretIn};
use crate::Secret;
use crate::provider::client::{Client, Reply};
use crate::provider::refused::Refused;

/// What the provider gave.
#[derive(Deserialize)]
pub(super) struct Tokens {
    id_token: Option<String>,
    access_token: Option<String>,
    token_type: Option<String>,
    refresh_token: Option<String>,
}

impl Tokens {
    pub(super) fn id_token(&self) -> Option<&str> {
        self.id_token.as_deref()
    }

    pub(super) fn renewal(&self) -> Option<Secret> {
        self.refresh_token.as_deref().filter(|token| token.len() <= MAX_RENEWAL_BYTES).map(Secret::from)
    }
}

/// The longest token for a renewal that is kept, in bytes.
const MAX_RENEWAL_BYTES: usize = 16 * 1024;
/// What a provider says of a code or token that is good no more (RFC 6749, section 5.2).
const NO_LONGER: &str = "invalid_grant";
/// What it says of our secret.
const NOT_US: &str = "invalid_client";

/// The body of an error (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct Problem {
    error: String,
    error_description: Option<String>,
}

/// Exchanges the code (OpenID Connect Core 1.0, section 3.1.3).
pub(super) async fn by_code(login: &Login, code: &str, pending: &Pending) -> Result<Tokens, Refused> {
    let form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", pending.redirect_uri()),
        ("code_verifier", pending.verifier()),
    ];
    understood(login, success(login, ask(login, form).await?)?)
}

/// Exchanges what came with earlier tokens for others (section 12).
///
/// # Errors
/// [`Refused::Ended`] if it is good no more.
pub(super) async fn by_renewal(login: &Login, renewal: &Secret) -> Result<Tokens, Refused> {
    renewed(login, ask_to_renew(login, renewal).await?)
}

/// Asks for tokens in a way that has to be refused, and so hears whether the provider knows our secret.
///
/// # Errors
/// It does not, or cannot be asked.
pub(super) async fn with_nothing(login: &Login) -> Result<(), Refused> {
    let reply = ask_to_renew(login, &Secret::from("none")).await?;
    // Of what we ask some say that it is none, or not allowed; what they say of ourselves comes first, and has a status of its own.
    let of_us = reply.status == StatusCode::UNAUTHORIZED || problem(&reply).is_some_and(|said| said.error == NOT_US);
    match renewed(login, reply) {
        Err(Refused::Provider { .. }) if !of_us => Ok(()),
        Err(Refused::Ended { .. }) | Ok(_) => Ok(()),
        Err(refused) => Err(refused),
    }
}

async fn ask_to_renew(login: &Login, renewal: &Secret) -> Result<Reply, Refused> {
    ask(login, vec![("grant_type", "refresh_token"), ("refresh_token", renewal.expose_secret())]).await
}

fn renewed(login: &Login, reply: Reply) -> Result<Tokens, Refused> {
    if reply.status.is_client_error() && problem(&reply).is_some_and(|said| said.error == NO_LONGER) {
        return Err(Refused::Ended { issuer: login.issuer.url().to_string() });
    }
    understood(login, success(login, reply)?)
}

/// What is wrong, if the provider says that as it should.
fn problem(reply: &Reply) -> Option<Problem> {
    serde_json::from_slice(&reply.body).ok()
}

fn understood(login: &Login, body: Vec<u8>) -> Result<Tokens, Refused> {
    serde_json::from_slice(&body).map_err(|_| login.issuer.unavailable("its answer has no tokens"))
}

async fn ask(login: &Login, form: Vec<(&str, &str)>) -> Result<Reply, Refused> {
    let known = login.issuer.known().await?;
    let endpoint = login.endpoint(known.discovery.token.as_ref(), "token")?;
    login.issuer.ask(|client| request(client, endpoint, &login.registration, form)).await
}

fn request<'a>(
    client: &Client,
    endpoint: Url,
    registration: &'a Registration,
    mut form: Vec<(&'a str, &'a str)>,
) -> RequestBuilder {
    let mut request = client.post(endpoint);
    match (&registration.secret, registration.secret_in) {
        (Some(secret), SecretIn::Basic) => {
            // RFC 6749, section 2.3.1: both are encoded as in a form first.
            request = request.basic_auth(encoded(&registration.client_id), Some(encoded(secret.expose_secret())));
        }
        (Some(secret), SecretIn::Post) => {
            form.extend([("client_id", registration.client_id.as_str()), ("client_secret", secret.expose_secret())]);
        }
        (None, _) => form.push(("client_id", &registration.client_id)),
    }
    request.form(&form)
}

/// What the provider says of the person, if it can be asked and answers for the same one (section 5.3).
pub(super) async fn userinfo(
    login: &Login,
    tokens: &Tokens,
    subject: &str,
) -> Result<Option<Map<String, Value>>, Refused> {
    let known = login.issuer.known().await?;
    let is_bearer = tokens.token_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let (Some(endpoint), Some(token), true) = (known.discovery.userinfo.clone(), &tokens.access_token, is_bearer)
    else {
        return Ok(None);
    };
    let reply = login.issuer.ask(|client| client.get(endpoint).bearer_auth(token)).await?;
    let body = success(login, reply)?;
    let claims: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|_| login.issuer.unavailable("what it says of the person is not JSON"))?;
    // Section 5.3.2: a token that was put in another's place would bring another's claims.
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(Refused::claim("sub", "is another at the provider's userinfo endpoint than in the token"));
    }
    Ok(Some(claims))
}

fn success(login: &Login, reply: Reply) -> Result<Vec<u8>, Refused> {
    let status = reply.status;
    if status == StatusCode::OK {
        return Ok(reply.body);
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(login.issuer.unavailable(&format!("it answers {}", status.as_u16())));
    }
    Err(match problem(&reply) {
        Some(problem) => login.refusal(&problem.error, problem.error_description.as_deref()),
        None => login.refusal(&format!("it answers {}", status.as_u16()), None),
    })
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
