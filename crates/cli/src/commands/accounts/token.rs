//! `entrepot token`: what people, organizations and robots show in place of a password. The secret is all that goes to standard
//! output, so that it can be piped.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use entrepot_access::{
    Access, AccountOwner, Name, NamespaceOwner, NewToken, Pattern, Permit, RobotName, Scope, Scopes, Secret, Token,
};
use serde_json::Value;

use super::listing::{Listing, time};
use super::{Form, PAGE, all, done, grant, org, user};
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
        id: String,
    },
    /// End a token
    Revoke {
        /// Whose
        #[command(flatten)]
        owner: TokenOwner,
        /// Its id, from the list
        id: String,
    },
}

/// Leave to change the tokens of an owner.
enum Leave {
    Person(Permit<AccountOwner>),
    Organization(Permit<NamespaceOwner>),
    Robot(Permit<NamespaceOwner>, Name),
}

impl TokenOwner {
    /// A robot.
    pub(super) fn robot(name: RobotName) -> Self {
        Self { user: None, org: None, robot: Some(name) }
    }

    async fn permit(self, access: &Access) -> anyhow::Result<Leave> {
        match self {
            Self { user: Some(name), .. } => Ok(Leave::Person(user::permit(access, &name).await?)),
            Self { org: Some(name), .. } => Ok(Leave::Organization(org::permit(access, &name).await?)),
            Self { robot: Some(name), .. } => {
                let permit = grant::permit(access, name.owner().as_str()).await?;
                Ok(Leave::Robot(permit, name.robot().clone()))
            }
            Self { .. } => anyhow::bail!("say whose the token is: --user, --org or --robot"),
        }
    }
}

impl TokenArguments {
    fn token(self) -> anyhow::Result<NewToken> {
        let scopes = Scopes::from_words(self.scopes.into_iter().map(Scope::as_str))?;
        Ok(NewToken { label: self.label, scopes, repositories: self.repositories, lifetime: self.expires })
    }
}

/// Runs one of the commands.
pub(crate) async fn run(command: TokenCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Create { owner, token } => create(access, owner, token).await,
        TokenCommand::List { owner, form } => list(access, &owner.permit(access).await?, &form).await,
        TokenCommand::Rotate { owner, id } => {
            let secret = match owner.permit(access).await? {
                Leave::Person(permit) => access.rotate_personal_token(&permit, &id).await?,
                Leave::Organization(permit) | Leave::Robot(permit, _) => {
                    access.rotate_namespace_token(&permit, &id).await?
                }
            };
            show(&id, &secret)
        }
        TokenCommand::Revoke { owner, id } => {
            match owner.permit(access).await? {
                Leave::Person(permit) => access.revoke_personal_token(&permit, &id).await?,
                Leave::Organization(permit) | Leave::Robot(permit, _) => {
                    access.revoke_namespace_token(&permit, &id).await?;
                }
            }
            done(&format!("the token {id} has ended"))
        }
    }
}

/// Makes a token and prints it.
pub(super) async fn create(access: &Access, owner: TokenOwner, token: TokenArguments) -> anyhow::Result<ExitCode> {
    let token = token.token()?;
    let (id, secret) = match owner.permit(access).await? {
        Leave::Person(permit) => access.create_personal_token(&permit, token).await?,
        Leave::Organization(permit) => access.create_organization_token(&permit, token).await?,
        Leave::Robot(permit, robot) => access.create_robot_token(&permit, &robot, token).await?,
    };
    show(&id, &secret)
}

fn show(id: &str, secret: &Secret) -> anyhow::Result<ExitCode> {
    eprintln!("this is the secret of the token {id}; it is not shown again:");
    Ok(commands::print(&format!("{}\n", secret.reveal())))
}

async fn list(access: &Access, leave: &Leave, form: &Form) -> anyhow::Result<ExitCode> {
    let key = |token: &Token| token.id.clone();
    let tokens = match leave {
        Leave::Person(permit) => all(key, async |last| access.personal_tokens(permit, last, PAGE).await).await?,
        Leave::Organization(permit) => {
            all(key, async |last| access.organization_tokens(permit, last, PAGE).await).await?
        }
        Leave::Robot(permit, robot) => access.robot_tokens(permit, robot).await?,
    };
    let columns = &["id", "kind", "label", "scopes", "repositories", "created_at", "expires_at", "used_at"];
    Listing::new(columns, tokens.into_iter().map(row)).print(form)
}

fn row(token: Token) -> Vec<Value> {
    vec![
        token.id.into(),
        token.kind.as_str().into(),
        token.label.into(),
        Scope::ALL.iter().filter(|scope| token.scopes.has(**scope)).map(|scope| scope.as_str()).collect(),
        token.repositories.iter().map(Pattern::as_str).collect(),
        time(token.created_at),
        token.expires_at.map_or(Value::Null, time),
        token.used_at.map_or(Value::Null, time),
    ]
}
