//! Whom a token stands for: the person, organization, robot or job behind it, as it is there now.

use entrepot_database::{Connection, Row, Timestamp};

use crate::Pattern;
use crate::caller::{Credential, Limit, Principal, Who};
use crate::name::{Name, RobotName};
use crate::registry_token::Holder;
use crate::role::{Scopes, words};
use crate::rules::stored;
use crate::{Error, job, tables};

words! {
    /// What kind of token it is.
    TokenKind: "personal, organization, robot, login or device" {
        /// Acts for the person who made it.
        Personal = "personal",
        /// Acts for an organization.
        Organization = "organization",
        /// Is a robot's.
        Robot = "robot",
        /// Keeps a client logged in that has thrown the password away.
        Login = "login",
        /// Acts for the person who has allowed it in a browser, in a program that has none.
        Device = "device",
    }
}

/// A token, as its row has it.
pub(crate) struct KeptToken {
    id: String,
    kind: TokenKind,
    namespace: i64,
    robot: Option<i64>,
    limit: Limit,
    expires: Option<Timestamp>,
    owner: Name,
    created: Timestamp,
}

impl KeptToken {
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.text(0)?.to_owned(),
            kind: stored(row.text(1)?)?,
            namespace: row.integer(2)?,
            robot: row.optional_integer(3)?,
            limit: Limit {
                scopes: stored_scopes(row.text(4)?)?,
                repositories: stored_patterns(row.text(5)?)?,
                access: None,
            },
            expires: row.optional_integer(6)?.map(Timestamp::from_micros),
            owner: stored(row.text(7)?)?,
            created: Timestamp::from_micros(row.integer(8)?),
        })
    }

    /// Whom it stands for, if it still stands for anybody.
    pub(crate) fn holder(self, connection: &Connection<'_>) -> Result<Option<(Who, TokenKind)>, Error> {
        if self.expires.is_some_and(|expires| expires <= Timestamp::now()) {
            return Ok(None);
        }
        let principal = match (self.kind, self.robot) {
            (TokenKind::Personal | TokenKind::Login | TokenKind::Device, None) => {
                account(connection, self.namespace)?.map(|(principal, _)| principal)
            }
            (TokenKind::Organization, None) => {
                Some(Principal::Organization { id: self.namespace, name: self.owner.clone() })
            }
            (TokenKind::Robot, Some(robot)) => robot_of(connection, robot)?,
            _ => return Err(Error::damaged(&self.id)),
        };
        let who = |principal| Who {
            principal,
            credential: Credential::Token(self.id),
            limit: self.limit,
            valid_from: Some(self.created),
            valid_until: self.expires,
        };
        Ok(principal.map(|principal| (who(principal), self.kind)))
    }
}

/// Whom a registry token was given to, if they are still there.
pub(crate) fn holder_of(connection: &Connection<'_>, holder: &Holder) -> Result<Option<Who>, Error> {
    match holder {
        Holder::Anonymous => Ok(Some(Who::nobody())),
        Holder::Account { id, valid_from } => {
            let found = account(connection, *id)?.filter(|(_, now)| now.micros() == *valid_from);
            Ok(found.map(|(principal, valid_from)| Who {
                principal,
                credential: Credential::Password,
                limit: Limit::NONE,
                valid_from: Some(valid_from),
                valid_until: None,
            }))
        }
        Holder::Job { rule, subject } => job::holder(connection, rule, subject),
        Holder::Token { id, valid_from } => {
            let found = connection.first(&tables::TOKEN_BY_ID, &[id.into()], KeptToken::read)?;
            let found = found.filter(|found| found.created.micros() == *valid_from);
            Ok(found.map(|found| found.holder(connection)).transpose()?.flatten().map(|(who, _)| who))
        }
    }
}

/// An account that may do something, as it is there and not disabled; and since when what is issued for it counts.
pub(crate) fn account(connection: &Connection<'_>, id: i64) -> Result<Option<(Principal, Timestamp)>, Error> {
    let found = connection.first(&tables::ACCOUNT_BY_ID, &[id.into()], |row| {
        let principal = Principal::Account { id, name: stored(row.text(0)?)?, administrator: row.integer(1)? != 0 };
        let enabled = row.optional_integer(2)?.is_none();
        Ok::<_, Error>((enabled, (principal, Timestamp::from_micros(row.integer(3)?))))
    })?;
    Ok(found.filter(|(enabled, _)| *enabled).map(|(_, found)| found))
}

/// A robot that may do something: neither it nor the person whose it is is disabled.
fn robot_of(connection: &Connection<'_>, id: i64) -> Result<Option<Principal>, Error> {
    let found = connection.first(&tables::ROBOT_BY_ID, &[id.into()], |row| {
        let name = RobotName::new(stored(row.text(1)?)?, stored(row.text(0)?)?);
        Ok::<_, Error>((name, row.optional_integer(2)?.is_some() || row.optional_integer(3)?.is_some()))
    })?;
    Ok(found.filter(|(_, disabled)| !disabled).map(|(name, _)| Principal::Robot { id, name }))
}

pub(crate) fn stored_scopes(text: &str) -> Result<Scopes, Error> {
    Scopes::from_words(text.split_whitespace()).map_err(|_| Error::damaged(text))
}

pub(crate) fn stored_patterns(text: &str) -> Result<Vec<Pattern>, Error> {
    text.split_whitespace().map(stored).collect()
}
