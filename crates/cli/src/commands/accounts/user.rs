//! `entrepot user`: people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use entrepot_access::{Access, Imported, Name};
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::listing::Listing;
use super::password::{self, PasswordSource};
use super::{Form, Noun, done, run_here};
use crate::commands;

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make the first administrator; the password is asked for:
    entrepot user create ann --admin

  Make an account from a script:
    entrepot user create ben --email ben@acme.example --password-stdin < password

  Help somebody whose telephone is lost, once you know that it is they who ask:
    entrepot user reset-second-factor ann

  Take over the users of another registry:
    entrepot user import-htpasswd htpasswd";

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// What can be asked of a registry anywhere
    #[command(flatten)]
    Account(AccountCommand),
    /// Make an account for each line of an htpasswd file with bcrypt hashes
    ///
    /// Accounts that are there stay as they are, so the same file can be taken again. Lines that cannot be taken are named, and make
    /// the exit code 1. This works on the registry's own machine only.
    ImportHtpasswd {
        /// The file
        file: PathBuf,
    },
}

/// What can be done with one account, or all.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account
    Create {
        /// What they log in as
        name: Name,
        /// Let them govern the registry
        #[arg(long)]
        admin: bool,
        /// Where letters to them go
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        /// The password
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List every account
    List {
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Show one account
    Show {
        /// Whose
        name: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Set a password; logins that were made with the old one end
    Password {
        /// Whose
        name: Name,
        /// The password
        #[command(flatten)]
        password: PasswordSource,
        /// File with the password that counts now, which a registry elsewhere wants to see for your own account
        #[arg(long, value_name = "FILE")]
        current_password_file: Option<PathBuf>,
    },
    /// Make a link to a new password, to be handed to somebody who forgot theirs
    ///
    /// It works once, for an hour, and until there is a newer one. The link is all that goes to standard output.
    ResetLink {
        /// For whom
        name: Name,
    },
    /// Take somebody's second factor away: the app, the passkeys and the recovery codes
    ///
    /// For people who have lost theirs. They log in with the password alone, and set up another.
    ResetSecondFactor {
        /// Whose
        name: Name,
    },
    /// Take everything from somebody without removing anything
    Disable {
        /// From whom
        name: Name,
    },
    /// Give it back
    Enable {
        /// To whom
        name: Name,
    },
    /// Let somebody govern the registry
    Promote {
        /// Whom
        name: Name,
    },
    /// Let somebody govern the registry no more
    Demote {
        /// Whom
        name: Name,
    },
    /// Make an organization out of an account: its repositories stay, and nobody logs in as it any more
    ToOrganization {
        /// Which account
        name: Name,
        /// Who will own the organization
        #[arg(long, value_name = "NAME")]
        owner: Name,
    },
}

/// An account, as the API shows it.
#[derive(Deserialize)]
struct Account {
    name: String,
    email: Option<String>,
    email_confirmed: bool,
    administrator: bool,
    disabled_at: Option<String>,
    source: String,
    created_at: String,
    logged_in_at: Option<String>,
}

/// A link, which is answered once.
#[derive(Deserialize)]
struct MadeLink {
    link: String,
    lifetime_seconds: u64,
}

/// Runs one of the commands.
pub(crate) fn run(noun: Noun<UserCommand>) -> ExitCode {
    match noun.command {
        UserCommand::ImportHtpasswd { file } => run_here(&noun.place, async |access| import(&access, &file).await),
        UserCommand::Account(command) => super::run(&noun.place, async |client| ask(command, client).await),
    }
}

async fn ask(command: AccountCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        AccountCommand::Create { name, admin, email, password } => {
            let password = password.read(name.as_str())?;
            let body = json!({ "name": name.as_str(), "email": email, "password": password, "administrator": admin });
            client.post(route(["accounts"]), Some(body)).await?;
            done(&format!("{name} has an account{}", if admin { " and governs the registry" } else { "" }))
        }
        AccountCommand::List { form } => listing(client.list::<Account>(route(["accounts"])).await?).print(&form),
        AccountCommand::Show { name, form } => listing([client.get(account(&name, [])).await?]).print(&form),
        AccountCommand::Password { name, password, current_password_file } => {
            // Nobody is asked for a password that nobody takes.
            client.get::<Account>(account(&name, [])).await?;
            let current = current_password_file.as_deref().map(password::of_file).transpose()?;
            let body = json!({ "password": password.read(name.as_str())?, "current_password": current });
            client.post(account(&name, ["password"]), Some(body)).await?;
            done(&format!("{name} has a new password"))
        }
        AccountCommand::ResetLink { name } => {
            let MadeLink { link, lifetime_seconds } = client.make(account(&name, ["reset-link"]), None).await?;
            eprintln!("by this link {name} chooses a new password, once, within {} minutes:", lifetime_seconds / 60);
            if link.starts_with('/') {
                eprintln!("(http.public_url is not set: put the address of the registry before it)");
            }
            Ok(commands::print(&format!("{link}\n")))
        }
        AccountCommand::ResetSecondFactor { name } => {
            client.post(account(&name, ["second-factor", "remove"]), Some(json!({}))).await?;
            done(&format!("{name} has no second factor any more"))
        }
        AccountCommand::Disable { name } => {
            client.post(account(&name, ["disable"]), None).await?;
            done(&format!("{name} is disabled"))
        }
        AccountCommand::Enable { name } => {
            client.post(account(&name, ["enable"]), None).await?;
            done(&format!("{name} is enabled"))
        }
        AccountCommand::Promote { name } => {
            client.put(account(&name, ["administrator"]), None).await?;
            done(&format!("{name} governs the registry"))
        }
        AccountCommand::Demote { name } => {
            client.delete(account(&name, ["administrator"])).await?;
            done(&format!("{name} no longer governs the registry"))
        }
        AccountCommand::ToOrganization { name, owner } => {
            let body = json!({ "owner": owner.as_str() });
            client.post(account(&name, ["to-organization"]), Some(body)).await?;
            done(&format!("{name} is an organization, and {owner} owns it"))
        }
    }
}

fn account<const N: usize>(name: &Name, action: [&str; N]) -> Route {
    route(["accounts", name.as_str()].into_iter().chain(action))
}

async fn import(access: &Access, file: &PathBuf) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let system = access.permit_system(&Access::operator())?;
    let (mut made, mut there, mut refused) = (0, 0, 0);
    for line in access.import_htpasswd(&system, &text).await? {
        match line.outcome {
            Imported::Made(_) => made += 1,
            Imported::There(_) => there += 1,
            Imported::Refused(why) => {
                refused += 1;
                eprintln!("{}:{}: not taken: {why}", file.display(), line.number);
            }
        }
    }
    done(&format!("{made} accounts made, {there} were there, {refused} lines not taken"))?;
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn listing(accounts: impl IntoIterator<Item = Account>) -> Listing {
    let columns =
        &["name", "administrator", "disabled", "email", "email_confirmed", "source", "created_at", "logged_in_at"];
    let row = |account: Account| {
        vec![
            account.name.into(),
            account.administrator.into(),
            account.disabled_at.is_some().into(),
            account.email.into(),
            account.email_confirmed.into(),
            account.source.into(),
            account.created_at.into(),
            account.logged_in_at.into(),
        ]
    };
    Listing::new(columns, accounts.into_iter().map(row))
}
