//! Where bytes and facts are. Bytes: files in the data directory, or an object store. Facts: `entrepot.db` in the data
//! directory, or a PostgreSQL server.
//!
//! Several processes may run over PostgreSQL with an object store. Everything in the data directory has one process: the lock in
//! it says so, and where only the blobs are in it, the list of living processes in the database.

mod directory;
pub(crate) mod restoring;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use entrepot_access::Access;
use entrepot_database::{DEAD_AFTER, Database, Error, Kind, Part, PostgresOptions, Room, State};
use entrepot_identity::provider;
use entrepot_registry::gate::{Gate, Open};
use entrepot_registry::{Options, Registry};
use entrepot_store::{Look, ObjectsConfig, Store};
use uuid::Uuid;

pub(crate) use self::directory::Lock;
use crate::config::Config;

const DATABASE: &str = "entrepot.db";
/// How long a start waits for a PostgreSQL server that is starting too.
const PATIENCE: Duration = Duration::from_secs(30);
/// The tables of every room.
pub(crate) const ROOMS: &[Room] = &[entrepot_registry::ROOM, entrepot_access::ROOM];
/// How often it is tried.
const RETRY: Duration = Duration::from_secs(1);

/// The data of a registry, open.
pub(crate) struct Data {
    /// The core over it.
    pub(crate) registry: Registry,
    /// Who is who, and who may do what.
    pub(crate) access: Access,
    /// Keeps others out of the data directory, where the blob store does not.
    pub(crate) lock: Option<Lock>,
}

/// Opens the data of the registry, making it if there is none.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Data> {
    let directory = &config.data_dir;
    let inside = || format!("cannot use the data directory {}", directory.display());
    let lock = match (&config.objects, config.database.postgres()) {
        (Some(_), None) => Some(directory::lock(directory).with_context(inside)?),
        _ => None,
    };
    let store = match &config.objects {
        Some(objects) => open_objects(objects).await?,
        None => Store::open(directory).with_context(inside)?,
    };
    let database = open_database(config).await?;
    if config.objects.is_none() && database.is_shared() {
        wait_until_alone(&database).await?;
    }
    refuse_unfinished(&database).await?;
    let options = Options {
        sparse: config.registry.sparse_manifests,
        delete: config.registry.delete,
        max_blob_bytes: config.limits.max_blob_bytes.0.map(|size| size.0),
        expire_uploads_after: config.uploads.expire_after,
        grace: config.gc.grace,
        untagged_after: config.gc.untagged_after.0,
        trash_for: config.gc.trash_for,
        history_for: config.gc.history_for,
    };
    let access = access_over(config, database.clone())?;
    let registry = Registry::new(options, store, database);
    registry.check_store().await?;
    registry.keep_frozen(entrepot_access::frozen_tags);
    adopt(&access, &registry).await?;
    Ok(Data { registry, access, lock })
}

/// Opens who is who alone, for commands beside a registry that may be running: it holds the store, and shares the database.
pub(crate) async fn open_access(config: &Config) -> anyhow::Result<Access> {
    if config.database.postgres().is_none() {
        let directory = &config.data_dir;
        directory::make(directory).with_context(|| format!("cannot use the data directory {}", directory.display()))?;
    }
    let database = open_database(config).await?;
    refuse_unfinished(&database).await?;
    access_over(config, database)
}

fn access_over(config: &Config, database: Database) -> anyhow::Result<Access> {
    let providers = provider::Client::trusting(config.oidc.ca_file.as_deref());
    let providers = providers.map_err(|why| anyhow::anyhow!("cannot use oidc.ca_file: {why}"))?;
    let options = entrepot_access::Options {
        anonymous: config.access.into(),
        directory: config.directory.clone(),
        providers: Some(providers),
        login_providers: config.login_providers.clone(),
        mailer: config.mailer.clone(),
        public_url: config.http.public_url.clone(),
        sign_up: config.sign_up.clone(),
        rates: entrepot_access::Rates {
            anonymous_pulls: config.rate.pulls_anonymous.0,
            account_pulls: config.rate.pulls_account.0,
            token_pulls: config.rate.pulls_token.0,
            requests: config.rate.requests_address.0,
        },
    };
    Ok(Access::new(options, database)?)
}

/// Whether a process holds the data directory, and so alone may change what is in it.
pub(crate) fn is_in_use(config: &Config) -> anyhow::Result<bool> {
    directory::is_locked(&config.data_dir)
}

/// Looks at the store alone, beside a registry that may be running.
pub(crate) async fn look(config: &Config) -> Result<Look, entrepot_store::Error> {
    match &config.objects {
        Some(objects) => Look::objects(objects.clone()).await,
        None => Look::disk(&config.data_dir),
    }
}

/// Opens the database alone, likewise.
pub(crate) async fn open_database(config: &Config) -> anyhow::Result<Database> {
    let directory = &config.data_dir;
    restoring::refuse_unfinished(directory)?;
    let Some(options) = config.database.postgres() else {
        return Database::open(&file(directory), ROOMS)
            .with_context(|| format!("cannot use the data directory {}", directory.display()));
    };
    let place = options.url.to_string();
    let database = connect(options).await.with_context(|| format!("cannot use the database {place}"))?;
    if config.objects.is_none() {
        refuse_second(directory, &database).await?;
    }
    Ok(database)
}

/// Lets the rules know of the repositories that were there before them.
async fn adopt(access: &Access, registry: &Registry) -> anyhow::Result<()> {
    // Whoever runs this has the data itself.
    let gate = Gate::new(Open);
    let grant = gate.authorize_catalog(&())?;
    let names = |last| {
        let page = registry.list_repositories(&grant, last, None);
        async move { Ok::<_, anyhow::Error>(page.await?.entries) }
    };
    match access.adopt(names).await {
        Err(error) if is_read_only(&error) => {
            tracing::warn!("writes are stopped: repositories from before there were accounts are not public yet");
            Ok(())
        }
        adopted => adopted.context("cannot take the repositories over"),
    }
}

fn is_read_only(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(entrepot_access::Error::Database(error)) if error.kind() == Kind::ReadOnly)
}

/// Opens an object store; nothing is asked of it yet.
pub(crate) async fn open_objects(objects: &ObjectsConfig) -> anyhow::Result<Store> {
    Store::objects(objects.clone(), Uuid::now_v7()).await.context("cannot use the object store")
}

/// Blobs that the facts of one database name are strays to another, and the purge would remove them. A SQLite database beside
/// `database.url` may only be one that was moved there.
async fn refuse_second(directory: &Path, database: &Database) -> anyhow::Result<()> {
    let file = file(directory);
    ensure!(
        !file.exists() || database.succeeds(&file).await?,
        "there is a SQLite database, {}, and database.url names another: only one can know what is in the blob store; move \
         the data with entrepot database move, or the file away if nothing in it is needed",
        file.display()
    );
    Ok(())
}

/// What is not there yet would be answered with 404.
async fn refuse_unfinished(database: &Database) -> anyhow::Result<()> {
    match database.moved().await? {
        Some(moved) if moved.part == Part::To && moved.state != State::Done => anyhow::bail!(
            "the database is the unfinished target of a move from {}: finish that with `entrepot database move`, or give it up \
             with --cancel",
            moved.peer
        ),
        _ => Ok(()),
    }
}

/// The SQLite database of a data directory.
pub(crate) fn file(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

async fn connect(options: PostgresOptions) -> Result<Database, Error> {
    let start = Instant::now();
    loop {
        match Database::connect(options.clone(), ROOMS).await {
            Err(error) if error.kind() == Kind::Unavailable && start.elapsed() < PATIENCE => {
                tracing::warn!(%error, "waiting for the database");
                tokio::time::sleep(RETRY).await;
            }
            opened => return opened,
        }
    }
}

/// Waits until no other process is over this database, as its blobs would not be on our disk. One that was killed is among the
/// living for a while.
async fn wait_until_alone(database: &Database) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        database.remove_silent_replicas(DEAD_AFTER).await?;
        if database.replicas().await?.is_empty() {
            return Ok(());
        }
        ensure!(
            start.elapsed() < DEAD_AFTER + 2 * RETRY,
            "another process uses this database, and blobs are on the local disk (store.backend = \"disk\"), where the two could \
             not see each other's: stop that one, or keep blobs in an object store"
        );
        tracing::warn!("waiting until the process is gone that used this database before");
        tokio::time::sleep(RETRY).await;
    }
}
