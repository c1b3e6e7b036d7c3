//! The whole of an import.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::available_parallelism;

use entrepot_access::{Access, Caller, Pattern};
use entrepot_oci::{Digest, RepositoryName};
use entrepot_registry::Registry;
use entrepot_registry::gate::Gate;
use entrepot_store::Sharing;
use futures_util::{StreamExt, TryStreamExt, stream};
use nix::unistd::Uid;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::blobs::Once;
use crate::source::Source;
use crate::{Error, Progress, Summary};

/// Repositories that are worked on at once: commits are shared by those who wait for them.
const REPOSITORIES_AT_ONCE: usize = 4;

/// How to import.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only repositories whose name in the old registry matches.
    pub only: Option<Pattern>,
    /// What comes before that name here, with a slash between.
    pub into: Option<RepositoryName>,
    /// Whether everybody may see repositories that are new here.
    pub public: bool,
    /// Whether tags go that are here and not there.
    pub delete: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether files of the old registry may be blobs here.
    pub sharing: Sharing,
    /// Largest manifest in bytes.
    pub max_manifest_bytes: u64,
}

/// An import from `S` into a registry.
pub struct Import<S> {
    pub(crate) source: S,
    pub(crate) registry: Registry,
    pub(crate) gate: Gate<Access>,
    pub(crate) caller: Caller,
    pub(crate) options: Options,
    pub(crate) progress: Arc<Progress>,
    pub(crate) summary: Mutex<Summary>,
    /// Blobs that somebody is at, and damaged ones: no blob is read twice.
    pub(crate) blobs: Mutex<HashMap<Digest, Once>>,
    /// How many blobs may be read at once.
    pub(crate) readers: Semaphore,
    /// The user that runs this.
    pub(crate) own: u32,
}

impl<S: Source> Import<S> {
    /// An import that has not begun. It acts as the operator.
    pub fn new(source: S, registry: Registry, access: Access, options: Options) -> Self {
        let readers = available_parallelism().map_or(2, |cores| cores.get().max(2));
        Self {
            source,
            registry,
            gate: Gate::new(access),
            caller: Access::operator(),
            options,
            progress: Arc::default(),
            summary: Mutex::default(),
            blobs: Mutex::default(),
            readers: Semaphore::new(readers),
            own: Uid::effective().as_raw(),
        }
    }

    /// How far it is, at any time.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Imports everything that is not here yet, and says what that was. What cannot be imported is in the summary.
    ///
    /// # Errors
    /// The old registry cannot be read at all; this one cannot take anything. What was imported until then stays.
    /// # Cancel safety
    /// Everything that is visible is complete; the next run goes on.
    pub async fn run(&self) -> Result<Summary, Error> {
        let mut names = self.source.repositories().await?;
        if let Some(only) = &self.options.only {
            names.retain(|name| only.matches(name));
        }
        self.progress.begun(names.len());
        let work = stream::iter(&names).map(|name| async move {
            self.repository(name).await?;
            self.progress.repository();
            Ok::<_, Error>(())
        });
        work.buffer_unordered(REPOSITORIES_AT_ONCE).try_collect::<()>().await?;
        let mut summary = self.summary.lock().clone();
        summary.left.sort();
        summary.gone_tags.sort();
        Ok(summary)
    }
}
