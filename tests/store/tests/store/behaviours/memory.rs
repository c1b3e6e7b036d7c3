//! The memory of uploads has a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_store::{ObjectsConfig, Store};
use futures_util::{StreamExt, TryStreamExt, stream};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::content::content;
use crate::place::{MIB, Place, expect, open, push, remove};

/// The most memory that uploads held, as the metrics tell.
struct Peak {
    most: Arc<AtomicU64>,
    registry: Arc<Registry>,
    task: tokio::task::JoinHandle<()>,
}

fn held(registry: &Registry) -> Result<u64> {
    let mut text = String::new();
    encode(&mut text, registry)?;
    let line = text.lines().find_map(|line| line.strip_prefix("object_store_upload_memory_bytes "));
    Ok(line.context("no such metric")?.parse()?)
}

impl Peak {
    fn watch(store: &Store) -> Self {
        let mut registry = Registry::default();
        store.register_metrics(&mut registry);
        let (most, registry) = (Arc::new(AtomicU64::new(0)), Arc::new(registry));
        let task = tokio::spawn({
            let (most, registry) = (Arc::clone(&most), Arc::clone(&registry));
            async move {
                loop {
                    most.fetch_max(held(&registry).unwrap_or(u64::MAX), Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        Self { most, registry, task }
    }

    /// The most that was held; all of it must have been given back.
    async fn end(self) -> Result<u64> {
        self.task.abort();
        for _ in 0..100 {
            if held(&self.registry)? == 0 {
                return Ok(self.most.load(Ordering::Relaxed));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("{} bytes were never given back", held(&self.registry)?)
    }
}

pub(super) async fn a_large_body_in_bounded_memory(place: &Place, config: &ObjectsConfig) -> Result<()> {
    // Enough that one upload alone never waits for its own pieces: then it is one object, however slow the server is.
    let config = ObjectsConfig { upload_memory: 64 * MIB, ..config.clone() };
    let (store, _) = open(&config).await?;
    let peak = Peak::watch(&store);
    let expected = content(100 * MIB, 60);
    let parts = push(&store, &expected, 65_536).await?;
    ensure!(parts.len() == if place.grows { 1 } else { (100 * MIB).div_ceil(place.piece) }, "{} parts", parts.len());
    expect(&store, &parts, &expected).await?;
    remove(&store, &parts).await?;
    let most = peak.end().await?;
    ensure!(most > 0 && most <= config.upload_memory as u64, "{most} bytes were held");
    Ok(())
}

pub(super) async fn many_uploads_in_little_memory(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let peak = Peak::watch(&store);
    // versitygw removes a directory with its last object, also under another that is just on its way there.
    let anchor = push(&store, &content(10, 59), 10).await?;
    // Each wants more than a sixteenth of the memory, and small ones are among them.
    let lengths = [place.piece + 300_000, 5000, 3 * MIB, 200_000];
    let pushes = stream::iter(0..16_u64).map(|number| {
        let store = store.clone();
        let expected = content(lengths[number as usize % 4], 70 + number);
        async move {
            let parts = push(&store, &expected, 65_536).await?;
            expect(&store, &parts, &expected).await?;
            remove(&store, &parts).await
        }
    });
    pushes.buffer_unordered(16).try_collect::<()>().await?;
    remove(&store, &anchor).await?;
    let most = peak.end().await?;
    ensure!(most <= config.upload_memory as u64, "{most} bytes were held");
    Ok(())
}
