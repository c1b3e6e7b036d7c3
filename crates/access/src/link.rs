//! Links that work once: whoever has one may do what it is for. Of the secret in it only a hash is kept; a link that is used is removed in
//! the transaction that does it, and a new one ends the older one about the same.
//!
//! Programs that look into letters follow links. So to look at what a link is for uses nothing up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Connection, Row, Timestamp, Value};
use uuid::Uuid;

use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::invitation::{Invitation, Invited};
use crate::name::Name;
use crate::role::{Membership, words};
use crate::rules::stored;
use crate::secret::Secret;
use crate::{Access, Error, tables};

words! {
    /// What a link is for.
    LinkKind: "set-up, sign-up, confirm, reset or invitation" {
        /// Making the first administrator.
        SetUp = "set-up",
        /// Making an account that somebody asked for.
        SignUp = "sign-up",
        /// Showing that letters to an address arrive.
        Confirm = "confirm",
        /// Choosing a new password.
        Reset = "reset",
        /// Coming into an organization.
        Invitation = "invitation",
    }
}

impl LinkKind {
    /// How long one works.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::SetUp | Self::Reset => Duration::from_hours(1),
            Self::SignUp | Self::Confirm => Duration::from_hours(24),
            Self::Invitation => Duration::from_hours(7 * 24),
        }
    }

    /// Where the page of a link is, below the address of the registry.
    pub fn path(self, secret: &Secret) -> String {
        format!("/link/{self}/{}", secret.reveal())
    }
}

/// A link that works, as whoever has it may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is for.
    pub purpose: Purpose,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// What a link is for, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making the first administrator.
    SetUp,
    /// Making an account that somebody asked for.
    SignUp {
        /// The account to be.
        account: Name,
        /// Where the link went.
        email: String,
    },
    /// Showing that letters to an address arrive.
    Confirm {
        /// Whose address.
        account: Name,
        /// Which.
        email: String,
    },
    /// Choosing a new password.
    Reset {
        /// Whose.
        account: Name,
    },
    /// Coming into an organization.
    Invitation(Invitation),
}

/// What a link is about, with all that is needed to do it.
#[derive(Clone)]
pub(crate) enum Matter {
    SetUp,
    SignUp { name: Name, email: String, password: String },
    Confirm { account: i64, name: Name, email: String },
    Reset { account: i64, name: Name },
    Invitation(Asked),
}

/// Who is asked into which organization.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) organization: i64,
    pub(crate) organization_name: Name,
    pub(crate) team: Option<(i64, Name)>,
    pub(crate) role: Membership,
    pub(crate) to: To,
    pub(crate) inviter: String,
}

/// Who is asked.
#[derive(Clone)]
pub(crate) enum To {
    Account(i64, Name),
    Email(String),
}

/// A link as its row has it.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) matter: Matter,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Access {
    /// What a link is for that works, and what it is about. Looking uses nothing up.
    ///
    /// # Errors
    /// [`Error::LinkGone`]; what the database said.
    pub async fn link(&self, kind: LinkKind, secret: &str) -> Result<Link, Error> {
        let kept = self.kept_link(kind, secret).await?;
        Ok(Link { expires_at: kept.expires_at, purpose: kept.purpose() })
    }

    pub(crate) async fn kept_link(&self, kind: LinkKind, secret: &str) -> Result<Kept, Error> {
        let hash = Secret::hash_of(secret);
        self.0.database.read(move |connection| find(connection, kind, &hash)).await
    }
}

impl Matter {
    pub(crate) fn kind(&self) -> LinkKind {
        match self {
            Self::SetUp => LinkKind::SetUp,
            Self::SignUp { .. } => LinkKind::SignUp,
            Self::Confirm { .. } => LinkKind::Confirm,
            Self::Reset { .. } => LinkKind::Reset,
            Self::Invitation(_) => LinkKind::Invitation,
        }
    }

    /// Of two links about the same only the younger works. A sign-up is about a name and an address: who asks for a name does not end
    /// what somebody else with another address has asked for.
    fn subject(&self) -> String {
        match self {
            Self::SetUp => String::new(),
            Self::SignUp { name, email, .. } => format!("{name} {email}"),
            Self::Confirm { account, .. } | Self::Reset { account, .. } => account.to_string(),
            Self::Invitation(Asked { organization, to: To::Account(account, _), .. }) => {
                format!("{organization} {account}")
            }
            Self::Invitation(Asked { organization, to: To::Email(email), .. }) => format!("{organization} {email}"),
        }
    }

    /// Makes a link of it that works for so long, and returns its id. Those that have ended go.
    pub(crate) fn write(
        &self,
        connection: &Connection<'_>,
        secret: &Secret,
        lifetime: Duration,
    ) -> Result<String, Error> {
        let now = Timestamp::now();
        connection.execute(&tables::REMOVE_EXPIRED_LINKS, &[now.into()])?;
        let (id, hash, subject) = (Uuid::now_v7().to_string(), secret.hash(), self.subject());
        let expires = Timestamp::from_micros(now.micros().saturating_add(lifetime.as_micros() as i64));
        let Columns { account, email, name, password, asked } = self.columns();
        let parameters: [Value<'_>; 14] = [
            (&id).into(),
            (&hash[..]).into(),
            self.kind().as_str().into(),
            (&subject).into(),
            account.into(),
            email.into(),
            name.into(),
            password.into(),
            asked.map(|asked| asked.organization).into(),
            asked.and_then(|asked| asked.team.as_ref().map(|(team, _)| *team)).into(),
            asked.map(|asked| asked.role.as_str()).into(),
            asked.map(|asked| asked.inviter.as_str()).into(),
            now.into(),
            expires.into(),
        ];
        connection.execute(&tables::SET_LINK, &parameters)?;
        Ok(id)
    }

    fn columns(&self) -> Columns<'_> {
        let nothing = Columns::default();
        match self {
            Self::SetUp => nothing,
            Self::SignUp { name, email, password } => {
                Columns { email: Some(email), name: Some(name.as_str()), password: Some(password), ..nothing }
            }
            Self::Confirm { account, email, .. } => Columns { account: Some(*account), email: Some(email), ..nothing },
            Self::Reset { account, .. } => Columns { account: Some(*account), ..nothing },
            Self::Invitation(asked) => match &asked.to {
                To::Account(account, _) => Columns { account: Some(*account), asked: Some(asked), ..nothing },
                To::Email(email) => Columns { email: Some(email), asked: Some(asked), ..nothing },
            },
        }
    }
}

/// What of a link is in columns of its own.
#[derive(Default)]
struct Columns<'a> {
    account: Option<i64>,
    email: Option<&'a str>,
    name: Option<&'a str>,
    password: Option<&'a str>,
    asked: Option<&'a Asked>,
}

impl Kept {
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, Error> {
        let id = row.text(0)?.to_owned();
        let text = |column| Ok::<_, Error>(row.optional_text(column)?.map(str::to_owned));
        let account = || Ok::<_, Error>(row.optional_integer(2)?.zip(text(3)?));
        let lacks = || Error::damaged(&id);
        let matter = match stored(row.text(1)?)? {
            LinkKind::SetUp => Matter::SetUp,
            LinkKind::SignUp => Matter::SignUp {
                name: stored(&text(5)?.ok_or_else(lacks)?)?,
                email: text(4)?.ok_or_else(lacks)?,
                password: text(6)?.ok_or_else(lacks)?,
            },
            LinkKind::Confirm => {
                let (account, name) = account()?.ok_or_else(lacks)?;
                Matter::Confirm { account, name: stored(&name)?, email: text(4)?.ok_or_else(lacks)? }
            }
            LinkKind::Reset => {
                let (account, name) = account()?.ok_or_else(lacks)?;
                Matter::Reset { account, name: stored(&name)? }
            }
            LinkKind::Invitation => Matter::Invitation(Asked {
                organization: row.optional_integer(7)?.ok_or_else(lacks)?,
                organization_name: stored(&text(8)?.ok_or_else(lacks)?)?,
                team: match row.optional_integer(9)?.zip(text(10)?) {
                    Some((team, name)) => Some((team, stored(&name)?)),
                    None => None,
                },
                role: stored(&text(11)?.ok_or_else(lacks)?)?,
                to: match (account()?, text(4)?) {
                    (Some((account, name)), _) => To::Account(account, stored(&name)?),
                    (None, email) => To::Email(email.ok_or_else(lacks)?),
                },
                inviter: text(12)?.ok_or_else(lacks)?,
            }),
        };
        let [created_at, expires_at] = [13, 14].map(|column| row.integer(column).map(Timestamp::from_micros));
        Ok(Self { matter, created_at: created_at?, expires_at: expires_at?, id })
    }

    /// Uses it up.
    ///
    /// # Errors
    /// [`Error::LinkGone`] if somebody was faster.
    pub(crate) fn take(&self, connection: &Connection<'_>) -> Result<(), Error> {
        match connection.execute(&tables::REMOVE_LINK, &[(&self.id).into()])? {
            0 => Err(Error::LinkGone),
            _ => Ok(()),
        }
    }

    fn purpose(self) -> Purpose {
        match self.matter.clone() {
            Matter::SetUp => Purpose::SetUp,
            Matter::SignUp { name, email, .. } => Purpose::SignUp { account: name, email },
            Matter::Confirm { name, email, .. } => Purpose::Confirm { account: name, email },
            Matter::Reset { name, .. } => Purpose::Reset { account: name },
            Matter::Invitation(asked) => Purpose::Invitation(self.invitation(asked)),
        }
    }

    pub(crate) fn invitation(&self, asked: Asked) -> Invitation {
        Invitation {
            id: self.id.clone(),
            organization: asked.organization_name,
            team: asked.team.map(|(_, name)| name),
            role: asked.role,
            to: match asked.to {
                To::Account(_, name) => Invited::Account(name),
                To::Email(email) => Invited::Email(email),
            },
            inviter: asked.inviter,
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// The link of this kind that works, by the hash of its secret.
///
/// # Errors
/// [`Error::LinkGone`].
pub(crate) fn find(connection: &Connection<'_>, kind: LinkKind, hash: &[u8]) -> Result<Kept, Error> {
    let kept = connection.first(&tables::LINK, &[hash.into(), Timestamp::now().into()], Kept::read)?;
    kept.filter(|kept| kept.matter.kind() == kind).ok_or(Error::LinkGone)
}

/// Whoever used a link about an account, for the log of who did what.
pub(crate) fn user(id: i64, name: &Name, address: Option<IpAddr>) -> Caller {
    let principal = Principal::Account { id, name: name.clone(), administrator: false };
    let who = Who { principal, credential: Credential::Link, limit: Limit::NONE, valid_from: None, valid_until: None };
    Caller::new(Arc::new(who), address)
}
