//! The two questions to the provider that no browser sees: a code for tokens, and who that is.

use reqwest::{RequestBuilder, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Login, Pending, Registration, SecretIn};
use crate::provider::client::{Client, Reply};
use crate::provider::refused::Refused;

/// What a code was exchanged for.
#[derive(Deserialize)]
pub(super) struct Tokens {
    id_token: String,
    access_token: Option<String>,
    token_type: Option<String>,
}

impl Tokens {
    pub(super) fn id_token(&self) -> &str {
        &self.id_token
    }
}

/// The body of an error (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct Problem {
    error: String,
    error_description: Option<String>,
}

/// Exchanges the code (OpenID Connect Core 1.0, section 3.1.3).
pub(super) async fn tokens(login: &Login, code: &str, pending: &Pending) -> Result<Tokens, Refused> {
    let known = login.issuer.known().await?;
    let endpoint = login.endpoint(known.discovery.token.as_ref(), "token")?;
    let reply = login.issuer.ask(|client| request(client, endpoint, &login.registration, code, pending)).await?;
    let body = success(login, reply)?;
    serde_json::from_slice(&body).map_err(|_| login.issuer.unavailable("its answer has no identity token"))
}

fn request(
    client: &Client,
    endpoint: Url,
    registration: &Registration,
    code: &str,
    pending: &Pending,
) -> RequestBuilder {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", pending.redirect_uri()),
        ("code_verifier", pending.verifier()),
    ];
    let mut request = client.post(endpoint);
    match (&registration.secret, registration.secret_in) {
        (Some(secret), SecretIn::Basic) => {
            // RFC 6749, section 2.3.1: both are encoded as in a form first.
            request = request.basic_auth(encoded(&registration.client_id), Some(encoded(secret.reveal())));
        }
        (Some(secret), SecretIn::Post) => {
            form.extend([("client_id", registration.client_id.as_str()), ("client_secret", secret.reveal())]);
        }
        (None, _) => form.push(("client_id", &registration.client_id)),
    }
    request.form(&form)
}

/// What the provider says of the person, if it is asked and answers for the same one (section 5.3).
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
    Err(match serde_json::from_slice::<Problem>(&reply.body) {
        Ok(problem) => login.refusal(&problem.error, problem.error_description.as_deref()),
        Err(_) => login.refusal(&format!("it answers {}", status.as_u16()), None),
    })
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
