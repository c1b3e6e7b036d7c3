//! Measures the core over a database: `database PLACE reads|pushes COUNT AT_ONCE`, where PLACE is a directory, for SQLite,
//! or a PostgreSQL URL.
//!
//! A read asks for a manifest by one of 100 tags; over SQLite the cache answers. A push is a small blob, as docker uploads it,
//! and a manifest with a tag, all into one repository.
//! Prints one line: rate, latency, the processor time of this process, and how often transactions were run again.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_database::{Database, PostgresOptions};
use entrepot_oci::{Algorithm, Digest, Reference, media_type};
use entrepot_registry::gate::{Gate, Grant, Open, Permission, Pull, Push};
use entrepot_registry::{Destination, Error, ManifestPush, Options, Precondition, ROOM, Registry};
use entrepot_store::Store;
use futures_util::stream;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [place, kind, count, at_once] = &arguments[..] else {
        return Err("usage: database PLACE reads|pushes COUNT AT_ONCE".into());
    };
    let (count, at_once): (u32, u32) = (count.parse()?, at_once.parse()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let blobs = tempfile::tempdir()?;
        let registry = Registry::new(Options::default(), Store::open(blobs.path())?, open(place).await?);
        for number in 0..100 {
            push(&registry, &format!("read-{number}")).await?;
        }
        let (conflicts, begin, before) = (registry.database().metrics().conflicts(), Instant::now(), processor_time());
        let reads = kind == "reads";
        let tasks: Vec<_> = (0..at_once)
            .map(|task| tokio::spawn(work(registry.clone(), reads, task, count / at_once)))
            .collect();
        let mut latencies = Vec::new();
        let mut busy = 0;
        for task in tasks {
            let (took, refused) = task.await??;
            latencies.extend(took);
            busy += refused;
        }
        let (wall, spent) = (begin.elapsed(), processor_time() - before);
        latencies.sort_unstable();
        println!(
            "{kind}, {at_once} at once: {:.0}/s, p50 {:?}, p99 {:?}, most {:?}; cpu {:?} each; {} conflicts, {busy} refused",
            latencies.len() as f64 / wall.as_secs_f64(),
            latencies[latencies.len() / 2],
            latencies[latencies.len() * 99 / 100],
            latencies[latencies.len() - 1],
            spent / latencies.len() as u32,
            registry.database().metrics().conflicts() - conflicts,
        );
        Ok(())
    })
}

async fn open(place: &str) -> Result<Database, Failure> {
    if !place.starts_with("postgres") {
        return Ok(Database::open(&Path::new(place).join("measured.db"), &[ROOM])?);
    }
    let (connections, statement_timeout) = (16, Duration::from_secs(10));
    let options = PostgresOptions { url: place.parse()?, ca_file: None, connections, statement_timeout };
    Ok(Database::connect(options, &[ROOM]).await?)
}

async fn grant<P: Permission>() -> Result<Grant<P>, Failure> {
    Ok(Gate::new(Open).authorize(&(), "acme/measured".parse()?).await?)
}

/// Does it `count` times; returns how long each took, and how often it was told to come back.
async fn work(registry: Registry, reads: bool, task: u32, count: u32) -> Result<(Vec<Duration>, u32), Failure> {
    let pull = grant::<Pull>().await?;
    let mut latencies = Vec::new();
    let mut refused = 0;
    for number in 0..count {
        let begin = Instant::now();
        loop {
            let done = if reads {
                let tag = format!("read-{}", number % 100).parse()?;
                registry.get_manifest(&pull, &Reference::Tag(tag)).await.map(drop).map_err(Failure::from)
            } else {
                push(&registry, &format!("{}-{task}-{number}", uuid::Uuid::now_v7())).await
            };
            match done {
                Ok(()) => break,
                Err(error) if error.downcast_ref::<Error>().is_some_and(Error::is_temporary) => refused += 1,
                Err(error) => return Err(error),
            }
        }
        latencies.push(begin.elapsed());
    }
    Ok((latencies, refused))
}

async fn push(registry: &Registry, tag: &str) -> Result<(), Failure> {
    let config = Digest::of(Algorithm::Sha256, tag.as_bytes());
    let grant = grant::<Push>().await?;
    let upload = registry.begin_upload(&grant, None).await?;
    registry.append(&grant, upload, None, stream::iter([Ok(Bytes::copy_from_slice(tag.as_bytes()))])).await?;
    registry.finish_upload(&grant, upload, None, stream::iter([]), &config).await?;
    let content = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/json","digest":"{config}","size":{}}},"layers":[]}}"#,
        tag.len()
    );
    let push = ManifestPush {
        content: content.into(),
        content_type: Some(media_type::IMAGE_MANIFEST.to_owned()),
        destination: Destination::Tag(tag.parse()?),
        precondition: Precondition::None,
    };
    registry.put_manifest(&grant, push).await?;
    Ok(())
}

/// User and system time of this process.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses; the unit is 1/100 s on every Linux that matters.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| Duration::from_millis(10 * fields.get(index).and_then(|f| f.parse().ok()).unwrap_or(0));
    ticks(11) + ticks(12)
}
