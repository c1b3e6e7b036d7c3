//! Which registry is asked, and as whom.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The address of a registry: `https://registry.acme.example`, with a port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamAddress(reqwest::Url);

/// A text that is no [`UpstreamAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address of a registry is http:// or https://, a host and perhaps a port, and nothing behind that")]
pub struct InvalidUpstream;

/// A name and a password. It has no `Debug` that shows it.
#[derive(Clone)]
pub struct Login {
    pub(super) name: String,
    pub(super) password: String,
}

impl Login {
    /// Somebody.
    pub fn new(name: String, password: String) -> Self {
        Self { name, password }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FromStr for UpstreamAddress {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        let url: reqwest::Url = text.parse().map_err(|_| InvalidUpstream)?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        let good = matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.path() == "/";
        if good && plain && url.fragment().is_none() { Ok(Self(url)) } else { Err(InvalidUpstream) }
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl UpstreamAddress {
    /// The address of something there; `target` begins with a slash.
    pub(super) fn url(&self, target: &str) -> String {
        format!("{self}{target}")
    }

    /// Whether it is there that `url` leads: scheme, host and port are the same.
    pub(super) fn is_origin_of(&self, url: &reqwest::Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// Whether a secret may go there: over TLS, or to this machine.
    pub(super) fn takes_secrets(&self) -> bool {
        may_take_secrets(&self.0)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Whether nobody on the way can read what is sent.
pub(super) fn may_take_secrets(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    url.scheme() == "https" || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for good in ["http://old:5000", "https://registry.acme.example/", "http://[::1]:5000"] {
            assert!(good.parse::<UpstreamAddress>().is_ok(), "{good}");
        }
        for bad in
            ["old:5000", "ftp://old", "https://ann:secret@old", "https://old/v2/", "https://old?x", "/var/lib/registry"]
        {
            assert_eq!(bad.parse::<UpstreamAddress>(), Err(InvalidUpstream), "{bad}");
        }
    }

    #[test]
    fn secrets_go_over_tls_or_stay_here() {
        for (address, takes) in [
            ("https://old", true),
            ("http://localhost:5000", true),
            ("http://127.0.0.1:5000", true),
            ("http://[::1]:5000", true),
            ("http://old:5000", false),
            ("http://127.0.0.1.acme.example", false),
        ] {
            assert_eq!(address.parse::<UpstreamAddress>().unwrap().takes_secrets(), takes, "{address}");
        }
    }
}
