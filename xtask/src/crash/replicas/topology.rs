//! What is under test: replicas over one PostgreSQL and one bucket, with a line from each replica to each of the two that can
//! fail.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use entrepot_test_support::servers::{S3Bucket, SeaweedFs, VersityGw};
use entrepot_test_support::{Fault, FaultProxy, Port, Postgres};

use super::super::http::{Client, Request};
use super::super::server::{self, Death, Program, Server, Started};
use super::super::trouble::wrong;
use super::faults::Backend;

/// How long replicas may take to serve again once all is well.
pub(in super::super) const RECOVERY: Duration = Duration::from_secs(60);
/// How long until whatever the database was told before is done.
const SETTLING: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(25);

/// Which S3 server keeps the bytes.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum StoreServer {
    /// SeaweedFS
    Seaweedfs,
    /// versitygw
    Versitygw,
}

/// The servers that replicas share. They run for as long as the campaign.
#[derive(Debug)]
pub(in super::super) struct Backends {
    pub(in super::super) postgres: Postgres,
    frozen: bool,
    store: Store,
}

#[derive(Debug)]
enum Store {
    Seaweedfs(SeaweedFs),
    Versitygw(VersityGw),
}

impl Backends {
    /// Starts both.
    ///
    /// # Errors
    /// One is not installed, or does not start.
    pub(in super::super) fn start(store: StoreServer) -> Result<Self> {
        let postgres = Postgres::start()?.context("PostgreSQL is needed")?;
        let store = match store {
            StoreServer::Seaweedfs => Store::Seaweedfs(SeaweedFs::start()?.context("SeaweedFS is needed")?),
            StoreServer::Versitygw => Store::Versitygw(VersityGw::start()?.context("versitygw is needed")?),
        };
        Ok(Self { postgres, frozen: false, store })
    }

    /// Lets PostgreSQL stand still, or go on.
    pub(super) fn freeze(&mut self, frozen: bool) -> Result<()> {
        self.frozen = frozen;
        self.postgres.freeze(frozen)
    }

    /// Whether a replica that starts now would have to wait for PostgreSQL.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen
    }

    fn store_address(&self) -> SocketAddr {
        match &self.store {
            Store::Seaweedfs(server) => server.address(),
            Store::Versitygw(server) => server.address(),
        }
    }

    /// The bucket, without a fault on the way.
    pub(in super::super) fn bucket(&self) -> &S3Bucket {
        match &self.store {
            Store::Seaweedfs(server) => server.bucket(),
            Store::Versitygw(server) => server.bucket(),
        }
    }
}

/// The replicas of one registry.
#[derive(Debug)]
pub(in super::super) struct Topology {
    pub(in super::super) replicas: Vec<Replica>,
    /// The program for what an operator does beside the replicas.
    pub(in super::super) operator: Program,
    /// The name of the database.
    pub(in super::super) database: String,
    /// What the keys of all objects begin with.
    pub(in super::super) prefix: String,
    pub(in super::super) directory: PathBuf,
}

/// One replica and its lines.
#[derive(Debug)]
pub(in super::super) struct Replica {
    pub(in super::super) program: Program,
    server: Option<Server>,
    port: Port,
    to_database: Line,
    to_store: Line,
    /// It may die of itself at a fail point.
    pub(in super::super) armed: bool,
}

/// The way from a replica to one of the two.
#[derive(Debug)]
struct Line {
    proxy: FaultProxy,
    fault: Fault,
}

impl Line {
    fn to(address: SocketAddr) -> Result<Self> {
        Ok(Self { proxy: FaultProxy::start(address)?, fault: Fault::None })
    }
}

impl Topology {
    /// An empty registry with so many replicas, none of which runs yet. Logs go into `directory`, and `more` are settings of all.
    pub(in super::super) fn new(
        program: &Path,
        directory: PathBuf,
        prefix: String,
        backends: &Backends,
        count: usize,
        more: &[(String, String)],
    ) -> Result<Self> {
        let url = backends.postgres.database()?;
        let (_, database) = url.rsplit_once('/').context("the database's URL has no name")?;
        let database = database.split('?').next().unwrap_or_default().to_owned();
        let settings = |database: String, bucket: &S3Bucket| {
            let mut settings = bucket.settings(&prefix);
            settings.push(("ENTREPOT_DATABASE_URL".to_owned(), database));
            settings.extend_from_slice(more);
            settings
        };
        let at = SocketAddr::from(([127, 0, 0, 1], backends.postgres.port()));
        let mut replicas = Vec::new();
        for number in 0..count {
            let own = directory.join(format!("replica-{number}"));
            server::fresh(&own)?;
            let (to_database, to_store) = (Line::to(at)?, Line::to(backends.store_address())?);
            let port = Port::claim()?;
            let through = url.replace(&at.to_string(), &to_database.proxy.address().to_string());
            let settings = settings(through, &backends.bucket().through(to_store.proxy.address()));
            let program = Program::new(program.to_owned(), &own).at(port.address()).with(settings);
            replicas.push(Replica { program, server: None, port, to_database, to_store, armed: false });
        }
        let own = directory.join("operator");
        server::fresh(&own)?;
        let operator = Program::new(program.to_owned(), &own).with(settings(url, backends.bucket()));
        Ok(Self { replicas, operator, database, prefix, directory })
    }

    /// Where the replicas listen.
    pub(in super::super) fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas.iter().map(|replica| replica.port.address()).collect()
    }

    /// What all replicas have logged.
    pub(in super::super) fn log(&self) -> Result<String> {
        self.replicas.iter().map(|replica| replica.program.said()).collect()
    }

    /// Waits until every replica says that it is ready, and until the database has done all that it was told. Returns how
    /// long that took.
    pub(in super::super) fn recover(&self, postgres: &Postgres) -> Result<Duration> {
        let start = Instant::now();
        for (number, replica) in self.replicas.iter().enumerate() {
            while let Err(reason) = replica.ready() {
                if start.elapsed() > RECOVERY {
                    let what = format!("replica {number} is not ready {RECOVERY:?} after all is well: {reason}");
                    return Ok(wrong(what)?);
                }
                std::thread::sleep(PAUSE);
            }
        }
        let took = start.elapsed();
        self.settle(postgres)?;
        Ok(took)
    }

    /// Lets it look as if the database had not heard of any replica for a minute.
    pub(super) fn grow_old(&self, postgres: &Postgres) -> Result<()> {
        self.age(postgres, "true")
    }

    /// The same for those that have not been heard of for longer than the living ever are silent, or for all if none lives.
    pub(in super::super) fn grow_old_dead(&self, postgres: &Postgres, some_live: bool) -> Result<()> {
        let silent = "seen_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 8000000";
        self.age(postgres, if some_live { silent } else { "true" })
    }

    /// Lets every job be taken over at once, as if its lease had lasted out. Who held it and lives finds out later.
    pub(in super::super) fn end_leases(&self, postgres: &Postgres) -> Result<()> {
        postgres.sql(&self.database, "UPDATE jobs SET lease_until = 0").map(|_| ())
    }

    fn age(&self, postgres: &Postgres, which: &str) -> Result<()> {
        let statement = format!("UPDATE replicas SET seen_at = seen_at - 60000000 WHERE {which}");
        postgres.sql(&self.database, &statement).map(|_| ())
    }

    /// Waits until no statement and no transaction is under way.
    pub(in super::super) fn settle(&self, postgres: &Postgres) -> Result<()> {
        let start = Instant::now();
        let mut calm = 0;
        while calm < 2 {
            let busy = postgres.sql(
                &self.database,
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' \
                 AND pid <> pg_backend_pid()",
            )?;
            calm = if busy == "0" { calm + 1 } else { 0 };
            if start.elapsed() > SETTLING {
                bail!("the database is never idle");
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

impl Replica {
    /// Starts it; `fail` is what `FAILPOINTS` shall be. `Some`: it died while it started.
    pub(in super::super) fn start(&mut self, fail: Option<&str>) -> Result<Option<Death>> {
        self.armed = fail.is_some();
        match self.program.serve(fail)? {
            Started::Ready(server) => {
                self.server = Some(server);
                Ok(None)
            }
            Started::Died(death) => Ok(Some(death)),
        }
    }

    pub(in super::super) fn runs(&self) -> bool {
        self.server.is_some()
    }

    /// Whether nothing is between it and its database and store that would keep it from starting.
    pub(super) fn is_reachable(&self) -> bool {
        self.to_database.fault == Fault::None && self.to_store.fault == Fault::None
    }

    /// Changes what is wrong with one of its lines.
    pub(super) fn set_line(&mut self, to: Backend, fault: Fault) {
        let line = match to {
            Backend::Database => &mut self.to_database,
            Backend::Store => &mut self.to_store,
        };
        line.fault = fault;
        line.proxy.set(fault);
    }

    /// Its death, if it died by itself since this was asked last.
    pub(in super::super) fn died(&mut self) -> Result<Option<Death>> {
        let death = match &mut self.server {
            Some(server) => server.died()?,
            None => None,
        };
        if death.is_some() {
            self.server = None;
        }
        Ok(death)
    }

    /// `kill -9`, if it runs.
    pub(in super::super) fn kill(&mut self) -> Result<Option<Death>> {
        self.server.take().map(Server::kill).transpose()
    }

    /// SIGTERM, if it runs, and waits for its end.
    pub(in super::super) fn stop(&mut self) -> Result<Option<Death>> {
        self.server.take().map(Server::stop).transpose()
    }

    /// Whether it says that it can serve.
    fn ready(&self) -> Result<(), String> {
        match Client::new(self.port.address()).send(&Request::new("GET", "/readyz")) {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(answer.describe()),
            Err(error) => Err(error.to_string()),
        }
    }
}
