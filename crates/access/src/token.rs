//! Tokens that people, organizations and robots show in place of a password. Each is shown once, when it is made.

use std::time::Duration;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use uuid::Uuid;

use crate::Pattern;
use crate::account::{MAX_PAGE, checked_text};
use crate::audit::AuditEntry;
use crate::holder::{TokenKind, stored_patterns, stored_scopes};
use crate::memory::changed;
use crate::name::Name;
use crate::permit::{AccountOwner, NamespaceOwner, Permit};
use crate::role::{NamespaceKind, Scopes};
use crate::rules::stored;
use crate::secret::Secret;
use crate::{Access, Error, robot, tables};

/// Patterns that one token may have.
const MAX_PATTERNS: usize = 50;

/// A token that is to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What it is for, for people.
    pub label: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// On which repositories; all, if there are none.
    pub repositories: Vec<Pattern>,
    /// For how long; for ever, if it is `None`.
    pub lifetime: Option<Duration>,
}

/// A token, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: String,
    /// Whose it is.
    pub kind: TokenKind,
    /// What it is for, for people.
    pub label: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// On which repositories; all, if there are none.
    pub repositories: Vec<Pattern>,
    /// When it was made, or made anew.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, give or take five minutes.
    pub used_at: Option<Timestamp>,
}

impl Token {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            kind: stored(row.text(1)?)?,
            label: row.text(2)?.to_owned(),
            scopes: stored_scopes(row.text(3)?)?,
            repositories: stored_patterns(row.text(4)?)?,
            created_at: Timestamp::from_micros(row.integer(5)?),
            expires_at: row.optional_integer(6)?.map(Timestamp::from_micros),
            used_at: row.optional_integer(7)?.map(Timestamp::from_micros),
        })
    }
}

/// To whom a token belongs.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) kind: TokenKind,
    pub(crate) namespace: i64,
    pub(crate) robot: Option<i64>,
}

impl Access {
    /// Makes a token that acts for a person.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn create_personal_token(
        &self,
        permit: &Permit<AccountOwner>,
        new: NewToken,
    ) -> Result<(String, Secret), Error> {
        let entry = permit.entry("token.create", &permit.on.name, &new.label);
        let owner = Owner { kind: TokenKind::Personal, namespace: permit.on.id, robot: None };
        self.create_token(entry, new, move |_| Ok(owner)).await
    }

    /// Makes a token that acts for an organization.
    ///
    /// # Errors
    /// [`Error::Invalid`]; also if the namespace is not an organization.
    pub async fn create_organization_token(
        &self,
        permit: &Permit<NamespaceOwner>,
        new: NewToken,
    ) -> Result<(String, Secret), Error> {
        if permit.on.kind != NamespaceKind::Organization {
            return Err(Error::invalid("namespace", "only organizations have tokens of their own"));
        }
        let entry = permit.entry("token.create", &permit.on.name, &new.label);
        let owner = Owner { kind: TokenKind::Organization, namespace: permit.on.id, robot: None };
        self.create_token(entry, new, move |_| Ok(owner)).await
    }

    /// Makes a token for a robot.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`].
    pub async fn create_robot_token(
        &self,
        permit: &Permit<NamespaceOwner>,
        robot: &Name,
        new: NewToken,
    ) -> Result<(String, Secret), Error> {
        let entry = permit.entry("token.create", robot::target(permit, robot), &new.label);
        let (namespace, robot) = (permit.on.id, robot.clone());
        self.create_token(entry, new, move |connection| {
            let robot = Some(robot::find(connection, namespace, &robot)?);
            Ok(Owner { kind: TokenKind::Robot, namespace, robot })
        })
        .await
    }

    async fn create_token(
        &self,
        entry: AuditEntry,
        new: NewToken,
        mut owner: impl FnMut(&Connection<'_>) -> Result<Owner, Error> + Send + 'static,
    ) -> Result<(String, Secret), Error> {
        let new = NewToken { label: checked_text("label", &new.label)?, ..new };
        if new.repositories.len() > MAX_PATTERNS {
            return Err(Error::invalid("repositories", format!("a token may have {MAX_PATTERNS} patterns")));
        }
        let secret = Secret::token()?;
        let (id, hash) = (Uuid::now_v7().to_string(), secret.hash());
        let made = id.clone();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let owner = owner(connection)?;
            add(connection, &made, &hash, owner, &new)?;
            entry.write(connection)
        });
        written.await?;
        Ok((id, secret))
    }

    /// A person's tokens after the one with the id `last`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn personal_tokens(
        &self,
        permit: &Permit<AccountOwner>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Token>, Error> {
        self.tokens_of(permit.on.id, last, limit).await
    }

    /// An organization's tokens after the one with the id `last`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn organization_tokens(
        &self,
        permit: &Permit<NamespaceOwner>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Token>, Error> {
        self.tokens_of(permit.on.id, last, limit).await
    }

    async fn tokens_of(&self, namespace: i64, last: Option<String>, limit: usize) -> Result<Vec<Token>, Error> {
        let scanned = self.0.database.scan(move |connection| {
            let last = last.as_deref().unwrap_or_default();
            let parameters = [namespace.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::TOKENS, &parameters, Token::read)
        });
        scanned.await
    }

    /// A robot's tokens.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn robot_tokens(&self, permit: &Permit<NamespaceOwner>, robot: &Name) -> Result<Vec<Token>, Error> {
        let (namespace, robot) = (permit.on.id, robot.clone());
        let scanned = self.0.database.scan(move |connection| {
            let robot = robot::find(connection, namespace, &robot)?;
            connection.all(&tables::TOKENS_OF_ROBOT, &[robot.into(), "".into(), (MAX_PAGE as i64).into()], Token::read)
        });
        scanned.await
    }

    /// Gives a token of a person a new secret; the old one ends at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rotate_personal_token(&self, permit: &Permit<AccountOwner>, id: &str) -> Result<Secret, Error> {
        self.rotate_token(permit.on.id, id, permit.entry("token.rotate", &permit.on.name, id)).await
    }

    /// Gives a token of an organization or of one of a namespace's robots a new secret; the old one ends at once.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn rotate_namespace_token(&self, permit: &Permit<NamespaceOwner>, id: &str) -> Result<Secret, Error> {
        self.rotate_token(permit.on.id, id, permit.entry("token.rotate", &permit.on.name, id)).await
    }

    async fn rotate_token(&self, namespace: i64, id: &str, entry: AuditEntry) -> Result<Secret, Error> {
        let secret = Secret::token()?;
        let (hash, id) = (secret.hash(), id.to_owned());
        self.change_token(entry, move |connection| {
            let parameters = [(&hash[..]).into(), Timestamp::now().into(), (&id).into(), namespace.into()];
            match connection.execute(&tables::SET_TOKEN_HASH, &parameters)? {
                0 => Err(Error::not_found("token", &id)),
                _ => Ok(()),
            }
        })
        .await?;
        Ok(secret)
    }

    /// Ends a token of a person, on every replica within a second.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_personal_token(&self, permit: &Permit<AccountOwner>, id: &str) -> Result<(), Error> {
        self.revoke_token(permit.on.id, id, permit.entry("token.revoke", &permit.on.name, id)).await
    }

    /// Ends a token of an organization or of one of a namespace's robots, on every replica within a second.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_namespace_token(&self, permit: &Permit<NamespaceOwner>, id: &str) -> Result<(), Error> {
        self.revoke_token(permit.on.id, id, permit.entry("token.revoke", &permit.on.name, id)).await
    }

    pub(crate) async fn revoke_token(&self, namespace: i64, id: &str, entry: AuditEntry) -> Result<(), Error> {
        let id = id.to_owned();
        self.change_token(entry, move |connection| {
            match connection.execute(&tables::REMOVE_TOKEN, &[(&id).into(), namespace.into()])? {
                0 => Err(Error::not_found("token", &id)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn change_token(
        &self,
        entry: AuditEntry,
        mut work: impl FnMut(&Connection<'_>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let written = self.0.database.write(Durability::Power, move |connection| {
            work(connection)?;
            entry.write(connection)?;
            Ok::<_, Error>(changed(connection)?)
        });
        written.await?;
        self.noticed().await
    }
}

/// Adds the row of a token.
pub(crate) fn add(
    connection: &Connection<'_>,
    id: &str,
    hash: &[u8],
    owner: Owner,
    new: &NewToken,
) -> Result<(), Error> {
    let now = Timestamp::now();
    let patterns: Vec<_> = new.repositories.iter().map(Pattern::as_str).collect();
    let (scopes, patterns) = (new.scopes.to_words(), patterns.join(" "));
    let parameters = [
        id.into(),
        hash.into(),
        owner.kind.as_str().into(),
        owner.namespace.into(),
        owner.robot.into(),
        (&new.label).into(),
        (&scopes).into(),
        (&patterns).into(),
        now.into(),
        new.lifetime.map(|lifetime| now.plus(lifetime).micros()).into(),
    ];
    connection.execute(&tables::ADD_TOKEN, &parameters)?;
    Ok(())
}
