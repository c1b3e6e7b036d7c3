//! What can go wrong in the database.

use rusqlite::ErrorCode;

/// The kinds of failure between which callers distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The disk is full.
    Full,
    /// Another process holds the database, or the queue is closing: try again.
    Busy,
    /// The file cannot be read or written.
    Io,
    /// The file's tables are not those of this version.
    Migration,
    /// A constraint of a table was violated: a defect of the caller.
    Constraint,
    /// Anything else.
    Other,
}

/// A failure of the database.
#[derive(Clone, Debug, thiserror::Error)]
#[error("database: {operation}: {message}")]
pub struct Error {
    kind: Kind,
    operation: &'static str,
    message: String,
}

impl Error {
    pub(crate) fn new(kind: Kind, operation: &'static str, message: impl Into<String>) -> Self {
        Self { kind, operation, message: message.into() }
    }

    /// Which kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the same call may succeed later without anybody changing the request.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Full | Kind::Busy)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Kind::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Busy,
            Some(ErrorCode::ConstraintViolation) => Kind::Constraint,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase,
            ) => Kind::Io,
            _ => Kind::Other,
        };
        Self::new(kind, "sqlite", error.to_string())
    }
}
