//! Which registries may be asked over the network.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use reqwest::Url;

/// The address of a registry: `https`, or `http` on this machine, as whoever is on the way would read the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Server(Url);

/// A text that is no [`Server`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    /// It cannot be parsed.
    #[error("it has to be a URL such as https://registry.acme.example")]
    NoUrl,
    /// It, or what is shown to it, could be read on the way.
    #[error(
        "it has to be https: over plain HTTP whoever is on the way reads the token; http is only for this machine, such as \
         http://localhost:5000"
    )]
    Unprotected,
    /// It has more than a host and a port.
    #[error("it has to be a host and perhaps a port, without user, path or query")]
    Superfluous,
}

impl Server {
    /// The registry that docker would call `name`: over `https`, and `http` on this machine unless it is to be `encrypted` there too.
    ///
    /// # Errors
    /// It is no name of one. A URL is taken as well, if it could be used.
    pub fn of_registry(name: &str, encrypted: bool) -> Result<Self, InvalidServer> {
        if name.contains("://") {
            return name.parse();
        }
        let secured = || format!("https://{name}").parse();
        if encrypted { secured() } else { format!("http://{name}").parse().or_else(|_| secured()) }
    }

    /// The path of a URL that leads to this server and to no other.
    pub(crate) fn path_of(&self, url: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        let here = url.origin() == self.0.origin() && url.username().is_empty() && url.password().is_none();
        (here && url.query().is_none()).then(|| url.path().to_owned())
    }

    /// Whether nobody can read what is sent to it.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL of a path and query there.
    pub(crate) fn url(&self, target: &str) -> Result<Url, String> {
        self.0.join(target).map_err(|error| error.to_string())
    }

    /// Host and port, as docker names registries.
    pub fn authority(&self) -> &str {
        self.0.authority()
    }
}

impl FromStr for Server {
    type Err = InvalidServer;

    fn from_str(text: &str) -> Result<Self, InvalidServer> {
        let url = Url::parse(text).map_err(|_| InvalidServer::NoUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&url) => {}
            "http" => return Err(InvalidServer::Unprotected),
            _ => return Err(InvalidServer::NoUrl),
        }
        let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        if plain && url.query().is_none() && url.fragment().is_none() {
            Ok(Self(url))
        } else {
            Err(InvalidServer::Superfluous)
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_where_nobody_reads_them() {
        for (text, shown, authority) in [
            ("https://registry.acme.example", "https://registry.acme.example", "registry.acme.example"),
            ("https://registry.acme.example/", "https://registry.acme.example", "registry.acme.example"),
            ("https://10.0.0.7:5000", "https://10.0.0.7:5000", "10.0.0.7:5000"),
            ("http://localhost:5000", "http://localhost:5000", "localhost:5000"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000", "127.0.0.1:5000"),
            ("http://[::1]:5000", "http://[::1]:5000", "[::1]:5000"),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!((server.to_string().as_str(), server.authority()), (shown, authority));
        }
        for (text, why) in [
            ("registry.acme.example", InvalidServer::NoUrl),
            ("localhost:5000", InvalidServer::NoUrl),
            ("ftp://registry.acme.example", InvalidServer::NoUrl),
            ("", InvalidServer::NoUrl),
            ("http://registry.acme.example", InvalidServer::Unprotected),
            ("http://10.0.0.7:5000", InvalidServer::Unprotected),
            ("http://localhost.acme.example", InvalidServer::Unprotected),
            ("http://127.0.0.1@registry.acme.example", InvalidServer::Unprotected),
            ("https://ann:secret@registry.acme.example", InvalidServer::Superfluous),
            ("https://registry.acme.example/v2", InvalidServer::Superfluous),
            ("https://registry.acme.example?x", InvalidServer::Superfluous),
        ] {
            assert_eq!(text.parse::<Server>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_name_is_a_server_as_docker_means_it() {
        for (name, encrypted, shown) in [
            ("registry.acme.example", false, "https://registry.acme.example"),
            ("10.0.0.7:5000", false, "https://10.0.0.7:5000"),
            ("localhost:5000", false, "http://localhost:5000"),
            ("localhost:5000", true, "https://localhost:5000"),
            ("[::1]:5000", false, "http://[::1]:5000"),
            ("https://127.0.0.1:5000", false, "https://127.0.0.1:5000"),
        ] {
            assert_eq!(Server::of_registry(name, encrypted).unwrap().to_string(), shown);
        }
        for name in ["", "registry.acme.example/acme", "http://registry.acme.example", "ann@registry.acme.example"] {
            assert!(Server::of_registry(name, false).is_err(), "{name}");
        }
    }

    #[test]
    fn only_what_is_on_the_server_has_a_path_there() {
        let server: Server = "https://registry.acme.example".parse().unwrap();
        assert_eq!(server.path_of("https://registry.acme.example/token").as_deref(), Some("/token"));
        assert_eq!(server.path_of("https://registry.acme.example:443/token").as_deref(), Some("/token"));
        for url in [
            "http://registry.acme.example/token",
            "https://registry.acme.example:5000/token",
            "https://evil.example/token",
            "https://ann@registry.acme.example/token",
            "/token",
            "",
        ] {
            assert_eq!(server.path_of(url), None, "{url}");
        }
    }

    #[test]
    fn no_path_leads_to_another_server() {
        let server: Server = "https://registry.acme.example".parse().unwrap();
        assert_eq!(server.url("/api/v1/me").unwrap().as_str(), "https://registry.acme.example/api/v1/me");
    }
}
