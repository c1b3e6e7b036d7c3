//! Where a provider is.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

/// The identifier of a provider, which is also where it is found (OpenID Connect Core 1.0, section 2, `iss`).
///
/// `https`, or `http` on this machine's loopback; without query and fragment. It is compared byte by byte, so it is kept as
/// written: `https://id.acme.example` and `https://id.acme.example/` are two issuers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IssuerUrl {
    text: String,
    url: Url,
}

/// A text that is no [`IssuerUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// It cannot be parsed.
    #[error("an issuer is a URL such as https://id.acme.example")]
    NoUrl,
    /// It, or what is beside it, could be read and changed on the way.
    #[error("an issuer has to be https; http is only for loopback")]
    Unprotected,
    /// It has a user, query or fragment, or is written in another way than URLs are.
    #[error("an issuer has neither user, query nor fragment, nor spaces")]
    Superfluous,
}

impl IssuerUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is plain HTTP to this machine, which nobody else can reach.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// Where the provider describes itself (OpenID Connect Discovery 1.0, section 4).
    pub(super) fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.text.trim_end_matches('/'))
    }

    /// An address that the provider gives: as well protected as itself.
    pub(super) fn endpoint(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let protected = url.scheme() == "https" || (self.url.scheme() == "http" && is_loopback(&url));
        (protected && is_anonymous(&url) && url.fragment().is_none()).then_some(url)
    }
}

impl FromStr for IssuerUrl {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        let url = Url::parse(text).map_err(|_| InvalidIssuer::NoUrl)?;
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(InvalidIssuer::Unprotected);
        }
        let plain = text.chars().all(|character| character.is_ascii_graphic());
        if !plain || !is_anonymous(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidIssuer::Superfluous);
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_anonymous(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// Whether a URL is plain HTTP to this machine.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    url.scheme() == "http" && (host == "localhost" || address.is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_protected_and_has_nothing_superfluous() {
        let good = [
            "https://id.acme.example",
            "https://id.acme.example/realms/acme",
            "http://127.0.0.1:8080",
            "http://[::1]/",
        ];
        for text in good {
            let issuer = text.parse::<IssuerUrl>().unwrap();
            assert_eq!(issuer.as_str(), text);
            assert_eq!(issuer.is_loopback(), text.starts_with("http://"));
        }
        let bad = [
            ("id.acme.example", InvalidIssuer::NoUrl),
            ("", InvalidIssuer::NoUrl),
            ("http://id.acme.example", InvalidIssuer::Unprotected),
            ("http://127.0.0.1.acme.example", InvalidIssuer::Unprotected),
            ("http://localhost.acme.example", InvalidIssuer::Unprotected),
            ("file:///etc/passwd", InvalidIssuer::Unprotected),
            ("https://user@id.acme.example", InvalidIssuer::Superfluous),
            ("https://id.acme.example?x", InvalidIssuer::Superfluous),
            ("https://id.acme.example#x", InvalidIssuer::Superfluous),
            (" https://id.acme.example", InvalidIssuer::Superfluous),
            ("https://id.acme.example/\n", InvalidIssuer::Superfluous),
        ];
        for (text, wanted) in bad {
            assert_eq!(text.parse::<IssuerUrl>().unwrap_err(), wanted, "{text:?}");
        }
    }

    #[test]
    fn it_describes_itself_below_its_path() {
        for text in ["https://id.acme.example/realms/acme", "https://id.acme.example/realms/acme/"] {
            let issuer: IssuerUrl = text.parse().unwrap();
            assert_eq!(issuer.discovery(), "https://id.acme.example/realms/acme/.well-known/openid-configuration");
        }
    }

    #[test]
    fn an_endpoint_is_protected_as_its_issuer_is() {
        let outside: IssuerUrl = "https://id.acme.example".parse().unwrap();
        let here: IssuerUrl = "http://127.0.0.1:8080".parse().unwrap();
        assert!(outside.endpoint("https://keys.acme.example/jwks?v=1").is_some());
        assert!(here.endpoint("https://keys.acme.example/jwks").is_some());
        assert!(here.endpoint("http://localhost:8080/jwks").is_some());
        for text in
            ["http://127.0.0.1:8080/jwks", "http://id.acme.example/jwks", "/jwks", "https://a:b@id.acme.example/"]
        {
            assert!(outside.endpoint(text).is_none(), "{text}");
        }
        assert!(here.endpoint("http://10.0.0.1/jwks").is_none());
    }
}
