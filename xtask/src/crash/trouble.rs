//! How a request of the campaign can end other than well.

use std::io;

/// Why a client stopped.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The connection broke: expected when the server dies, and only then.
    Gone(io::Error),
    /// The server did what it must never do.
    Wrong(String),
}

/// What an operation of the campaign returns.
pub(super) type Outcome<T> = Result<T, Trouble>;

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A finding.
pub(super) fn wrong<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Trouble::Wrong(message.into()))
}
