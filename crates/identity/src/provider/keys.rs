//! The keys that a provider publishes (RFC 7517), and which of them a token may be signed with.

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The public signing keys of a provider.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// Why there is no key for a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// None has its id.
    Unknown,
    /// The one that has its id is for other algorithms.
    Misfit,
    /// It names none, and there is not exactly one for its algorithm.
    Unnamed,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads the set, and says why there is nothing in it to use. A key of a kind that is not known here is passed over, as
    /// section 5 asks; a secret one (`oct`) is such a kind, so that no token is ever checked with a shared secret.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(body).map_err(|_| "its key set is not understood".to_owned())?;
        let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let keys: Vec<Key> = jwks.filter_map(Key::new).collect();
        if keys.is_empty() { Err("it publishes no key to check signatures with".to_owned()) } else { Ok(Self(keys)) }
    }

    /// The keys, mostly one, that a token with this key id and algorithm may be signed with.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<&DecodingKey>, NoKey> {
        let named: Vec<&Key> = self.0.iter().filter(|key| id.is_none() || key.id.as_deref() == id).collect();
        let fitting: Vec<_> =
            named.iter().filter(|key| key.algorithms.contains(&algorithm)).map(|key| &key.key).collect();
        match (id, named.len(), fitting.len()) {
            (Some(_), 0, _) => Err(NoKey::Unknown),
            (Some(_), _, 0) => Err(NoKey::Misfit),
            // OpenID Connect Core 1.0, section 10.1: with several keys, the token has to name its own.
            (None, _, 0 | 2..) => Err(NoKey::Unnamed),
            _ => Ok(fitting),
        }
    }
}

impl Key {
    /// The key, if it is one to check signatures with.
    fn new(jwk: Jwk) -> Option<Self> {
        let for_signatures = jwk.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && jwk.key_ops.as_deref().is_none_or(|uses| uses.iter().any(|operation| operation == "verify"));
        if !for_signatures {
            return None;
        }
        let (x, y) = (jwk.x.as_deref(), jwk.y.as_deref());
        let (key, mut algorithms) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => (DecodingKey::from_rsa_components(jwk.n.as_deref()?, jwk.e.as_deref()?), RSA.to_vec()),
            ("EC", Some("P-256")) => (DecodingKey::from_ec_components(x?, y?), vec![Algorithm::ES256]),
            ("EC", Some("P-384")) => (DecodingKey::from_ec_components(x?, y?), vec![Algorithm::ES384]),
            ("OKP", Some("Ed25519")) => (DecodingKey::from_ed_components(x?), vec![Algorithm::EdDSA]),
            _ => return None,
        };
        if let Some(only) = jwk.alg {
            let only = accepted(&only)?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        Some(Self { id: jwk.kid, algorithms, key: key.ok()? })
    }
}

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// The algorithms that prove who signed: neither `none` nor those with a shared secret (`HS*`).
pub(super) fn accepted(name: &str) -> Option<Algorithm> {
    Some(match name {
        "RS256" => Algorithm::RS256,
        "RS384" => Algorithm::RS384,
        "RS512" => Algorithm::RS512,
        "PS256" => Algorithm::PS256,
        "PS384" => Algorithm::PS384,
        "PS512" => Algorithm::PS512,
        "ES256" => Algorithm::ES256,
        "ES384" => Algorithm::ES384,
        // RFC 9864 calls the same by its curve.
        "EdDSA" | "Ed25519" => Algorithm::EdDSA,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(keys: &Value) -> Result<KeySet, String> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_token_is_checked_with_the_key_it_names_and_only_by_its_algorithm() {
        let keys = set(&json!([
            {"kty": "RSA", "kid": "any", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "one", "n": "AQAB", "e": "AQAB", "alg": "PS256", "use": "sig"},
            {"kty": "EC", "crv": "P-256", "kid": "ec", "x": "AQAB", "y": "AQAB"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": "AQAB", "alg": "Ed25519", "key_ops": ["verify"]},
        ]))
        .unwrap();
        let find = |id, algorithm| keys.find(id, algorithm).map(|keys| keys.len());
        assert_eq!(find(Some("any"), Algorithm::RS512), Ok(1));
        assert_eq!(find(Some("one"), Algorithm::PS256), Ok(1));
        assert_eq!(find(Some("one"), Algorithm::RS256), Err(NoKey::Misfit));
        assert_eq!(find(Some("ec"), Algorithm::ES384), Err(NoKey::Misfit));
        assert_eq!(find(Some("ec"), Algorithm::RS256), Err(NoKey::Misfit));
        assert_eq!(find(Some("any"), Algorithm::HS256), Err(NoKey::Misfit));
        assert_eq!(find(Some("other"), Algorithm::RS256), Err(NoKey::Unknown));
        assert_eq!(find(None, Algorithm::EdDSA), Ok(1));
        assert_eq!(find(None, Algorithm::PS256), Err(NoKey::Unnamed));
        assert_eq!(find(None, Algorithm::ES384), Err(NoKey::Unnamed));
    }

    #[test]
    fn what_is_no_public_signing_key_is_passed_over() {
        for key in [
            json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}),
            json!({"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "use": "enc"}),
            json!({"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "key_ops": ["encrypt"]}),
            json!({"kty": "RSA", "kid": "k", "n": "AQAB", "e": "AQAB", "alg": "HS256"}),
            json!({"kty": "RSA", "kid": "k", "n": "not base64!", "e": "AQAB"}),
            json!({"kty": "RSA", "kid": "k"}),
            json!({"kty": "EC", "crv": "secp256k1", "kid": "k", "x": "AQAB", "y": "AQAB"}),
            json!({"kty": 1}),
            json!("a text"),
        ] {
            assert!(set(&json!([key])).unwrap_err().contains("no key"), "{key}");
        }
        assert!(KeySet::parse(b"<html>").is_err());
        assert!(set(&json!([])).is_err());
    }
}
