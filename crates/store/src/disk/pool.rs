//! Work on the disk, off the threads that serve connections.

use std::io;
use std::path::Path;

use tokio::task::JoinHandle;

use crate::error::Error;

/// Starts `work` on the blocking pool, inside the span of the caller.
///
/// It runs to its end even if the handle is dropped.
pub(crate) fn start<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> JoinHandle<Result<T, Error>> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
}

/// Runs `work` on the blocking pool. `operation` and `path` are for the error if the work panics or the runtime stops.
pub(crate) async fn run<T: Send + 'static>(
    operation: &'static str,
    path: &Path,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match start(work).await {
        Ok(result) => result,
        Err(stopped) => Err(Error::new(operation, path, io::Error::other(stopped))),
    }
}
