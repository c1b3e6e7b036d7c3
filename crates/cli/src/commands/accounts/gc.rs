//! `entrepot gc`: collecting garbage now, what that would do, and why something is kept.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use entrepot_client::{Client, route};
use entrepot_oci::{Digest, RepositoryName};
use serde::Deserialize;

use super::listing::Listing;
use super::{Form, Place, done, run};

pub(crate) const EXAMPLES: &str = "\
Examples:
  What would go now, and why?
    entrepot gc --dry-run --server https://registry.acme.example

  Why is this still there, in one repository or in any?
    entrepot gc explain sha256:… acme/app --server https://registry.acme.example
    entrepot gc explain sha256:… --server https://registry.acme.example";

/// Collecting garbage.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GcArguments {
    /// Only say what would be done, and why
    #[arg(long)]
    dry_run: bool,
    /// Form
    #[command(flatten)]
    form: Form,
    /// What else
    #[command(subcommand)]
    command: Option<GcCommand>,
    /// Which registry
    #[command(flatten)]
    place: Place,
}

/// What else can be asked of the collection.
#[derive(Debug, Subcommand)]
pub(crate) enum GcCommand {
    /// Say why a blob or a manifest is kept, or when it goes
    Explain {
        /// Of what
        digest: Digest,
        /// In which repository [default: in all that have it, for administrators]
        repository: Option<RepositoryName>,
        /// Form
        #[command(flatten)]
        form: Form,
    },
}

/// What a collection did, or would do, as the API shows it.
#[derive(Deserialize)]
struct Collection {
    steps: Vec<Step>,
    condemned: u64,
    manifests: u64,
    unlinked: u64,
    blobs: u64,
    bytes: u64,
}

/// One thing that it does.
#[derive(Deserialize)]
struct Step {
    what: String,
    repository: Option<String>,
    digest: String,
    bytes: u64,
    reason: String,
}

/// What becomes of something.
#[derive(Deserialize)]
struct Explanation {
    repository: String,
    kind: String,
    fate: String,
    at: Option<String>,
    reason: String,
}

impl GcArguments {
    /// Does it.
    pub(crate) fn run(self) -> ExitCode {
        let Self { dry_run, form, command, place } = self;
        run(&place, async |client| match command {
            Some(GcCommand::Explain { digest, repository, form }) => {
                explain(client, &digest, repository.as_ref(), &form).await
            }
            None if dry_run => client.get::<Collection>(route(["gc"])).await?.print(&form),
            None => match client.make::<Option<Collection>>(route(["gc"]), None).await? {
                Some(collection) => collection.print(&form),
                None => done("there is much to collect, and the registry goes on with it; its log says what it did"),
            },
        })
    }
}

impl Collection {
    fn print(self, form: &Form) -> anyhow::Result<ExitCode> {
        let Self { steps, condemned, manifests, unlinked, blobs, bytes } = self;
        let row = |step: Step| {
            vec![step.what.into(), step.repository.into(), step.digest.into(), step.bytes.into(), step.reason.into()]
        };
        let listing = Listing::new(&["what", "repository", "digest", "bytes", "reason"], steps.into_iter().map(row));
        let printed = listing.print(form)?;
        if !form.json {
            eprintln!(
                "{condemned} condemned, {manifests} manifests removed, {unlinked} blobs unlinked, {blobs} blobs with {bytes} \
                 bytes given back"
            );
        }
        Ok(printed)
    }
}

async fn explain(
    client: &Client,
    digest: &Digest,
    repository: Option<&RepositoryName>,
    form: &Form,
) -> anyhow::Result<ExitCode> {
    let text = digest.to_string();
    let within = repository.into_iter().flat_map(|name| name.as_str().split('/'));
    let asked = route(["gc", "explain", text.as_str()].into_iter().chain(within));
    let explained: Vec<Explanation> = client.list(asked).await?;
    if explained.is_empty() {
        match repository {
            Some(name) => anyhow::bail!("{name} has neither a blob nor a manifest {digest}"),
            None => anyhow::bail!("no repository has a blob or a manifest {digest}"),
        }
    }
    let row = |one: Explanation| {
        vec![one.repository.into(), one.kind.into(), one.fate.into(), one.at.into(), one.reason.into()]
    };
    Listing::new(&["repository", "kind", "fate", "at", "reason"], explained.into_iter().map(row)).print(form)
}
