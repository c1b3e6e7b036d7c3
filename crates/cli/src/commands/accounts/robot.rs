//! `entrepot robot`: for machines.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{Name, Pattern, RobotName};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::grant::{self, Given, Subject};
use super::listing::Listing;
use super::token::{self, TokenArguments, TokenOwner};
use super::{Form, done};

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

/// A robot, as the API shows it.
#[derive(Deserialize)]
struct Robot {
    name: String,
    description: String,
    disabled_at: Option<String>,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RobotCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        RobotCommand::Create { namespace, robot, description } => {
            let body = json!({ "name": robot.as_str(), "description": description });
            client.post(robots(&namespace), Some(body)).await?;
            done(&format!("{namespace} has the robot {namespace}+{robot}"))
        }
        RobotCommand::List { namespace, form } => list(client, &namespace, &form).await,
        RobotCommand::Remove { namespace, robot } => {
            client.delete(route(["namespaces", namespace.as_str(), "robots", robot.as_str()])).await?;
            done(&format!("{namespace}+{robot} is removed"))
        }
        RobotCommand::Disable { namespace, robot } => {
            let path = ["namespaces", namespace.as_str(), "robots", robot.as_str(), "disable"];
            client.post(route(path), None).await?;
            done(&format!("{namespace}+{robot} is disabled"))
        }
        RobotCommand::Enable { namespace, robot } => {
            let path = ["namespaces", namespace.as_str(), "robots", robot.as_str(), "enable"];
            client.post(route(path), None).await?;
            done(&format!("{namespace}+{robot} is enabled"))
        }
        RobotCommand::Grant { namespace, robot, given } => {
            given.give(client, namespace.as_str(), Subject::Robot(robot)).await
        }
        RobotCommand::Revoke { namespace, robot, pattern } => {
            grant::take(client, namespace.as_str(), Subject::Robot(robot), pattern).await
        }
        RobotCommand::Grants { namespace, robot, form } => {
            grant::list(client, namespace.as_str(), Subject::Robot(robot), &form).await
        }
        RobotCommand::Token { namespace, robot, token } => {
            token::create(client, TokenOwner::robot(RobotName::new(namespace, robot)), token).await
        }
    }
}

fn robots(namespace: &Name) -> Route {
    route(["namespaces", namespace.as_str(), "robots"])
}

async fn list(client: &Client, namespace: &Name, form: &Form) -> anyhow::Result<ExitCode> {
    let robots: Vec<Robot> = client.list(robots(namespace)).await?;
    let row = |robot: Robot| vec![robot.name.into(), robot.description.into(), robot.disabled_at.into()];
    Listing::new(&["name", "description", "disabled_at"], robots.into_iter().map(row)).print(form)
}
