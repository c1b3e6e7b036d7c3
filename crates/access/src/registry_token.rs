//! Registry tokens: short-lived, signed, and with what they are good for written in them (the "Docker Registry v2 Bearer token
//! specification"). What somebody may do is asked again when one is shown, so a token that says more than that gives no more.

use std::time::Duration;

use entrepot_oci::RepositoryName;
use entrepot_registry::gate::Action;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;
use crate::caller::{Access, Caller, Credential, On, Principal};
use crate::keys::KeySet;

/// How long a registry token is good.
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);
/// How far the clocks of processes may be apart.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);
/// Who issues them, and for whom they are: every process over the same database.
pub const SERVICE: &str = "entrepot";

/// What is in one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The name of who asks; empty for nobody.
    sub: String,
    pub(crate) iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    access: Vec<Entry>,
    /// Whose it is, for us.
    pub(crate) who: Holder,
}

/// Who a token was given to, by their rows: names can change hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Holder {
    /// Nobody.
    Anonymous,
    /// An account that showed its password.
    Account {
        /// Its row.
        id: i64,
    },
    /// A job that came in by a rule.
    Job {
        /// The rule.
        rule: String,
        /// What its provider calls it.
        subject: String,
    },
    /// Whoever showed a token of ours.
    Token {
        /// Its id.
        id: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<String>,
}

/// Signs a token for `caller` that is good for `access`.
pub(crate) fn sign(keys: &KeySet, caller: &Caller, access: &[Access]) -> Result<String, Error> {
    let who = match (caller.principal(), caller.credential()) {
        (_, Credential::Token(id)) => Holder::Token { id: id.clone() },
        (Principal::Account { id, .. }, _) => Holder::Account { id: *id },
        (Principal::Job { rule, subject, .. }, _) => Holder::Job { rule: rule.clone(), subject: subject.clone() },
        _ => Holder::Anonymous,
    };
    let now = jsonwebtoken::get_current_timestamp();
    let claims = Claims {
        iss: SERVICE.to_owned(),
        aud: SERVICE.to_owned(),
        sub: caller.principal().name().unwrap_or_default(),
        iat: now,
        nbf: now,
        exp: now + LIFETIME.as_secs(),
        jti: Uuid::now_v7().to_string(),
        access: access.iter().map(Entry::from).collect(),
        who,
    };
    let (id, key) = &keys.signer;
    let header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::EdDSA) };
    encode(&header, &claims, key).map_err(|error| Error::Internal(format!("cannot sign a token: {error}")))
}

/// What a token says, if one of `keys` has signed it and its time has come and not gone.
pub(crate) fn verify(keys: &KeySet, token: &str) -> Result<Claims, Error> {
    let unauthenticated = |_| Error::Unauthenticated;
    let kid = decode_header(token).map_err(unauthenticated)?.kid.ok_or(Error::Unauthenticated)?;
    let key = keys.verifiers.get(&kid).ok_or(Error::Unauthenticated)?;
    // The algorithm is ours, whatever the token says.
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[SERVICE]);
    validation.set_issuer(&[SERVICE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY.as_secs();
    Ok(decode::<Claims>(token, key, &validation).map_err(unauthenticated)?.claims)
}

impl Claims {
    /// Until when it is good, in seconds from now.
    pub(crate) fn rest(&self) -> Duration {
        Duration::from_secs((self.exp + LEEWAY.as_secs()).saturating_sub(jsonwebtoken::get_current_timestamp()))
    }

    /// What it is good for. Entries that are unknown are good for nothing.
    pub(crate) fn access(&self) -> Vec<Access> {
        self.access.iter().filter_map(Entry::access).collect()
    }
}

impl Entry {
    fn access(&self) -> Option<Access> {
        let on = match self.kind.as_str() {
            "repository" => On::Repository(self.name.parse().ok()?),
            "registry" if self.name == "catalog" => On::Catalog,
            _ => return None,
        };
        Some(Access { on, actions: self.actions.iter().filter_map(|word| action(word)).collect() })
    }
}

impl From<&Access> for Entry {
    fn from(access: &Access) -> Self {
        let (kind, name, actions) = match &access.on {
            On::Repository(name) => {
                ("repository", name.as_str(), access.actions.iter().map(|action| action.as_str().to_owned()).collect())
            }
            On::Catalog => ("registry", "catalog", vec!["*".to_owned()]),
        };
        Self { kind: kind.to_owned(), name: name.to_owned(), actions }
    }
}

fn action(word: &str) -> Option<Action> {
    [Action::Pull, Action::Push, Action::Delete].into_iter().find(|action| action.as_str() == word)
}

/// A scope that a client asks for, such as `repository:acme/app:pull,push` or `registry:catalog:*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedScope(pub(crate) Access);

/// A text that is no scope that this registry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is repository:NAME:ACTION,… (pull, push, delete or *) or registry:catalog:*")]
pub struct InvalidScope;

impl std::str::FromStr for RequestedScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let (kind, rest) = text.split_once(':').ok_or(InvalidScope)?;
        // The name may have a colon of its own, where it names a host.
        let (name, words) = rest.rsplit_once(':').ok_or(InvalidScope)?;
        let on = match kind.split_once('(').map_or(kind, |(kind, _class)| kind) {
            "repository" => On::Repository(name.parse::<RepositoryName>().map_err(|_| InvalidScope)?),
            "registry" if name == "catalog" => On::Catalog,
            _ => return Err(InvalidScope),
        };
        let mut actions = Vec::new();
        for word in words.split(',') {
            let more = match word {
                "*" => vec![Action::Pull, Action::Push, Action::Delete],
                word => action(word).into_iter().collect(),
            };
            actions.extend(more.into_iter().filter(|action| !actions.contains(action)).collect::<Vec<_>>());
        }
        Ok(Self(Access { on, actions }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let all = vec![Action::Pull, Action::Push, Action::Delete];
        for (text, actions) in [
            ("repository:acme/app:pull", Some(vec![Action::Pull])),
            ("repository:acme/app:pull,push", Some(vec![Action::Pull, Action::Push])),
            ("repository:acme/app:push,pull,push", Some(vec![Action::Push, Action::Pull])),
            ("repository:acme/app:*", Some(all.clone())),
            ("repository(plugin):acme/app:pull", Some(vec![Action::Pull])),
            ("repository:acme/app:fly", Some(vec![])),
            ("registry:catalog:*", Some(all)),
            ("repository:Acme:pull", None),
            ("repository:../x:pull", None),
            ("registry:other:*", None),
            ("repository:acme/app", None),
            ("", None),
        ] {
            let parsed = text.parse::<RequestedScope>().ok().map(|scope| scope.0.actions);
            assert_eq!(parsed, actions, "{text}");
        }
    }
}
