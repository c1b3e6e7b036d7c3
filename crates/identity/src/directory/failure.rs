//! Why nobody was let in.

use std::fmt;

/// How far a conversation with a server has got. Each begins with the first and goes on in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Finding its address and reaching it.
    Connect,
    /// StartTLS, if that is wanted, and TLS.
    Tls,
    /// Binding as the service account.
    Bind,
    /// Looking for people and groups.
    Search,
    /// Binding as a person, with their password.
    Password,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Tls => "TLS",
            Self::Bind => "binding as bind_dn",
            Self::Search => "searching",
            Self::Password => "checking the password",
        })
    }
}

/// What went wrong with one server. It has no secret in it, and is meant for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {step}: {why}")]
pub struct Failure {
    /// The server's URL.
    pub server: String,
    /// Where.
    pub step: Step,
    /// What.
    pub why: String,
}

/// Nothing is known about anybody, because no server answered as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Every server failed, in the order in which they were asked.
    #[error("the company directory cannot be asked: {}", joined(.0))]
    Servers(Vec<Failure>),
    /// As many conversations as may be are under way, and none of them ended in time.
    #[error("the company directory cannot be asked: too many wait for it already; try again")]
    Busy,
}

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is nobody of that name, the password is another one, or the account is disabled: which of them is not told.
    #[error("the user name or the password is wrong")]
    Credentials,
    /// It could not be found out.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

fn joined(failures: &[Failure]) -> String {
    failures.iter().map(Failure::to_string).collect::<Vec<_>>().join("; ")
}
