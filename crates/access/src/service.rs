//! The token service: registry tokens for what a client asks for and the caller may do ("Token Authentication Specification" and
//! "OAuth2 Token Authentication" of the docker registry).

use std::net::IpAddr;
use std::time::Duration;

use entrepot_database::{Durability, Kind, Timestamp};
use entrepot_registry::gate::Policy;
use uuid::Uuid;

use crate::caller::{Access as TokenAccess, Caller, Credential, On, Principal};
use crate::holder::{self, TokenKind};
use crate::registry_token::{LIFETIME, RequestedScope, sign};
use crate::role::Scopes;
use crate::secret::Secret;
use crate::token::{NewToken, Owner, add};
use crate::{Access, Error, tables};

/// Scopes that one request may ask for.
const MAX_SCOPES: usize = 64;
/// How long a client stays logged in that has thrown the password away.
const LOGIN_LIFETIME: Duration = Duration::from_hours(24 * 90);

/// A registry token and what belongs to it.
#[derive(Debug)]
pub struct Granted {
    /// The token.
    pub token: String,
    /// For how long it is good.
    pub lifetime: Duration,
    /// Since when.
    pub issued_at: Timestamp,
    /// What it is good for, which may be less than was asked for.
    pub access: Vec<TokenAccess>,
    /// What the client may show instead of the password from now on, if it asked for that.
    pub login: Option<Secret>,
}

/// What is asked of the token service.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// What the token shall be good for.
    pub scopes: Vec<RequestedScope>,
    /// Whether the client wants to stay logged in without the password.
    pub offline: bool,
    /// How the client calls itself.
    pub client: String,
}

impl Access {
    /// A token for `caller`, who shows something that lasts, or nothing: a registry token buys no other, or it would last for ever.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a registry token; [`Error::Invalid`] for more than 64 scopes; what the database said.
    pub async fn grant_token(&self, caller: &Caller, request: Service) -> Result<Granted, Error> {
        if caller.is_limited() {
            return Err(Error::Unauthenticated);
        }
        if request.scopes.len() > MAX_SCOPES {
            return Err(Error::invalid("scope", format!("one token may be for {MAX_SCOPES} scopes")));
        }
        let mut access = Vec::new();
        for RequestedScope(asked) in request.scopes {
            access.push(self.allowed(caller, asked).await?);
        }
        let keys = self.0.keys.get(&self.0.memory, &self.0.database).await?;
        let token = sign(&keys, caller, &access)?;
        let login = if request.offline { self.stay_logged_in(caller, &request.client).await? } else { None };
        Ok(Granted { token, lifetime: LIFETIME, issued_at: Timestamp::now(), access, login })
    }

    /// Who shows a login that the token service gave out.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; what the database said.
    pub async fn resume_login(&self, login: &str, address: Option<IpAddr>) -> Result<Caller, Error> {
        self.by_login(login, address).await
    }

    /// The part of what is asked for that the caller may do.
    async fn allowed(&self, caller: &Caller, asked: TokenAccess) -> Result<TokenAccess, Error> {
        let mut actions = Vec::new();
        match &asked.on {
            On::Catalog => {
                if self.decide_catalog(caller).is_ok() {
                    actions = asked.actions;
                }
            }
            On::Repository(name) => {
                for action in asked.actions {
                    match self.may(caller, action, name).await {
                        Ok(true) => actions.push(action),
                        Ok(false) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(TokenAccess { on: asked.on, actions })
    }

    /// Only who showed a password gets something in its place: a token already is such a thing.
    async fn stay_logged_in(&self, caller: &Caller, client: &str) -> Result<Option<Secret>, Error> {
        let (Principal::Account { id, .. }, Credential::Password) = (caller.principal(), caller.credential()) else {
            return Ok(None);
        };
        let label = client.chars().filter(|c| !c.is_control()).take(100).collect();
        let secret = Secret::token()?;
        let (hash, id, valid_from) = (secret.hash(), *id, caller.who.valid_from);
        let new = NewToken { label, scopes: Scopes::ALL, repositories: Vec::new(), lifetime: Some(LOGIN_LIFETIME) };
        let written = self.0.database.write(Durability::Power, move |connection| {
            // The password may have been changed since it was shown.
            let still = holder::account(connection, id)?.is_some_and(|(_, now)| Some(now) == valid_from);
            if !still {
                return Err(Error::Unauthenticated);
            }
            connection.execute(&tables::REMOVE_EXPIRED_TOKENS, &[Timestamp::now().into()])?;
            let owner = Owner { kind: TokenKind::Login, namespace: id, robot: None };
            add(connection, &Uuid::now_v7().to_string(), &hash, owner, &new)
        });
        match written.await {
            Ok(()) => Ok(Some(secret)),
            // In maintenance nothing is written down: the client keeps the password, and asks again another time.
            Err(Error::Database(error)) if error.kind() == Kind::ReadOnly => Ok(None),
            Err(error) => Err(error),
        }
    }
}
