//! Why nobody was let in.

/// Why a token or a login is not accepted.
///
/// Printed, it is one sentence that says which check failed. What it quotes of a token are single claims, shortened, and only
/// after the signature was found good; what it quotes of its head is the algorithm and the key's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The provider cannot be asked, or its answer cannot be used. The one refusal that may pass by itself.
    #[error("the provider {issuer} cannot be asked: {why}")]
    Unavailable {
        /// The provider.
        issuer: String,
        /// What happened.
        why: String,
    },
    /// The provider has nothing at the endpoint that is needed: it signs tokens, but nobody logs in there.
    #[error("the provider {issuer} has no {endpoint} endpoint")]
    NoEndpoint {
        /// The provider.
        issuer: String,
        /// What it lacks.
        endpoint: &'static str,
    },
    /// The provider said no: the person declined, the code was used before, or we are not registered as we think.
    #[error("the provider {issuer} refuses: {said}")]
    Provider {
        /// The provider.
        issuer: String,
        /// Its error code and description.
        said: String,
    },
    /// The provider knows somebody no longer, or not any more as one of those who have logged in: they were removed or blocked
    /// there, logged out, or it is too long ago.
    #[error("the provider {issuer} answers for this person no longer")]
    Ended {
        /// The provider.
        issuer: String,
    },
    /// The browser came back with another state than it was sent away with.
    #[error("the login was not begun in this browser, or was begun anew since; log in again")]
    State,
    /// The browser came back from another provider than it was sent to.
    #[error("the answer to the login is not from {issuer}")]
    OtherProvider {
        /// Where it was sent.
        issuer: String,
    },
    /// The token has more bytes than [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
    #[error("the token has {0} bytes, which is more than an identity token may have")]
    TooLong(usize),
    /// It is not a signed identity token at all.
    #[error("this is no identity token: {0}")]
    Malformed(&'static str),
    /// It is not signed with an algorithm that proves where it comes from.
    #[error("the token's algorithm is {0}, which is not accepted")]
    Algorithm(String),
    /// The provider has no such key.
    #[error("the token is signed with the key {kid}, which {issuer} does not have")]
    UnknownKey {
        /// The provider.
        issuer: String,
        /// The key's id.
        kid: String,
    },
    /// The token does not say which key it is signed with, and there is more than one.
    #[error("the token does not name its key, and {issuer} has several or none for its algorithm")]
    UnnamedKey {
        /// The provider.
        issuer: String,
    },
    /// The key that the token names is for other algorithms.
    #[error("the token's algorithm {algorithm} does not fit the key {kid}")]
    KeyMisfit {
        /// The token's algorithm.
        algorithm: String,
        /// The key's id.
        kid: String,
    },
    /// The signature is wrong: changed on the way, or signed by somebody else.
    #[error("the token's signature is not {issuer}'s")]
    Signature {
        /// The provider.
        issuer: String,
    },
    /// It is from another issuer.
    #[error("the token's issuer is {actual}, not {wanted}")]
    Issuer {
        /// Whom it names.
        actual: String,
        /// Who was asked.
        wanted: String,
    },
    /// It is for somebody else.
    #[error("the token's audience is {actual}, not {wanted}")]
    Audience {
        /// Whom it is for.
        actual: String,
        /// Those who we are.
        wanted: String,
    },
    /// It was given to somebody else.
    #[error("the token was given to {actual} (azp), not to {wanted}")]
    Party {
        /// To whom.
        actual: String,
        /// To whom it had to be.
        wanted: String,
    },
    /// It is no longer good.
    #[error("the token expired {0} seconds ago")]
    Expired(u64),
    /// It is not good yet, or the clocks differ.
    #[error("the token is good only in {0} seconds; compare the clocks")]
    Early(u64),
    /// It is an answer to another login.
    #[error("the token is not the answer to this login (its nonce is another)")]
    Nonce,
    /// A claim is missing, or has a value that means nothing.
    #[error("the claim {name} {why}")]
    Claim {
        /// The claim.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Refused {
    /// Whether the same may be accepted later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn claim(name: &str, why: &'static str) -> Self {
        Self::Claim { name: name.to_owned(), why }
    }
}
