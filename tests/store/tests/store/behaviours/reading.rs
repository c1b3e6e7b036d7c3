//! Reading blobs of several parts, and of parts that are not as they should be.

use std::time::Duration;

use anyhow::{Result, ensure};
use entrepot_store::{Error, ObjectsConfig, Part};

use crate::content::content;
use crate::place::{Place, expect, open, push, read, remove, sha256};

pub(super) async fn ranges_over_parts(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let mut parts: Vec<Part> = Vec::new();
    let mut expected = Vec::new();
    let mut holds = Vec::new();
    for (seed, length) in [1000, 1, 70_000, 300_000].into_iter().enumerate() {
        let body = content(length, 30 + seed as u64);
        expected.extend_from_slice(&body);
        let pushed = push(&store, &body, 100_000).await?;
        parts.extend_from_slice(&pushed);
        holds.push(pushed);
    }
    let size = expected.len() as u64;
    for range in [
        0..0,
        0..1,
        0..1000,
        999..1001,
        1000..1001,
        1001..1002,
        500..71_500,
        71_000..71_002,
        size - 1..size,
        size - 1..size + 100,
        size..size + 1,
        size + 10..size + 20,
        0..u64::MAX,
    ] {
        let found = read(&store, &parts, range.clone()).await?;
        let bounds = range.start.min(size) as usize..range.end.min(size) as usize;
        ensure!(found == expected[bounds], "{range:?} gave {} bytes", found.len());
    }
    ensure!(store.get(&sha256(b""), &parts, size)?.read_all().await? == expected);
    remove(&store, &parts).await
}

pub(super) async fn what_is_gone_or_shorter_is_an_error(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let body = content(5000, 40);
    let parts = push(&store, &body, 5000).await?;
    let part = *parts.first().ok_or_else(|| anyhow::anyhow!("no part"))?;

    // A row that says more than the object has.
    for range in [0..6000, 4999..5001, 5000..6000] {
        let found = read(&store, &[Part { size: 6000, ..part }], range.clone()).await;
        ensure!(found.is_err(), "{range:?} gave {} bytes", found.map_or(0, |bytes| bytes.len()));
    }
    ensure!(matches!(store.get(&sha256(b""), &parts, 4999), Err(Error::Io(_))), "the parts have more bytes");
    expect(&store, &parts, &body).await?;

    remove(&store, &parts).await?;
    let blob = store.get(&sha256(b""), &parts, 5000)?;
    let error = blob.stream(0..5000).await.err();
    ensure!(matches!(error, Some(Error::Missing(_))), "{error:?}");
    let text = error.map_or_else(String::new, |error| error.to_string());
    ensure!(text.contains(&part.key.to_string()), "{text}");
    Ok(())
}

pub(super) async fn signed_addresses(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    let body = content(5000, 50);
    let parts = push(&store, &body, 5000).await?;
    let sign = async |parts: &[Part]| {
        let size = parts.iter().map(|part| part.size).sum();
        store.get(&sha256(b""), parts, size)?.signed_url(Duration::from_secs(60)).await
    };
    let signed = sign(&parts).await?;
    ensure!(signed.is_some() == place.signs, "{signed:?}");
    if let Some(url) = signed {
        let client = reqwest::Client::builder().tls_certs_only([]).build()?;
        let whole = client.get(&url).send().await?;
        ensure!(whole.status() == 200, "{}", whole.status());
        ensure!(whole.bytes().await? == body);
        let some = client.get(&url).header("range", "bytes=100-199").send().await?;
        ensure!(some.status() == 206, "{}", some.status());
        ensure!(some.bytes().await? == body.slice(100..200));
        // Another object, with the signature of this one.
        let id = url.find(&parts[0].key.to_string()).ok_or_else(|| anyhow::anyhow!("no key in {url}"))?;
        let mut forged = url.clone();
        let last = id + parts[0].key.to_string().len() - 1;
        forged.replace_range(last..=last, if url.as_bytes()[last] == b'0' { "1" } else { "0" });
        let refused = client.get(&forged).send().await?.status();
        ensure!(refused.is_client_error(), "a forged address was answered with {refused}");
    }
    ensure!(sign(&[parts[0], parts[0]]).await?.is_none(), "a blob of two parts has no single address");
    ensure!(store.get(&sha256(b""), &[], 0)?.signed_url(Duration::from_secs(60)).await?.is_none());
    remove(&store, &parts).await?;
    Ok(())
}
