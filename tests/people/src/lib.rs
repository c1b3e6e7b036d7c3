//! The people of a registry under test: made, given roles and taken away on its own database, as an operator does.

use std::path::Path;

use anyhow::{Context as _, Result};
use entrepot_access::{
    Access, Anonymous, Membership, Name, NewAccount, NewPassword, NewToken, Options, Pattern, ROOM, Scopes, Subject,
    Visibility,
};
use entrepot_database::Database;
use tokio::runtime::Runtime;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// Who is who in the registry over one data directory; it may be running.
pub struct People {
    runtime: Runtime,
    access: Access,
}

/// A token and its id.
#[derive(Clone, Debug)]
pub struct Token {
    /// By which it is revoked.
    pub id: String,
    /// What is shown.
    pub secret: String,
}

impl People {
    /// Those of the registry whose data is in `data`, over SQLite. It has to have been started once.
    ///
    /// # Errors
    /// There is no such registry.
    pub fn of(data: &Path) -> Result<Self> {
        let runtime = Runtime::new()?;
        let guard = runtime.enter();
        let file = data.join("entrepot.db");
        let database = Database::open(&file, &[ROOM]).with_context(|| file.display().to_string())?;
        let access = Access::new(Options::new(Anonymous::Nothing), database)?;
        drop(guard);
        Ok(Self { runtime, access })
    }

    /// Makes an account with [`PASSWORD`].
    ///
    /// # Errors
    /// The name is taken.
    pub fn person(&self, name: &str) -> Result<()> {
        self.account(name, false)
    }

    /// Makes an account that governs the registry, with [`PASSWORD`].
    ///
    /// # Errors
    /// The name is taken.
    pub fn administrator(&self, name: &str) -> Result<()> {
        self.account(name, true)
    }

    fn account(&self, name: &str, administrator: bool) -> Result<()> {
        let system = self.access.permit_system(&Access::operator())?;
        let password = Some(NewPassword::Chosen(PASSWORD.to_owned()));
        let new = NewAccount { name: name.parse()?, email: None, password, administrator };
        self.runtime.block_on(self.access.create_account(&system, new)).map(drop).map_err(Into::into)
    }

    /// Makes an organization that `owner` owns, and `members` are in.
    ///
    /// # Errors
    /// The name is taken, or somebody is not there.
    pub fn organization(&self, name: &str, owner: &str, members: &[&str]) -> Result<()> {
        let (name, owner): (Name, Name) = (name.parse()?, owner.parse()?);
        self.runtime.block_on(async {
            self.access.create_organization(&Access::operator(), &name, &owner).await?;
            let permit = self.access.permit_organization(&Access::operator(), &name).await?;
            for member in members {
                self.access.set_member(&permit, &member.parse()?, Membership::Member).await?;
            }
            Ok(())
        })
    }

    /// Gives `subject` a role in the namespace of `pattern`.
    ///
    /// # Errors
    /// One of them is not there.
    pub fn give(&self, subject: Subject, pattern: &str, role: &str) -> Result<()> {
        self.runtime.block_on(async {
            let namespace = pattern.split('/').next().unwrap_or_default();
            let permit = self.access.permit_namespace(&Access::operator(), namespace).await?;
            Ok(self.access.set_grant(&permit, subject, pattern.parse()?, role.parse()?).await?)
        })
    }

    /// Takes a role back.
    ///
    /// # Errors
    /// There is none.
    pub fn take(&self, subject: Subject, pattern: &str) -> Result<()> {
        self.runtime.block_on(async {
            let namespace = pattern.split('/').next().unwrap_or_default();
            let permit = self.access.permit_namespace(&Access::operator(), namespace).await?;
            Ok(self.access.remove_grant(&permit, subject, pattern.parse()?).await?)
        })
    }

    /// A personal token of `name` for these scopes, on these repositories or all.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn token(&self, name: &str, scopes: &str, repositories: &[&str]) -> Result<Token> {
        let new = new_token(scopes, repositories)?;
        self.runtime.block_on(async {
            let permit = self.access.permit_account(&Access::operator(), &name.parse()?).await?;
            let (id, secret) = self.access.create_personal_token(&permit, new).await?;
            Ok(Token { id, secret: secret.reveal().to_owned() })
        })
    }

    /// Ends a personal token.
    ///
    /// # Errors
    /// There is none.
    pub fn revoke(&self, name: &str, id: &str) -> Result<()> {
        self.runtime.block_on(async {
            let permit = self.access.permit_account(&Access::operator(), &name.parse()?).await?;
            Ok(self.access.revoke_personal_token(&permit, id).await?)
        })
    }

    /// Makes the robot `robot` of `namespace`, gives it a role, and returns a token of it.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn robot(&self, namespace: &str, robot: &str, pattern: &str, role: &str) -> Result<Token> {
        let new = new_token("pull push delete", &[])?;
        let robot: Name = robot.parse()?;
        self.runtime.block_on(async {
            let permit = self.access.permit_namespace(&Access::operator(), namespace).await?;
            self.access.create_robot(&permit, &robot, "").await?;
            self.access.set_grant(&permit, Subject::Robot(robot.clone()), pattern.parse()?, role.parse()?).await?;
            let (id, secret) = self.access.create_robot_token(&permit, &robot, new).await?;
            Ok(Token { id, secret: secret.reveal().to_owned() })
        })
    }

    /// Stops a robot.
    ///
    /// # Errors
    /// There is none.
    pub fn disable_robot(&self, namespace: &str, robot: &str) -> Result<()> {
        self.runtime.block_on(async {
            let permit = self.access.permit_namespace(&Access::operator(), namespace).await?;
            Ok(self.access.set_robot_disabled(&permit, &robot.parse()?, true).await?)
        })
    }

    /// Takes everything from somebody.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn disable(&self, name: &str) -> Result<()> {
        self.runtime.block_on(async {
            let permit = self.access.permit_account(&Access::operator(), &name.parse()?).await?;
            Ok(self.access.set_disabled(&permit, true).await?)
        })
    }

    /// Sets a password.
    ///
    /// # Errors
    /// It is too short, or there is nobody of that name.
    pub fn set_password(&self, name: &str, password: &str) -> Result<()> {
        self.runtime.block_on(async {
            let permit = self.access.permit_account(&Access::operator(), &name.parse()?).await?;
            Ok(self.access.set_password(&permit, password).await?)
        })
    }

    /// Makes a repository, public or private.
    ///
    /// # Errors
    /// It is there already.
    pub fn repository(&self, name: &str, visibility: Visibility) -> Result<()> {
        self.runtime.block_on(async {
            let permit = self.access.permit_repository(&Access::operator(), &name.parse()?).await?;
            self.access.create_repository(&permit, Some(visibility)).await?;
            Ok(())
        })
    }

    /// Lets tags of a namespace stay as they are.
    ///
    /// # Errors
    /// There is no such namespace.
    pub fn freeze(&self, repositories: &str, tags: &str) -> Result<()> {
        self.runtime.block_on(async {
            let namespace = repositories.split('/').next().unwrap_or_default();
            let permit = self.access.permit_namespace(&Access::operator(), namespace).await?;
            let rule = entrepot_access::ImmutableTags { repositories: repositories.parse()?, tags: tags.parse()? };
            Ok(self.access.set_immutable(&permit, rule, true).await?)
        })
    }
}

fn new_token(scopes: &str, repositories: &[&str]) -> Result<NewToken> {
    Ok(NewToken {
        label: "test".to_owned(),
        scopes: Scopes::from_words(scopes.split(' '))?,
        repositories: repositories.iter().map(|text| text.parse()).collect::<Result<Vec<Pattern>, _>>()?,
        lifetime: None,
    })
}
