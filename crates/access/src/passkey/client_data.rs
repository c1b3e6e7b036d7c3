//! What a browser says that it has asked a passkey for (WebAuthn, section 5.8.1). The passkey signs it.

use serde::Deserialize;

use super::relying_party::RelyingParty;
use crate::secret::{Secret, SecretHash};

/// Longest text that is read.
const MAX: usize = 4096;

/// What a passkey is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceremony {
    /// To be.
    Create,
    /// To show itself.
    Get,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

impl Ceremony {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// The challenge that was answered, if a page of `party` has asked for this and no page of another site was around it.
pub(super) fn challenge(client_data: &[u8], ceremony: Ceremony, party: &RelyingParty) -> Option<SecretHash> {
    if client_data.len() > MAX {
        return None;
    }
    let said: ClientData = serde_json::from_slice(client_data).ok()?;
    let ours = said.r#type == ceremony.as_str() && said.origin == party.origin() && !said.cross_origin;
    ours.then(|| Secret::hash_of(&said.challenge))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_believed() {
        let party = RelyingParty::of(&"https://registry.acme.example".parse().unwrap()).unwrap();
        let read = |text: &str| challenge(text.as_bytes(), Ceremony::Get, &party);
        let said = |kind: &str, origin: &str, rest: &str| {
            format!(r#"{{"type":"{kind}","challenge":"abc","origin":"{origin}"{rest}}}"#)
        };
        let own = "https://registry.acme.example";
        for rest in ["", r#","crossOrigin":false"#, r#","other_keys_can_be_added_here":"do not compare""#] {
            assert_eq!(read(&said("webauthn.get", own, rest)), Some(Secret::hash_of("abc")), "{rest}");
        }
        for wrong in [
            said("webauthn.create", own, ""),
            said("webauthn.get", "https://registry.acme.example.evil.example", ""),
            said("webauthn.get", "https://evil.registry.acme.example", ""),
            said("webauthn.get", "https://registry.acme.example:8443", ""),
            said("webauthn.get", "http://registry.acme.example", ""),
            said("webauthn.get", "null", ""),
            said("webauthn.get", own, r#","crossOrigin":true"#),
            said("webauthn.get", own, &format!(r#","x":"{}""#, "x".repeat(MAX))),
            String::new(),
            "[]".to_owned(),
            r#"{"type":"webauthn.get"}"#.to_owned(),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
