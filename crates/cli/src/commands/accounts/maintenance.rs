//! `entrepot maintenance`: serving pulls alone for a while.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_client::{Client, route};
use serde::Deserialize;
use serde_json::json;

use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Refuse pushes while a back-up is made, and say why:
    entrepot maintenance on --message 'Back-up until 14:00; pulls go on'
    entrepot maintenance off";

/// What can be done with maintenance.
#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Refuse every push, delete and other change from now on, on every replica; pulls and logins go on
    ///
    /// It lasts until `off`, also over restarts. Run again, it changes the message.
    On {
        /// What those hear who want to change something: one line
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
    },
    /// Let changes go on
    Off,
    /// Say whether changes are refused, and with which message
    Status {
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// Whether changes are refused, as the API shows it.
#[derive(Deserialize)]
struct Maintenance {
    on: bool,
    message: Option<String>,
}

/// Runs one of the commands.
pub(crate) async fn run(command: MaintenanceCommand, client: &Client) -> anyhow::Result<ExitCode> {
    let path = || route(["maintenance"]);
    match command {
        MaintenanceCommand::On { message } => {
            let now: Maintenance = client.set(path(), json!({ "message": message })).await?;
            done(&format!("changes are refused with: {}", now.message.unwrap_or_default()))
        }
        MaintenanceCommand::Off => {
            client.delete(path()).await?;
            done("changes go on")
        }
        MaintenanceCommand::Status { form } => {
            let now: Maintenance = client.get(path()).await?;
            Listing::new(&["maintenance", "message"], [vec![now.on.into(), now.message.into()]]).print(&form)
        }
    }
}
