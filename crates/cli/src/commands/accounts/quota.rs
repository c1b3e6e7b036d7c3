//! `entrepot quota`: what namespaces may have, and what they have.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_client::{Client, Route, route};
use serde::Deserialize;
use serde_json::json;

use super::listing::Listing;
use super::{Form, done};
use crate::config::{Limit, limit};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Let the repositories of acme have 10 GiB together, and see how much of that they have:
    entrepot quota set acme --max-bytes 10GiB
    entrepot quota show acme

  Let it have what it wants again:
    entrepot quota set acme --max-bytes off";

/// What can be done with quotas.
#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// Show what a namespace may have, and what it has
    Show {
        /// A person, an organization, or library
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Limit what a namespace may have; what it has already stays
    Set {
        /// A person, an organization, or library
        namespace: String,
        /// Bytes of all its repositories together, such as 10GiB, or off
        #[arg(long, value_name = "SIZE", value_parser = limit, required_unless_present = "max_repositories")]
        max_bytes: Option<Limit>,
        /// How many repositories, or off
        #[arg(long, value_name = "NUMBER", value_parser = number)]
        max_repositories: Option<Most>,
    },
}

/// A number of things, or no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most(Option<u32>);

fn number(text: &str) -> Result<Most, String> {
    match text {
        "off" => Ok(Most(None)),
        number => number.parse().map(|most| Most(Some(most))).map_err(|_| "it has to be a number, or off".to_owned()),
    }
}

/// A quota and what of it is used, as the API shows it.
#[derive(Deserialize)]
struct Quota {
    max_bytes: Option<u64>,
    max_repositories: Option<u32>,
    used_bytes: u64,
    used_repositories: u64,
}

/// Runs one of the commands.
pub(crate) async fn run(command: QuotaCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        QuotaCommand::Show { namespace, form } => {
            let quota: Quota = client.get(of(&namespace)).await?;
            let row = vec![
                namespace.into(),
                quota.used_bytes.into(),
                quota.max_bytes.into(),
                quota.used_repositories.into(),
                quota.max_repositories.into(),
            ];
            let columns = &["namespace", "used_bytes", "max_bytes", "used_repositories", "max_repositories"];
            Listing::new(columns, [row]).print(&form)
        }
        QuotaCommand::Set { namespace, max_bytes, max_repositories } => {
            let before: Quota = client.get(of(&namespace)).await?;
            let bytes = max_bytes.map_or(before.max_bytes, |Limit(most)| most.map(|size| size.0));
            let repositories = max_repositories.map_or(before.max_repositories, |Most(most)| most);
            let quota = json!({ "max_bytes": bytes, "max_repositories": repositories });
            client.put(of(&namespace), Some(quota)).await?;
            let bytes = bytes.map_or("any number of".to_owned(), |most| most.to_string());
            let repositories = repositories.map_or("any number of".to_owned(), |most| most.to_string());
            done(&format!("{namespace} may have {bytes} bytes and {repositories} repositories"))
        }
    }
}

fn of(namespace: &str) -> Route {
    route(["namespaces", namespace, "quota"])
}
