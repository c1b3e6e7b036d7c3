//! `entrepot repo`: repositories, as the rules know them.

use std::process::ExitCode;

use clap::Subcommand;
use entrepot_access::{LIBRARY, Name, Pattern, Visibility};
use entrepot_client::{Client, Route, route};
use entrepot_oci::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::grant::{self, Given, Subject};
use super::listing::Listing;
use super::{Form, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Make a repository before anything is pushed to it, and let everybody pull:
    entrepot repo create acme/app --visibility public

  Let somebody push who is in no team:
    entrepot repo grant acme/app ben write

  Let released versions stay as they are:
    entrepot repo immutable add 'acme/*' 'v*'

  See what the repositories of acme have, each and together:
    entrepot repo sizes acme
    entrepot repo total acme";

/// What can be done with repositories.
#[derive(Debug, Subcommand)]
pub(crate) enum RepoCommand {
    /// List the repositories of a person or an organization
    List {
        /// Whose: the first part of their names; library has those whose name has one part
        #[arg(default_value = LIBRARY)]
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Make a repository before anything is pushed to it
    Create {
        /// Its name
        repository: RepositoryName,
        /// public or private [default: as its namespace has it]
        #[arg(long)]
        visibility: Option<Visibility>,
    },
    /// Let everybody see a repository, or only those who have a role
    Visibility {
        /// Which
        repository: RepositoryName,
        /// public or private
        visibility: Visibility,
    },
    /// Say how many bytes a repository has, how many of them others of its namespace have too, and what deleting it frees
    Size {
        /// Which
        repository: RepositoryName,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Say how many bytes each repository of a namespace has
    Sizes {
        /// A person, an organization, or library
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Say how many bytes the repositories of a namespace, or all, have together, and how many of these several of them have
    Total {
        /// A person, an organization, or library [default: all, for administrators]
        namespace: Option<String>,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Give somebody a role, in an organization or not
    Grant {
        /// On which repositories: acme/app, acme/*
        pattern: Pattern,
        /// Whom
        account: Name,
        /// Which role: read, write (push and delete) or admin
        role: entrepot_access::Role,
    },
    /// Take a role back
    Revoke {
        /// On which repositories, as it was given
        pattern: Pattern,
        /// From whom
        account: Name,
    },
    /// List the roles that somebody was given in a namespace
    Grants {
        /// Which namespace
        namespace: String,
        /// Whose
        account: Name,
        /// Form
        #[command(flatten)]
        form: Form,
    },
    /// Tags that do not move once they are set
    #[command(subcommand)]
    Immutable(ImmutableCommand),
}

/// What can be done with tags that do not move.
#[derive(Debug, Subcommand)]
pub(crate) enum ImmutableCommand {
    /// Let tags stay as they are once they are set
    Add(Rule),
    /// Let them be moved again
    Remove(Rule),
    /// List which tags do not move
    List {
        /// Of which namespace
        namespace: String,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// Which tags.
#[derive(Debug, clap::Args)]
pub(crate) struct Rule {
    /// Of which repositories: acme/app, acme/*
    repositories: Pattern,
    /// Which tags: v*, release-*, *
    tags: Pattern,
}

/// A repository, as the API shows it.
#[derive(Deserialize)]
struct Repository {
    name: String,
    visibility: String,
    created_by: String,
    created_at: String,
}

/// What a repository has, as the API shows it.
#[derive(Deserialize)]
struct Sizes {
    manifests: u64,
    blobs: u64,
    bytes: u64,
    shared_bytes: u64,
    frees_bytes: u64,
    trash_bytes: u64,
    unneeded_bytes: u64,
}

/// A repository of a namespace with what it has, as the API shows it.
#[derive(Deserialize)]
struct RepositorySizes {
    repository: String,
    #[serde(flatten)]
    sizes: Sizes,
}

/// What several repositories have, as the API shows it.
#[derive(Deserialize)]
struct Total {
    repositories: u64,
    manifests: u64,
    blobs: u64,
    bytes: u64,
    counted_bytes: u64,
    shared_bytes: u64,
    trash_bytes: u64,
    unneeded_bytes: u64,
}

impl Sizes {
    /// With the repository before them.
    const COLUMNS: &[&str] =
        &["repository", "manifests", "blobs", "bytes", "shared_bytes", "frees_bytes", "trash_bytes", "unneeded_bytes"];

    fn row(&self) -> impl Iterator<Item = Value> {
        let Self { manifests, blobs, bytes, shared_bytes, frees_bytes, trash_bytes, unneeded_bytes } = *self;
        [manifests, blobs, bytes, shared_bytes, frees_bytes, trash_bytes, unneeded_bytes].into_iter().map(Value::from)
    }
}

/// Tags that do not move, as the API shows them.
#[derive(Deserialize)]
struct Immutable {
    repositories: String,
    tags: String,
}

/// Runs one of the commands.
pub(crate) async fn run(command: RepoCommand, client: &Client) -> anyhow::Result<ExitCode> {
    match command {
        RepoCommand::List { namespace, form } => list(client, &namespace, &form).await,
        RepoCommand::Create { repository, visibility } => {
            let visibility = visibility.map(|visibility| visibility.to_string());
            let body = json!({ "name": repository.as_str(), "visibility": visibility });
            let made: Repository = client.make(route(["repositories"]), Some(body)).await?;
            done(&format!("{} is there, and {}", made.name, made.visibility))
        }
        RepoCommand::Visibility { repository, visibility } => {
            // Its slashes are slashes of the path.
            let settings = route(["repositories"].into_iter().chain(repository.as_str().split('/')));
            client.patch(settings, json!({ "visibility": visibility.as_str() })).await?;
            done(&format!("{repository} is {visibility}"))
        }
        RepoCommand::Size { repository, form } => {
            let sizes: Sizes = client.get(route(["sizes"].into_iter().chain(repository.as_str().split('/')))).await?;
            Listing::new(&Sizes::COLUMNS[1..], [sizes.row().collect()]).print(&form)
        }
        RepoCommand::Sizes { namespace, form } => {
            let all: Vec<RepositorySizes> = client.list(route(["namespaces", &namespace, "sizes"])).await?;
            let row = |one: RepositorySizes| [one.repository.into()].into_iter().chain(one.sizes.row()).collect();
            Listing::new(Sizes::COLUMNS, all.into_iter().map(row)).print(&form)
        }
        RepoCommand::Total { namespace, form } => {
            let of = match &namespace {
                Some(namespace) => route(["namespaces", namespace, "sizes", "total"]),
                None => route(["sizes"]),
            };
            total(client.get(of).await?, &form)
        }
        RepoCommand::Grant { pattern, account, role } => {
            let namespace = grant::namespace(&pattern).to_owned();
            Given::new(pattern, role).give(client, &namespace, Subject::Account(account)).await
        }
        RepoCommand::Revoke { pattern, account } => {
            let namespace = grant::namespace(&pattern).to_owned();
            grant::take(client, &namespace, Subject::Account(account), pattern).await
        }
        RepoCommand::Grants { namespace, account, form } => {
            grant::list(client, &namespace, Subject::Account(account), &form).await
        }
        RepoCommand::Immutable(ImmutableCommand::Add(Rule { repositories, tags })) => {
            let body = json!({ "repositories": repositories.as_str(), "tags": tags.as_str() });
            client.put(immutable(grant::namespace(&repositories)), Some(body)).await?;
            done(&format!("tags {tags} of {repositories} do not move"))
        }
        RepoCommand::Immutable(ImmutableCommand::Remove(Rule { repositories, tags })) => {
            let rules = immutable(grant::namespace(&repositories));
            client.delete(rules.query("repositories", &repositories).query("tags", &tags)).await?;
            done(&format!("tags {tags} of {repositories} can be moved"))
        }
        RepoCommand::Immutable(ImmutableCommand::List { namespace, form }) => {
            let rules: Vec<Immutable> = client.list(immutable(&namespace)).await?;
            let row = |rule: Immutable| vec![rule.repositories.into(), rule.tags.into()];
            Listing::new(&["repositories", "tags"], rules.into_iter().map(row)).print(&form)
        }
    }
}

fn total(all: Total, form: &Form) -> anyhow::Result<ExitCode> {
    let columns = &[
        "repositories",
        "manifests",
        "blobs",
        "bytes",
        "counted_bytes",
        "shared_bytes",
        "trash_bytes",
        "unneeded_bytes",
    ];
    let row = vec![
        all.repositories.into(),
        all.manifests.into(),
        all.blobs.into(),
        all.bytes.into(),
        all.counted_bytes.into(),
        all.shared_bytes.into(),
        all.trash_bytes.into(),
        all.unneeded_bytes.into(),
    ];
    Listing::new(columns, [row]).print(form)
}

fn immutable(namespace: &str) -> Route {
    route(["namespaces", namespace, "immutable-tags"])
}

async fn list(client: &Client, namespace: &str, form: &Form) -> anyhow::Result<ExitCode> {
    let repositories: Vec<Repository> = client.list(route(["namespaces", namespace, "repositories"])).await?;
    let row =
        |one: Repository| vec![one.name.into(), one.visibility.into(), one.created_by.into(), one.created_at.into()];
    Listing::new(&["name", "visibility", "created_by", "created_at"], repositories.into_iter().map(row)).print(form)
}
