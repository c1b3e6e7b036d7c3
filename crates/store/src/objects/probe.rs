//! Whether the store can be written to.

use std::time::{Duration, Instant};

use opendal::Buffer;
use tokio::sync::Mutex;

use super::Objects;
use super::failure::explained;
use crate::error::Error;

/// How long an answer holds: readiness is asked more often than is worth two requests each time.
const HOLDS: Duration = Duration::from_secs(5);
/// A store that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// The last answer. Who asks while somebody else does waits for that one's answer.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, Result<(), Error>)>>);

impl Objects {
    /// Writes and removes a small object, unless that was just done.
    pub(crate) async fn probe(&self) -> Result<(), Error> {
        let mut last = self.0.probe.0.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < HOLDS
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(PATIENCE, self.write_and_remove()).await {
            Ok(result) => result,
            Err(_) => {
                let why = format!("it did not answer within {} seconds", PATIENCE.as_secs());
                Err(Error::Unavailable(explained("write to", &self.0.bucket, why)))
            }
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }

    async fn write_and_remove(&self) -> Result<(), Error> {
        let (key, _hold) = self.new_key();
        self.put(&key, Buffer::from("probe")).await?;
        self.remove(&[key]).await
    }
}
