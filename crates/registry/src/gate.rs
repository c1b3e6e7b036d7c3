//! The one gate: may this caller do this to this repository? Its answer is a [`Grant`], a value that only the gate makes
//! and that every method of the core demands, so a route that forgets to ask does not compile.

use std::marker::PhantomData;
use std::sync::Arc;

use entrepot_oci::RepositoryName;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who did not say who they are.
    Anonymous,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Write blobs, manifests and tags.
    Push,
    /// Delete blobs, manifests and tags.
    Delete,
    /// List the names of repositories.
    Catalog,
}

impl Action {
    /// The word for it in messages.
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
            Self::Delete => "delete from",
            Self::Catalog => "list",
        }
    }
}

/// The rules. Deny by default: what a policy does not know it refuses.
pub trait Policy: Send + Sync + 'static {
    /// Whether `caller` may do `action` on `repository`; there is no repository for [`Action::Catalog`].
    fn allows(&self, caller: &Caller, action: Action, repository: Option<&RepositoryName>) -> bool;
}

/// What people may do who did not log in; the whole policy until there are accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnonymousAccess {
    /// Everything.
    Push,
    /// Read.
    Pull,
    /// Nothing.
    None,
}

impl Policy for AnonymousAccess {
    fn allows(&self, caller: &Caller, action: Action, _: Option<&RepositoryName>) -> bool {
        match (caller, action) {
            (Caller::Anonymous, Action::Pull | Action::Catalog) => *self != Self::None,
            (Caller::Anonymous, Action::Push | Action::Delete) => *self == Self::Push,
        }
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
    permission: PhantomData<P>,
}

impl<P> Grant<P> {
    /// The repository that it is for.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }
}

/// Proof that somebody may list the names of repositories.
#[derive(Clone, Debug)]
pub struct CatalogGrant(());

/// The gate said no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("you may not {} this registry without logging in", .action.verb())]
pub struct Denied {
    /// What was asked for.
    pub action: Action,
}

/// Makes grants as its policy allows.
#[derive(Clone)]
pub struct Gate(Arc<dyn Policy>);

impl Gate {
    /// A gate with these rules.
    pub fn new(policy: impl Policy) -> Self {
        Self(Arc::new(policy))
    }

    /// Asks for `P` on `repository`.
    ///
    /// # Errors
    /// [`Denied`] if the policy does not allow it.
    pub fn authorize<P: Permission>(&self, caller: &Caller, repository: RepositoryName) -> Result<Grant<P>, Denied> {
        if self.0.allows(caller, P::ACTION, Some(&repository)) {
            Ok(Grant { repository, permission: PhantomData })
        } else {
            Err(Denied { action: P::ACTION })
        }
    }

    /// Asks to list repositories.
    ///
    /// # Errors
    /// [`Denied`] if the policy does not allow it.
    pub fn authorize_catalog(&self, caller: &Caller) -> Result<CatalogGrant, Denied> {
        if self.0.allows(caller, Action::Catalog, None) {
            Ok(CatalogGrant(()))
        } else {
            Err(Denied { action: Action::Catalog })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_access_has_three_levels() {
        let name: RepositoryName = "acme/app".parse().unwrap();
        for (level, pull, push) in [
            (AnonymousAccess::Push, true, true),
            (AnonymousAccess::Pull, true, false),
            (AnonymousAccess::None, false, false),
        ] {
            let gate = Gate::new(level);
            let caller = Caller::Anonymous;
            assert_eq!(gate.authorize::<Pull>(&caller, name.clone()).is_ok(), pull, "{level:?}");
            assert_eq!(gate.authorize_catalog(&caller).is_ok(), pull, "{level:?}");
            assert_eq!(gate.authorize::<Push>(&caller, name.clone()).is_ok(), push, "{level:?}");
            assert_eq!(gate.authorize::<Delete>(&caller, name.clone()).is_ok(), push, "{level:?}");
        }
    }
}
