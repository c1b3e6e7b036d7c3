//! What access refuses or cannot do.

use std::time::Duration;

use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was shown proves nothing: unknown name, wrong password, expired or revoked token. Which of these is not said.
    #[error("the user name or the password or token is wrong, or no longer valid")]
    Unauthenticated,
    /// The same, where people are known who have no password here: how they come in is said to everybody alike.
    #[error("{}; {how}", Self::Unauthenticated)]
    WrongPassword {
        /// How.
        how: String,
    },
    /// The password is right, but does not suffice: the account has a second factor.
    #[error(
        "this account has a second factor, so its password alone does not log in here: use an access token in its place"
    )]
    SecondFactorAsked,
    /// Too many wrong guesses, or more requests than are allowed.
    #[error("too many attempts; try again in {} seconds", .after.as_secs().max(1))]
    TooMany {
        /// When it is worth another try.
        after: Duration,
    },
    /// The caller may not do this with the repository, which may or may not be there.
    #[error(
        "{} may not {} {repository}: it does not exist, or you lack the role {role}",
        .who.as_deref().unwrap_or("without logging in you"),
        .action.phrase(),
        role = crate::Role::for_action(*.action),
    )]
    RepositoryDenied {
        /// Who asked; nobody, if they did not say.
        who: Option<String>,
        /// What for.
        action: Action,
        /// Of which repository.
        repository: RepositoryName,
    },
    /// The caller may not do this.
    #[error("{0}")]
    Denied(String),
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {what} {name}")]
    NotFound {
        /// Which kind of thing.
        what: &'static str,
        /// Its name, as it was asked for.
        name: String,
    },
    /// A link that was never made, was used, is too old, or has given way to a newer one. Which of these is not said.
    #[error("this link does not work, or no longer: links work once, for some time, and until there is a newer one")]
    LinkGone,
    /// A thing of this name is there already.
    #[error("there is already {what} {name}")]
    Exists {
        /// Which kind of thing, with its article.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A value is not acceptable.
    #[error("{field} is not acceptable: {why}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is allowed.
        why: String,
    },
    /// It would leave things in a state that they must not have.
    #[error("{0}")]
    Conflict(String),
    /// A namespace has as much as it may have.
    #[error("{namespace} has {what}, which is all that it may have")]
    QuotaReached {
        /// Which one.
        namespace: String,
        /// How much of what.
        what: String,
    },
    /// What this needs is not configured.
    #[error("{0}")]
    Unconfigured(String),
    /// Another server is needed, and does not answer as it should.
    #[error("{0}")]
    Unavailable(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] entrepot_database::Error),
    /// A defect, or a system that does not work.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }

    pub(crate) fn exists(what: &'static str, name: impl ToString) -> Self {
        Self::Exists { what, name: name.to_string() }
    }

    pub(crate) fn invalid(field: &'static str, why: impl ToString) -> Self {
        Self::Invalid { field, why: why.to_string() }
    }

    /// What stands in a column where it should not.
    pub(crate) fn damaged(text: &str) -> Self {
        Self::Internal(format!("{text:?} stands in a table where it should not"))
    }
}
