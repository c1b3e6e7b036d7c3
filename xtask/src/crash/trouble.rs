//! How a request of the campaign can end other than well.

use std::fmt::{self, Display, Formatter};
use std::io;

/// Why a client stopped.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection broke: expected when the server dies, and only then.
    Gone(io::Error),
    /// The server said that it cannot do this now (503), which may be more than it knows: expected of a replica whose
    /// database or store fails, and only then.
    Busy(String),
    /// The server did what it must never do.
    Wrong(String),
}

/// What an operation of the campaign returns.
pub(super) type Outcome<T> = Result<T, Trouble>;

impl Display for Trouble {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "the connection broke: {error}"),
            Self::Busy(what) | Self::Wrong(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A finding.
pub(super) fn wrong<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Trouble::Wrong(message.into()))
}
