//! Filling a server with many small things, over several connections at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::connection::Connection;

/// Connections at once.
const CONNECTIONS: usize = 8;

/// Does `make` for each number from `from` to below `to`, but begins none after `limit`. Returns the number at which
/// it stopped: everything below it was made.
pub(super) async fn fill<F>(host: SocketAddr, from: usize, to: usize, limit: Duration, make: F) -> Result<usize>
where
    F: AsyncFn(&mut Connection, usize) -> Result<()>,
{
    let started = Instant::now();
    let deadline = started + limit;
    let next = AtomicUsize::new(from);
    let worker = async || {
        let mut connection = Connection::open(host).await?;
        while Instant::now() < deadline {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= to {
                break;
            }
            make(&mut connection, number).await?;
        }
        anyhow::Ok(())
    };
    futures_util::future::try_join_all((0..CONNECTIONS).map(|_| worker())).await?;
    let reached = next.load(Ordering::Relaxed).min(to);
    eprintln!("  {} done in {:.1} s", reached - from, started.elapsed().as_secs_f64());
    Ok(reached)
}
