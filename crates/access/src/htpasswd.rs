//! Passwords of another registry: htpasswd files.

use crate::account::{NewAccount, NewPassword};
use crate::name::Name;
use crate::permit::{Permit, System};
use crate::{Access, Error};

/// What became of a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedLine {
    /// Which line, from 1.
    pub number: usize,
    /// What became of it.
    pub outcome: Imported,
}

/// What became of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The account was made.
    Made(Name),
    /// There was an account of this name, which stays as it is.
    There(Name),
    /// The line was not taken, for this reason.
    Refused(String),
}

impl Access {
    /// Makes an account for each line `name:hash` of a file that has bcrypt hashes. Lines with nothing or a comment say nothing. An
    /// account that is there stays as it is, so the same file can be taken again.
    ///
    /// # Errors
    /// What the database said.
    pub async fn import_htpasswd(&self, permit: &Permit<System>, file: &str) -> Result<Vec<ImportedLine>, Error> {
        let mut imported = Vec::new();
        let lines = file.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            imported.push(ImportedLine { number, outcome: self.import_line(permit, line).await? });
        }
        Ok(imported)
    }

    async fn import_line(&self, permit: &Permit<System>, line: &str) -> Result<Imported, Error> {
        let Some((name, hash)) = line.split_once(':') else {
            return Ok(Imported::Refused("it is not of the form name:hash".to_owned()));
        };
        let name = match name.parse::<Name>() {
            Ok(name) => name,
            Err(why) => return Ok(Imported::Refused(format!("{name:?} cannot be the name of an account: {why}"))),
        };
        let password = Some(NewPassword::Bcrypt(hash.to_owned()));
        let new = NewAccount { name: name.clone(), email: None, password, administrator: false };
        match self.create_account(permit, new).await {
            Ok(_) => Ok(Imported::Made(name)),
            Err(Error::Exists { .. }) => self.whose(permit, name).await,
            Err(Error::Invalid { why, .. }) => Ok(Imported::Refused(format!("the password of {name}: {why}"))),
            Err(error) => Err(error),
        }
    }

    /// A name that is taken may be an organization's.
    async fn whose(&self, permit: &Permit<System>, name: Name) -> Result<Imported, Error> {
        match self.permit_account(permit.caller(), &name).await {
            Ok(_) => Ok(Imported::There(name)),
            Err(Error::NotFound { .. }) => Ok(Imported::Refused(format!("{name} is an organization"))),
            Err(error) => Err(error),
        }
    }
}
