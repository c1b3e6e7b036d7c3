//! `entrepot tag`: what a tag showed, and rolling it back.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_client::{Client, Route, route};
use entrepot_oci::{Digest, RepositoryName, Tag};
use serde::Deserialize;
use serde_json::json;

use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Let latest show what it showed before the last push:
    entrepot tag history acme/app latest --server https://registry.acme.example
    entrepot tag rollback acme/app latest --server https://registry.acme.example";

/// What can be done with tags.
#[derive(Debug, Subcommand)]
pub(crate) enum TagCommand {
    /// List what a tag showed, the latest first
    History {
        /// Of which repository
        repository: RepositoryName,
        /// Which tag
        tag: Tag,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Let a tag show again what it showed before; what was deleted is restored
    Rollback {
        /// Of which repository
        repository: RepositoryName,
        /// Which tag
        tag: Tag,
        /// To what, of its history [default: to what it showed before what it shows now]
        #[arg(long = "to", value_name = "DIGEST")]
        digest: Option<Digest>,
    },
}

/// A tag was set or deleted, as the API shows it.
#[derive(Deserialize)]
struct Change {
    digest: Option<String>,
    standing: Option<String>,
    changed_at: String,
    changed_by: Option<String>,
}

/// What a tag shows.
#[derive(Deserialize)]
struct Shown {
    digest: String,
}

/// Runs one of the commands.
pub(crate) async fn run(command: TagCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        TagCommand::History { repository, tag, form } => {
            let changes: Vec<Change> = client.list(path(&repository, &tag)).await?;
            let row = |change: Change| {
                let Change { digest, standing, changed_at, changed_by } = change;
                vec![changed_at.into(), digest.into(), standing.into(), changed_by.into()]
            };
            Listing::new(&["changed_at", "digest", "standing", "changed_by"], changes.into_iter().map(row)).print(&form)
        }
        TagCommand::Rollback { repository, tag, digest } => {
            let body = json!({ "digest": digest.map(|digest| digest.to_string()) });
            let shown: Shown = client.make(path(&repository, &tag), Some(body)).await?;
            done(&format!("{repository}:{tag} shows {}", shown.digest))
        }
    }
}

fn path(repository: &RepositoryName, tag: &Tag) -> Route {
    route(["tag-history", tag.as_str()].into_iter().chain(repository.as_str().split('/')))
}
