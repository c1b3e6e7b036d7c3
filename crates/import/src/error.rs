//! Why an import stops, or leaves something out.

use entrepot_store::Error as StoreError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to import in the place that was named.
    #[error("{0}")]
    NoSource(String),
    /// Something of the old registry cannot be read.
    #[error("cannot read {what}: {why}")]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
    /// The registry here could not take it.
    #[error(transparent)]
    Registry(#[from] entrepot_registry::Error),
    /// The rules could not be asked.
    #[error(transparent)]
    Access(#[from] entrepot_access::Error),
}

impl Error {
    pub(crate) fn unreadable(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { what: what.to_string(), why: why.to_string() }
    }

    /// Why one thing has to be left out, if all others can still be imported; otherwise the error itself.
    pub(crate) fn left_out(self) -> Result<String, Self> {
        use entrepot_registry::Error as Core;
        match self {
            Self::Unreadable { .. } => Ok(self.to_string()),
            Self::Registry(error) => match error {
                Core::ManifestTargets(targets) => Ok(targets.first().map_or_else(String::new, told)),
                // Of the file that was to become a blob; what else fails there is ours, and fails for every other file too.
                Core::Store(ref stored @ (StoreError::Missing(_) | StoreError::Io(_))) if !stored.is_temporary() => {
                    Ok(cause(&error))
                }
                Core::ManifestInvalid(_)
                | Core::DigestMismatch(_)
                | Core::BlobTooLarge { .. }
                | Core::QuotaReached(_)
                | Core::TagImmutable(_)
                | Core::DeleteDisabled => Ok(error.to_string()),
                Core::Interrupted { size } => Ok(format!("it cannot be read beyond byte {size}")),
                error => Err(Self::Registry(error)),
            },
            Self::Access(error @ entrepot_access::Error::QuotaReached { .. }) => Ok(error.to_string()),
            error => Err(error),
        }
    }
}

/// The innermost reason.
fn cause(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), cause)
}

fn told(target: &entrepot_registry::BadTarget) -> String {
    use entrepot_registry::BadTarget;
    match target {
        BadTarget::Missing(digest) => format!("it needs {digest}, which is not in the repository"),
        BadTarget::Size { digest, stated, actual } => {
            format!("it says that {digest} has {stated} bytes, but that has {actual}")
        }
    }
}
