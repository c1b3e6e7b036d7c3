//! The site that passkeys are for.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::PublicUrl;

/// The registry, as browsers know it: a passkey that was made for it can be used for nothing else, and browsers see to that by these two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RelyingParty {
    /// The host (WebAuthn, section 5.1.2).
    id: String,
    /// Where its pages are.
    origin: String,
}

impl RelyingParty {
    /// The one at `url`. Browsers have passkeys for names alone, not for addresses, and over HTTPS alone, but on their own machine.
    pub(crate) fn of(url: &PublicUrl) -> Option<Self> {
        let host = url.host();
        let is_own = host == "localhost" || host.ends_with(".localhost");
        let is_name = !host.starts_with('[') && host.parse::<IpAddr>().is_err();
        let is_safe = url.is_https() || is_own;
        (is_name && is_safe).then(|| Self { id: host.to_owned(), origin: url.origin().to_owned() })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// What authenticators sign of it.
    pub(crate) fn id_hash(&self) -> [u8; 32] {
        Sha256::digest(self.id.as_bytes()).into()
    }

    /// Under what an authenticator keeps the passkeys of an account. It tells nothing of whose it is.
    pub(crate) fn user_handle(&self, account: i64) -> [u8; 32] {
        let hash = Sha256::new().chain_update(b"entrepot passkey user").chain_update(account.to_be_bytes());
        hash.chain_update(self.id.as_bytes()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_have_passkeys_for_these() {
        for (url, id) in [
            ("https://registry.acme.example", Some("registry.acme.example")),
            ("https://registry.acme.example:5443", Some("registry.acme.example")),
            ("http://localhost:5000", Some("localhost")),
            ("http://registry.localhost:5000", Some("registry.localhost")),
            ("http://registry.acme.example", None),
            ("http://127.0.0.1:5000", None),
            ("https://192.0.2.1", None),
            ("https://[2001:db8::1]:5000", None),
            ("http://notlocalhost", None),
        ] {
            let party = RelyingParty::of(&url.parse().unwrap());
            assert_eq!(party.as_ref().map(RelyingParty::id), id, "{url}");
            assert!(party.is_none_or(|party| party.origin() == url), "{url}");
        }
    }

    #[test]
    fn a_user_handle_is_of_one_account_at_one_place() {
        let at = |url: &str| RelyingParty::of(&url.parse().unwrap()).unwrap();
        let here = at("https://registry.acme.example");
        assert_eq!(here.user_handle(7), at("https://registry.acme.example:5443").user_handle(7));
        assert_ne!(here.user_handle(7), here.user_handle(8));
        assert_ne!(here.user_handle(7), at("http://localhost").user_handle(7));
    }
}
