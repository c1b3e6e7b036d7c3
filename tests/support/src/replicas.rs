//! What deploy/compose has in containers, as processes on loopback: replicas of Entrepot over one PostgreSQL and one S3
//! server, behind nginx.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::process::POLL;
use crate::servers::{Nginx, SeaweedFs};
use crate::{Entrepot, FaultProxy, Port, Postgres, Start, entrepot_binary};

/// How long a replica may take to end.
const PATIENCE: Duration = Duration::from_secs(40);

/// Several replicas and what they stand on. All of it ends when this is dropped.
#[derive(Debug)]
pub struct Replicas {
    // Dropped in this order: who asks goes before whom it asks.
    nginx: Nginx,
    replicas: Vec<Replica>,
    postgres: Postgres,
    store: SeaweedFs,
    _directory: TempDir,
}

/// One `entrepot serve`, always on the same port.
#[derive(Debug)]
pub struct Replica {
    server: Option<Entrepot>,
    port: Port,
    to_database: FaultProxy,
    binary: PathBuf,
    directory: PathBuf,
    settings: Vec<(String, String)>,
}

impl Replicas {
    /// Starts everything, with `settings` as environment variables of each replica. `None`, and a word about it, if a server
    /// is not installed; in CI that is a failure.
    ///
    /// # Errors
    /// Something does not start; the message has its output.
    pub fn start(count: usize, settings: &[(&str, &str)]) -> Result<Option<Self>> {
        let binary = entrepot_binary()?;
        let (Some(postgres), Some(store)) = (Postgres::start()?, SeaweedFs::start()?) else { return Ok(None) };
        let directory = tempfile::Builder::new().prefix("entrepot-replicas-").tempdir()?;
        let database = postgres.database()?;
        let place = SocketAddr::from(([127, 0, 0, 1], postgres.port()));
        let mut replicas = Vec::new();
        for number in 1..=count {
            let own = directory.path().join(format!("replica-{number}"));
            fs::create_dir(&own)?;
            let to_database = FaultProxy::start(place)?;
            let url = database.replace(&place.to_string(), &to_database.address().to_string());
            let mut all = store.bucket().settings("registry");
            all.push(("ENTREPOT_DATABASE_URL".to_owned(), url));
            all.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let binary = binary.clone();
            let mut replica =
                Replica { server: None, port: Port::claim()?, to_database, binary, directory: own, settings: all };
            replica.start()?;
            replicas.push(replica);
        }
        let addresses: Vec<_> = replicas.iter().map(Replica::address).collect();
        let Some(nginx) = Nginx::start(&addresses)? else { return Ok(None) };
        Ok(Some(Self { nginx, replicas, postgres, store, _directory: directory }))
    }

    /// Three that the tests of this process share, as long as one of them holds them. Only for tests that leave them alone.
    ///
    /// # Errors
    /// As [`Replicas::start`].
    pub fn shared() -> Result<Option<Arc<Self>>> {
        static SHARED: Mutex<Weak<Replicas>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(Some(running));
        }
        let Some(started) = Self::start(3, &[])?.map(Arc::new) else { return Ok(None) };
        *shared = Arc::downgrade(&started);
        Ok(Some(started))
    }

    /// Where nginx listens.
    pub fn address(&self) -> SocketAddr {
        self.nginx.address()
    }

    /// The replicas.
    pub fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The replicas, to stop and start them.
    pub fn replicas_mut(&mut self) -> &mut [Replica] {
        &mut self.replicas
    }

    /// Their database server.
    pub fn postgres(&mut self) -> &mut Postgres {
        &mut self.postgres
    }

    /// Their object store.
    pub fn store(&self) -> &SeaweedFs {
        &self.store
    }
}

impl Replica {
    /// Where it listens, when it runs.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// The way from it to PostgreSQL, which no other replica takes.
    pub fn to_database(&self) -> &FaultProxy {
        &self.to_database
    }

    /// Where it would put its data if it kept any on the disk.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// What it has logged since it was last started.
    pub fn log(&self) -> String {
        let log = fs::read(self.directory.join("entrepot.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Starts it, after [`Replica::stop`] on the same port as before.
    ///
    /// # Errors
    /// It runs, or does not start.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "the replica runs");
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let start = Start { binary: &self.binary, directory: &self.directory, settings: &settings, tls: None };
        self.server = Some(Entrepot::start_at(self.port.address(), &start)?);
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// It does not run, or does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        let mut server = self.server.take().context("the replica does not run")?;
        let process = server.process();
        process.signal(Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = process.ended()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "the replica does not end; its output:\n{}", process.output());
            thread::sleep(POLL);
        }
    }
}
