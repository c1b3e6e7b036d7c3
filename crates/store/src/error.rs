//! What can go wrong with a file, directory or object of the store.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

/// An operation of the store that did not succeed.
///
/// Every kind says what was tried (a verb phrase: "write to"), on which file or object, and why it failed.
/// Printed, it is one sentence for the operator; it names paths and buckets, so it is not for clients. It has no secrets.
#[derive(Clone, Debug)]
pub enum Error {
    /// The blob, part or staged file is not there, or holds fewer bytes than it must.
    Missing(Failure),
    /// No space, no inode or no quota is left.
    Full(Failure),
    /// We are not let: permissions, a read-only mount, or credentials that the object store does not take.
    Denied(Failure),
    /// Somebody else holds it: another process the whole directory, or another [`Upload`](crate::Upload) the same id.
    Busy(Failure),
    /// The object store cannot be reached, is overloaded or failed, also after it was tried again, or no memory for an
    /// upload came free.
    Unavailable(Failure),
    /// Anything else that the operating system or the object store reported.
    Io(Failure),
}

/// The circumstances of an [`Error`].
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was tried, as a verb phrase: "write to".
    pub operation: &'static str,
    /// On which file, directory, bucket or object.
    pub place: String,
    /// The report of the operating system or the object store, or our own explanation.
    pub cause: Arc<io::Error>,
}

impl Error {
    /// Sorts a report of the operating system into its kind.
    pub(crate) fn new(operation: &'static str, path: &Path, cause: io::Error) -> Self {
        let kind = cause.kind();
        let failure = Failure { operation, place: path.display().to_string(), cause: Arc::new(cause) };
        match kind {
            ErrorKind::NotFound => Self::Missing(failure),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full(failure),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied(failure),
            ErrorKind::ResourceBusy => Self::Busy(failure),
            _ => Self::Io(failure),
        }
    }

    /// An error that the store found itself.
    pub(crate) fn explained(operation: &'static str, path: &Path, kind: ErrorKind, why: &'static str) -> Self {
        Self::new(operation, path, io::Error::new(kind, why))
    }

    /// What was tried, on what, and why it failed.
    pub fn failure(&self) -> &Failure {
        match self {
            Self::Missing(failure)
            | Self::Full(failure)
            | Self::Denied(failure)
            | Self::Busy(failure)
            | Self::Unavailable(failure)
            | Self::Io(failure) => failure,
        }
    }

    /// Whether the same call may succeed later although nobody mends the installation's permissions or hardware:
    /// the disk is full, somebody else is at work, the object store is away, or the process is out of file descriptors or
    /// memory.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Full(_) | Self::Busy(_) | Self::Unavailable(_) => true,
            Self::Missing(_) | Self::Denied(_) => false,
            Self::Io(failure) => {
                matches!(
                    failure.cause.kind(),
                    ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::OutOfMemory
                ) || matches!(failure.cause.raw_os_error(), Some(nix::libc::EMFILE | nix::libc::ENFILE))
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { operation, place, cause } = self.failure();
        write!(f, "cannot {operation} {place}: {cause}")
    }
}

// The cause is part of the sentence, so `source` stays empty: a printed chain would say it twice.
impl std::error::Error for Error {}

/// Gives the result of a system call its operation and path.
pub(crate) trait Context<T> {
    /// Turns the error, if there is one, into an [`Error`].
    fn context(self, operation: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|cause| Error::new(operation, path, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;

    #[test]
    fn system_errors_have_their_kind() {
        let table = [
            (libc::ENOENT, "Missing", false),
            (libc::ENOSPC, "Full", true),
            (libc::EDQUOT, "Full", true),
            (libc::EACCES, "Denied", false),
            (libc::EPERM, "Denied", false),
            (libc::EROFS, "Denied", false),
            (libc::EIO, "Io", false),
            (libc::EMFILE, "Io", true),
            (libc::ENFILE, "Io", true),
            (libc::ENOMEM, "Io", true),
            (libc::EINTR, "Io", true),
        ];
        for (errno, kind, temporary) in table {
            let error = Error::new("write to", Path::new("/x"), io::Error::from_raw_os_error(errno));
            assert!(format!("{error:?}").starts_with(kind), "{error:?} is not {kind}");
            assert_eq!(error.is_temporary(), temporary, "{error}");
        }
    }

    #[test]
    fn an_error_is_one_sentence() {
        let error = Error::new("write to", Path::new("/x"), io::Error::from_raw_os_error(libc::ENOSPC));
        assert_eq!(error.to_string(), "cannot write to /x: No space left on device (os error 28)");
    }
}
