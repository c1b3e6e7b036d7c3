//! Bytes that go in come out.

use std::time::Duration;

use anyhow::{Result, ensure};
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Finish, ObjectsConfig, Part};
use uuid::Uuid;

use crate::content::content;
use crate::place::{KIB, MIB, Place, expect, give, open, push, remove, sha256, start};

pub(super) async fn bodies_of_every_size_come_back(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    for (length, chunk) in
        [(1, 1), (4096, 4096), (5000, 7), (256 * KIB, 65_536), (256 * KIB + 1, 100_000), (3_000_000, 65_537)]
    {
        let expected = content(length, 1);
        let parts = push(&store, &expected, chunk).await?;
        expect(&store, &parts, &expected).await?;
        remove(&store, &parts).await?;
    }
    Ok(())
}

pub(super) async fn borders_of_pieces(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let piece = place.piece;
    for length in [piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 1] {
        let expected = content(length, 2);
        let parts = push(&store, &expected, 300_000).await?;
        let number = if place.grows { 1 } else { length.div_ceil(piece) };
        ensure!(parts.len() == number, "{length} bytes became {} objects", parts.len());
        expect(&store, &parts, &expected).await?;
        remove(&store, &parts).await?;
    }
    Ok(())
}

pub(super) async fn small_bodies_are_one_object_and_empty_ones_none(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let small = content(2000, 3);
    let parts = push(&store, &small, 2000).await?;
    ensure!(parts.len() == 1, "{} parts", parts.len());
    remove(&store, &parts).await?;

    let empty = content(0, 3);
    let parts = push(&store, &empty, 1).await?;
    ensure!(parts.is_empty(), "{} parts", parts.len());
    expect(&store, &parts, &empty).await?;
    ensure!(store.get(&sha256(b""), &[], 0)?.read_all().await?.is_empty());
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    ensure!(upload.checkpoint().await?.parts.is_empty());
    upload.abandon().await;
    Ok(())
}

pub(super) async fn chunks_arrive_at_different_replicas(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let replicas = [open(config).await?.0, open(config).await?.0];
    let expected = content(place.piece + 5 * MIB, 4);
    let mut parts: Vec<Part> = Vec::new();
    let mut holds = Vec::new();
    let mut at = start();
    for (number, length) in [100, 300_000, place.piece, 1, 4 * MIB].into_iter().enumerate() {
        let from = at.offset as usize;
        let mut upload = replicas[number % 2].resume(Uuid::now_v7(), at).await?;
        give(&mut upload, &expected.slice(from..from + length), 65_536).await?;
        let saved = upload.checkpoint().await?;
        ensure!(saved.at.offset == (from + length) as u64);
        ensure!(!saved.parts.is_empty());
        // Again, with nothing given since.
        ensure!(upload.checkpoint().await?.parts.is_empty());
        // Never acknowledged, so no part of the blob.
        upload.write(content(300_000, 5)).await?;
        upload.abandon().await;
        parts.extend_from_slice(&saved.parts);
        holds.push(saved.parts);
        at = saved.at;
    }
    let mut upload = replicas[1].resume(Uuid::now_v7(), at.clone()).await?;
    give(&mut upload, &expected.slice(at.offset as usize..), 1_000_000).await?;
    let Finish::Published { parts: last } = upload.publish(&sha256(&expected)).await? else {
        anyhow::bail!("the hash is another one")
    };
    parts.extend_from_slice(&last);
    expect(&replicas[0], &parts, &expected).await?;
    remove(&replicas[0], &parts).await
}

pub(super) async fn a_sha512_digest_that_appears_at_the_end(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let expected = content(2_000_000, 6);
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    give(&mut upload, &expected.slice(..1_500_000), 100_000).await?;
    let saved = upload.checkpoint().await?;
    drop(upload);
    let at = store.rehash(Uuid::now_v7(), Algorithm::Sha512, saved.at.offset, &saved.parts).await?;
    let mut upload = store.resume(Uuid::now_v7(), at).await?;
    give(&mut upload, &expected.slice(1_500_000..), 100_000).await?;
    let finish = upload.publish(&Digest::of(Algorithm::Sha512, &expected)).await?;
    let Finish::Published { parts } = finish else { anyhow::bail!("the hash is another one") };
    remove(&store, &[&saved.parts[..], &parts].concat()).await
}

pub(super) async fn calls_may_be_dropped_anywhere(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let expected = content(2 * place.piece + 100_000, 7);
    let mut parts: Vec<Part> = Vec::new();
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    for (number, at) in (0..expected.len()).step_by(300_000).enumerate() {
        // Polled once: the chunk counts as given.
        let write = upload.write(expected.slice(at..expected.len().min(at + 300_000)));
        let _ = tokio::time::timeout(Duration::ZERO, write).await;
        if number % 20 == 19
            && let Ok(saved) = tokio::time::timeout(Duration::from_millis(1), upload.checkpoint()).await
        {
            parts.extend_from_slice(&saved?.parts);
        }
    }
    let saved = upload.checkpoint().await?;
    ensure!((saved.at.offset, saved.at.hasher.finish()) == (expected.len() as u64, sha256(&expected)));
    parts.extend_from_slice(&saved.parts);
    expect(&store, &parts, &expected).await?;
    remove(&store, &parts).await
}
