//! What the server says, and what it means for the work that heard it.

use tokio_postgres::error::{DbError, SqlState};

use crate::error::with_causes;
use crate::{Error, Kind};

/// What helps against a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same transaction again: another one came between.
    Repeat,
    /// The same transaction again, a few times: another one may have come between, or the caller has a defect.
    RepeatBriefly,
    /// The same work over another connection: this one is of no use any more.
    Reconnect,
    /// Nothing that this crate could do.
    Nothing,
}

/// A failure and its remedy.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) remedy: Remedy,
    pub(super) error: Error,
}

impl Failure {
    /// The connection is of no use any more.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self { remedy: Remedy::Reconnect, error: Error::new(Kind::Unavailable, "postgresql", message) }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) => {
                let (kind, remedy) = judge(said.code());
                Self { remedy, error: Error::new(kind, "postgresql", sentence(said)) }
            }
            None => match refused_here(&error) {
                Some(kind) => {
                    Self { remedy: Remedy::Nothing, error: Error::new(kind, "postgresql", with_causes(&error)) }
                }
                None => Self::broken(with_causes(&error)),
            },
        }
    }
}

/// The kind of an error that the library found without the server: a value that does not fit its column, or no password for
/// a server that wants one. All others are of the connection. It tells them apart in words alone.
fn refused_here(error: &tokio_postgres::Error) -> Option<Kind> {
    let text = error.to_string();
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    if begins(&["error serializing", "error deserializing", "expected ", "invalid column"]) {
        Some(Kind::Other)
    } else if begins(&["invalid configuration", "authentication error"]) {
        Some(Kind::Io)
    } else {
        None
    }
}

fn judge(code: &SqlState) -> (Kind, Remedy) {
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => (Kind::Busy, Remedy::Repeat),
        SqlState::UNIQUE_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION => (Kind::Constraint, Remedy::RepeatBriefly),
        SqlState::DISK_FULL => (Kind::Full, Remedy::Nothing),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => (Kind::Busy, Remedy::Nothing),
        // A standby, as the old primary is after a switch-over: the address may lead to the new one by now.
        SqlState::READ_ONLY_SQL_TRANSACTION => (Kind::Unavailable, Remedy::Reconnect),
        // What was prepared before a migration, or is not there behind a pooler.
        SqlState::FEATURE_NOT_SUPPORTED | SqlState::INVALID_SQL_STATEMENT_NAME => {
            (Kind::Unavailable, Remedy::Reconnect)
        }
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => (Kind::Unavailable, Remedy::Reconnect),
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::INVALID_CATALOG_NAME => (Kind::Io, Remedy::Nothing),
        _ => judge_class(code.code().get(..2).unwrap_or_default()),
    }
}

/// By class (PostgreSQL, "Error Codes").
fn judge_class(class: &str) -> (Kind, Remedy) {
    match class {
        "23" => (Kind::Constraint, Remedy::Nothing),
        "53" => (Kind::Busy, Remedy::Nothing),
        // Connection exceptions; an operator or a crash ends the session.
        "08" | "57" => (Kind::Unavailable, Remedy::Reconnect),
        // Wrong user or password; an error of the server's disk; damaged data.
        "28" | "58" | "XX" => (Kind::Io, Remedy::Nothing),
        _ => (Kind::Other, Remedy::Nothing),
    }
}

fn sentence(said: &DbError) -> String {
    let mut text = format!("{} ({})", said.message(), said.code().code());
    for more in [said.detail(), said.hint()].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    text
}
