//! `entrepot robot`: for machines.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{Access, Name, Pattern, Robot, RobotName, Subject};
use serde_json::Value;

use super::grant::{self, Given, permit};
use super::listing::{Listing, time};
use super::token::{self, TokenArguments, TokenOwner};
use super::{Form, PAGE, all, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  A robot that may push to one repository, logged in with a token for a month:
    entrepot robot create acme deploy
    entrepot robot grant acme deploy acme/app write
    entrepot robot token acme deploy --scope pull,push --expires 30d \\
      | docker login --username acme+deploy --password-stdin localhost:5000";

/// What can be done with robots. They belong to a person or an organization, and have rights in that namespace alone.
#[derive(Debug, Subcommand)]
pub(crate) enum RobotCommand {
    /// Make a robot; it can do nothing until it has a role and a token
    Create {
        /// Whose it is: a person or an organization
        namespace: Name,
        /// Its name
        robot: Name,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// List the robots of a person or an organization
    List {
        /// Whose
        namespace: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Remove a robot, with its tokens and roles
    Remove {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
    },
    /// Stop a robot without removing anything
    Disable {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
    },
    /// Let it go on
    Enable {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
    },
    /// Give a robot a role, in place of an earlier one on the same repositories
    Grant {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
        /// The role
        #[command(flatten)]
        given: Given,
    },
    /// Take a role back
    Revoke {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
        /// On which repositories, as it was given
        pattern: Pattern,
    },
    /// List the roles of a robot
    Grants {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Make a token for a robot and print it: the same as token create --robot
    Token {
        /// Whose it is
        namespace: Name,
        /// Which
        robot: Name,
        /// The token
        #[command(flatten)]
        token: TokenArguments,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(command: RobotCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        RobotCommand::Create { namespace, robot, description } => {
            access.create_robot(&permit(access, namespace.as_str()).await?, &robot, &description).await?;
            done(&format!("{namespace} has the robot {namespace}+{robot}"))
        }
        RobotCommand::List { namespace, form } => list(access, &namespace, &form).await,
        RobotCommand::Remove { namespace, robot } => {
            access.remove_robot(&permit(access, namespace.as_str()).await?, &robot).await?;
            done(&format!("{namespace}+{robot} is removed"))
        }
        RobotCommand::Disable { namespace, robot } => disable(access, &namespace, &robot, true).await,
        RobotCommand::Enable { namespace, robot } => disable(access, &namespace, &robot, false).await,
        RobotCommand::Grant { namespace, robot, given } => {
            given.give(access, &permit(access, namespace.as_str()).await?, Subject::Robot(robot)).await
        }
        RobotCommand::Revoke { namespace, robot, pattern } => {
            grant::take(access, &permit(access, namespace.as_str()).await?, Subject::Robot(robot), pattern).await
        }
        RobotCommand::Grants { namespace, robot, form } => {
            grant::list(access, &permit(access, namespace.as_str()).await?, Subject::Robot(robot), &form).await
        }
        RobotCommand::Token { namespace, robot, token } => {
            token::create(access, TokenOwner::robot(RobotName::new(namespace, robot)), token).await
        }
    }
}

async fn list(access: &Access, namespace: &Name, form: &Form) -> anyhow::Result<ExitCode> {
    let permit = permit(access, namespace.as_str()).await?;
    let key = |robot: &Robot| robot.name.robot().to_string();
    let robots = all(key, async |last| access.robots(&permit, last, PAGE).await);
    let row = |robot: Robot| {
        let disabled_at = robot.disabled_at.map_or(Value::Null, time);
        vec![robot.name.to_string().into(), robot.description.into(), disabled_at]
    };
    Listing::new(&["name", "description", "disabled_at"], robots.await?.into_iter().map(row)).print(form)
}

async fn disable(access: &Access, namespace: &Name, robot: &Name, disabled: bool) -> anyhow::Result<ExitCode> {
    access.set_robot_disabled(&permit(access, namespace.as_str()).await?, robot, disabled).await?;
    done(&format!("{namespace}+{robot} is {}", if disabled { "disabled" } else { "enabled" }))
}
