//! Bytes as objects of an object store.
//!
//! Everything that is written gets a key of its own and is written once, in one pass, at the place where it stays. What
//! belongs together is known to the caller alone.

mod backends;
mod blob;
mod budget;
mod check;
mod client;
mod config;
mod failure;
mod foreign;
mod hashing;
mod in_progress;
mod list;
mod metrics;
mod probe;
mod signed;
mod transport;
mod unfinished;
mod upload;
mod written;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use opendal::layers::{RetryEvent, RetryLayer, TimeoutLayer};
use opendal::{Buffer, ErrorKind, HttpTransporter, OperationContext, Operator};
use parking_lot::Mutex;
use uuid::Uuid;

pub use backends::{AccessKey, Addressing, AssumedRole, Azure, Gcs, Memory, Oss, S3, Swift, SwiftLogin};
pub(crate) use blob::ObjectBlob;
use budget::Budget;
pub use config::{Backend, InvalidPrefix, ObjectsConfig, Prefix};
use failure::{explained, failure};
pub(crate) use in_progress::Hold;
use in_progress::InProgress;
pub use list::Keys;
use metrics::Metrics;
use probe::Probe;
pub use secrecy::SecretString as Secret;
use signed::Signed;
pub(crate) use upload::ObjectUpload;

use crate::error::Error;
use crate::part::Key;

/// Pieces of one object that are sent at the same time.
const PIECES_IN_FLIGHT: usize = 2;
/// Objects that are removed at the same time where the store takes one in a request.
const REMOVALS_IN_FLIGHT: usize = 8;
/// An object is ended at this size: then neither the number of its pieces (10,000 with most stores) nor its size meets a
/// limit of any store, and the pieces need not grow.
const LARGEST_OBJECT: u64 = 64 * 1024 * 1024 * 1024;

/// An object store; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Objects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    operator: Operator,
    traits: Traits,
    /// The address of the bucket, for messages.
    bucket: String,
    prefix: Prefix,
    writer: Mutex<Uuid>,
    budget: Budget,
    in_progress: InProgress,
    signed: Option<Signed>,
    /// For what goes to the store without credentials of ours.
    client: reqwest::Client,
    metrics: Metrics,
    probe: Probe,
}

/// What sets one kind of object store apart from another.
#[derive(Clone, Copy, Debug)]
struct Traits {
    /// Bytes that are sent in one request: all of an object, or a piece of one that grows.
    piece: usize,
    /// Whether an object can be written in pieces.
    grows: bool,
    /// Whether growing objects are written on the condition that they do not exist.
    conditional: bool,
    /// Objects that one request removes.
    removals: usize,
    /// Whether addresses can be signed.
    signs: bool,
    /// Whether it keeps the very memory that it is given, which then must not be the uploads'.
    keeps_memory: bool,
}

impl Traits {
    /// Of a store that takes pieces of 8 MiB and signs addresses.
    const fn usual() -> Self {
        let piece = 8 * 1024 * 1024;
        Self { piece, grows: true, conditional: false, removals: 1, signs: true, keeps_memory: false }
    }
}

/// A backend that was set up.
struct Built {
    operator: Operator,
    traits: Traits,
    bucket: String,
    signed: Option<Signed>,
    /// The way to the store, if it is not the usual one.
    http: Option<HttpTransporter>,
}

impl Objects {
    /// `writer` is the id of this process.
    pub(crate) async fn open(config: ObjectsConfig, writer: Uuid) -> Result<Self, Error> {
        let metrics = Metrics::default();
        let client = client::client(config.ca_file.as_deref(), config.backend.is_encrypted())?;
        let http = transport::transport(client.clone(), config.requests.max(1), metrics.clone());
        let built = config.backend.build(http.clone()).await?;
        let Built { operator, traits, bucket, signed, http: own } = built;
        let least = Budget::least(traits.piece);
        if config.upload_memory < least {
            let why = format!("its uploads need at least {least} bytes of memory, not {}", config.upload_memory);
            return Err(Error::Io(explained("use", &bucket, why)));
        }
        let retries = metrics.retries.clone();
        let context = OperationContext::new().with_http_transport(own.unwrap_or(http));
        let operator = operator
            .with_context(context)
            // Below the retries: each attempt is timed.
            .layer(TimeoutLayer::new().with_timeout(config.timeout).with_io_timeout(config.timeout))
            .layer(
                RetryLayer::new()
                    .with_jitter()
                    .with_min_delay(Duration::from_millis(200))
                    .with_max_delay(Duration::from_secs(5))
                    .with_max_times(5)
                    .with_notify(move |event: RetryEvent<'_>| {
                        retries.inc();
                        let error = failure(event.op.into_static(), "an object", event.err);
                        tracing::debug!(attempt = event.attempt, %error, "the object store is asked again");
                    }),
            );
        let budget = Budget::new(config.upload_memory, &metrics.memory);
        let inner = Inner {
            operator,
            traits,
            bucket,
            prefix: config.prefix,
            writer: Mutex::new(writer),
            budget,
            in_progress: InProgress::default(),
            signed,
            client,
            metrics,
            probe: Probe::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn writing_as(&self) -> Uuid {
        *self.0.writer.lock()
    }

    pub(crate) fn write_as(&self, writer: Uuid) {
        *self.0.writer.lock() = writer;
    }

    /// A key that nobody has, kept among those in progress.
    fn new_key(&self) -> (Key, Hold) {
        let key = Key::new(self.writing_as());
        (key, self.0.in_progress.hold(key))
    }

    fn path(&self, key: &Key) -> String {
        format!("{}{key}", self.0.prefix.as_str())
    }

    /// The address of an object, for messages.
    fn place(&self, key: &Key) -> String {
        format!("{}/{}", self.0.bucket, self.path(key))
    }

    fn failure(&self, operation: &'static str, key: &Key, error: &opendal::Error) -> Error {
        failure(operation, &self.place(key), error)
    }

    /// Writes an object in one request.
    async fn put(&self, key: &Key, content: Buffer) -> Result<(), Error> {
        let content = if self.0.traits.keeps_memory { Buffer::from(content.to_vec()) } else { content };
        let written = self.0.operator.write(&self.path(key), content).await;
        written.map(drop).map_err(|error| self.failure("write", key, &error))
    }

    /// Begins an object that grows.
    async fn writer(&self, key: &Key) -> Result<opendal::Writer, Error> {
        let path = self.path(key);
        let writer = self.0.operator.writer_with(&path).concurrent(PIECES_IN_FLIGHT);
        // Google's unconditional way has no session that vanishes by itself.
        let writer = if self.0.traits.conditional { writer.if_not_exists(true) } else { writer };
        writer.await.map_err(|error| self.failure("begin", key, &error))
    }

    /// Ends an object that grew to `size` bytes.
    async fn close(&self, key: &Key, writer: &mut opendal::Writer, size: u64) -> Result<(), Error> {
        let Err(error) = writer.close().await else { return Ok(()) };
        let failure = self.failure("complete", key, &error);
        if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConditionNotMatch | ErrorKind::Conflict) {
            // The first request may have done it, and only its answer have been lost.
            let found = self.0.operator.stat(&self.path(key)).await;
            if found.is_ok_and(|metadata| metadata.content_length() == size) {
                return Ok(());
            }
        }
        Err(failure)
    }

    /// Removes an object that nobody recorded. What stays is found by the purge.
    async fn take_back(&self, key: &Key) {
        if let Err(error) = self.remove(&[*key]).await {
            tracing::info!(%error, "an object that nobody needs stays; the purge will find it");
        }
    }

    /// Removes objects; success for those that are not there.
    pub(crate) async fn remove(&self, keys: &[Key]) -> Result<(), Error> {
        if self.0.traits.removals == 1 {
            let objects = self.clone();
            let removals = stream::iter(keys.to_vec()).map(move |key| objects.clone().remove_one(key));
            return removals.buffer_unordered(REMOVALS_IN_FLIGHT).try_collect().await;
        }
        for keys in keys.chunks(self.0.traits.removals) {
            let paths: Vec<String> = keys.iter().map(|key| self.path(key)).collect();
            let removed = self.0.operator.delete_iter(paths).await;
            removed.map_err(|error| failure("remove objects from", &self.0.bucket, &error))?;
        }
        Ok(())
    }

    async fn remove_one(self, key: Key) -> Result<(), Error> {
        let removed = self.0.operator.delete(&self.path(&key)).await;
        removed.map_err(|error| self.failure("remove", &key, &error))
    }
}
