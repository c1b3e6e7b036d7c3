//! Under which address a client has reached the registry, for addresses that are sent back to it.

use std::fmt;

use http::header::{self, HeaderMap, HeaderName};
use http::request::Parts;
use http::{Extensions, Request, Uri};

use crate::client::Proxies;
use crate::net::Connection;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Scheme and host, such as `https://registry.acme.example`. It is what the client itself sent, so nobody else can have chosen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    host: Box<str>,
}

impl Origin {
    /// Where `request` came to. What stands as the host is taken only if a URL may have it there.
    pub(crate) fn of<B>(request: &Request<B>, proxies: &Proxies) -> Self {
        Self::from(request.extensions(), request.headers(), request.uri(), proxies)
    }

    /// The same, of a request that was taken apart.
    pub(crate) fn of_parts(parts: &Parts, proxies: &Proxies) -> Self {
        Self::from(&parts.extensions, &parts.headers, &parts.uri, proxies)
    }

    fn from(extensions: &Extensions, headers: &HeaderMap, uri: &Uri, proxies: &Proxies) -> Self {
        let connection = extensions.get::<Connection>();
        let forwarded = || {
            let value = headers.get(X_FORWARDED_PROTO)?.to_str().ok()?;
            proxies.is_trusted(connection?.peer().ip()).then(|| value.eq_ignore_ascii_case("https"))
        };
        let https = forwarded().unwrap_or_else(|| connection.is_some_and(Connection::is_tls));
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
        let host = if is_host(host) { host } else { "localhost" };
        Self { https, host: host.into() }
    }

    /// Whether what goes to it is encrypted on its way.
    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    /// The host, with its port if that is not the usual one.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_are_hosts() {
        for (text, valid) in [
            ("localhost:5000", true),
            ("[::1]:5000", true),
            ("registry.acme.example", true),
            ("a\"b", false),
            ("a/b", false),
            ("a@b", false),
            ("", false),
        ] {
            assert_eq!(is_host(text), valid, "{text}");
        }
    }
}
