//! Making a connection and setting it up.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::Failure;
use super::options::PostgresOptions;
use super::session::Session;
use super::tls;
use crate::{Error, Kind};

/// How long it may take until a host takes a connection.
const HOST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take until a connection can be used, for each host that may have to be tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How much longer than a statement may take its answer is waited for: the server's own complaint is the better one.
const ON_TOP: Duration = Duration::from_secs(1);

/// How every connection plans: each statement once for all values, and along the order of an index, never by gathering many
/// rows and sorting them. So a page of a list costs the same however long the list is, and of a small table no more is read
/// than is looked for: who has read all of it is in the way of everybody who adds to it.
pub const PLANNER: &str =
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off;
    SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off";

/// What every connection is told first besides.
///
/// - A transaction that stands still, and a peer that has vanished, do not hold locks for ever.
/// - `synchronous_commit` may be stricter than `on`, but a commit that is to survive a power cut must at least be synced here.
const SETUP: &str = "SET idle_in_transaction_session_timeout = '30s';
    SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Makes connections.
pub(crate) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    timeout: Duration,
    statement_timeout: Duration,
}

impl Connector {
    /// Reads the certificates that it needs.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, Error> {
        let mut config = options.url.config().clone();
        config.connect_timeout(HOST_TIMEOUT).tcp_user_timeout(options.statement_timeout + ON_TOP);
        config
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        let tls = tls::connector(config.get_ssl_mode(), options.ca_file.as_deref())?;
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
        let timeout = CONNECT_TIMEOUT * u32::try_from(hosts).unwrap_or(1).max(1);
        Ok(Self { config, tls, timeout, statement_timeout: options.statement_timeout })
    }

    /// A connection, set up. Blocks this thread, which must not be one of the async runtime.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if there is no server, [`Kind::Io`] if it does not let us in.
    pub(super) fn connect(&self) -> Result<Session, Error> {
        self.connect_for(self.statement_timeout)
    }

    /// The same, with another time for each statement.
    ///
    /// # Errors
    /// As [`Connector::connect`].
    pub(crate) fn connect_for(&self, statement_timeout: Duration) -> Result<Session, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::new(Kind::Other, "connect", error.to_string()))?;
        match self.reach(&runtime) {
            Ok((client, wire)) => {
                let session = Session::new(runtime, client, wire, statement_timeout + ON_TOP);
                session
                    .batch(&format!("SET statement_timeout = {}; {PLANNER}; {SETUP}", statement_timeout.as_millis()))?;
                Ok(session)
            }
            Err(error) => {
                // A name that is still looked up is not waited for.
                runtime.shutdown_background();
                Err(self.explain(error))
            }
        }
    }

    fn reach(&self, runtime: &Runtime) -> Result<(Client, Connection<Socket, TlsStream>), Failure> {
        let connected =
            runtime.block_on(async { tokio::time::timeout(self.timeout, self.config.connect(self.tls.clone())).await });
        match connected {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(Failure::broken(format!("no connection within {} s", self.timeout.as_secs()))),
        }
    }

    fn explain(&self, failure: Failure) -> Error {
        let mut message = failure.error.message().to_owned();
        if self.config.get_ssl_mode() == SslMode::Prefer && message.contains("TLS") {
            message.push_str(
                "; name the file with the certificate authority in database.ca_file, or add ?sslmode=disable to \
                 database.url if the way to the server is safe without TLS",
            );
        }
        Error::new(failure.error.kind(), "connect to PostgreSQL", message)
    }
}

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
