//! What a browser is told when it is to make a passkey or to ask for one (WebAuthn, sections 5.4 and 5.5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

use super::challenge::WAITS;
use super::public_key::ALGORITHMS;
use super::relying_party::RelyingParty;
use crate::name::Name;
use crate::secret::Secret;

/// What a browser is told, as JSON in which bytes are base64url. It is for one use, in the browser that asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyOptions(String);

/// A passkey that is there.
#[derive(Serialize)]
struct Known {
    r#type: &'static str,
    id: String,
}

fn known(credentials: &[Vec<u8>]) -> Vec<Known> {
    credentials.iter().map(|id| Known { r#type: "public-key", id: URL_SAFE_NO_PAD.encode(id) }).collect()
}

fn timeout() -> u64 {
    WAITS.as_secs() * 1000
}

impl PasskeyOptions {
    /// To make one for an account, and not where there is one already. Nobody has to vouch for the device.
    pub(super) fn make(
        party: &RelyingParty,
        (account, name): (i64, &Name),
        challenge: &Secret,
        there: &[Vec<u8>],
    ) -> Self {
        let algorithms: Vec<Value> = ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
        let user = URL_SAFE_NO_PAD.encode(party.user_handle(account));
        let options = json!({
            "rp": { "id": party.id(), "name": party.id() },
            "user": { "id": user, "name": name.as_str(), "displayName": name.as_str() },
            "challenge": challenge.reveal(),
            "pubKeyCredParams": algorithms,
            "timeout": timeout(),
            "excludeCredentials": known(there),
            "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
            "attestation": "none",
        });
        Self(options.to_string())
    }

    /// To show one of these; who shows it has shown something else before.
    pub(super) fn show_one_of(party: &RelyingParty, challenge: &Secret, credentials: &[Vec<u8>]) -> Self {
        Self::show(party, challenge, credentials, "discouraged")
    }

    /// To show any, which has to know by itself who touches it.
    pub(super) fn show_any(party: &RelyingParty, challenge: &Secret) -> Self {
        Self::show(party, challenge, &[], "required")
    }

    fn show(party: &RelyingParty, challenge: &Secret, credentials: &[Vec<u8>], verification: &str) -> Self {
        let options = json!({
            "rpId": party.id(),
            "challenge": challenge.reveal(),
            "timeout": timeout(),
            "allowCredentials": known(credentials),
            "userVerification": verification,
        });
        Self(options.to_string())
    }

    /// The JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}
