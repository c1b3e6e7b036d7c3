//! The address to listen on.

use std::cmp::Ordering;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

use super::value::{Form, Kind, Unfit, Value, toml_string};

/// A host and port to listen on, resolved.
///
/// Of a name's addresses it is the first of IPv4, otherwise the first: one address, the same at every start.
#[derive(Clone, Debug)]
pub(crate) struct ListenAddress {
    /// As it was written.
    text: String,
    /// What to bind; port 0 lets the system choose one.
    pub(crate) socket: SocketAddr,
}

impl ListenAddress {
    /// Whether only this machine can reach it. An unspecified address (`0.0.0.0`, `[::]`) is not loopback.
    pub(crate) fn is_loopback(&self) -> bool {
        // `::ffff:127.0.0.1` is loopback too.
        self.socket.ip().to_canonical().is_loopback()
    }

    /// The same port on this machine alone.
    pub(crate) fn on_loopback(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.socket.port()))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for ListenAddress {
    fn eq(&self, other: &Self) -> bool {
        self.socket == other.socket
    }
}

impl PartialOrd for ListenAddress {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.socket.partial_cmp(&other.socket)
    }
}

impl Value for ListenAddress {
    const KIND: Kind = Kind {
        allowed: "an address and port such as 127.0.0.1:5000, [::1]:5000, localhost:5000 or 0.0.0.0:5000",
        form: Form::Quoted,
    };

    fn parse(text: &str) -> Result<Self, Unfit> {
        let (host, port) = text.rsplit_once(':').ok_or_else(|| Unfit::because("it has no port"))?;
        if host.is_empty() {
            return Err(Unfit::because(format!(
                "name the address too, 127.0.0.1:{port} for this machine alone or 0.0.0.0:{port} for every interface"
            )));
        }
        // `u16::from_str` takes a sign, addresses do not.
        if !port.starts_with(|c: char| c.is_ascii_digit()) || port.parse::<u16>().is_err() {
            return Err(Unfit::because("a port is a number from 0 to 65535"));
        }
        // Neither is to be asked of a name server.
        if host.contains(':') && !host.starts_with('[') {
            return Err(Unfit::because("an IPv6 address stands in brackets"));
        }
        if host.starts_with('[') && text.parse::<SocketAddr>().is_err() {
            return Err(Unfit::because(format!("{host} is no IPv6 address")));
        }
        let resolved =
            text.to_socket_addrs().map_err(|error| Unfit::because(format!("{host} is not known: {error}")))?;
        let found: Vec<SocketAddr> = resolved.collect();
        let socket = found.iter().find(|address| address.is_ipv4()).or(found.first());
        let socket = *socket.ok_or_else(|| Unfit::because(format!("{host} has no address")))?;
        Ok(Self { text: text.to_owned(), socket })
    }

    fn to_toml(&self) -> String {
        toml_string(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_whether_other_machines_reach_them() {
        for (text, socket, loopback) in [
            ("127.0.0.1:5000", "127.0.0.1:5000", true),
            ("127.0.0.53:0", "127.0.0.53:0", true),
            ("[::1]:0", "[::1]:0", true),
            ("[::ffff:127.0.0.1]:5000", "[::ffff:127.0.0.1]:5000", true),
            ("localhost:5000", "127.0.0.1:5000", true),
            ("0.0.0.0:5000", "0.0.0.0:5000", false),
            ("[::]:5000", "[::]:5000", false),
            ("192.0.2.7:443", "192.0.2.7:443", false),
        ] {
            let address = ListenAddress::parse(text).unwrap();
            assert_eq!(address.socket, socket.parse().unwrap(), "{text}");
            assert_eq!(address.is_loopback(), loopback, "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, reason) in [
            ("", "it has no port"),
            ("5000", "it has no port"),
            ("127.0.0.1", "it has no port"),
            (":5000", "127.0.0.1:5000 for this machine alone"),
            ("127.0.0.1:", "a port is"),
            ("127.0.0.1:70000", "a port is"),
            ("127.0.0.1:+1", "a port is"),
            ("127.0.0.1:http", "a port is"),
            ("::1:5000", "brackets"),
            ("[::g]:5000", "is no IPv6 address"),
        ] {
            let because = ListenAddress::parse(text).unwrap_err().because.unwrap_or_default();
            assert!(because.contains(reason), "{text:?}: {because}");
        }
    }
}
