//! A signed token as it arrives (RFC 7515, compact form).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::keys::accepted;
use super::refused::Refused;
use super::shown::Shown;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A token taken apart. Nothing in it is to be believed before its signature was checked.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// The id of the key that it says it is signed with.
    pub(super) key_id: Option<String>,
    /// What is signed: head and payload.
    pub(super) message: &'a str,
    pub(super) signature: &'a str,
    payload: &'a str,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    /// Takes a token apart, and refuses at once what cannot be an identity token.
    ///
    /// Keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not read.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refused> {
        Self::of_kind(text, &["JWT"], "its type is not JWT")
    }

    /// The same of a token that says that somebody has logged out (OpenID Connect Back-Channel Logout 1.0, section 2.4).
    pub(super) fn parse_logout(text: &'a str) -> Result<Self, Refused> {
        Self::of_kind(text, &["logout+jwt", "JWT"], "its type is not logout+jwt")
    }

    fn of_kind(text: &'a str, kinds: &[&str], other: &'static str) -> Result<Self, Refused> {
        let (message, payload, signature) = split(text)?;
        let (head, _) = message.split_once('.').unwrap_or_default();
        let head: Head = decode(head)?;
        // RFC 7515, section 4.1.11: what must be understood is not.
        if head.crit.is_some() {
            return Err(Refused::Malformed("it has critical extensions"));
        }
        // RFC 8725, section 3.11: access and logout tokens of the same provider are signed with the same keys.
        if head.typ.is_some_and(|named| !kinds.iter().any(|kind| named.eq_ignore_ascii_case(kind))) {
            return Err(Refused::Malformed(other));
        }
        let algorithm = accepted(&head.alg).ok_or_else(|| Refused::Algorithm(Shown(&head.alg).to_string()))?;
        Ok(Self { algorithm, key_id: head.kid, message, signature, payload })
    }

    /// What it claims.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Refused> {
        decode(self.payload)
    }
}

/// The issuer that a token names, to choose the [`Issuer`](super::Issuer) that verifies it. Anyone can write any name there.
///
/// # Errors
/// It is no token, or names none.
pub fn unverified_issuer(token: &str) -> Result<String, Refused> {
    let (_, payload, _) = split(token)?;
    match decode::<Map<String, Value>>(payload)?.remove("iss") {
        Some(Value::String(issuer)) => Ok(issuer),
        _ => Err(Refused::claim("iss", "is missing")),
    }
}

/// Head with payload, payload, signature.
fn split(text: &str) -> Result<(&str, &str, &str), Refused> {
    if text.len() > MAX_TOKEN_BYTES {
        return Err(Refused::TooLong(text.len()));
    }
    let no_token = Refused::Malformed("it has not three parts");
    let Some((message, signature)) = text.rsplit_once('.') else { return Err(no_token) };
    match message.split_once('.') {
        Some((_, payload)) if !payload.contains('.') => Ok((message, payload, signature)),
        _ => Err(no_token),
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed("it is not base64url"))?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed("it is not the JSON that it has to be"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(head: &Value, claims: &Value) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(head), part(claims))
    }

    fn refusal(head: &Value) -> Refused {
        Token::parse(&token(head, &json!({}))).unwrap_err()
    }

    #[test]
    fn only_algorithms_that_prove_an_origin_are_read() {
        for name in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"] {
            Token::parse(&token(&json!({"alg": name, "typ": "jwt"}), &json!({}))).unwrap();
        }
        for name in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "ES512", "RS1", "RSA-OAEP", "dir"]
        {
            assert_eq!(refusal(&json!({"alg": name})), Refused::Algorithm(name.to_owned()));
        }
    }

    #[test]
    fn what_is_no_identity_token_is_refused() {
        for head in [
            json!({"alg": "RS256", "crit": ["b64"], "b64": false}),
            json!({"alg": "RS256", "typ": "at+jwt"}),
            json!({"alg": "RS256", "typ": "logout+jwt"}),
            json!({"alg": ["RS256"]}),
            json!({"alg": "RS256", "kid": 7}),
            json!({"typ": "JWT"}),
            json!([]),
        ] {
            assert!(matches!(refusal(&head), Refused::Malformed(_)), "{head}");
        }
        let good = token(&json!({"alg": "RS256"}), &json!({}));
        for text in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c.d",
            "e30.e30",
            &format!("{good}.x"),
            &format!("{good}.x.y"),
            &format!(" {good}"),
        ] {
            assert!(matches!(Token::parse(text), Err(Refused::Malformed(_))), "{text:?}");
        }
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        assert_eq!(Token::parse(&long).unwrap_err(), Refused::TooLong(MAX_TOKEN_BYTES + 1));
        assert_eq!(unverified_issuer(&long).unwrap_err(), Refused::TooLong(MAX_TOKEN_BYTES + 1));
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let head = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","alg":"RS256"}"#);
        assert!(matches!(Token::parse(&format!("{head}.e30.c2ln")), Err(Refused::Malformed(_))));
    }

    #[test]
    fn the_issuer_is_read_to_choose_by() {
        let head = json!({"alg": "RS256"});
        assert_eq!(
            unverified_issuer(&token(&head, &json!({"iss": "https://id.acme.example"}))).unwrap(),
            "https://id.acme.example"
        );
        for claims in [json!({}), json!({"iss": ["https://id.acme.example"]}), json!({"iss": null})] {
            assert_eq!(unverified_issuer(&token(&head, &claims)).unwrap_err(), Refused::claim("iss", "is missing"));
        }
    }
}
