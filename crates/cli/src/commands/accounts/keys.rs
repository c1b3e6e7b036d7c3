//! `entrepot keys`: what signs registry tokens.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::Access;

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
pub(crate) async fn run(command: KeysCommand, access: &Access) -> anyhow::Result<ExitCode> {
    let KeysCommand::Rotate { at_once } = command;
    access.rotate_keys(&access.permit_system(&Access::operator())?, at_once).await?;
    let old = if at_once { "those of older keys have ended" } else { "those of older keys are good until they expire" };
    done(&format!("a new key signs registry tokens; {old}"))
}
