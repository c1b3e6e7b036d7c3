//! A blob that is larger than any store takes in one request (5 GiB). Long, so it runs by itself:
//!
//! ```console
//! $ cargo test --release -p entrepot-store-tests -- --ignored --nocapture six_gibibytes
//! ```

use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use entrepot_oci::{Algorithm, Hasher};
use entrepot_store::Finish;
use entrepot_test_support::servers::SeaweedFs;
use futures_util::TryStreamExt;
use uuid::Uuid;

use crate::content::content;
use crate::place::{MIB, nothing_is_left, open, remove, sha256, start};
use crate::servers::s3;

const SIZE: u64 = 6 * 1024 * MIB as u64;

/// The bytes at a place of the blob, which are others in every mebibyte.
fn chunk(base: &Bytes, number: u64) -> Bytes {
    let mut bytes = base.to_vec();
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes 6 GiB to the disk and takes minutes"]
async fn six_gibibytes() -> Result<()> {
    let Some(server) = SeaweedFs::start()? else { return Ok(()) };
    let mut config = s3(server.bucket()).config("huge")?;
    config.upload_memory = 128 * MIB;
    let (store, _) = open(&config).await?;
    let base = content(MIB, 90);
    let begin = Instant::now();
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    for number in 0..SIZE / MIB as u64 {
        let chunk = chunk(&base, number);
        hasher.update(&chunk);
        upload.write(chunk).await?;
    }
    let digest = hasher.finish();
    let Finish::Published { parts } = upload.publish(&digest).await? else { anyhow::bail!("the hash is another one") };
    ensure!(parts.len() == 1 && parts[0].size == SIZE, "{parts:?}");
    println!("written in {:?}", begin.elapsed());

    let begin = Instant::now();
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut stream = store.get(&digest, &parts, SIZE)?.stream(0..SIZE).await?;
    while let Some(bytes) = stream.try_next().await? {
        hasher.update(&bytes);
    }
    ensure!(hasher.finish() == digest, "other bytes came back");
    println!("read in {:?}", begin.elapsed());
    let last: Vec<Bytes> = store.get(&sha256(b""), &parts, SIZE)?.stream(SIZE - 10..SIZE).await?.try_collect().await?;
    ensure!(last.concat() == base[MIB - 10..]);
    remove(&store, &parts).await?;
    nothing_is_left(&config).await
}
