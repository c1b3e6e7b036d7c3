//! `entrepot token`: what people, organizations and robots show in place of a password. The secret is all that goes to standard
//! output, so that it can be piped.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;
use entrepot_access::{Name, Pattern, RobotName, Scope};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::listing::Listing;
use super::{Form, done};
use crate::{commands, config};

pub(crate) const EXAMPLES: &str = "\
Examples:
  A token with which ann can pull and push for a month, kept in a file:
    entrepot token create --user ann --scope pull,push --expires 30d > token

  One for all of an organization's repositories that begin with web-:
    entrepot token create --org acme --repository 'acme/web-*' --label 'web CI'

  Give it a new secret, or end it:
    entrepot token list --org acme
    entrepot token rotate --org acme ID
    entrepot token revoke --org acme ID";

/// Whose a token is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct TokenOwner {
    /// A person, for whom it acts
    #[arg(long, value_name = "NAME")]
    user: Option<Name>,
    /// An organization, for which it acts
    #[arg(long, value_name = "NAME")]
    org: Option<Name>,
    /// A robot, such as acme+deploy
    #[arg(long, value_name = "NAME")]
    robot: Option<RobotName>,
}

/// What a token is good for.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArguments {
    /// What it is for, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
    /// What it may be used for at most, with commas between: pull, push, delete, admin
    #[arg(long = "scope", value_name = "SCOPES", value_delimiter = ',', default_value = "pull")]
    scopes: Vec<Scope>,
    /// On which repositories at most, such as acme/app or acme/*; may be given several times [default: all]
    #[arg(long = "repository", value_name = "PATTERN")]
    repositories: Vec<Pattern>,
    /// For how long, such as 12h or 30d [default: for ever]
    #[arg(long, value_name = "DURATION", value_parser = config::duration)]
    expires: Option<Duration>,
}

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// Whose
        #[command(flatten)]
        owner: TokenOwner,
        /// The token
        #[command(flatten)]
        token: TokenArguments,
    },
    /// List tokens, without their secrets
    List {
        /// Whose
        #[command(flatten)]
        owner: TokenOwner,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Give a token a new secret and print it; the old one ends at once
    Rotate {
        /// Whose
        #[command(flatten)]
        owner: TokenOwner,
        /// Its id, from the list
        id: Uuid,
    },
    /// End a token
    Revoke {
        /// Whose
        #[command(flatten)]
        owner: TokenOwner,
        /// Its id, from the list
        id: Uuid,
    },
}

/// A token, as the API shows it.
#[derive(Deserialize)]
struct Token {
    id: String,
    kind: String,
    label: String,
    scopes: Vec<String>,
    repositories: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    used_at: Option<String>,
}

/// A token with its secret, which is answered once.
#[derive(Deserialize)]
struct Made {
    id: String,
    token: String,
}

impl TokenOwner {
    /// A robot.
    pub(super) fn robot(name: RobotName) -> Self {
        Self { user: None, org: None, robot: Some(name) }
    }

    /// Where the owner's tokens are.
    fn tokens(&self) -> anyhow::Result<Route> {
        match self {
            Self { user: Some(name), .. } => Ok(route(["accounts", name.as_str(), "tokens"])),
            Self { org: Some(name), .. } => Ok(route(["organizations", name.as_str(), "tokens"])),
            Self { robot: Some(name), .. } => {
                Ok(route(["namespaces", name.owner().as_str(), "robots", name.robot().as_str(), "tokens"]))
            }
            Self { .. } => bail!("say whose the token is: --user, --org or --robot"),
        }
    }

    /// Where one of them is, or what can be done with it.
    fn token(&self, id: Uuid, action: Option<&str>) -> anyhow::Result<Route> {
        let (kind, name) = match self {
            Self { user: Some(name), .. } => ("accounts", name),
            Self { org: Some(name), .. } => ("namespaces", name),
            Self { robot: Some(name), .. } => ("namespaces", name.owner()),
            Self { .. } => bail!("say whose the token is: --user, --org or --robot"),
        };
        let id = id.to_string();
        Ok(route([kind, name.as_str(), "tokens", &id].into_iter().chain(action)))
    }
}

impl TokenArguments {
    fn body(self) -> anyhow::Result<Value> {
        let seconds = self.expires.map(|expires| u32::try_from(expires.as_secs())).transpose();
        Ok(json!({
            "label": self.label,
            "scopes": self.scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>(),
            "repositories": self.repositories.iter().map(Pattern::as_str).collect::<Vec<_>>(),
            "lifetime_seconds": seconds.context("--expires is longer than a token can last; leave it out")?,
        }))
    }
}

/// Runs one of the commands.
pub(crate) async fn run(command: TokenCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Create { owner, token } => create(client, owner, token).await,
        TokenCommand::List { owner, form } => {
            let tokens: Vec<Token> = client.list(owner.tokens()?).await?;
            let columns = &["id", "kind", "label", "scopes", "repositories", "created_at", "expires_at", "used_at"];
            Listing::new(columns, tokens.into_iter().map(row)).print(&form)
        }
        TokenCommand::Rotate { owner, id } => show(&client.make(owner.token(id, Some("rotate"))?, None).await?),
        TokenCommand::Revoke { owner, id } => {
            client.delete(owner.token(id, None)?).await?;
            done(&format!("the token {id} has ended"))
        }
    }
}

/// Makes a token and prints it.
pub(super) async fn create(client: &Client, owner: TokenOwner, token: TokenArguments) -> anyhow::Result<ExitCode> {
    show(&client.make(owner.tokens()?, Some(token.body()?)).await?)
}

fn show(Made { id, token }: &Made) -> anyhow::Result<ExitCode> {
    eprintln!("this is the secret of the token {id}; it is not shown again:");
    Ok(commands::print(&format!("{token}\n")))
}

fn row(token: Token) -> Vec<Value> {
    vec![
        token.id.into(),
        token.kind.into(),
        token.label.into(),
        token.scopes.into(),
        token.repositories.into(),
        token.created_at.into(),
        token.expires_at.into(),
        token.used_at.into(),
    ]
}
