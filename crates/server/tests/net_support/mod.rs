//! A small service on a real socket, and clients for it.

mod certificate;
mod client;
mod service;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use entrepot_server::net::{Counters, DrainReport, Limits, Listener, TlsReloader, serve};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use certificate::Certificate;
pub(crate) use client::Client;

/// A running server, stopped when dropped.
pub(crate) struct Running {
    address: SocketAddr,
    counters: Arc<Counters>,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<DrainReport>>,
}

impl Running {
    pub(crate) fn new(listener: Listener, limits: Limits, tls: Option<TlsReloader>, file: Option<&Path>) -> Self {
        let address = listener.addresses()[0];
        let counters = Arc::<Counters>::default();
        let (stop, stopped) = oneshot::channel();
        let service = service::Service::new(file.map(|path| File::open(path).unwrap()));
        let shutdown = async { stopped.await.unwrap_or(()) };
        let task = tokio::spawn(serve(listener, tls, limits, counters.clone(), service, shutdown));
        Self { address, counters, stop: Some(stop), task: Some(task) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Asks the server to stop; what is returned ends with it.
    pub(crate) fn shut_down(&mut self) -> JoinHandle<DrainReport> {
        self.stop.take().unwrap().send(()).unwrap();
        self.task.take().unwrap()
    }
}

/// A server without a file.
pub(crate) async fn start(limits: Limits, tls: Option<TlsReloader>) -> Running {
    start_with(limits, tls, None).await
}

/// A server that has `file` to send.
pub(crate) async fn start_with(limits: Limits, tls: Option<TlsReloader>, file: Option<&Path>) -> Running {
    Running::new(Listener::bind("127.0.0.1:0").await.unwrap(), limits, tls, file)
}

/// A GET request in HTTP/1.1.
pub(crate) fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: registry.acme.test\r\n\r\n").into_bytes()
}

/// Reads one response with a Content-Length.
pub(crate) async fn read_response(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, body)
}

/// `length` bytes from `first` on of an endless sequence in which a shift by any power of two shows.
pub(crate) fn pattern(first: u64, length: u64) -> Vec<u8> {
    (first..first + length).map(|place| (place % 251) as u8).collect()
}

/// A file that holds the first `length` bytes of the pattern.
pub(crate) fn temporary_file(length: u64) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&pattern(0, length)).unwrap();
    // Only clean pages can be dropped from the cache later.
    file.as_file().sync_all().unwrap();
    file
}

/// Takes a file out of the page cache, as far as the kernel is willing.
pub(crate) fn forget_cached(file: &File) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
}
