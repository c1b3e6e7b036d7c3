//! A client that asks several replicas gets what one would give it.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_replicas_tests::Client;
use entrepot_test_harness::{get, head};
use entrepot_test_support::Replicas;

/// Pulls that are allowed.
const ALLOWED: usize = 30;
/// How long replicas may take to hear of each other's: they tell once a second.
const PATIENCE: Duration = Duration::from_secs(30);

const TAG: &str = "/v2/acme/limited/manifests/v1";

fn left(client: &Client) -> Result<String> {
    Ok(client.ask(&head(TAG))?.expect(200)?.required("ratelimit-remaining")?.to_owned())
}

fn becomes(client: &Client, expected: &str) -> Result<()> {
    let start = Instant::now();
    while left(client)? != expected {
        ensure!(start.elapsed() < PATIENCE, "{} are left, not {expected}", left(client)?);
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn pulls_at_any_replica_count_at_all_of_them() -> Result<()> {
    let limit = format!("{ALLOWED}/1d");
    let Some(mut replicas) = Replicas::start(3, &[("ENTREPOT_RATE_PULLS_ANONYMOUS", &limit)])? else { return Ok(()) };
    let clients: Vec<_> = replicas.replicas().iter().map(|replica| Client::new(replica.address())).collect();
    clients[0].push("acme/limited", "v1", 1, 1000)?;
    // Each has counted a part alone.
    for client in &clients {
        for _ in 0..ALLOWED / 3 - 1 {
            client.ask(&get(TAG))?.expect(200)?;
        }
    }
    for client in &clients {
        becomes(client, "3;w=86400")?;
    }
    for _ in 0..3 {
        clients[0].ask(&get(TAG))?.expect(200)?;
    }
    clients[0].ask(&get(TAG))?.expect(429)?;
    for client in &clients[1..] {
        becomes(client, "0;w=86400")?;
        client.ask(&get(TAG))?.expect(429)?;
    }
    // One that begins anew knows it too, as soon as it has been asked.
    replicas.replicas_mut()[2].stop()?;
    replicas.replicas_mut()[2].start()?;
    becomes(&clients[2], "0;w=86400")?;
    clients[2].ask(&get(TAG))?.expect(429)?;
    Ok(())
}
