//! `entrepot_identity::provider` against a real provider, and against one that lies.

mod jobs;
mod keys;
mod liar;
mod login;
mod lying_login;
mod signer;
mod tokens;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use entrepot_identity::provider::{Client, Issuer, Pace};
use serde_json::{Value, json};

/// Whom tokens are for here.
const AUDIENCE: &str = "https://registry.acme.example";

/// Fast enough for a test, and with a gap that a busy machine does not overrun between two lines.
const PACE: Pace = Pace {
    request: Duration::from_secs(20),
    gap: Duration::from_secs(2),
    fresh: Duration::from_mins(10),
    good: Duration::from_hours(1),
};

fn client() -> Client {
    Client::new(reqwest::Client::builder().no_proxy().tls_certs_only([])).unwrap()
}

fn issuer(url: &str, pace: Pace) -> Issuer {
    Issuer::new(client(), url.parse().unwrap(), pace)
}

/// Now, in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What a job of `issuer` claims.
fn job(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "sub": "repo:acme/app:ref:refs/heads/main", "iat": now(), "exp": now() + 300,
        "repository": "acme/app", "ref": "refs/heads/main",
    })
}

/// `claims` with some changed.
fn with(mut claims: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("no object") };
    claims.as_object_mut().unwrap().extend(changes);
    claims
}
