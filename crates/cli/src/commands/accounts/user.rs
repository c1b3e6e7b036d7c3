//! `entrepot user`: people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use entrepot_access::{Access, Account, AccountOwner, Imported, Name, NewAccount, NewPassword, Permit};
use serde_json::Value;

use super::listing::{Listing, time};
use super::password::PasswordSource;
use super::{Form, PAGE, all, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make the first administrator; the password is asked for:
    entrepot user create ann --admin

  Make an account from a script:
    entrepot user create ben --email ben@acme.example --password-stdin < password

  Take over the users of another registry:
    entrepot user import-htpasswd htpasswd";

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
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
    /// Make an account for each line of an htpasswd file with bcrypt hashes
    ///
    /// Accounts that are there stay as they are, so the same file can be taken again. Lines that cannot be taken are named, and make
    /// the exit code 1.
    ImportHtpasswd {
        /// The file
        file: PathBuf,
    },
}

/// Runs one of the commands.
pub(crate) async fn run(command: UserCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        UserCommand::Create { name, admin, email, password } => create(access, name, admin, email, &password).await,
        UserCommand::List { form } => list(access, &form).await,
        UserCommand::Show { name, form } => {
            let account = access.account(&permit(access, &name).await?).await?;
            listing([account]).print(&form)
        }
        UserCommand::Password { name, password } => {
            let permit = permit(access, &name).await?;
            access.set_password(&permit, &password.read(name.as_str())?).await?;
            done(&format!("{name} has a new password"))
        }
        UserCommand::Disable { name } => disable(access, &name, true).await,
        UserCommand::Enable { name } => disable(access, &name, false).await,
        UserCommand::Promote { name } => govern(access, &name, true).await,
        UserCommand::Demote { name } => govern(access, &name, false).await,
        UserCommand::ToOrganization { name, owner } => {
            access.turn_into_organization(&permit(access, &name).await?, &permit(access, &owner).await?).await?;
            done(&format!("{name} is an organization, and {owner} owns it"))
        }
        UserCommand::ImportHtpasswd { file } => import(access, &file).await,
    }
}

async fn create(
    access: &Access,
    name: Name,
    administrator: bool,
    email: Option<String>,
    password: &PasswordSource,
) -> anyhow::Result<ExitCode> {
    let system = access.permit_system(&Access::operator())?;
    let password = Some(NewPassword::Chosen(password.read(name.as_str())?));
    let account = access.create_account(&system, NewAccount { name, email, password, administrator }).await?;
    done(&format!("{} has an account{}", account.name, if administrator { " and governs the registry" } else { "" }))
}

async fn list(access: &Access, form: &Form) -> anyhow::Result<ExitCode> {
    let system = access.permit_system(&Access::operator())?;
    let accounts =
        all(|account: &Account| account.name.to_string(), async |last| access.accounts(&system, last, PAGE).await);
    listing(accounts.await?).print(form)
}

async fn disable(access: &Access, name: &Name, disabled: bool) -> anyhow::Result<ExitCode> {
    access.set_disabled(&permit(access, name).await?, disabled).await?;
    done(&format!("{name} is {}", if disabled { "disabled" } else { "enabled" }))
}

async fn govern(access: &Access, name: &Name, yes: bool) -> anyhow::Result<ExitCode> {
    let system = access.permit_system(&Access::operator())?;
    access.set_administrator(&system, &permit(access, name).await?, yes).await?;
    done(&format!("{name} {} the registry", if yes { "governs" } else { "no longer governs" }))
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

/// Leave to change an account.
pub(super) async fn permit(access: &Access, name: &Name) -> anyhow::Result<Permit<AccountOwner>> {
    Ok(access.permit_account(&Access::operator(), name).await?)
}

fn listing(accounts: impl IntoIterator<Item = Account>) -> Listing {
    let columns =
        &["name", "administrator", "disabled", "email", "email_confirmed", "source", "created_at", "logged_in_at"];
    Listing::new(
        columns,
        accounts.into_iter().map(|account| {
            vec![
                account.name.as_str().into(),
                account.administrator.into(),
                account.disabled_at.is_some().into(),
                account.email.into(),
                account.email_confirmed.into(),
                account.source.into(),
                time(account.created_at),
                account.logged_in_at.map_or(Value::Null, time),
            ]
        }),
    )
}
