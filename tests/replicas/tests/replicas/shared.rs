//! What is pushed at one replica is there at all of them.

use anyhow::{Context as _, Result, ensure};
use entrepot_replicas_tests::Client;
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{delete, get, patch, post, put};
use entrepot_test_support::Replicas;

#[test]
fn a_push_is_seen_everywhere_at_once_and_so_is_a_delete() -> Result<()> {
    let Some(replicas) = Replicas::shared()? else { return Ok(()) };
    let clients: Vec<_> = replicas.replicas().iter().map(|replica| Client::new(replica.address())).collect();
    for (number, client) in clients.iter().enumerate() {
        let pushed = client.push("acme/seen", "v1", 10 + number as u64, 100_000)?;
        for other in &clients {
            other.pull(&pushed)?;
        }
    }
    let tag = "/v2/acme/seen/manifests/v1";
    for client in &clients {
        client.push("acme/seen", "v1", 99, 1000)?;
        client.ask(&delete(tag))?.expect(202)?;
        for other in &clients {
            other.ask(&get(tag))?.expect(404)?;
        }
    }
    Ok(())
}

/// Each chunk at the next replica, and the end at yet another one.
#[test]
fn the_chunks_of_one_upload_go_to_any_replica() -> Result<()> {
    const CHUNK: usize = 300_000;
    let Some(replicas) = Replicas::shared()? else { return Ok(()) };
    let clients: Vec<_> = replicas.replicas().iter().map(|replica| Client::new(replica.address())).collect();
    let mut turns = clients.iter().cycle();
    let mut next = || turns.next().context("no replica");

    let content = noise(7, 4 * CHUNK + 17);
    let begun = next()?.ask(&post("/v2/acme/chunks/blobs/uploads/"))?.expect(202)?;
    let mut location = begun.required("location")?.to_owned();
    for (number, chunk) in content.chunks(CHUNK).enumerate() {
        let first = number * CHUNK;
        let range = format!("{first}-{}", first + chunk.len() - 1);
        let answer = next()?.ask(&patch(&location).header("Content-Range", range).body(chunk))?.expect(202)?;
        location = answer.required("location")?.to_owned();
        let status = next()?.ask(&get(&location))?.expect(204)?;
        ensure!(status.required("range")? == format!("0-{}", first + chunk.len() - 1), "{status:?}");
    }
    let digest = sha256(&content);
    let joint = if location.contains('?') { '&' } else { '?' };
    next()?.ask(&put(format!("{location}{joint}digest={digest}")))?.expect(201)?;
    for client in &clients {
        let blob = format!("/v2/acme/chunks/blobs/{digest}");
        ensure!(client.ask(&get(&blob))?.expect(200)?.body == content);
        // Over the ends of chunks.
        let range = format!("bytes={}-{}", CHUNK - 5, 2 * CHUNK + 5);
        let part = client.ask(&get(&blob).header("Range", range))?.expect(206)?;
        ensure!(part.body == content[CHUNK - 5..=2 * CHUNK + 5]);
    }
    Ok(())
}

/// Over PostgreSQL and an object store nothing is kept on a replica's disk, so that it may be read-only.
#[test]
fn nothing_is_written_to_the_disk() -> Result<()> {
    let Some(replicas) = Replicas::shared()? else { return Ok(()) };
    Client::new(replicas.address()).push("acme/nowhere", "v1", 3, 10_000_000)?;
    for replica in replicas.replicas() {
        ensure!(!replica.data().exists(), "{} is there", replica.data().display());
    }
    Ok(())
}
