//! The command line: commands and their arguments. Flags that are settings come from the table of settings
//! ([`crate::config::Flags`]), so that their help never differs from the reference page.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::commands::accounts::Noun;
use crate::commands::accounts::audit::{self, AuditArguments};
use crate::commands::accounts::ci::{self, CiCommand};
use crate::commands::accounts::explain::{self, AccessCommand};
use crate::commands::accounts::gc::{self, GcArguments};
use crate::commands::accounts::keys::KeysCommand;
use crate::commands::accounts::maintenance::{self, MaintenanceCommand};
use crate::commands::accounts::org::{self, OrgCommand};
use crate::commands::accounts::quota::{self, QuotaCommand};
use crate::commands::accounts::repo::{self, RepoCommand};
use crate::commands::accounts::retention::{self, RetentionCommand};
use crate::commands::accounts::robot::{self, RobotCommand};
use crate::commands::accounts::tag::{self, TagCommand};
use crate::commands::accounts::team::{self, TeamCommand};
use crate::commands::accounts::token::{self, TokenCommand};
use crate::commands::accounts::trash::{self, TrashCommand};
use crate::commands::accounts::user::{self, UserCommand};
use crate::commands::import::{self, ImportCommand};
use crate::commands::login::{self, LoginArguments, Where};
use crate::config::Flags;

const EXAMPLES: &str = "\
Examples:
  Run a registry for this machine; its data goes to ./entrepot-data:
    entrepot serve

  Push an image to it, from another terminal:
    docker tag hello-world localhost:5000/hello-world
    docker push localhost:5000/hello-world

  Make the first account, which governs the registry:
    entrepot user create ann --admin

Commands on accounts work on the registry's data, whether or not it runs, and ask for no login. With --server they ask a registry
elsewhere, with a token.";

/// Your own container registry in one binary.
#[derive(Debug, Parser)]
#[command(name = "entrepot", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the registry
    Serve(Flags),
    /// Log docker, podman and skopeo in to a registry, by your browser
    #[command(after_help = login::EXAMPLES)]
    Login(LoginArguments),
    /// Log out of a registry
    Logout(Where),
    /// People: make accounts, set passwords, disable
    #[command(after_help = user::EXAMPLES)]
    User(Noun<UserCommand>),
    /// Organizations and their members
    #[command(after_help = org::EXAMPLES)]
    Org(Noun<OrgCommand>),
    /// Teams of an organization, and what they may do
    #[command(after_help = team::EXAMPLES)]
    Team(Noun<TeamCommand>),
    /// Robots: for machines, with rights of their own
    #[command(after_help = robot::EXAMPLES)]
    Robot(Noun<RobotCommand>),
    /// Access tokens, which are shown in place of a password
    #[command(after_help = token::EXAMPLES)]
    Token(Noun<TokenCommand>),
    /// Repositories: who may see them, who may do what, which tags stay
    #[command(after_help = repo::EXAMPLES)]
    Repo(Noun<RepoCommand>),
    /// What people and organizations may have, and have: bytes, repositories
    #[command(after_help = quota::EXAMPLES)]
    Quota(Noun<QuotaCommand>),
    /// Ask the rules why somebody may do something, or may not
    #[command(after_help = explain::EXAMPLES)]
    Access(Noun<AccessCommand>),
    /// Jobs that come in with a token of their own service, and no secret
    #[command(after_help = ci::EXAMPLES)]
    Ci(Noun<CiCommand>),
    /// The company's directory
    #[command(subcommand)]
    Ldap(LdapCommand),
    /// The providers at which people log in
    #[command(subcommand)]
    Oidc(OidcCommand),
    /// Letters to people
    #[command(subcommand)]
    Mail(MailCommand),
    /// The keys that sign registry tokens
    Keys(Noun<KeysCommand>),
    /// Print who did what
    #[command(after_help = audit::EXAMPLES)]
    Audit(AuditArguments),
    /// Serve pulls alone for a while
    #[command(after_help = maintenance::EXAMPLES)]
    Maintenance(Noun<MaintenanceCommand>),
    /// Collect garbage now; a running registry does this by itself (gc.interval)
    #[command(after_help = gc::EXAMPLES)]
    Gc(GcArguments),
    /// Bring back what was deleted
    #[command(after_help = trash::EXAMPLES)]
    Trash(Noun<TrashCommand>),
    /// See what tags showed, and roll them back
    #[command(after_help = tag::EXAMPLES)]
    Tag(Noun<TagCommand>),
    /// Copy everything that the registry has, while it runs
    ///
    /// A backup is a snapshot of all rows, and every blob that they name and that is not in the directory yet. One that was broken off
    /// leaves nothing that counts. Exit status: 0 if everything was copied, 1 if not.
    Backup(BackupArguments),
    /// Bring a registry back from a backup
    ///
    /// It goes where the configuration says, which has to be empty: to a data directory, a PostgreSQL database, an object store.
    /// Nothing is visible before all of it is there. One that was interrupted goes on with the same command.
    Restore(RestoreArguments),
    /// Read every blob again, and take aside what is damaged
    ///
    /// A running registry does this by itself (scrub.every), and also what this command asks for: then it is followed here. Where none runs
    /// over the data it is done here. Exit status: 0 if no blob is in quarantine, 1 if one is.
    Scrub(ScrubArguments),
    /// Say which tags are kept, and see what would go
    #[command(after_help = retention::EXAMPLES)]
    Retention(Noun<RetentionCommand>),
    /// Give back expired uploads and bytes that nothing needs, while the registry is stopped
    ///
    /// A running registry does this by itself (uploads.purge_interval).
    Purge(Flags),
    /// Move in: take over what another registry has
    #[command(subcommand, after_help = import::EXAMPLES)]
    Import(ImportCommand),
    /// Move the data to another database
    #[command(subcommand)]
    Database(DatabaseCommand),
    /// Say what is wrong with the configuration, the database or the store, and how to mend it
    ///
    /// It changes nothing, and the registry may run meanwhile. Exit status: 0 if nothing is wrong, 1 if something is.
    Doctor(DoctorArguments),
    /// Look after the place for the bytes of blobs
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What can be done with the database.
#[derive(Debug, Subcommand)]
pub(crate) enum DatabaseCommand {
    /// Carry everything from one database to another, SQLite or PostgreSQL, and compare every row
    ///
    /// The registry may go on running over the old database meanwhile: it serves pulls, and answers pushes with 503. A move that
    /// was interrupted, however it was, goes on with the same command.
    Move(MoveArguments),
}

/// From where to where.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveArguments {
    /// The old database: sqlite:FILE or postgres://USER@HOST/DATABASE [default: what the configuration says]
    ///
    /// The password for a server comes from the URL, otherwise from database.password_file or PGPASSWORD.
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// The new database, which has to be empty; a SQLite file is made [default: what the configuration says]
    #[arg(long, value_name = "URL")]
    pub(crate) to: Option<String>,
    /// Give up a move that is not done: empty the new database and let the old one take writes again
    ///
    /// After a move that is done it lets the old one take writes again too, and leaves the new one alone.
    #[arg(long)]
    pub(crate) cancel: bool,
    /// Settings
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// Where a backup goes.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackupArguments {
    /// What to do with backups that were taken.
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
    /// The directory for backups of this registry, made if it is not there; best on another disk, or another machine's
    #[arg(long, value_name = "DIRECTORY", required = true)]
    pub(crate) to: Option<PathBuf>,
    /// Afterwards remove all snapshots but the last N, and what only they needed [default: remove nothing]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) keep: Option<u32>,
    /// Settings
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What can be done with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// List the snapshots
    List(BackupList),
    /// Look whether everything is there that the snapshots need
    ///
    /// Exit status: 0 if nothing is wrong, 1 if something is.
    Check(BackupCheck),
}

/// Which backups to list.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupList {
    /// The directory of the backups
    pub(crate) directory: PathBuf,
}

/// Which backups to look at, and how closely.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupCheck {
    /// The directory of the backups
    pub(crate) directory: PathBuf,
    /// Read every blob too, and compare it with its digest
    #[arg(long)]
    pub(crate) read: bool,
    /// Look at this snapshot alone
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
}

/// How to scrub.
#[derive(Debug, clap::Args)]
pub(crate) struct ScrubArguments {
    /// Copy damaged blobs back from this directory of backups, also those found before; the registry has to be able to read it
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) repair_from: Option<PathBuf>,
    /// Only say how far it is, and what is in quarantine
    #[arg(long, conflicts_with = "repair_from")]
    pub(crate) status: bool,
    /// Settings
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What to restore.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// The directory of the backups
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) from: PathBuf,
    /// Which snapshot, as `entrepot backup list` names it [default: the last one]
    #[arg(long, value_name = "NAME")]
    pub(crate) snapshot: Option<String>,
    /// End also without the blobs that the backup has not: what needs them cannot be pulled until they are pushed again
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// Try it: restore to this directory, which is empty or not there, whatever the configuration says; look at everything as
    /// `entrepot doctor --thorough` does; say how long it took, and remove the directory
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "incomplete")]
    pub(crate) drill: Option<PathBuf>,
    /// Settings
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// How closely to look.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArguments {
    /// Look for every blob in the store, not for a hundred of them: one request for each with an object store
    #[arg(long)]
    pub(crate) thorough: bool,
    /// Settings
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What can be done with the place for bytes.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Try everything that the registry needs of the configured store, and say what is missing
    ///
    /// It writes a few objects under the configured prefix and removes them again. A store on disk cannot be checked while the
    /// registry runs.
    Check(Flags),
}

/// What can be done with the way for letters.
#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Connect to the mail server as it is configured, log in, and send nothing
    Check(Flags),
}

/// What can be done with the company's directory.
#[derive(Debug, Subcommand)]
pub(crate) enum LdapCommand {
    /// Try every server of the directory as it is configured, and say how far it gets
    Check(Flags),
}

/// What can be done with the providers.
#[derive(Debug, Subcommand)]
pub(crate) enum OidcCommand {
    /// Ask every provider as it is configured who it is, and show it the registry's secret; nobody logs in
    Check(Flags),
}

/// What can be done with the configuration without running the registry.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is valid, or name every mistake in it
    Check(Flags),
    /// Print the effective configuration as TOML, with where each value came from
    Show(Flags),
    /// Print the reference of every setting as Markdown
    Reference,
}
