//! Robots: for machines, with rights of their own and none of a person's.

use entrepot_database::{Connection, Timestamp};

use crate::account::{MAX_PAGE, checked_text};
use crate::name::{Name, RobotName};
use crate::permit::{NamespaceOwner, Permit};
use crate::role::NamespaceKind;
use crate::rules::stored;
use crate::{Access, Error, tables};

/// A robot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    /// With whose it is.
    pub name: RobotName,
    /// What it is for.
    pub description: String,
    /// Whether it can do nothing, and since when.
    pub disabled_at: Option<Timestamp>,
}

impl Access {
    /// Makes a robot. It can do nothing until it is given a role, and cannot log in until it has a token.
    ///
    /// # Errors
    /// [`Error::Exists`]; [`Error::Invalid`] for the description, and in the library.
    pub async fn create_robot(
        &self,
        permit: &Permit<NamespaceOwner>,
        robot: &Name,
        description: &str,
    ) -> Result<(), Error> {
        if permit.on.kind == NamespaceKind::Library {
            return Err(Error::invalid("namespace", "robots belong to people and organizations"));
        }
        let description = checked_text("description", description)?;
        let entry = permit.entry("robot.create", target(permit, robot), "");
        let robot = robot.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let parameters = [owner.id.into(), robot.as_str().into(), (&description).into(), Timestamp::now().into()];
            let added = connection.first(&tables::ADD_ROBOT, &parameters, |row| row.integer(0))?;
            added.map(|_| ()).ok_or_else(|| Error::exists("a robot", &robot))
        })
        .await
    }

    /// Removes a robot, with its tokens and roles.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn remove_robot(&self, permit: &Permit<NamespaceOwner>, robot: &Name) -> Result<(), Error> {
        let entry = permit.entry("robot.remove", target(permit, robot), "");
        let robot = robot.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let id = find(connection, owner.id, &robot)?;
            connection.execute(&tables::REMOVE_TOKENS_OF_ROBOT, &[id.into()])?;
            connection.execute(&tables::REMOVE_GRANTS_OF, &["robot".into(), id.into()])?;
            connection.execute(&tables::REMOVE_ROBOT, &[id.into()])?;
            Ok(())
        })
        .await
    }

    /// Stops a robot without removing anything, or lets it go on.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn set_robot_disabled(
        &self,
        permit: &Permit<NamespaceOwner>,
        robot: &Name,
        disabled: bool,
    ) -> Result<(), Error> {
        let action = if disabled { "robot.disable" } else { "robot.enable" };
        let entry = permit.entry(action, target(permit, robot), "");
        let robot = robot.clone();
        self.change_namespace(permit, entry, move |connection, owner| {
            let id = find(connection, owner.id, &robot)?;
            let at = disabled.then(|| Timestamp::now().micros());
            connection.execute(&tables::SET_ROBOT_DISABLED, &[at.into(), id.into()])?;
            Ok(())
        })
        .await
    }

    /// The robot.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn robot(&self, permit: &Permit<NamespaceOwner>, robot: &Name) -> Result<Robot, Error> {
        let (owner, robot) = (permit.on.clone(), robot.clone());
        let found = self.0.database.read(move |connection| {
            let (namespace, parameters) = (owner.name.parse::<Name>(), [owner.id.into(), robot.as_str().into()]);
            // The library has none.
            let Ok(namespace) = namespace else { return Err(Error::not_found("robot", &robot)) };
            let found = connection.first(&tables::ROBOT, &parameters, |row| {
                Ok::<_, Error>(Robot {
                    name: RobotName::new(namespace.clone(), robot.clone()),
                    description: row.text(1)?.to_owned(),
                    disabled_at: row.optional_integer(2)?.map(Timestamp::from_micros),
                })
            })?;
            found.ok_or_else(|| Error::not_found("robot", &robot))
        });
        found.await
    }

    /// The robots after `last`, at most `limit`, by name.
    ///
    /// # Errors
    /// What the database said.
    pub async fn robots(
        &self,
        permit: &Permit<NamespaceOwner>,
        last: Option<String>,
        limit: usize,
    ) -> Result<Vec<Robot>, Error> {
        let owner = permit.on.clone();
        let scanned = self.0.database.scan(move |connection| {
            // The library has none.
            let Ok(namespace) = owner.name.parse::<Name>() else { return Ok(Vec::new()) };
            let last = last.as_deref().unwrap_or_default();
            let parameters = [owner.id.into(), last.into(), (limit.min(MAX_PAGE) as i64).into()];
            connection.all(&tables::ROBOTS, &parameters, |row| {
                Ok(Robot {
                    name: RobotName::new(namespace.clone(), stored(row.text(0)?)?),
                    description: row.text(1)?.to_owned(),
                    disabled_at: row.optional_integer(2)?.map(Timestamp::from_micros),
                })
            })
        });
        scanned.await
    }
}

pub(crate) fn target(permit: &Permit<NamespaceOwner>, robot: &Name) -> String {
    format!("{}+{robot}", permit.on.name)
}

/// The row of a robot.
pub(crate) fn find(connection: &Connection<'_>, namespace: i64, robot: &Name) -> Result<i64, Error> {
    let found = connection.first(&tables::ROBOT, &[namespace.into(), robot.as_str().into()], |row| row.integer(0))?;
    found.ok_or_else(|| Error::not_found("robot", robot))
}
