//! The way to a server: TCP, TLS, and a bound on what comes back.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::failure::{Failure, Step};
use super::message;
use super::server::{Security, Server};

/// What a whole conversation may answer: room for ten thousands of groups.
const MAX_ANSWERS: usize = 16 << 20;

/// A connection to a server, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// TLS that trusts the authorities in `ca_file`, else those of the system.
///
/// # Errors
/// There are none; the sentence says where.
pub(super) fn tls(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut roots, path).map_err(|why| format!("{}: {why}", path.display()))?,
        None => {
            // Some may be of no use to us; a server that needs one of those is refused then, with the reason.
            let _counts = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(
            "the system trusts no authority: install ca-certificates, or name a file of certificates".to_owned()
        );
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() { Err("it has no certificate".to_owned()) } else { Ok(()) }
}

/// Connects, and has TLS begin if the server is to be spoken to so. `tls` is there then.
///
/// # Errors
/// It cannot be reached or is not who it should be, or it was not done by the deadline.
pub(super) async fn connect(
    server: &Server,
    tls: Option<&TlsConnector>,
    deadline: Instant,
) -> Result<Box<dyn Stream>, Failure> {
    let tcp = timeout_at(deadline, reach(server, deadline)).await;
    let tcp = tcp.map_err(|_| server.failure(Step::Connect, "it cannot be reached in time"))?;
    let tcp = tcp.map_err(|error| server.failure(Step::Connect, error.to_string()))?;
    if server.security() == Security::Plain {
        return Ok(Box::new(tcp));
    }
    let refused = |why: &str| server.failure(Step::Tls, why);
    let tls = tls.ok_or_else(|| refused("there is no authority to trust"))?;
    match timeout_at(deadline, encrypt(server, tls, tcp)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(refused(&error.to_string())),
        Err(_) => Err(refused("it does not answer in time")),
    }
}

/// The first of its addresses that answers. Each gets its share of the time, so that one that is dead does not use up all.
async fn reach(server: &Server, deadline: Instant) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host(server.address()).await?.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::Error::new(io::ErrorKind::TimedOut, "it cannot be reached in time"),
        }
    }
    Err(last)
}

async fn encrypt(server: &Server, tls: &TlsConnector, mut tcp: TcpStream) -> io::Result<Box<dyn Stream>> {
    if server.security() == Security::StartTls {
        tcp.write_all(message::START_TLS).await?;
        // Not a byte more than the answer is read: what somebody may have put behind it is not taken for the server's.
        let answer = message::read(&mut tcp).await?;
        let answer = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        message::start_tls_agreed(&answer).map_err(io::Error::other)?;
    }
    Ok(Box::new(tls.connect(server.name(), tcp).await?))
}

/// Why a relay ended, for whoever only sees that the connection is gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Reason(Arc<OnceLock<String>>);

impl Reason {
    /// The reason, if there is one.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Has a task pass on what is sent and answered, and gives our end of it. It lets only messages through that
/// [`message::read`] has looked at, and ends when one of both sides does, or at the deadline.
///
/// # Errors
/// There are too many open files.
pub(super) fn relay(server: Box<dyn Stream>, deadline: Instant) -> io::Result<(StdUnixStream, Reason)> {
    let (ours, theirs) = UnixStream::pair()?;
    let reason = Reason::default();
    let told = reason.clone();
    tokio::spawn(async move {
        if let Ok(Err(error)) = timeout_at(deadline, pass_on(server, theirs, &told)).await {
            tracing::debug!(%error, "a connection to the company directory broke");
        }
    });
    Ok((ours.into_std()?, reason))
}

async fn pass_on(server: Box<dyn Stream>, us: UnixStream, reason: &Reason) -> io::Result<()> {
    let (from_server, mut to_server) = tokio::io::split(server);
    let (mut from_us, mut to_us) = us.into_split();
    let answers = async {
        let mut from_server = BufReader::new(from_server);
        let mut left = MAX_ANSWERS;
        while let Some(message) = message::read(&mut from_server).await? {
            let bounded = left.checked_sub(message.len());
            left = bounded.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it answers without an end"))?;
            to_us.write_all(&message).await?;
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it closed the connection"))
    };
    let questions = async {
        tokio::io::copy(&mut from_us, &mut to_server).await?;
        to_server.shutdown().await
    };
    tokio::select! {
        ended = answers => {
            let ended: io::Result<()> = ended;
            // Said before our end of it is closed, so that who sees that can ask why.
            if let Err(error) = &ended {
                reason.0.get_or_init(|| error.to_string());
            }
            ended
        }
        ended = questions => ended,
    }
}
