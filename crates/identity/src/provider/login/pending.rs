//! What is kept while somebody is at their provider.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A login that was begun. Keep it for some minutes where only the same browser's request finds it, and take it away with the
/// first answer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    /// PKCE's: what we show with the code, and nobody else has.
    verifier: String,
    redirect_uri: String,
}

impl Pending {
    pub(super) fn new(redirect_uri: &str) -> Self {
        let [state, nonce, verifier] = [random(), random(), random()];
        Self { state, nonce, verifier, redirect_uri: redirect_uri.to_owned() }
    }

    /// What comes back with the answer, and finds this.
    pub fn state(&self) -> &str {
        &self.state
    }

    pub(super) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(super) fn verifier(&self) -> &str {
        &self.verifier
    }

    pub(super) fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The verifier's hash, method `S256` (RFC 7636, section 4.2).
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    pub(super) fn is_answered_by(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// 256 bits that nobody can guess.
fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let pending = Pending { verifier, ..Pending::new("https://registry.acme.example/callback") };
        assert_eq!(pending.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn every_login_is_another_and_none_prints() {
        let (one, other) = (Pending::new("https://r.acme.example/"), Pending::new("https://r.acme.example/"));
        assert!(one.is_answered_by(&one.state) && !one.is_answered_by(&other.state) && !one.is_answered_by(""));
        assert!(one.nonce != other.nonce && one.verifier != other.verifier);
        assert!(one.verifier.len() >= 43 && one.verifier != one.state && one.nonce != one.state);
        let text = format!("{one:?}");
        assert!(![&one.state, &one.nonce, &one.verifier].into_iter().any(|secret| text.contains(secret)), "{text}");
    }

    #[test]
    fn another_replica_can_go_on() {
        let pending = Pending::new("https://registry.acme.example/callback");
        let kept = serde_json::to_string(&pending).unwrap();
        let back: Pending = serde_json::from_str(&kept).unwrap();
        assert!(back.is_answered_by(pending.state()) && back.challenge() == pending.challenge());
    }
}
