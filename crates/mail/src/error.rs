//! What can go wrong, and whether it passes.

use std::time::Duration;

/// Why a letter was not sent, or why something cannot be used for one. No variant has a password or a letter's link in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A value that is none of its kind. The value is not repeated.
    #[error("this is no {what}: {why}")]
    Invalid {
        /// What it should be.
        what: &'static str,
        /// Why it is not.
        why: &'static str,
    },
    /// Settings that cannot be used.
    #[error("e-mail cannot be sent with these settings: {0}")]
    Settings(String),
    /// The letter could not be put into words.
    #[error("cannot write the letter: {0}")]
    Unwritten(String),
    /// Too many letters are on their way.
    #[error("too many letters are being sent at once; try again later")]
    Busy,
    /// No connection, or one that broke. If that was while the letter was handed over, the server may have it all the same.
    #[error("cannot reach the mail server {server}: {why}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What the system says.
        why: String,
    },
    /// A connection on which nothing came, and of which the same is true.
    #[error("the mail server {server} did not answer within {within:?}")]
    TimedOut {
        /// Host and port.
        server: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// A connection that is not encrypted, or whose other end cannot be trusted. Nothing was said on it.
    #[error("there is no trusted connection to the mail server {server}: {why}")]
    Untrusted {
        /// Host and port.
        server: String,
        /// What is wrong with it.
        why: String,
    },
    /// The server did not let us in.
    #[error("the mail server {server} does not let this user in: {answer}")]
    NotLetIn {
        /// Host and port.
        server: String,
        /// Its answer, without the text, which might repeat what it was sent.
        answer: String,
        /// Whether it says that this will pass.
        temporary: bool,
    },
    /// The server did not take the letter, its sender or its recipient, or does not talk to us.
    #[error("the mail server {server} refused: {answer}")]
    Refused {
        /// Host and port.
        server: String,
        /// Its answer.
        answer: String,
        /// Whether it says that this will pass.
        temporary: bool,
    },
}

impl Error {
    /// Whether the same letter may be taken later, without anybody changing anything here. Otherwise do not try again.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Busy | Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::NotLetIn { temporary, .. } | Self::Refused { temporary, .. } => *temporary,
            Self::Invalid { .. } | Self::Settings(_) | Self::Unwritten(_) | Self::Untrusted { .. } => false,
        }
    }
}
