//! Links in letters.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::Error;

/// In bytes. More is no link that we made; some programs cut longer ones.
const LONGEST: usize = 1_000;

/// An address on the web: `https://registry.acme.example/reset?token=…`. Who has a link of a letter may do what the letter is
/// about, so it prints without what is behind the host.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    text: String,
    /// Where the path begins.
    path: usize,
}

impl Link {
    /// All of it.
    pub(crate) fn reveal(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port.
    fn origin(&self) -> &str {
        &self.text[..self.path]
    }

    /// What is not to be seen; empty for the address of a host.
    fn rest(&self) -> &str {
        let rest = &self.text[self.path..];
        if rest == "/" { "" } else { rest }
    }

    /// The host: a name, an address of IPv4, or one of IPv6 in brackets.
    pub(crate) fn host(&self) -> &str {
        let authority = self.origin().split_once("://").map_or("", |(_, authority)| authority);
        host_and_port(authority).0
    }

    /// A text that may have this link in it, without it.
    pub(crate) fn taken_out_of(&self, text: &str) -> String {
        if self.rest().is_empty() { text.to_owned() } else { text.replace(self.rest(), "/…") }
    }
}

impl FromStr for Link {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Err(Error::Invalid { what: "link for a letter", why });
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return refuse("it does not begin with https:// or http://");
        };
        if text.len() > LONGEST {
            return refuse("it is longer than 1000 bytes");
        }
        // What RFC 3986 has, so that every mail program sees where it ends.
        if !text.chars().all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c)) {
            return refuse("it has characters in it that have to be percent-encoded");
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        if !is_authority(&rest[..end]) {
            return refuse("what is behind :// is not a host, or a host and a port");
        }
        Ok(Self { text: text.to_owned(), path: text.len() - rest.len() + end })
    }
}

/// Without a user or password: `https://registry.acme.example@elsewhere/` leads elsewhere.
fn is_authority(text: &str) -> bool {
    let (host, port) = host_and_port(text);
    let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    (named || ipv6(host).is_some()) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The address in brackets.
pub(crate) fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())?;
        f.write_str(if self.rest().is_empty() { "" } else { "/…" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_show_no_more_than_where_they_lead() {
        for (text, host, shown) in [
            ("https://registry.acme.example", "registry.acme.example", "https://registry.acme.example"),
            ("https://registry.acme.example/", "registry.acme.example", "https://registry.acme.example"),
            ("http://127.0.0.1:5000/reset?token=s3cret", "127.0.0.1", "http://127.0.0.1:5000/…"),
            ("https://acme.example?token=s3cret", "acme.example", "https://acme.example/…"),
            ("https://[::1]:5000/s3cret", "[::1]", "https://[::1]:5000/…"),
            ("https://[2001:db8::7]/#s3cret", "[2001:db8::7]", "https://[2001:db8::7]/…"),
        ] {
            let link: Link = text.parse().unwrap();
            assert_eq!(format!("{link:?}"), shown);
            assert_eq!(link.host(), host);
            assert_eq!(link.reveal(), text);
            let quoted = format!("554 {text} is on a list");
            assert!(!link.taken_out_of(&quoted).contains("s3cret"), "{}", link.taken_out_of(&quoted));
        }
    }

    #[test]
    fn what_is_none() {
        let long = format!("https://acme.example/{}", "a".repeat(1_000));
        for text in [
            "",
            "acme.example/reset",
            "javascript:alert(1)",
            "ftp://acme.example/",
            "https://",
            "https:///reset",
            "https://acme.example@evil.example/",
            "https://ann:s3cret@acme.example/",
            "https://acme.example:port/",
            "https://acme.example:70000/",
            "https://[::1/",
            "https://[acme]/",
            "https://acme.example/a b",
            "https://acme.example/\r\nBcc: eve@acme.example",
            "https://acme.example/\"onclick=",
            "https://acme.example/<script>",
            "https://acme.example/ä",
            &long,
        ] {
            let error = text.parse::<Link>().expect_err(text).to_string();
            assert!(error.starts_with("this is no link for a letter: "), "{error}");
            assert!(!error.contains("cret"), "{error}");
        }
    }
}
