//! Replicas over one PostgreSQL and one S3 server, behind nginx: what clients notice of there being several.

mod docker;
mod rates;
mod rolling;
mod shared;
mod stale;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_replicas_tests::Client;
use entrepot_test_harness::get;

/// How long a replica may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `client`'s replica says that it is ready.
fn wait_until_ready(client: &Client) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match client.ask(&get("/readyz")) {
            Ok(answer) if answer.status == 200 => return Ok(()),
            said => ensure!(Instant::now() < deadline, "not ready after {PATIENCE:?}: {said:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
