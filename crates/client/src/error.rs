//! Why a request was not done.

/// Why a request was not done, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry would not do it, and says why.
    #[error("{0}")]
    Refused(String),
    /// There is no way to it.
    #[error("{server} cannot be reached: {why}")]
    Unreachable {
        /// Which registry.
        server: String,
        /// What was in the way.
        why: String,
    },
    /// What answers is no registry, or not one of ours.
    #[error("{server} does not answer as a registry does: {why}")]
    NoAnswer {
        /// Who was asked.
        server: String,
        /// What is odd.
        why: String,
    },
    /// A program that keeps logins cannot be used.
    #[error("{program}: {why}")]
    Helper {
        /// Which.
        program: String,
        /// What it says, or what is wrong with it.
        why: String,
    },
    /// A file cannot be used.
    #[error("cannot use {file}: {why}")]
    File {
        /// Which.
        file: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    pub(crate) fn file(file: &std::path::Path, why: impl ToString) -> Self {
        Self::File { file: file.display().to_string(), why: why.to_string() }
    }
}
