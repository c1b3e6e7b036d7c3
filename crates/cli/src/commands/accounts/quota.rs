//! `entrepot quota`: what namespaces may have, and what they have.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{Access, NamespaceOwner, Permit, Quota};

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

/// Runs one of the commands.
pub(crate) async fn run(command: QuotaCommand, access: &Access) -> anyhow::Result<ExitCode> {
    match command {
        QuotaCommand::Show { namespace, form } => {
            let (quota, usage) = access.quota(&permit(access, &namespace).await?).await?;
            let row = vec![
                namespace.into(),
                usage.bytes.into(),
                quota.max_bytes.into(),
                usage.repositories.into(),
                quota.max_repositories.into(),
            ];
            let columns = &["namespace", "used_bytes", "max_bytes", "used_repositories", "max_repositories"];
            Listing::new(columns, [row]).print(&form)
        }
        QuotaCommand::Set { namespace, max_bytes, max_repositories } => {
            let permit = permit(access, &namespace).await?;
            let (before, _) = access.quota(&permit).await?;
            let quota = Quota {
                max_bytes: max_bytes.map_or(before.max_bytes, |Limit(most)| most.map(|size| size.0)),
                max_repositories: max_repositories.map_or(before.max_repositories, |Most(most)| most),
            };
            access.set_quota(&access.permit_system(&Access::operator())?, &permit, quota).await?;
            done(&format!("{namespace} may have {}", words(quota)))
        }
    }
}

async fn permit(access: &Access, namespace: &str) -> anyhow::Result<Permit<NamespaceOwner>> {
    Ok(access.permit_namespace(&Access::operator(), namespace).await?)
}

fn words(quota: Quota) -> String {
    let bytes = quota.max_bytes.map_or("any number of bytes".to_owned(), |most| format!("{most} bytes"));
    let repositories =
        quota.max_repositories.map_or("any number of repositories".to_owned(), |most| format!("{most} repositories"));
    format!("{bytes} and {repositories}")
}
