//! Where people reach the registry.

use std::fmt;
use std::str::FromStr;

use entrepot_mail::Link;

/// The address under which people reach the registry: `https://registry.acme.example`, as browsers write it. Links in letters begin
/// with it, and providers send people back to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicUrl(String);

/// A text that is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has to be http:// or https://, a host, and a port if it is not the usual one, and nothing after that")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// Scheme, host and port: what browsers send as `Origin`.
    pub fn origin(&self) -> &str {
        &self.0
    }

    /// Whether people reach it over HTTPS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host: a name, an address of IPv4, or one of IPv6 in brackets.
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        }
    }

    /// The address of `path`, which begins with a slash.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(InvalidPublicUrl)?;
        if authority.contains(['/', '?', '#']) || text.parse::<Link>().is_err() {
            return Err(InvalidPublicUrl);
        }
        let usual = if scheme == "https" { ":443" } else { ":80" };
        Ok(Self(text.strip_suffix(usual).unwrap_or(&text).to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_browsers_write_them() {
        for (text, origin, host) in [
            ("https://registry.acme.example", "https://registry.acme.example", "registry.acme.example"),
            ("https://Registry.acme.example:443/", "https://registry.acme.example", "registry.acme.example"),
            ("http://localhost:5000", "http://localhost:5000", "localhost"),
            ("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1"),
            ("http://[::1]:5000", "http://[::1]:5000", "[::1]"),
            ("http://[::1]", "http://[::1]", "[::1]"),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.host()), (origin, host));
            assert_eq!(url.at("/login"), format!("{origin}/login"));
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "registry.acme.example",
            "ftp://acme.example",
            "https://acme.example/registry",
            "https://acme.example//",
            "https://acme.example?x",
            "https://ann@acme.example",
            "https://acme.example\r\n",
            "https://",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text}");
        }
    }
}
