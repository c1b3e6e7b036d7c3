//! Invitations to an organization: to an account, or to an address whose owner may have none yet.

use entrepot_database::{Connection, Durability, Timestamp};

use crate::account::{MAX_PAGE, Newcomer, add as add_account, checked_email, find as find_account};
use crate::audit::AuditEntry;
use crate::caller::{Caller, Principal};
use crate::holder::account;
use crate::joining::{Joined, Joining};
use crate::link::{Asked, Kept, LinkKind, Matter, To, find as find_link, user};
use crate::memory::changed;
use crate::name::Name;
use crate::permit::{NamespaceOwner, Permit};
use crate::role::Membership;
use crate::rules::membership;
use crate::secret::Secret;
use crate::team::{BY_HAND, add_member, find as find_team};
use crate::{Access, Error, tables};

/// An invitation that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// By which it is revoked; no secret.
    pub id: String,
    /// Where to.
    pub organization: Name,
    /// Into which team of it, if not only into the organization.
    pub team: Option<Name>,
    /// As what.
    pub role: Membership,
    /// Who is asked.
    pub to: Invited,
    /// By whom.
    pub inviter: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Who is asked into an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invited {
    /// Somebody who has an account. They hear of it by a letter if they have an address, and see it when they log in.
    Account(Name),
    /// Whoever gets the letter to this address.
    Email(String),
}

/// An invitation to be.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Who is asked.
    pub to: Invited,
    /// As what.
    pub role: Membership,
    /// Into which team, if not only into the organization.
    pub team: Option<Name>,
}

/// An invitation by what shows that one may accept it.
enum By {
    /// The secret of the link, of which this is the hash.
    Link([u8; 32]),
    /// Being the account that it is to.
    Id(String),
}

impl Access {
    /// Asks somebody into the organization, by a letter. What was asked of them before gives way to it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the account or the team; [`Error::Conflict`] if they are in it already; [`Error::Invalid`] for the
    /// address; [`Error::Unconfigured`] or [`Error::Unavailable`] if no letter can go to an address: then there is no invitation.
    pub async fn invite(&self, permit: &Permit<NamespaceOwner>, new: NewInvitation) -> Result<Invitation, Error> {
        let to_address = match &new.to {
            Invited::Email(email) => Some(checked_email(email)?),
            Invited::Account(_) => None,
        };
        if let Some(email) = &to_address {
            self.mailer()?;
            self.0.letters.admit(email, permit.caller().address)?;
        }
        let inviter = permit.caller().principal().name().unwrap_or_default();
        let (secret, role) = (Secret::bare()?, new.role);
        let (kept_secret, to) = (secret.clone(), new.to.clone());
        let entry = permit.entry("invitation.create", &permit.on.name, format!("{} as {role}", shown(&to)));
        let made = self.change_namespace(permit, entry, move |connection, owner| {
            let team =
                new.team.as_ref().map(|team| Ok::<_, Error>((find_team(connection, owner.id, team)?, team.clone())));
            let to = match (&to, &to_address) {
                (_, Some(email)) => To::Email(email.clone()),
                (Invited::Account(name), None) => outsider(connection, owner, name)?,
                (Invited::Email(_), None) => return Err(Error::damaged(&owner.name)),
            };
            let organization_name = owner.name.parse().map_err(|_| Error::damaged(&owner.name))?;
            let inviter = inviter.clone();
            let asked = Asked { organization: owner.id, organization_name, team: team.transpose()?, role, to, inviter };
            let id = Matter::Invitation(asked).write(connection, &kept_secret, LinkKind::Invitation.lifetime())?;
            by_id(connection, &id)?.ok_or(Error::LinkGone)
        });
        let (kept, asked) = made.await?;
        let can_be_told = self.0.options.mailer.is_some();
        if can_be_told && let Err(error) = self.tell_invitation(&asked, &secret).await {
            self.revoke_invitation(permit, &kept.id).await?;
            return Err(error);
        }
        Ok(kept.invitation(asked))
    }

    /// The invitations of the organization that stand, after the id `last`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn invitations(
        &self,
        permit: &Permit<NamespaceOwner>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Invitation>, Error> {
        let id = permit.on.id;
        let scanned = self.0.database.scan(move |connection| {
            let (last, limit) = (last.as_deref().unwrap_or_default(), limit.min(MAX_PAGE) as i64);
            let parameters = [id.into(), last.into(), Timestamp::now().into(), limit.into()];
            connection.all(&tables::INVITATIONS_TO, &parameters, Kept::read)
        });
        scanned.await?.into_iter().map(invitation).collect()
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_invitation(&self, permit: &Permit<NamespaceOwner>, id: &str) -> Result<(), Error> {
        let entry = permit.entry("invitation.revoke", &permit.on.name, id);
        let id = id.to_owned();
        self.change_namespace(permit, entry, move |connection, owner| {
            let (kept, _) = by_id(connection, &id)?
                .filter(|(_, asked)| asked.organization == owner.id)
                .ok_or_else(|| Error::not_found("invitation", &id))?;
            kept.take(connection)
        })
        .await
    }

    /// The invitations to the caller's own account, after the id `last`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for nobody; [`Error::Denied`] for who is no person.
    pub async fn own_invitations(
        &self,
        caller: &Caller,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Invitation>, Error> {
        let (account, _) = person(caller)?;
        let scanned = self.0.database.scan(move |connection| {
            let (last, limit) = (last.as_deref().unwrap_or_default(), limit.min(MAX_PAGE) as i64);
            let parameters = [account.into(), last.into(), Timestamp::now().into(), limit.into()];
            connection.all(&tables::INVITATIONS_OF, &parameters, Kept::read)
        });
        scanned.await?.into_iter().map(invitation).collect()
    }

    /// Accepts the invitation of a link as the caller, whoever the letter went to; one to an account only that account can accept.
    ///
    /// # Errors
    /// [`Error::LinkGone`]; [`Error::Unauthenticated`] for nobody; [`Error::Denied`] for who is no person, or not the one.
    pub async fn accept_invitation(&self, caller: &Caller, secret: &str) -> Result<Invitation, Error> {
        self.accept(caller, By::Link(Secret::hash_of(secret))).await
    }

    /// Accepts an invitation to the caller's own account, by its id.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unauthenticated`] for nobody; [`Error::Denied`] for who is no person.
    pub async fn accept_own_invitation(&self, caller: &Caller, id: &str) -> Result<Invitation, Error> {
        self.accept(caller, By::Id(id.to_owned())).await
    }

    /// Declines an invitation to the caller's own account, by its id.
    ///
    /// # Errors
    /// As [`Access::accept_own_invitation`].
    pub async fn decline_invitation(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let (account, _) = person(caller)?;
        let (by, caller) = (By::Id(id.to_owned()), caller.clone());
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (kept, asked) = by.find(connection, account)?;
            kept.take(connection)?;
            AuditEntry::new(&caller, "invitation.decline", asked.organization_name.as_str(), true, &kept.id)
                .write(connection)
        });
        written.await
    }

    /// Makes an account by the link of an invitation to an address, accepts with it, and logs its owner in. The invitation is all the
    /// permission that it needs, and the address is confirmed with it.
    ///
    /// # Errors
    /// [`Error::LinkGone`]; [`Error::Exists`] for the name; [`Error::Invalid`] for the password; [`Error::Conflict`] if the
    /// invitation is to an account.
    pub async fn join(&self, secret: &str, newcomer: Newcomer, joining: Joining) -> Result<Joined, Error> {
        // Before the password is hashed, which costs.
        self.kept_link(LinkKind::Invitation, secret).await?;
        let password = self.0.passwords.hash(&newcomer.password).await?;
        let (hash, name, arriving) = (Secret::hash_of(secret), newcomer.name.clone(), joining.clone());
        let written = self.0.database.write(Durability::Power, move |connection| {
            let kept = find_link(connection, LinkKind::Invitation, &hash)?;
            kept.take(connection)?;
            let Matter::Invitation(asked) = &kept.matter else { return Err(Error::LinkGone) };
            let To::Email(email) = &asked.to else {
                return Err(Error::Conflict(
                    "the invitation is to an account: log in to it, and accept there".to_owned(),
                ));
            };
            let id = add_account(connection, &name, Some(email), Some(&password), false)?;
            connection.execute(&tables::CONFIRM_EMAIL, &[Timestamp::now().into(), id.into(), email.into()])?;
            let caller = user(id, &name, arriving.address);
            AuditEntry::new(&caller, "account.join", name.as_str(), true, "by an invitation").write(connection)?;
            arriving.enter(connection, id, &name)?;
            enter(connection, &caller, id, asked)
        });
        written.await?;
        self.noticed().await?;
        Ok(joining.joined(newcomer.name))
    }

    async fn accept(&self, caller: &Caller, by: By) -> Result<Invitation, Error> {
        let (account, name) = person(caller)?;
        let (caller, name) = (caller.clone(), name.clone());
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (kept, asked) = by.find(connection, account)?;
            if matches!(asked.to, To::Account(to, _) if to != account) {
                return Err(Error::Denied(format!("the invitation is to another account than {name}")));
            }
            kept.take(connection)?;
            enter(connection, &caller, account, &asked)?;
            Ok::<_, Error>(kept.invitation(asked))
        });
        let accepted = written.await?;
        self.noticed().await?;
        Ok(accepted)
    }
}

impl By {
    /// The invitation, for `account`.
    fn find(&self, connection: &Connection<'_>, account: i64) -> Result<(Kept, Asked), Error> {
        match self {
            Self::Link(hash) => {
                let kept = find_link(connection, LinkKind::Invitation, hash)?;
                asked(kept).ok_or(Error::LinkGone)
            }
            Self::Id(id) => by_id(connection, id)?
                .filter(|(_, asked)| matches!(asked.to, To::Account(to, _) if to == account))
                .ok_or_else(|| Error::not_found("invitation", id)),
        }
    }
}

/// Whether who made an invitation could still make it: that they were asked once is not to bring somebody in for who was put out.
fn stands(connection: &Connection<'_>, asked: &Asked) -> Result<bool, Error> {
    if asked.inviter == asked.organization_name.as_str() {
        return Ok(true);
    }
    // Nobody's account: whoever runs commands on the registry's machine.
    let Ok(inviter) = asked.inviter.parse::<Name>() else { return Ok(true) };
    let id = match find_account(connection, &inviter) {
        Ok((id, _)) => id,
        Err(Error::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let Some((Principal::Account { administrator, .. }, _)) = account(connection, id)? else { return Ok(false) };
    Ok(administrator || membership(connection, asked.organization, id)? == Some(Membership::Owner))
}

/// Lets somebody in, as what they were asked to be; who is more already stays it.
fn enter(connection: &Connection<'_>, caller: &Caller, account: i64, asked: &Asked) -> Result<(), Error> {
    if !stands(connection, asked)? {
        return Err(Error::LinkGone);
    }
    let now = membership(connection, asked.organization, account)?;
    if now != Some(Membership::Owner) {
        let parameters = [asked.organization.into(), account.into(), asked.role.as_str().into()];
        connection.execute(&tables::SET_MEMBER, &parameters)?;
    }
    if let Some((team, _)) = &asked.team {
        add_member(connection, asked.organization, *team, account, BY_HAND)?;
    }
    let detail = format!("as {}, invited by {}", asked.role, asked.inviter);
    AuditEntry::new(caller, "invitation.accept", asked.organization_name.as_str(), true, &detail).write(connection)?;
    Ok(changed(connection)?)
}

/// Somebody who is not in the organization.
fn outsider(connection: &Connection<'_>, owner: &NamespaceOwner, name: &Name) -> Result<To, Error> {
    let (id, _) = find_account(connection, name)?;
    match membership(connection, owner.id, id)? {
        Some(_) => Err(Error::Conflict(format!("{name} is in {} already", owner.name))),
        None => Ok(To::Account(id, name.clone())),
    }
}

/// The person who asks, with something that is good for changing what they are in.
fn person(caller: &Caller) -> Result<(i64, &Name), Error> {
    match caller.principal() {
        Principal::Anonymous => Err(Error::Unauthenticated),
        Principal::Account { id, name, .. } if caller.who.limit.allows_administration() => Ok((*id, name)),
        Principal::Account { .. } => {
            Err(Error::Denied("what you showed may not be used for invitations; log in with your password".to_owned()))
        }
        Principal::Operator | Principal::Robot { .. } | Principal::Job { .. } | Principal::Organization { .. } => {
            Err(Error::Denied("invitations are for people".to_owned()))
        }
    }
}

fn by_id(connection: &Connection<'_>, id: &str) -> Result<Option<(Kept, Asked)>, Error> {
    let kept = connection.first(&tables::INVITATION, &[id.into(), Timestamp::now().into()], Kept::read)?;
    Ok(kept.and_then(asked))
}

fn asked(kept: Kept) -> Option<(Kept, Asked)> {
    match kept.matter.clone() {
        Matter::Invitation(asked) => Some((kept, asked)),
        _ => None,
    }
}

fn invitation(kept: Kept) -> Result<Invitation, Error> {
    let id = kept.id.clone();
    let (kept, asked) = asked(kept).ok_or_else(|| Error::damaged(&id))?;
    Ok(kept.invitation(asked))
}

fn shown(to: &Invited) -> &str {
    match to {
        Invited::Account(name) => name.as_str(),
        Invited::Email(email) => email,
    }
}
