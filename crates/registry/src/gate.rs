//! The one gate: may this caller do this to this repository? Its answer is a [`Grant`], a value that only the gate makes
//! and that every method of the core demands, so a route that forgets to ask does not compile.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use entrepot_oci::{RepositoryName, Tag};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Write blobs, manifests and tags.
    Push,
    /// Delete blobs, manifests and tags.
    Delete,
}

impl Action {
    /// Its word in registry tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }

    /// The words for it in messages.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
            Self::Delete => "delete from",
        }
    }
}

/// The rules, and who can ask. Deny by default: what a policy does not know it refuses.
pub trait Policy: Clone + Send + Sync + 'static {
    /// Somebody who asks.
    type Caller: Sync;
    /// Why the answer is no, or why there is none.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// Whether `caller` may do `action` on `repository`, and under which terms.
    ///
    /// # Errors
    /// They may not, or the policy could not find out.
    fn decide(
        &self,
        caller: &Self::Caller,
        action: Action,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<Terms, Self::Refusal>> + Send;

    /// Whether `caller` may list repositories at all.
    ///
    /// # Errors
    /// They may not.
    fn decide_catalog(&self, caller: &Self::Caller) -> Result<(), Self::Refusal>;

    /// Those of `names` that `caller` may know of, in the same order.
    ///
    /// # Errors
    /// The policy could not find out.
    fn visible(
        &self,
        caller: &Self::Caller,
        names: Vec<String>,
    ) -> impl Future<Output = Result<Vec<String>, Self::Refusal>> + Send;
}

/// What a grant demands of what is done with it.
#[derive(Clone, Default)]
pub struct Terms {
    frozen: Option<Arc<Frozen>>,
    max_bytes: Option<u64>,
    by: Option<Arc<str>>,
}

/// Whether a tag stays as it is, once it is set.
type Frozen = dyn Fn(&Tag) -> bool + Send + Sync;

impl Terms {
    /// Tags for which `frozen` holds may be set once, and then neither move nor go.
    pub fn freezing(frozen: impl Fn(&Tag) -> bool + Send + Sync + 'static) -> Self {
        Self { frozen: Some(Arc::new(frozen)), ..Self::default() }
    }

    /// All repositories of the namespace may have so many bytes together; `None` is without limit.
    #[must_use]
    pub fn limited_to(self, max_bytes: Option<u64>) -> Self {
        Self { max_bytes, ..self }
    }

    /// Says who asks, in words that are written down with what they do.
    #[must_use]
    pub fn asked_by(self, name: &str) -> Self {
        Self { by: Some(name.into()), ..self }
    }

    /// Who asks, if the policy says so.
    pub(crate) fn by(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// Whether there may be tags that stay as they are.
    pub(crate) fn freezes_some(&self) -> bool {
        self.frozen.is_some()
    }

    /// Whether this tag, once set, stays as it is.
    pub fn freezes(&self, tag: &Tag) -> bool {
        self.frozen.as_ref().is_some_and(|frozen| frozen(tag))
    }

    /// How many bytes the namespace may have.
    pub(crate) fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms")
            .field("frozen", &self.frozen.is_some())
            .field("max_bytes", &self.max_bytes)
            .field("by", &self.by)
            .finish()
    }
}

/// A kind of [`Grant`].
pub trait Permission {
    /// The action that the grant allows.
    const ACTION: Action;
}

/// See [`Action::Pull`].
#[derive(Clone, Copy, Debug)]
pub enum Pull {}
/// See [`Action::Push`].
#[derive(Clone, Copy, Debug)]
pub enum Push {}
/// See [`Action::Delete`].
#[derive(Clone, Copy, Debug)]
pub enum Delete {}

impl Permission for Pull {
    const ACTION: Action = Action::Pull;
}
impl Permission for Push {
    const ACTION: Action = Action::Push;
}
impl Permission for Delete {
    const ACTION: Action = Action::Delete;
}

/// Proof that somebody may do `P` on one repository.
#[derive(Clone, Debug)]
pub struct Grant<P> {
    repository: RepositoryName,
    terms: Terms,
    permission: PhantomData<P>,
}

impl<P> Grant<P> {
    /// The repository that it is for.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// What it demands.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }
}

/// Proof that somebody may list the names of repositories, and of which: those that the policy lets them know of.
pub struct CatalogGrant<'a, P: Policy> {
    policy: &'a P,
    caller: &'a P::Caller,
}

impl<P: Policy> CatalogGrant<'_, P> {
    pub(crate) async fn visible(&self, names: Vec<String>) -> Result<Vec<String>, P::Refusal> {
        self.policy.visible(self.caller, names).await
    }
}

/// Makes grants as its policy allows.
#[derive(Clone)]
pub struct Gate<P>(P);

impl<P: Policy> Gate<P> {
    /// A gate with these rules.
    pub fn new(policy: P) -> Self {
        Self(policy)
    }

    /// The rules.
    pub fn policy(&self) -> &P {
        &self.0
    }

    /// Asks for `A` on `repository`.
    ///
    /// # Errors
    /// The policy does not allow it.
    pub async fn authorize<A: Permission>(
        &self,
        caller: &P::Caller,
        repository: RepositoryName,
    ) -> Result<Grant<A>, P::Refusal> {
        let terms = self.0.decide(caller, A::ACTION, &repository).await?;
        Ok(Grant { repository, terms, permission: PhantomData })
    }

    /// Asks to list repositories.
    ///
    /// # Errors
    /// The policy does not allow it.
    pub fn authorize_catalog<'a>(&'a self, caller: &'a P::Caller) -> Result<CatalogGrant<'a, P>, P::Refusal> {
        self.0.decide_catalog(caller)?;
        Ok(CatalogGrant { policy: &self.0, caller })
    }
}

/// A policy for those who have the data itself: they may do everything.
#[derive(Clone, Copy, Debug)]
pub struct Open;

impl Policy for Open {
    type Caller = ();
    type Refusal = std::convert::Infallible;

    async fn decide(&self, (): &(), _: Action, _: &RepositoryName) -> Result<Terms, Self::Refusal> {
        Ok(Terms::default())
    }

    fn decide_catalog(&self, (): &()) -> Result<(), Self::Refusal> {
        Ok(())
    }

    async fn visible(&self, (): &(), names: Vec<String>) -> Result<Vec<String>, Self::Refusal> {
        Ok(names)
    }
}
