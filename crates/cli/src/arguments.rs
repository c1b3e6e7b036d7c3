//! The command line: commands and their arguments. Flags that are settings come from the table of settings
//! ([`crate::config::Flags`]), so that their help never differs from the reference page.

use clap::{Parser, Subcommand};

use crate::config::Flags;

const EXAMPLES: &str = "\
Examples:
  Run a registry for this machine; its data goes to ./entrepot-data:
    entrepot serve

  Push an image to it, from another terminal:
    docker tag hello-world localhost:5000/hello-world
    docker push localhost:5000/hello-world";

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
    /// Give back expired uploads and bytes that nothing needs, while the registry is stopped
    ///
    /// A running registry does this by itself (uploads.purge_interval).
    Purge(Flags),
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
