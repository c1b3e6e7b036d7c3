//! `entrepot import`: takes over what another registry has.

mod options;
mod progress;
mod summary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use entrepot_import::{Distribution, Import, Login, OciLayout, Source, Summary, Translated, Upstream, UpstreamAddress};
use entrepot_oci::RepositoryName;
use entrepot_store::Bucket;

use self::options::ImportOptions;
use self::progress::Progress;
use crate::commands;
use crate::commands::accounts::password;
use crate::config::{Config, Flags};
use crate::data::{self, Data};

pub(crate) const EXAMPLES: &str = "\
Examples:
  See what would be taken over from registry:2, whose data is in a directory:
    entrepot import distribution --from /var/lib/registry --dry-run

  Take it over, while that registry goes on serving; then stop it, and run the same command once more:
    entrepot import distribution --from /var/lib/registry

  See what its configuration means here:
    entrepot import distribution-config /etc/docker/registry/config.yml

  Take over what zot has:
    entrepot import oci-layout /var/lib/zot

Exit status: 0 if everything that the old registry shows is here, 1 if something was left out, which is then named.";

/// The flag that names the file with the old store.
const FROM_STORE: &str = "from-store";

/// Where to import from.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// From registry:2 or distribution 3
    ///
    /// Files become blobs where they lie, by a second name for them, if they are on the file system of the data directory; otherwise
    /// they are copied. Each is read and compared with its digest. Nothing of the old registry is changed, and it may go on serving.
    /// What is here already is not read again, so an import that was interrupted, however it was, goes on with the same
    /// command, and one more run brings what was pushed to the old registry meanwhile.
    ///
    /// The registry here has to be stopped, unless it is over PostgreSQL and an object store.
    Distribution(DistributionArguments),
    /// From OCI image layouts: one, or a directory of them as zot has it
    ///
    /// As from distribution: files become blobs where they lie, and what is here already is not read again.
    OciLayout(OciLayoutArguments),
    /// Say in TOML what the configuration of registry:2 or distribution 3 means here, and what of it means nothing
    ///
    /// It may contain secrets, as that does. Settings that its process got from variables (REGISTRY_...) are not in the file.
    DistributionConfig {
        /// Its configuration: config.yml
        file: PathBuf,
        /// Only where its data is, for --from-store of `import distribution`
        #[arg(long)]
        store: bool,
    },
}

/// What to import from distribution, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct DistributionArguments {
    /// The old registry's data: the directory that it calls rootdirectory. Or its address while it runs, which then is asked for
    /// everything: http://old:5000
    #[arg(long, value_name = "DIR|URL", required_unless_present = "from_store", conflicts_with = "from_store")]
    from: Option<String>,
    /// Its bucket: a file with [store] and the section that this names, as in the configuration here, whose prefix is its
    /// rootdirectory
    #[arg(long = FROM_STORE, value_name = "FILE")]
    from_store: Option<PathBuf>,
    /// As whom to ask a registry that runs
    #[command(flatten)]
    visitor: Visitor,
    /// How
    #[command(flatten)]
    options: ImportOptions,
    /// Settings
    #[command(flatten)]
    flags: Flags,
}

/// As whom a registry that runs is asked.
#[derive(Debug, clap::Args)]
struct Visitor {
    /// With a URL: as whom to ask
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// File with the password or token
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// PEM file with the certificates that its own may be signed with [default: those that the system trusts]
    #[arg(long, value_name = "FILE")]
    from_ca_file: Option<PathBuf>,
}

/// Which layouts to import, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct OciLayoutArguments {
    /// The directory of a layout, or one with layouts in it, each a repository of that name
    directory: PathBuf,
    /// Which repository the one layout shall be
    #[arg(long = "as", value_name = "NAME")]
    name: Option<RepositoryName>,
    /// How
    #[command(flatten)]
    options: ImportOptions,
    /// Settings
    #[command(flatten)]
    flags: Flags,
}

/// Imports.
pub(crate) fn run(command: &ImportCommand) -> ExitCode {
    match command {
        ImportCommand::Distribution(DistributionArguments { from, from_store, visitor, options, flags }) => {
            let store = match from_store.as_deref().map(|file| Config::of_file(file, FROM_STORE)).transpose() {
                Ok(store) => store,
                Err(mistakes) => return commands::config::refuse(&mistakes),
            };
            with_config(flags, async |config| match (from, store) {
                (_, Some(store)) => import(Distribution::in_bucket(bucket(store).await?).await?, options, config).await,
                (Some(from), None) if is_url(from) => import(upstream(from, visitor).await?, options, config).await,
                (Some(from), None) => import(Distribution::in_directory(Path::new(from)).await?, options, config).await,
                (None, None) => anyhow::bail!("say where from: --from or --{FROM_STORE}"),
            })
        }
        ImportCommand::OciLayout(OciLayoutArguments { directory, name, options, flags }) => {
            with_config(flags, async |config| {
                import(OciLayout::in_directory(directory, name.clone()).await?, options, config).await
            })
        }
        ImportCommand::DistributionConfig { file, store } => match translated(file, *store) {
            Ok(text) => commands::print(&text),
            Err(error) => commands::conclude(Err(error)),
        },
    }
}

fn is_url(from: &str) -> bool {
    from.starts_with("http://") || from.starts_with("https://")
}

/// The registry that runs at an address.
async fn upstream(from: &str, visitor: &Visitor) -> anyhow::Result<Upstream> {
    let address = from.parse::<UpstreamAddress>().context("--from")?;
    let login = match (&visitor.username, &visitor.password_file) {
        (Some(name), Some(file)) => Some(Login::new(name.clone(), password::of_file(file)?)),
        _ => None,
    };
    Ok(Upstream::at(address, login, visitor.from_ca_file.as_deref()).await?)
}

/// The bucket that a configuration names.
async fn bucket(config: Config) -> anyhow::Result<Bucket> {
    let objects =
        config.objects.with_context(|| format!("the file of --{FROM_STORE} names no bucket (store.backend)"))?;
    Ok(Bucket::open(objects).await?)
}

fn translated(file: &Path, store: bool) -> anyhow::Result<String> {
    let place = || format!("cannot use {}", file.display());
    let text = fs::read_to_string(file).with_context(place)?;
    let translated = Translated::of(&text).with_context(place)?;
    match store {
        true => translated.store().with_context(|| format!("{} names no bucket", file.display())),
        false => Ok(translated.to_string()),
    }
}

/// Runs `work` until it is done or the process is asked to end.
fn with_config(flags: &Flags, work: impl AsyncFnOnce(&Config) -> anyhow::Result<Summary>) -> ExitCode {
    commands::configured(flags, |config| {
        let afterwards = "what was imported stays, and the same command goes on with it";
        match commands::until_interrupted(afterwards, work(&config)) {
            Ok(summary) if summary.is_complete() => ExitCode::SUCCESS,
            Ok(_) => ExitCode::FAILURE,
            Err(error) => commands::conclude(Err(error)),
        }
    })
}

async fn import<S: Source>(source: S, options: &ImportOptions, config: &Config) -> anyhow::Result<Summary> {
    let Data { registry, access, lock } = data::open(config).await?;
    registry.join().await?;
    let stay = tokio::spawn({
        let registry = registry.clone();
        async move { registry.stay().await }
    });
    let import = Import::new(source, registry.clone(), access.clone(), options.meant(config));
    let mut progress = Progress::of(import.progress());
    let done = tokio::select! {
        done = import.run() => done,
        () = progress.show() => std::future::pending().await,
    };
    progress.end();
    stay.abort();
    access.finish().await;
    registry.leave().await?;
    drop(lock);
    let summary = done?;
    summary::print(&summary, options);
    Ok(summary)
}
