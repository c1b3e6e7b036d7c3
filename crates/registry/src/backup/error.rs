//! Why a backup or a restore cannot go on. What is merely damaged is reported instead, and the rest goes on.

use std::io;
use std::path::{Path, PathBuf};

/// What ends a backup, a check or a restore.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something is not as it must be to begin.
    #[error("{0}")]
    Refused(String),
    /// A file or directory of the backup.
    #[error("cannot {operation} {}: {cause}", .path.display())]
    File {
        /// What was tried, as a verb phrase.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The place of bytes.
    #[error(transparent)]
    Store(#[from] entrepot_store::Error),
    /// The place of facts.
    #[error(transparent)]
    Database(#[from] entrepot_database::Error),
    /// What rows say cannot be understood.
    #[error(transparent)]
    Core(#[from] crate::Error),
}

/// Gives the result of a system call its operation and path.
pub(super) trait Context<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T, BackupError>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T, BackupError> {
        self.map_err(|cause| BackupError::File { operation, path: path.to_owned(), cause })
    }
}
