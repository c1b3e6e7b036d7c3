//! One client that pushes small images without pause, and goes on trying when it cannot.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bench::connection::Connection;
use crate::bench::image::Images;
use crate::bench::push;
use crate::bench::request::Requests;

/// Where it pushes to.
pub(super) const REPOSITORY: &str = "acme/meanwhile";
/// Its first image: its numbers are nobody else's.
const FIRST: u64 = 1_000_000_000;
/// How long it waits before it tries again.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a push may fail before the whole measurement does.
const LIMIT: Duration = Duration::from_hours(1);

/// The client.
#[derive(Debug)]
pub(super) struct Client {
    images: Images,
    server: Cell<SocketAddr>,
    next: Cell<u64>,
    stop: Cell<bool>,
}

/// What its pushes took, each from its first request to the moment when the image was there, however often it was tried.
#[derive(Debug, Default)]
pub(super) struct Pushes {
    /// Shortest first.
    took: Vec<Duration>,
    /// How often a push was refused or broke off.
    pub(super) failed: usize,
}

impl Pushes {
    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.took.len()
    }

    /// The longest one.
    pub(super) fn longest(&self) -> Duration {
        self.took.last().copied().unwrap_or_default()
    }

    /// The middle one.
    pub(super) fn median(&self) -> Duration {
        self.took.get(self.took.len() / 2).copied().unwrap_or_default()
    }
}

impl Client {
    /// A client of `server`.
    pub(super) fn of(server: SocketAddr) -> Self {
        Self { images: Images::new(), server: Cell::new(server), next: Cell::new(FIRST), stop: Cell::new(false) }
    }

    /// Lets it try there from now on: a registry that was started again has another port.
    pub(super) fn turn_to(&self, server: SocketAddr) {
        self.server.set(server);
    }

    /// Pushes until `work` is done and the push under way then, too.
    pub(super) async fn beside<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, Pushes)> {
        self.stop.set(false);
        let work = async {
            let done = work.await;
            self.stop.set(true);
            done
        };
        tokio::try_join!(work, self.push())
    }

    /// Pushes for `duration`, with nothing beside it.
    pub(super) async fn push_for(&self, duration: Duration) -> Result<Pushes> {
        let wait = async {
            tokio::time::sleep(duration).await;
            Ok(())
        };
        Ok(self.beside(wait).await?.1)
    }

    async fn push(&self) -> Result<Pushes> {
        let mut pushes = Pushes::default();
        let mut connection = None;
        while !self.stop.get() {
            let begun = Instant::now();
            while let Err(error) = self.try_once(&mut connection).await {
                ensure!(begun.elapsed() < LIMIT, "a push still fails: {error:#}");
                pushes.failed += 1;
                connection = None;
                tokio::time::sleep(PAUSE).await;
            }
            pushes.took.push(begun.elapsed());
        }
        pushes.took.sort_unstable();
        Ok(pushes)
    }

    /// Pushes an image of which nothing is there, so also not what an attempt before has left.
    async fn try_once(&self, connection: &mut Option<Connection>) -> Result<()> {
        let requests = Requests::to(self.server.get());
        if connection.is_none() {
            *connection = Some(Connection::open(requests.host()).await?);
        }
        let number = self.next.replace(self.next.get() + 1);
        let image = self.images.image(number, 3);
        let connection = connection.as_mut().context("it has just been opened")?;
        push::push_image(connection, requests, REPOSITORY, &format!("v{number}"), &image).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pushes;

    #[test]
    fn the_longest_and_the_middle_push() {
        let took = [1, 2, 30].map(Duration::from_secs).to_vec();
        let pushes = Pushes { took, failed: 0 };
        assert_eq!((pushes.longest(), pushes.median()), (Duration::from_secs(30), Duration::from_secs(2)));
        assert_eq!(Pushes::default().longest(), Duration::ZERO);
    }
}
