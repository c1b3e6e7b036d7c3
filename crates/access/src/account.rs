//! People.

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_mail::Address;

use crate::link::LinkKind;
use crate::memory::changed;
use crate::name::Name;
use crate::password::is_bcrypt;
use crate::permit::{AccountOwner, Permit, System};
use crate::role::{NamespaceKind, Visibility};
use crate::rules::stored;
use crate::{Access, Error, tables};

/// Longest list of a page.
pub(crate) const MAX_PAGE: usize = 1000;
/// Where people are known from who have a password here.
pub(crate) const LOCAL: &str = "local";

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Their name.
    pub name: Name,
    /// What they are called.
    pub display_name: String,
    /// Where letters to them go.
    pub email: Option<String>,
    /// Whether they have shown that they get them.
    pub email_confirmed: bool,
    /// Whether they govern the registry.
    pub administrator: bool,
    /// Whether they can do nothing, and since when.
    pub disabled_at: Option<Timestamp>,
    /// Where they are known from.
    pub source: String,
    /// Of their new repositories.
    pub default_visibility: Visibility,
    /// Since when there is the account.
    pub created_at: Timestamp,
    /// When they last logged in with a password.
    pub logged_in_at: Option<Timestamp>,
}

/// A person who is not there yet.
#[derive(Clone)]
pub struct NewAccount {
    /// Their name.
    pub name: Name,
    /// Where letters to them go.
    pub email: Option<String>,
    /// Their password; without one they cannot log in with one.
    pub password: Option<NewPassword>,
    /// Whether they shall govern the registry.
    pub administrator: bool,
}

/// Somebody who makes an account for themselves.
#[derive(Clone)]
pub struct Newcomer {
    /// Their name.
    pub name: Name,
    /// The password that they choose.
    pub password: String,
}

/// A password for a new account.
#[derive(Clone)]
pub enum NewPassword {
    /// As somebody chose it.
    Chosen(String),
    /// As an htpasswd file has it: bcrypt's hash.
    Bcrypt(String),
}

/// A change of an account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// What they are called.
    pub display_name: Option<String>,
    /// Where letters to them go.
    pub email: Option<String>,
    /// Of their new repositories.
    pub default_visibility: Option<Visibility>,
    /// Only if the account still is as somebody has seen it.
    pub unless_changed: Option<Account>,
}

impl Account {
    fn read(row: &Row<'_>) -> Result<(i64, Self), Error> {
        let account = Self {
            name: stored(row.text(1)?)?,
            email: row.optional_text(2)?.map(str::to_owned),
            administrator: row.integer(3)? != 0,
            disabled_at: row.optional_integer(4)?.map(Timestamp::from_micros),
            source: row.text(5)?.to_owned(),
            display_name: row.text(6)?.to_owned(),
            default_visibility: stored(row.text(7)?)?,
            created_at: Timestamp::from_micros(row.integer(8)?),
            logged_in_at: row.optional_integer(9)?.map(Timestamp::from_micros),
            email_confirmed: row.optional_integer(10)?.is_some(),
        };
        Ok((row.integer(0)?, account))
    }
}

impl Access {
    /// Makes an account. Who has an address is asked by a letter to confirm it, and can choose a password with another one then.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Invalid`] for the password or the address.
    pub async fn create_account(&self, permit: &Permit<System>, new: NewAccount) -> Result<Account, Error> {
        let kept = match new.password {
            None => None,
            Some(NewPassword::Chosen(password)) => Some(self.0.passwords.hash(&password).await?),
            Some(NewPassword::Bcrypt(hash)) if is_bcrypt(&hash) => Some(hash),
            Some(NewPassword::Bcrypt(_)) => {
                return Err(Error::invalid("password", "it has to be a bcrypt hash ($2y$…) of a cost up to 14"));
            }
        };
        let email = new.email.map(|email| checked_email(&email)).transpose()?;
        let (name, administrator) = (new.name, new.administrator);
        let entry = permit.entry("account.create", &name, if administrator { "administrator" } else { "" });
        let made = self.0.database.write(Durability::Power, move |connection| {
            add(connection, &name, email.as_deref(), kept.as_deref(), administrator)?;
            entry.write(connection)?;
            changed(connection)?;
            find(connection, &name)
        });
        let (_, account) = made.await?;
        self.noticed().await?;
        if account.email.is_some() && self.0.options.mailer.is_some() {
            self.ask_to_confirm(&self.permit_account(permit.caller(), &account.name).await?).await;
        }
        Ok(account)
    }

    /// An account, for whoever may change it.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn account(&self, permit: &Permit<AccountOwner>) -> Result<Account, Error> {
        let name = permit.on.name.clone();
        Ok(self.0.database.read(move |connection| find(connection, &name)).await?.1)
    }

    /// Accounts after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// What the database said.
    pub async fn accounts(
        &self,
        _: &Permit<System>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Account>, Error> {
        let scanned = self.0.database.scan(move |connection| {
            let parameters = [last.as_deref().unwrap_or_default().into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::ACCOUNTS, &parameters, |row| Ok(Account::read(row)?.1))
        });
        scanned.await
    }

    /// Changes an account. Another address has to be confirmed, and what went to the old one ends; letters tell both.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the address; [`Error::Conflict`] if the account is not as it was expected to be.
    pub async fn change_account(&self, permit: &Permit<AccountOwner>, change: AccountChange) -> Result<Account, Error> {
        let email = change.email.as_deref().map(checked_email).transpose()?;
        let display_name = change.display_name.map(|name| checked_text("display_name", &name)).transpose()?;
        let (owner, entry) = (permit.on.clone(), permit.entry("account.change", &permit.on.name, ""));
        let written = self.0.database.write(Durability::Power, move |connection| {
            let (_, before) = find(connection, &owner.name)?;
            if let Some(seen) = &change.unless_changed {
                still(seen, &before)?;
            }
            if let Some(name) = &display_name {
                connection.execute(&tables::SET_DISPLAY_NAME, &[name.into(), owner.id.into()])?;
            }
            let other = email.as_ref().filter(|email| before.email.as_ref() != Some(email));
            if let Some(email) = other {
                connection.execute(&tables::SET_EMAIL, &[email.into(), owner.id.into()])?;
                for kind in [LinkKind::Confirm, LinkKind::Reset] {
                    connection.execute(&tables::REMOVE_LINKS_OF, &[owner.id.into(), kind.as_str().into()])?;
                }
            }
            if let Some(visibility) = change.default_visibility {
                let parameters = [visibility.as_str().into(), owner.id.into()];
                connection.execute(&tables::SET_DEFAULT_VISIBILITY, &parameters)?;
            }
            entry.write(connection)?;
            let is_other = other.is_some();
            let (_, after) = find(connection, &owner.name)?;
            Ok::<_, Error>((is_other, before, after))
        });
        let (is_other, before, account) = written.await?;
        if is_other {
            self.tell_new_address(permit, &before).await;
        }
        Ok(account)
    }

    /// Sets the password. Everything that was issued for the old one ends, and a letter tells whose it is.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::Conflict`] if they are known from elsewhere, and their password is not kept here.
    pub async fn set_password(&self, permit: &Permit<AccountOwner>, password: &str) -> Result<(), Error> {
        let source = self.account(permit).await?.source;
        if source != LOCAL {
            return Err(Error::Conflict(format!(
                "{} is known from {source}, and has no password here",
                permit.on.name
            )));
        }
        let kept = self.0.passwords.hash(password).await?;
        let changed = self.change_authority(permit, "account.password", move |connection, id| {
            replace_password(connection, id, &kept)
        });
        changed.await?;
        self.tell_password_changed(&permit.on.name).await;
        Ok(())
    }

    /// Whether `password` is the account's own, for those who have to give it once more.
    ///
    /// # Errors
    /// What the database said.
    pub async fn check_password(&self, permit: &Permit<AccountOwner>, password: &str) -> Result<bool, Error> {
        let (name, address) = (&permit.on.name, permit.caller().address);
        let turn = self.0.passwords.turn().await?;
        self.0.guessing.admit(Some(name), address)?;
        let text = name.to_string();
        let found = self.0.database.read(move |connection| {
            let kept = connection.first(&tables::PASSWORD, &[(&text).into()], |row| {
                Ok::<_, Error>(row.optional_text(1)?.map(str::to_owned))
            })?;
            Ok::<_, Error>(kept.flatten())
        });
        let right = turn.verify(password, found.await?.as_deref()).await?;
        if !right {
            self.0.guessing.wrong(Some(name), address);
        }
        Ok(right)
    }

    /// Lets somebody govern the registry, or no more.
    ///
    /// # Errors
    /// [`Error::Conflict`] if nobody else would.
    pub async fn set_administrator(
        &self,
        _: &Permit<System>,
        on: &Permit<AccountOwner>,
        yes: bool,
    ) -> Result<(), Error> {
        self.change_authority(on, if yes { "account.promote" } else { "account.demote" }, move |connection, id| {
            if !yes {
                keep_one_administrator(connection, id)?;
            }
            connection.execute(&tables::SET_ADMINISTRATOR, &[i64::from(yes).into(), id.into()])?;
            Ok(())
        })
        .await
    }

    /// Takes everything from somebody without removing anything, or gives it back.
    ///
    /// # Errors
    /// [`Error::Conflict`] if they are the only administrator.
    pub async fn set_disabled(&self, permit: &Permit<AccountOwner>, disabled: bool) -> Result<(), Error> {
        self.change_authority(
            permit,
            if disabled { "account.disable" } else { "account.enable" },
            move |connection, id| {
                if disabled {
                    keep_one_administrator(connection, id)?;
                    connection.execute(&tables::REMOVE_LOGINS, &[id.into()])?;
                }
                let at = disabled.then(|| Timestamp::now().micros());
                connection.execute(&tables::SET_DISABLED, &[at.into(), id.into()])?;
                Ok(())
            },
        )
        .await
    }

    /// Makes an organization out of an account: its repositories stay, `owner` owns it, and nobody logs in as it any more.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it is the only administrator, or its own owner.
    pub async fn turn_into_organization(
        &self,
        permit: &Permit<AccountOwner>,
        owner: &Permit<AccountOwner>,
    ) -> Result<(), Error> {
        let owner = owner.on.clone();
        self.change_authority(permit, "account.to_organization", move |connection, id| {
            if owner.id == id {
                return Err(Error::Conflict("an organization needs an owner other than itself".to_owned()));
            }
            keep_one_administrator(connection, id)?;
            connection.execute(&tables::REMOVE_LOGINS, &[id.into()])?;
            connection.execute(&tables::REMOVE_GRANTS_OF, &["account".into(), id.into()])?;
            connection.execute(&tables::REMOVE_PERSONAL_TOKENS, &[id.into()])?;
            connection.execute(&tables::REMOVE_ACCOUNT, &[id.into()])?;
            let kind = NamespaceKind::Organization.as_str();
            connection.execute(&tables::SET_NAMESPACE_KIND, &[kind.into(), id.into()])?;
            connection.execute(&tables::SET_MEMBER, &[id.into(), owner.id.into(), "owner".into()])?;
            Ok(())
        })
        .await
    }

    /// Changes what an account may do, in one transaction with its entry in the audit log.
    async fn change_authority(
        &self,
        permit: &Permit<AccountOwner>,
        action: &str,
        mut work: impl FnMut(&Connection<'_>, i64) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (id, entry) = (permit.on.id, permit.entry(action, &permit.on.name, ""));
        let written = self.0.database.write(Durability::Power, move |connection| {
            work(connection, id)?;
            entry.write(connection)?;
            Ok::<_, Error>(changed(connection)?)
        });
        written.await?;
        self.noticed().await
    }
}

/// Adds an account of this registry's own, and returns its row.
///
/// # Errors
/// [`Error::Exists`].
pub(crate) fn add(
    connection: &Connection<'_>,
    name: &Name,
    email: Option<&str>,
    password: Option<&str>,
    administrator: bool,
) -> Result<i64, Error> {
    let id = add_namespace(connection, name, NamespaceKind::Person)?
        .ok_or_else(|| Error::exists("a person or organization", name))?;
    let parameters = [
        id.into(),
        email.into(),
        password.into(),
        i64::from(administrator).into(),
        LOCAL.into(),
        Option::<&str>::None.into(),
        Timestamp::from_micros(0).into(),
    ];
    connection.execute(&tables::ADD_ACCOUNT, &parameters)?;
    Ok(id)
}

/// Gives an account another password. Everything that was issued for the old one ends.
pub(crate) fn replace_password(connection: &Connection<'_>, id: i64, kept: &str) -> Result<(), Error> {
    connection.execute(&tables::SET_PASSWORD, &[kept.into(), Timestamp::now().into(), id.into()])?;
    connection.execute(&tables::REMOVE_LOGINS, &[id.into()])?;
    connection.execute(&tables::REMOVE_LINKS_OF, &[id.into(), LinkKind::Reset.as_str().into()])?;
    Ok(())
}

/// Adds a namespace; `None` if its name is taken.
pub(crate) fn add_namespace(
    connection: &Connection<'_>,
    name: &Name,
    kind: NamespaceKind,
) -> Result<Option<i64>, Error> {
    let parameters = [
        name.as_str().into(),
        kind.as_str().into(),
        "".into(),
        Visibility::Private.as_str().into(),
        Timestamp::now().into(),
    ];
    connection.first(&tables::ADD_NAMESPACE, &parameters, |row| Ok(row.integer(0)?))
}

/// The account `name`, with its row.
pub(crate) fn find(connection: &Connection<'_>, name: &Name) -> Result<(i64, Account), Error> {
    let found = connection.first(&tables::ACCOUNT, &[name.as_str().into()], Account::read)?;
    found.ok_or_else(|| Error::not_found("account", name))
}

/// That something is as somebody has seen it.
pub(crate) fn still<T: PartialEq>(seen: &T, now: &T) -> Result<(), Error> {
    if seen == now { Ok(()) } else { Err(Error::Conflict("it has changed meanwhile; look at it again".to_owned())) }
}

fn keep_one_administrator(connection: &Connection<'_>, id: i64) -> Result<(), Error> {
    let found = connection.first(&tables::ACCOUNT_BY_ID, &[id.into()], |row| {
        Ok::<_, Error>(row.integer(1)? != 0 && row.optional_integer(2)?.is_none())
    })?;
    if found == Some(true) && !connection.exists(&tables::OTHER_ADMINISTRATOR, &[id.into()])? {
        return Err(Error::Conflict("this is the only administrator; make another one first".to_owned()));
    }
    Ok(())
}

/// An address to which a letter may go. Whether it arrives only a letter can tell.
pub(crate) fn checked_email(text: &str) -> Result<String, Error> {
    let address: Address = text.trim().parse().map_err(|error: entrepot_mail::Error| Error::invalid("email", error))?;
    Ok(address.to_string())
}

/// A line that people write for people.
pub(crate) fn checked_text(field: &'static str, text: &str) -> Result<String, Error> {
    if text.chars().count() > 200 || text.contains(char::is_control) {
        return Err(Error::invalid(field, "it has to be one line of 200 characters at most"));
    }
    Ok(text.trim().to_owned())
}
