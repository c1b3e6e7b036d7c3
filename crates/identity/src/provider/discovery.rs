//! What a provider says about itself (OpenID Connect Discovery 1.0, section 3).

use reqwest::Url;
use serde::Deserialize;

use super::url::IssuerUrl;

/// The scope that asks for a token with which people can be asked about while they are away (OpenID Connect Core 1.0, section 11).
pub(super) const OFFLINE_ACCESS: &str = "offline_access";

/// Where a provider's parts are.
#[derive(Debug)]
pub(super) struct Discovery {
    pub(super) keys: Url,
    pub(super) authorization: Option<Url>,
    pub(super) token: Option<Url>,
    pub(super) userinfo: Option<Url>,
    /// It names itself when it sends a browser back (RFC 9207).
    pub(super) names_itself: bool,
    /// It can be asked about people while they are away.
    pub(super) offers_offline_access: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Discovery {
    /// Reads the document that was found at `issuer`, and says why it cannot be used.
    pub(super) fn parse(issuer: &IssuerUrl, body: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(body).map_err(|_| "its discovery document is not understood".to_owned())?;
        // Section 4.3: exactly the issuer, or another one could speak for it.
        if document.issuer != issuer.as_str() {
            return Err("its discovery document names another issuer".to_owned());
        }
        let endpoint = |text: &str| {
            issuer.endpoint(text).ok_or_else(|| "its discovery document has an address that is not https".to_owned())
        };
        let optional = |text: Option<String>| text.map(|text| endpoint(&text)).transpose();
        Ok(Self {
            keys: endpoint(&document.jwks_uri)?,
            authorization: optional(document.authorization_endpoint)?,
            token: optional(document.token_endpoint)?,
            userinfo: optional(document.userinfo_endpoint)?,
            names_itself: document.authorization_response_iss_parameter_supported,
            offers_offline_access: document.scopes_supported.iter().any(|scope| scope == OFFLINE_ACCESS),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(document: &serde_json::Value) -> Result<Discovery, String> {
        Discovery::parse(&"https://id.acme.example".parse().unwrap(), document.to_string().as_bytes())
    }

    #[test]
    fn a_provider_of_job_tokens_needs_only_keys() {
        let known =
            parse(&json!({"issuer": "https://id.acme.example", "jwks_uri": "https://id.acme.example/jwks"})).unwrap();
        assert_eq!(known.keys.as_str(), "https://id.acme.example/jwks");
        assert!(known.token.is_none() && !known.names_itself && !known.offers_offline_access);
    }

    #[test]
    fn another_issuer_and_unprotected_addresses_are_refused() {
        let jwks = "https://id.acme.example/jwks";
        for issuer in ["https://id.acme.example/", "https://ID.acme.example", "https://evil.example", ""] {
            let why = parse(&json!({"issuer": issuer, "jwks_uri": jwks})).unwrap_err();
            assert_eq!(why, "its discovery document names another issuer", "{issuer}");
        }
        let issuer = "https://id.acme.example";
        for (name, address) in [
            ("jwks_uri", "http://id.acme.example/jwks"),
            ("token_endpoint", "http://127.0.0.1/token"),
            ("authorization_endpoint", "javascript:alert(1)"),
            ("userinfo_endpoint", "/userinfo"),
        ] {
            let mut document = json!({"issuer": issuer, "jwks_uri": jwks});
            document[name] = address.into();
            assert!(parse(&document).unwrap_err().contains("not https"), "{name}");
        }
        assert!(parse(&json!({"issuer": issuer})).unwrap_err().contains("not understood"));
    }
}
