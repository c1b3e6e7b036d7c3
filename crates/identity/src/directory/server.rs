//! A server of the directory: where it is, and how it is spoken to.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls_pki_types::ServerName;

use super::failure::{Failure, Step};

/// For how long a server that failed is asked after all others.
const FAILED_LATELY: Duration = Duration::from_secs(30);

/// What protects what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// Nothing.
    Plain,
    /// TLS, after a few plain bytes that ask for it.
    StartTls,
    /// TLS from the first byte on.
    Tls,
}

#[derive(Debug)]
pub(super) struct Server {
    url: String,
    host: String,
    port: u16,
    /// What its certificate has to be for.
    name: ServerName<'static>,
    security: Security,
    failed_at: Mutex<Option<Instant>>,
}

impl Server {
    /// Reads `ldap://host[:port]` or `ldaps://host[:port]`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn parse(url: &str, start_tls: bool, allow_plain: bool) -> Result<Self, String> {
        let (security, rest, standard_port) = if let Some(rest) = url.strip_prefix("ldaps://") {
            if start_tls {
                return Err(format!("{url}: ldaps:// is TLS from the beginning; StartTLS is for ldap://"));
            }
            (Security::Tls, rest, 636)
        } else if let Some(rest) = url.strip_prefix("ldap://") {
            (if start_tls { Security::StartTls } else { Security::Plain }, rest, 389)
        } else {
            return Err(format!("{url}: it has to begin with ldap:// or ldaps://"));
        };
        let (host, port) = host_and_port(rest.strip_suffix('/').unwrap_or(rest), standard_port)
            .ok_or_else(|| format!("{url}: after :// a host and perhaps a port are expected, and nothing else"))?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{url}: {host} is no host"))?;
        if security == Security::Plain && !allow_plain && !is_loopback(host) {
            return Err(format!(
                "{url}: passwords would cross the network unencrypted: use ldaps:// or start_tls, or say allow_plain"
            ));
        }
        Ok(Self { url: url.to_owned(), host: host.to_owned(), port, name, security, failed_at: Mutex::default() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    pub(super) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    pub(super) fn security(&self) -> Security {
        self.security
    }

    /// The steps of a conversation that tells whether all is well.
    pub(super) fn steps(&self) -> impl Iterator<Item = Step> {
        let plain = self.security == Security::Plain;
        [Step::Connect, Step::Tls, Step::Bind, Step::Search]
            .into_iter()
            .filter(move |step| !plain || *step != Step::Tls)
    }

    pub(super) fn failure(&self, step: Step, why: impl Into<String>) -> Failure {
        Failure { server: self.url.clone(), step, why: why.into() }
    }

    /// Notes how the last conversation ended.
    pub(super) fn note(&self, failed: bool) {
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = failed.then(Instant::now);
    }

    pub(super) fn failed_lately(&self) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| at.elapsed() < FAILED_LATELY)
    }
}

fn host_and_port(text: &str, standard_port: u16) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (address, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None => standard_port,
        // A number alone: parse would take "+389" too.
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok().filter(|port| *port != 0)?,
        Some(_) => return None,
    };
    (!host.is_empty()).then_some((host, port))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let cases = [
            ("ldaps://ldap.acme.example", false, ("ldap.acme.example", 636), Security::Tls),
            ("ldaps://ldap.acme.example:1636/", false, ("ldap.acme.example", 1636), Security::Tls),
            ("ldap://ldap.acme.example", true, ("ldap.acme.example", 389), Security::StartTls),
            ("ldap://[2001:db8::1]:1389", true, ("2001:db8::1", 1389), Security::StartTls),
            ("ldaps://[::1]", false, ("::1", 636), Security::Tls),
            ("ldap://127.0.0.1:1389", false, ("127.0.0.1", 1389), Security::Plain),
            ("ldap://localhost", false, ("localhost", 389), Security::Plain),
        ];
        for (url, start_tls, address, security) in cases {
            let server = Server::parse(url, start_tls, false).unwrap();
            assert_eq!((server.address(), server.security()), (address, security), "{url}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let cases = [
            ("ldap.acme.example", "begin with"),
            ("https://ldap.acme.example", "begin with"),
            ("ldaps://", "expected"),
            ("ldaps://a:b", "expected"),
            ("ldaps://a:+1", "expected"),
            ("ldaps://a:0", "expected"),
            ("ldaps://a:70000", "expected"),
            ("ldaps://[::1", "expected"),
            ("ldaps://[::1]1", "expected"),
            ("ldaps://a/dc=acme", "no host"),
            ("ldaps://cn=admin@a", "no host"),
        ];
        for (url, why) in cases {
            let error = Server::parse(url, false, false).unwrap_err();
            assert!(error.contains(why) && error.contains(url), "{error}");
        }
        assert!(Server::parse("ldaps://a", true, false).unwrap_err().contains("StartTLS"));
    }

    #[test]
    fn passwords_cross_no_network_unless_told() {
        for url in ["ldap://ldap.acme.example", "ldap://10.0.0.1", "ldap://[2001:db8::1]", "ldap://localhost.example"] {
            assert!(Server::parse(url, false, false).unwrap_err().contains("unencrypted"), "{url}");
            assert_eq!(Server::parse(url, false, true).unwrap().security(), Security::Plain);
        }
    }
}
