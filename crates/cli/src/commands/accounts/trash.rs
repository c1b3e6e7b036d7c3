//! `entrepot trash`: what was deleted, and bringing it back.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_client::{Client, Route, route};
use entrepot_oci::RepositoryName;
use serde::Deserialize;

use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  What was deleted, and can be brought back?
    entrepot trash list acme/app --server https://registry.acme.example
    entrepot trash restore acme/app 0198… --server https://registry.acme.example";

/// What can be done with what was deleted.
#[derive(Debug, Subcommand)]
pub(crate) enum TrashCommand {
    /// List what was deleted from a repository, or the repository itself, the oldest first
    List {
        /// Which
        repository: RepositoryName,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Bring something back, with everything that it names
    Restore {
        /// From which repository it was deleted
        repository: RepositoryName,
        /// Its id in the list
        id: String,
    },
    /// Remove something for good, or everything that was deleted from a repository; it cannot be restored then
    Empty {
        /// Of which repository
        repository: RepositoryName,
        /// Its id in the list
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// Everything
        #[arg(long)]
        all: bool,
    },
    /// Delete a repository with everything in it
    Throw {
        /// Which
        repository: RepositoryName,
    },
}

/// Something that was deleted, as the API shows it.
#[derive(Deserialize)]
struct Entry {
    id: String,
    kind: String,
    name: Option<String>,
    tags: Vec<String>,
    deleted_at: String,
    deleted_by: Option<String>,
}

/// What was brought back.
#[derive(Deserialize)]
struct Restored {
    manifests: Vec<String>,
    tags: Vec<String>,
    taken: Vec<String>,
}

/// Runs one of the commands.
pub(crate) async fn run(command: TrashCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        TrashCommand::List { repository, form } => {
            let row = |entry: Entry| {
                let Entry { id, kind, name, tags, deleted_at, deleted_by } = entry;
                vec![id.into(), kind.into(), name.into(), tags.into(), deleted_at.into(), deleted_by.into()]
            };
            let columns = &["id", "kind", "name", "tags", "deleted_at", "deleted_by"];
            Listing::new(columns, list(client, &repository).await?.into_iter().map(row)).print(&form)
        }
        TrashCommand::Restore { repository, id } => {
            let restored: Restored = client.make(one(&repository, &id), None).await?;
            done(&sentence(&repository, &restored))
        }
        TrashCommand::Empty { repository, id, .. } => {
            let ids = match id {
                Some(id) => vec![id],
                None => list(client, &repository).await?.into_iter().map(|entry| entry.id).collect(),
            };
            for id in &ids {
                client.delete(one(&repository, id)).await?;
            }
            done(&format!("{} entries of {repository} are gone for good", ids.len()))
        }
        TrashCommand::Throw { repository } => {
            client.delete(path(["repositories"], &repository)).await?;
            done(&format!("{repository} is deleted; entrepot trash restore brings it back"))
        }
    }
}

async fn list(client: &Client, repository: &RepositoryName) -> anyhow::Result<Vec<Entry>> {
    Ok(client.list(path(["trash"], repository)).await?)
}

/// A path that ends with the repository's name, whose slashes are slashes of the path.
fn path<'a>(parts: impl IntoIterator<Item = &'a str>, repository: &'a RepositoryName) -> Route {
    route(parts.into_iter().chain(repository.as_str().split('/')))
}

fn one(repository: &RepositoryName, id: &str) -> Route {
    path(["trash-entries", id], repository)
}

fn sentence(repository: &RepositoryName, restored: &Restored) -> String {
    let Restored { manifests, tags, taken } = restored;
    let mut text = match (manifests.len(), tags.len()) {
        (0, 0) => format!("{repository} is as it was"),
        (manifests, tags) => format!("{manifests} manifests and {tags} tags of {repository} are back"),
    };
    if !taken.is_empty() {
        text.push_str(&format!("; these tags show something else by now, and were left: {}", taken.join(" ")));
    }
    text
}
