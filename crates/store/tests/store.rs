//! What the store promises when nothing goes wrong but the order of things.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Checkpoint, Error, Finish, Store};
use futures_util::TryStreamExt;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

fn open() -> (TempDir, Store) {
    let directory = TempDir::new().unwrap();
    let store = Store::open(&directory.path().join("data")).unwrap();
    (directory, store)
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8).wrapping_add(seed)).collect()
}

fn start() -> Checkpoint {
    Checkpoint::start(Algorithm::Sha256)
}

fn sha256(content: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, content)
}

async fn push(store: &Store, content: &[u8], chunk: usize) -> Digest {
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    for chunk in content.chunks(chunk) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let checkpoint = upload.checkpoint().await.unwrap().at;
    assert_eq!(checkpoint.offset, content.len() as u64);
    drop(upload);
    let digest = checkpoint.hasher.finish();
    store.publish(id, &digest, checkpoint.offset).await.unwrap();
    digest
}

async fn content(store: &Store, digest: &Digest) -> Vec<u8> {
    let blob = store.get(digest, &[], 0).unwrap();
    blob.read_all().await.unwrap().to_vec()
}

fn names(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn pushed_bytes_come_back() {
    let (directory, store) = open();
    for (length, chunk) in
        [(0, 1), (1, 1), (4096, 4096), (5000, 1), (300_000, 1000), (3_000_000, 65_537), (5_000_000, 5_000_000)]
    {
        let expected = bytes(length, 0);
        let digest = push(&store, &expected, chunk).await;
        assert_eq!(digest, sha256(&expected), "{length} in {chunk}");
        assert_eq!(content(&store, &digest).await, expected, "{length} in {chunk}");
    }
    assert!(names(&directory.path().join("data/uploads")).is_empty());
}

#[tokio::test]
async fn one_trip_publishes_what_it_should() {
    let (_directory, store) = open();
    for length in [0, 1, 5000, 3_000_000] {
        let expected = bytes(length, 1);
        let id = Uuid::now_v7();
        let mut upload = store.resume(id, start()).await.unwrap();
        upload.write(expected.clone().into()).await.unwrap();
        assert!(matches!(upload.publish(&sha256(&expected)).await.unwrap(), Finish::Published { .. }));
        assert_eq!(content(&store, &sha256(&expected)).await, expected);

        let mut upload = store.resume(id, start()).await.unwrap();
        upload.write(expected.clone().into()).await.unwrap();
        let found = sha256(&expected);
        let finish = upload.publish(&sha256(b"other")).await.unwrap();
        assert!(matches!(finish, Finish::Mismatch { found: other, .. } if other == found));
        assert!(matches!(store.get(&sha256(b"other"), &[], 0), Err(Error::Missing(_))));
        store.discard(id).await.unwrap();
    }
    assert_eq!(store.staged().await.unwrap(), []);
}

#[tokio::test]
async fn reads_are_ranges_within_the_blob() {
    let (_directory, store) = open();
    let expected = bytes(100_000, 2);
    let digest = push(&store, &expected, 100_000).await;
    let blob = store.get(&digest, &[], 0).unwrap();
    assert_eq!(blob.size(), 100_000);
    for (offset, end, range) in [
        (0, 10, 0..10),
        (99_990, 100_000, 99_990..100_000),
        (99_990, 100_001, 99_990..100_000),
        (100_000, 100_001, 100_000..100_000),
        (200_000, 200_001, 100_000..100_000),
        (5, 5, 5..5),
        (0, u64::MAX, 0..100_000),
    ] {
        let pieces = blob.stream(offset..end).await.unwrap();
        assert_eq!(pieces.remaining(), range.len() as u64, "{offset}..{end}");
        let pieces: Vec<Bytes> = pieces.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), expected[range], "{offset}..{end}");
    }
    store.remove(&digest, &[]).await.unwrap();
    assert_eq!(blob.read_all().await.unwrap(), expected, "an open blob stays readable");
    assert!(matches!(store.get(&digest, &[], 0), Err(Error::Missing(_))));
    store.remove(&digest, &[]).await.unwrap();
}

#[tokio::test]
async fn an_upload_goes_on_from_its_last_checkpoint() {
    let (directory, store) = open();
    let expected = bytes(5_000_000, 3);
    let id = Uuid::now_v7();
    let mut at = start();
    // Each round gives 400 000 bytes more than it acknowledges.
    while at.offset < 5_000_000 {
        let from = at.offset as usize;
        let acknowledged = expected.len().min(from + 1_300_000);
        let mut upload = store.resume(id, at).await.unwrap();
        assert_eq!(upload.offset(), from as u64);
        upload.write(Bytes::copy_from_slice(&expected[from..acknowledged])).await.unwrap();
        at = upload.checkpoint().await.unwrap().at;
        assert_eq!(at.offset, acknowledged as u64);
        for chunk in bytes(400_000, 99).chunks(1000) {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
    }
    let upload = store.resume(id, at.clone()).await.unwrap();
    assert_eq!(fs::metadata(directory.path().join("data/uploads").join(id.to_string())).unwrap().len(), 5_000_000);
    drop(upload);
    let digest = at.hasher.finish();
    assert_eq!(digest, sha256(&expected));
    store.publish(id, &digest, 5_000_000).await.unwrap();
    assert_eq!(content(&store, &digest).await, expected);
}

#[tokio::test]
async fn what_lies_behind_the_checkpoint_is_no_part_of_the_blob() {
    let (directory, store) = open();
    let id = Uuid::now_v7();
    let expected = bytes(1000, 6);
    let mut upload = store.resume(id, start()).await.unwrap();
    upload.write(expected.clone().into()).await.unwrap();
    let at = upload.checkpoint().await.unwrap().at;
    drop(upload);
    // As a request leaves it that failed, or in which the process died.
    let path = directory.path().join("data/uploads").join(id.to_string());
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"never acknowledged").unwrap();
    let digest = at.hasher.finish();
    store.publish(id, &digest, at.offset).await.unwrap();
    assert_eq!(content(&store, &digest).await, expected);
    assert!(!path.exists());
}

#[tokio::test]
async fn acknowledged_bytes_that_are_gone_are_missed() {
    let (directory, store) = open();
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    upload.write(bytes(1000, 4).into()).await.unwrap();
    let at = upload.checkpoint().await.unwrap().at;
    drop(upload);
    let path = directory.path().join("data/uploads").join(id.to_string());
    fs::File::options().write(true).open(&path).unwrap().set_len(999).unwrap();
    for error in [
        store.resume(id, at.clone()).await.err(),
        store.rehash(id, Algorithm::Sha512, 1000, &[]).await.err(),
        store.publish(id, &at.hasher.clone().finish(), 1000).await.err(),
    ] {
        assert!(matches!(error, Some(Error::Missing(_))), "{error:?}");
    }
    fs::remove_file(&path).unwrap();
    for error in [
        store.resume(id, at).await.err(),
        store.rehash(id, Algorithm::Sha512, 1000, &[]).await.err(),
        store.publish(id, &sha256(b""), 0).await.err(),
    ] {
        assert!(matches!(error, Some(Error::Missing(_))), "{error:?}");
    }
    store.discard(id).await.unwrap();
}

#[tokio::test]
async fn a_second_client_is_turned_away_and_a_gone_one_waited_for() {
    let (_directory, store) = open();
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    for error in [
        store.resume(id, start()).await.err(),
        store.publish(id, &sha256(b""), 0).await.err(),
        store.discard(id).await.err(),
        store.rehash(id, Algorithm::Sha256, 1, &[]).await.err(),
    ] {
        assert!(matches!(error, Some(Error::Busy(_))), "{error:?}");
    }
    // A batch is in flight when the upload goes; what comes after it must not be mixed up with it.
    for seed in 0..20 {
        upload.write(bytes(8_000_000, 200).into()).await.unwrap();
        drop(upload);
        upload = store.resume(id, start()).await.unwrap();
        let expected = bytes(100_000, seed);
        upload.write(expected.clone().into()).await.unwrap();
        let digest = upload.checkpoint().await.unwrap().at.hasher.finish();
        drop(upload);
        store.publish(id, &digest, 100_000).await.unwrap();
        assert_eq!(content(&store, &digest).await, expected);
        upload = store.resume(id, start()).await.unwrap();
    }
}

#[tokio::test]
async fn futures_may_be_dropped_anywhere() {
    let (_directory, store) = open();
    let expected = bytes(20_000_000, 5);
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    for (number, chunk) in expected.chunks(300_000).enumerate() {
        // Polled once: the chunk counts as given.
        let write = upload.write(Bytes::copy_from_slice(chunk));
        let _ = tokio::time::timeout(Duration::ZERO, write).await;
        if number % 7 == 0 {
            let _ = tokio::time::timeout(Duration::ZERO, upload.checkpoint()).await;
        }
    }
    let at = upload.checkpoint().await.unwrap().at;
    assert_eq!((at.offset, at.hasher.finish()), (20_000_000, sha256(&expected)));
    let _ = tokio::time::timeout(Duration::ZERO, upload.publish(&sha256(&expected))).await;
    // Whether or not it had begun, this ends with the blob there.
    store.publish(id, &sha256(&expected), 20_000_000).await.unwrap();
    assert_eq!(content(&store, &sha256(&expected)).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_blob_pushed_many_times_at_once() {
    let (directory, store) = open();
    let expected = bytes(700_000, 6);
    let pushes: Vec<_> = (0..8)
        .map(|number| {
            let (store, expected) = (store.clone(), expected.clone());
            tokio::spawn(async move { push(&store, &expected, 10_000 + number).await })
        })
        .collect();
    for push in pushes {
        let digest = push.await.unwrap();
        assert_eq!(content(&store, &digest).await, expected);
    }
    assert!(names(&directory.path().join("data/uploads")).is_empty());
    assert_eq!(store.blobs(None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn publishing_again_makes_the_blob_young_and_mends_it() {
    let (directory, store) = open();
    let expected = bytes(1000, 7);
    let digest = push(&store, &expected, 1000).await;
    let path = directory.path().join("data/blobs/sha256").join(&digest.hex()[..2]).join(digest.hex());
    let file = fs::File::options().write(true).open(&path).unwrap();

    let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
    file.set_modified(long_ago).unwrap();
    push(&store, &expected, 1000).await;
    assert!(store.blobs(None, 1).await.unwrap()[0].modified > long_ago + Duration::from_secs(900_000));

    file.set_len(10).unwrap();
    push(&store, &expected, 1000).await;
    assert_eq!(content(&store, &digest).await, expected);

    // As after a crash between the rename and the caller's commit.
    store.publish(Uuid::now_v7(), &digest, 1000).await.unwrap();
}

#[tokio::test]
async fn a_shrunken_blob_is_an_error_and_not_fewer_bytes() {
    let (directory, store) = open();
    let digest = push(&store, &bytes(1000, 8), 1000).await;
    let blob = store.get(&digest, &[], 0).unwrap();
    let path = directory.path().join("data/blobs/sha256").join(&digest.hex()[..2]).join(digest.hex());
    fs::File::options().write(true).open(path).unwrap().set_len(10).unwrap();
    let error = blob.read_all().await.unwrap_err();
    assert!(matches!(error, Error::Io(_)) && error.to_string().contains(&digest.hex()), "{error}");
}

#[tokio::test]
async fn a_sha512_digest_that_appears_at_the_end() {
    let (_directory, store) = open();
    let expected = bytes(3_000_000, 9);
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, start()).await.unwrap();
    upload.write(expected[..2_500_000].to_vec().into()).await.unwrap();
    let at = upload.checkpoint().await.unwrap().at;
    drop(upload);
    let at = store.rehash(id, Algorithm::Sha512, at.offset, &[]).await.unwrap();
    let mut upload = store.resume(id, at).await.unwrap();
    upload.write(expected[2_500_000..].to_vec().into()).await.unwrap();
    let digest = Digest::of(Algorithm::Sha512, &expected);
    assert!(matches!(upload.publish(&digest).await.unwrap(), Finish::Published { .. }));
    assert_eq!(content(&store, &digest).await, expected);
}

#[tokio::test]
async fn everything_is_found_in_pages_and_foreign_files_are_left_alone() {
    let (directory, store) = open();
    let mut expected = BTreeSet::new();
    for seed in 0..100 {
        expected.insert(push(&store, &bytes(50, seed), 50).await);
    }
    let id = Uuid::now_v7();
    let mut upload = store.resume(id, Checkpoint::start(Algorithm::Sha512)).await.unwrap();
    upload.write(Bytes::from_static(b"x")).await.unwrap();
    let sha512 = Digest::of(Algorithm::Sha512, b"x");
    upload.publish(&sha512).await.unwrap();
    expected.insert(sha512);

    let data = directory.path().join("data");
    fs::create_dir_all(data.join("blobs/sha256/00")).unwrap();
    let misplaced = format!("blobs/sha256/00/{}", "f".repeat(64));
    let foreign = ["uploads/note", "uploads/0190A000-0000-7000-8000-00000000000A", "blobs/sha256/00/note", &misplaced];
    for path in foreign {
        fs::write(data.join(path), "").unwrap();
    }
    let mut upload = store.resume(id, start()).await.unwrap();
    upload.write(Bytes::from_static(b"four")).await.unwrap();
    upload.checkpoint().await.unwrap();

    for limit in [1, 7, 1000] {
        let mut found = Vec::new();
        loop {
            let page = store.blobs(found.last().copied(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(_) = page.last() else { break };
            found.extend(page.iter().map(|stored| stored.digest));
        }
        assert!(found.iter().eq(&expected), "in pages of {limit}");
    }
    let staged = store.staged().await.unwrap();
    assert_eq!(staged.iter().map(|staged| (staged.id, staged.size)).collect::<Vec<_>>(), [(id, 4)]);
    for path in foreign {
        assert!(data.join(path).exists());
    }
}

#[tokio::test]
async fn one_process_at_a_time_and_nobody_else_may_look() {
    let (directory, store) = open();
    let data = directory.path().join("data");
    push(&store, b"secret", 6).await;
    let error = Store::open(&data).unwrap_err();
    assert!(matches!(error, Error::Busy(_)), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "cannot use the directory {}: another process uses it; stop that one, or choose another directory",
            data.display()
        )
    );
    let digest = sha256(b"secret");
    for (path, mode) in [
        (data.clone(), 0o700),
        (data.join("uploads"), 0o700),
        (data.join("blobs/sha256").join(&digest.hex()[..2]), 0o700),
        (data.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex()), 0o600),
    ] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    store.probe().await.unwrap();
    drop(store);
    let again = Store::open(&data).unwrap();
    assert_eq!(content(&again, &digest).await, b"secret");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the bytes are cut and wherever checkpoints fall, the hash and the file are right.
    #[test]
    fn any_chunking(
        pieces in proptest::collection::vec((prop_oneof![0..3000_usize, 0..2_200_000_usize], 0..10_u8), 0..12),
        tiny in 0..2500_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (_directory, store) = open();
            let id = Uuid::now_v7();
            let mut expected = Vec::new();
            let mut upload = store.resume(id, start()).await.unwrap();
            for (length, what) in pieces {
                let piece = bytes(length, what);
                expected.extend_from_slice(&piece);
                upload.write(piece.into()).await.unwrap();
                if what < 3 {
                    let at = upload.checkpoint().await.unwrap().at;
                    assert_eq!(at.offset, expected.len() as u64);
                    if what == 0 {
                        drop(upload);
                        upload = store.resume(id, at).await.unwrap();
                    }
                }
            }
            for byte in bytes(tiny, 1) {
                expected.push(byte);
                upload.write(Bytes::copy_from_slice(&[byte])).await.unwrap();
            }
            assert_eq!(upload.offset(), expected.len() as u64);
            assert!(matches!(upload.publish(&sha256(&expected)).await.unwrap(), Finish::Published { .. }));
            assert_eq!(content(&store, &sha256(&expected)).await, expected);
        });
    }
}
