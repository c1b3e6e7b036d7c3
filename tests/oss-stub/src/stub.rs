//! The server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::bucket::Bucket;
use crate::route;
use crate::signature::Credentials;

/// A running server with one bucket, in threads of this process. Its bytes are in files, and gone when it is dropped.
#[derive(Debug)]
pub struct OssStub {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    _directory: TempDir,
}

/// Where the bucket is, and who may use it.
#[derive(Debug, Clone)]
pub struct OssBucket {
    /// The server's URL, without a path: `http://127.0.0.1:<port>`. The bucket is then the first part of the path. With a
    /// host that has dots and is no address, it is the first label of the host, as with the real service.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// The key's id.
    pub access_key_id: String,
    /// The key.
    pub access_key_secret: String,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) credentials: Credentials,
    pub(crate) bucket: Bucket,
}

impl OssStub {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// There is no port, no thread, or no place for temporary files.
    pub fn start() -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("entrepot-oss-").tempdir()?;
        let shared = Arc::new(Shared {
            name: "entrepot".to_owned(),
            credentials: Credentials { id: "entrepot-tests".to_owned(), secret: "only-for-tests".to_owned() },
            bucket: Bucket::new(directory.path()),
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("OSS stub")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("oss-stub").enable_all().build()?;
        let of_task = Arc::clone(&shared);
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(accept(listener, of_task));
        Ok(Self { address, shared, runtime: Some(runtime), _directory: directory })
    }

    /// Its bucket.
    pub fn bucket(&self) -> OssBucket {
        let Shared { name, credentials, .. } = &*self.shared;
        OssBucket {
            endpoint: format!("http://{}", self.address),
            bucket: name.clone(),
            access_key_id: credentials.id.clone(),
            access_key_secret: credentials.secret.clone(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for OssStub {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waited for: this may be dropped inside of another runtime.
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| async { Ok::<_, Infallible>(route::answer(&shared, request).await) });
            // A client that goes away in the middle is no news.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}
