//! For whom something is counted.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// For whom something is counted; its text is its name in the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An address, or the first one of a network of IPv6.
    Address(IpAddr),
    /// The person in this row.
    Account(i64),
    /// The token with this id.
    Token(Arc<str>),
    /// The robot in this row.
    Robot(i64),
    /// The jobs that come in by this rule.
    Rule(Arc<str>),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address {address}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Token(id) => write!(f, "token {id}"),
            Self::Robot(id) => write!(f, "robot {id}"),
            Self::Rule(id) => write!(f, "rule {id}"),
        }
    }
}
