//! What a process leaves behind when it dies, and what it has while it lives.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use entrepot_store::{Key, ObjectsConfig};
use futures_util::TryStreamExt;
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::content::content;
use crate::place::{MIB, Place, expect, give, nothing_is_left, open, push, remove, start};

pub(super) async fn what_a_dead_process_leaves_is_found(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let piece = place.piece;
    let (sender, told) = tokio::sync::oneshot::channel();
    let dying = config.clone();
    // A runtime that is torn down in the middle does what kill -9 does: nothing runs on, nothing is cleaned up.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.spawn(async move {
        let (store, writer) = open(&dying).await?;
        let complete = push(&store, &content(1000, 20), 1000).await?;
        let kept = complete.first().map(|part| part.key).context("no part")?;
        // Two pieces are on their way or there, of a body that never ends.
        let mut upload = store.resume(Uuid::now_v7(), start()).await?;
        give(&mut upload, &content(2 * piece + MIB, 21), MIB).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        std::mem::forget((complete, upload));
        let _ = sender.send((writer, kept));
        std::future::pending::<()>().await;
        Ok::<_, anyhow::Error>(())
    });
    let (dead, kept) = told.await?;
    runtime.shutdown_background();

    let (store, living) = open(config).await?;
    let parts = push(&store, &content(1000, 22), 1000).await?;
    let writers = store.writers().await?;
    ensure!(writers.contains(&dead), "{writers:?}");
    let found: BTreeSet<Key> = store.written_by(dead).await?.try_collect().await?;
    ensure!(found.contains(&kept) && found.iter().all(|key| key.writer() == dead), "{found:?}");
    store.remove_objects(&found.into_iter().collect::<Vec<_>>()).await?;
    let aborted = store.abort_unfinished(dead).await?;
    ensure!((aborted > 0) == place.keeps_unfinished, "{aborted} unfinished objects were ended");
    ensure!(store.abort_unfinished(dead).await? == 0, "they were ended already");
    let rest: Vec<Key> = store.written_by(dead).await?.try_collect().await?;
    ensure!(rest.is_empty(), "{rest:?}");

    ensure!(store.writers().await?.contains(&living));
    expect(&store, &parts, &content(1000, 22)).await?;
    remove(&store, &parts).await
}

pub(super) async fn what_is_under_way_is_left_alone(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, writer) = open(config).await?;
    let (other, _) = open(config).await?;
    let expected = content(2 * place.piece + MIB, 23);
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    give(&mut upload, &expected, MIB).await?;
    let saved = upload.checkpoint().await?;
    let own: Vec<Key> = store.written_by(writer).await?.try_collect().await?;
    ensure!(own.is_empty(), "what is not recorded yet is no stray: {own:?}");
    let seen: Vec<Key> = other.written_by(writer).await?.try_collect().await?;
    ensure!(seen.len() == saved.parts.len(), "another process sees {seen:?}");

    give(&mut upload, &expected, MIB).await?;
    ensure!(store.abort_unfinished(writer).await? == 0, "what is being written is not unfinished");
    let second = upload.checkpoint().await?;
    expect(&store, &second.parts, &expected).await?;

    let parts = [&saved.parts[..], &second.parts].concat();
    drop((saved, second));
    let own: Vec<Key> = store.written_by(writer).await?.try_collect().await?;
    ensure!(own.len() == parts.len(), "what nobody holds any more is found: {own:?}");
    remove(&store, &parts).await?;
    nothing_is_left(config).await
}
