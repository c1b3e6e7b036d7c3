//! Measures pushes into the store: `write DIRECTORY large GIB AT_ONCE` or `write DIRECTORY small COUNT AT_ONCE`.
//!
//! Prints one line: rate, latency, and the processor time of this process. The chunks of 64 KiB are made before and
//! come out of 64 MiB of memory, so that they are as cold in the cache as those of a real client.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Checkpoint, Error, Finish, Store};
use uuid::Uuid;

const GIB: u64 = 1024 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, kind, amount, at_once] = &arguments[..] else {
        return Err("usage: write DIRECTORY large|small AMOUNT AT_ONCE".into());
    };
    let (amount, at_once): (u64, u64) = (amount.parse()?, at_once.parse()?);
    let store = Store::open(Path::new(directory))?;
    let (size, count) = match kind.as_str() {
        "large" => (GIB * amount / at_once, 1),
        _ => (4096, amount / at_once),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let chunks: Arc<[Bytes]> = (0..CHUNKS).map(|n| Bytes::from(vec![n as u8; CHUNK])).collect();
    let (begin, before) = (Instant::now(), processor_time());
    let mut latencies = runtime.block_on(async {
        let tasks: Vec<_> = (0..at_once)
            .map(|client| {
                tokio::spawn(push_all(store.clone(), Arc::clone(&chunks), client * count..(client + 1) * count, size))
            })
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        Ok::<_, Box<dyn std::error::Error>>(latencies)
    })?;
    let (wall, (user, system)) = (begin.elapsed(), processor_time());
    let (user, system) = (user - before.0, system - before.1);
    latencies.sort_unstable();
    let blobs = latencies.len() as u32;
    let gib = size as f64 * f64::from(blobs) / GIB as f64;
    println!(
        "{kind}: {blobs} blobs, {:.0}/s, {:.2} GiB/s, p50 {:?}, p99 {:?}; cpu user {:.3} sys {:.3} s: {:.3} s/GiB, {:?} a blob",
        f64::from(blobs) / wall.as_secs_f64(),
        gib / wall.as_secs_f64(),
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
        user.as_secs_f64(),
        system.as_secs_f64(),
        (user + system).as_secs_f64() / gib,
        (user + system) / blobs,
    );
    Ok(())
}

async fn push_all(store: Store, chunks: Arc<[Bytes]>, numbers: Range<u64>, size: u64) -> Result<Vec<Duration>, Error> {
    let mut latencies = Vec::new();
    for number in numbers {
        let begin = Instant::now();
        push(&store, &chunks, number, size).await?;
        latencies.push(begin.elapsed());
    }
    Ok(latencies)
}

async fn push(store: &Store, chunks: &[Bytes], number: u64, size: u64) -> Result<(), Error> {
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, Checkpoint::start(Algorithm::Sha256)).await?;
    // Makes every blob another one. Small ones come in one piece under a known digest, large ones as docker sends them.
    upload.write(Bytes::copy_from_slice(&number.to_le_bytes())).await?;
    for chunk in chunks.iter().cycle() {
        let rest = size - upload.offset();
        if rest == 0 {
            break;
        }
        upload.write(chunk.slice(..rest.min(CHUNK as u64) as usize)).await?;
    }
    if size > CHUNK as u64 {
        let digest = upload.checkpoint().await?.at.hasher.finish();
        drop(upload);
        return store.publish(id, &digest, size).await;
    }
    let mut content = number.to_le_bytes().to_vec();
    content.extend_from_slice(&chunks[0][..size as usize - content.len()]);
    match upload.publish(&Digest::of(Algorithm::Sha256, &content)).await? {
        Finish::Published { .. } => Ok(()),
        Finish::Mismatch { found, .. } => unreachable!("the content is made from the same bytes, not {found}"),
    }
}

/// User and system time of this process.
fn processor_time() -> (Duration, Duration) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses; the unit is 1/100 s on every Linux that matters.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| Duration::from_millis(10 * fields.get(index).and_then(|f| f.parse().ok()).unwrap_or(0));
    (ticks(11), ticks(12))
}
