//! What can go wrong in the database.

use std::path::Path;

/// The kinds of failure between which callers distinguish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The disk is full.
    Full,
    /// Too many want the database at once, or the same rows of it: try again.
    Busy,
    /// The server cannot be reached, or the connection to it broke: try again. If it broke during a commit, that may stand.
    Unavailable,
    /// An operator has stopped all writes for a while; the message says why.
    ReadOnly,
    /// The file cannot be read or written, or the server does not let us in or has trouble with its disk.
    Io,
    /// The tables are not those of this version.
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

    /// There is no such file, and it is not to be made.
    pub fn absent(path: &Path) -> Self {
        Self::new(Kind::Io, "open", format!("there is no file {}", path.display()))
    }

    /// The same, saying in which table.
    pub(crate) fn in_table(self, table: &str) -> Self {
        Self { message: format!("table {table}: {}", self.message), ..self }
    }

    /// Which kind of failure it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What happened, without where.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the same call may succeed later without anybody changing the request.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Full | Kind::Busy | Kind::Unavailable | Kind::ReadOnly)
    }
}

/// An error and what is behind it.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}
