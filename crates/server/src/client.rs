//! Who a request comes from, where reverse proxies stand between.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName};
use http::{Extensions, Request};

use crate::net::Connection;
use crate::network::Network;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The reverse proxies that are believed; clones share the list.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<[Network]>);

impl Proxies {
    pub(crate) fn new(trusted: Vec<Network>) -> Self {
        Self(trusted.into())
    }

    /// The address of the client: the other end of the connection or, if that is a trusted proxy, whom it says it has the request
    /// from, and so on. What stands to the left of that in the header anybody may have written.
    pub(crate) fn client<B>(&self, request: &Request<B>) -> Option<IpAddr> {
        self.client_of(request.extensions(), request.headers())
    }

    /// The same, of a request that was taken apart.
    pub(crate) fn client_of(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = extensions.get::<Connection>()?.peer().ip().to_canonical();
        Some(self.behind(peer, headers))
    }

    /// Whether what this peer says of whom it stands for is believed.
    pub(crate) fn is_trusted(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(peer))
    }

    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: IpAddr| self.is_trusted(address);
        if !trusted(peer) {
            return peer;
        }
        let mut client = peer;
        // Several headers are one list (RFC 9110, section 5.3).
        let lists = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
        for entry in lists.flat_map(|list| list.to_str().unwrap_or_default().rsplit(',')) {
            let Some(address) = address(entry.trim()) else { return client };
            client = address.to_canonical();
            if !trusted(client) {
                return client;
            }
        }
        client
    }
}

/// An entry of the list: an address, which some proxies give a port.
fn address(entry: &str) -> Option<IpAddr> {
    let with_port = |text: &str| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bracketed.unwrap_or(entry).parse().ok().or_else(|| with_port(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_rightmost_that_is_not_trusted() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        for (peer, forwarded, client) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7,10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("::1", &["2001:db8::7"], "2001:db8::7"),
            ("::1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("::1", &["198.51.100.7:1234"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7, nonsense, 10.0.0.2"], "10.0.0.2"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(X_FORWARDED_FOR, value.parse().unwrap());
            }
            assert_eq!(proxies.behind(peer.parse().unwrap(), &headers).to_string(), client, "{peer} {forwarded:?}");
        }
    }
}
