//! `entrepot keys`: what signs registry tokens.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_client::{Client, route};
use serde_json::json;

use super::done;

/// What can be done with the keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Let a new key sign registry tokens; those of the old one stay good until they expire
    Rotate {
        /// Let the old ones end now: clients ask for others by themselves
        #[arg(long)]
        at_once: bool,
    },
}

/// Runs the command.
pub(crate) async fn run(command: KeysCommand, client: &Client) -> anyhow::Result<ExitCode> {
    let KeysCommand::Rotate { at_once } = command;
    client.post(route(["keys", "rotate"]), Some(json!({ "at_once": at_once }))).await?;
    let old = if at_once { "those of older keys have ended" } else { "those of older keys are good until they expire" };
    done(&format!("a new key signs registry tokens; {old}"))
}
