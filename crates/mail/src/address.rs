//! E-mail addresses.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The longest that a mail server has to take (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const LONGEST: usize = 254;

/// An e-mail address: `ann@acme.example`. Its domain is in small letters, so that addresses that lead to the same mailbox
/// are mostly equal; what is before the `@` is only for the server there to understand, and is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(lettre::Address);

impl Address {
    /// What is behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(crate) fn inner(&self) -> &lettre::Address {
        &self.0
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why| Error::Invalid { what: "e-mail address", why };
        if text.len() > LONGEST {
            return Err(refuse("it is longer than 254 bytes"));
        }
        // The grammar has quoted names with nearly everything in them. Nobody has one, and not all programs read them alike:
        // what is a name for one is an address for another.
        if text.chars().any(|c| c == '"' || c.is_control() || c.is_whitespace()) {
            return Err(refuse("it has quotes, white space or control characters in it"));
        }
        let parsed: lettre::Address = text.parse().map_err(|_| refuse("it is not of the form name@domain"))?;
        let domain = parsed.domain().to_lowercase();
        lettre::Address::new(parsed.user(), domain).map(Self).map_err(|_| refuse("its domain is not one"))
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        self.0.as_ref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("ann@acme.example", "ann@acme.example"),
            ("Ann.B+registry@ACME.Example", "Ann.B+registry@acme.example"),
            ("ann@mail.BÜCHER.example", "ann@mail.bücher.example"),
            ("ann@[192.0.2.7]", "ann@[192.0.2.7]"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address, shown.parse().unwrap());
        }
    }

    #[test]
    fn what_is_none() {
        let long = format!("ann@{}example", "acme.".repeat(60));
        for text in [
            "",
            "ann",
            "@acme.example",
            "ann@",
            "ann@acme.example ",
            " ann@acme.example",
            "ann@acme.example\r\nBcc: eve@acme.example",
            "ann\n@acme.example",
            "ann@acme.example>\r\nRCPT TO:<eve@acme.example",
            "ann@acme.example> ORCPT=x",
            "Ann <ann@acme.example>",
            "ann@acme.example,eve@acme.example",
            "ann@acme.example eve@acme.example",
            "\"ann\"@acme.example",
            "\"ann b\"@acme.example",
            "\"eve@evil.example>\"@acme.example",
            "\"ann\r\n\"@acme.example",
            "ann@acme.example\0",
            "ann\u{2028}@acme.example",
            "ann@acme_.example/..",
            &long,
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.to_string().starts_with("this is no e-mail address: "), "{error}");
            assert!(!error.is_temporary());
        }
    }
}
