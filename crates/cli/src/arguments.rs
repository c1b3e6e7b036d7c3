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
    /// Look after the place for the bytes of blobs
    #[command(subcommand)]
    Store(StoreCommand),
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
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
