//! Settings that are text: names and addresses.

use entrepot_store::Prefix;

use super::value::{Form, Kind, Unfit, Value, toml_string};

/// A name or another short text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(pub(crate) String);

impl Value for Text {
    const KIND: Kind = Kind { allowed: "a text that is not empty", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text.trim().is_empty() || text.contains(char::is_control) {
            Err(Unfit::PLAIN)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    fn to_toml(&self) -> String {
        toml_string(&self.0)
    }
}

/// Where a service is reached over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Endpoint(pub(crate) String);

impl Value for Endpoint {
    const KIND: Kind =
        Kind { allowed: "an address such as https://s3.example.com or http://10.0.0.7:9000", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest) if rest.contains('@') => {
                Err(Unfit::because("it has a user in it, and keys have settings of their own"))
            }
            Some(rest) if !rest.is_empty() && !rest.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Unfit::PLAIN),
        }
    }

    fn to_toml(&self) -> String {
        toml_string(&self.0)
    }
}

/// What the names of objects begin with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectPrefix(pub(crate) String);

impl Value for ObjectPrefix {
    const KIND: Kind =
        Kind { allowed: "names of letters, digits, '-', '_' and '.', with slashes between them", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        match text.parse::<Prefix>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(Unfit::PLAIN),
        }
    }

    fn to_toml(&self) -> String {
        toml_string(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_http() {
        for text in ["https://s3.example.com", "http://127.0.0.1:9000/path"] {
            assert_eq!(Endpoint::parse(text).unwrap().0, text);
        }
        for text in ["", "s3.example.com", "ftp://x", "https://", "http://a b", "https://user:password@host"] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
