//! Blobs of which a part goes past the page cache: the bytes in the file are the bytes given.

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Checkpoint, Finish, Store};
use futures_util::StreamExt;
use tempfile::TempDir;
use uuid::Uuid;

const MIB: usize = 1024 * 1024;

/// Where the direct writes begin.
const DIRECT_FROM: usize = 16 * MIB;

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

/// Every eight bytes are others, so that no page can be taken for another one.
fn content(length: usize) -> Bytes {
    (0..length.div_ceil(8) as u64).flat_map(|at| (at * 0x9e37_79b9 + 1).to_le_bytes()).take(length).collect()
}

fn open() -> (TempDir, Store) {
    let directory = TempDir::new().unwrap();
    let store = Store::open(&directory.path().join("data")).unwrap();
    (directory, store)
}

fn start() -> Checkpoint {
    Checkpoint::start(Algorithm::Sha256)
}

async fn assert_content(store: &Store, expected: &Bytes, when: &str) {
    let blob = store.get(&Digest::of(Algorithm::Sha256, expected), &[], 0).unwrap();
    let mut pieces = blob.stream(0..blob.size()).await.unwrap();
    let mut rest = expected.clone();
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece == rest.split_to(piece.len()), "{when}");
    }
    assert!(rest.is_empty(), "{when}");
}

#[tokio::test]
async fn every_size_and_chunking_around_the_border() {
    let (_directory, store) = open();
    let whole = content(DIRECT_FROM + 4 * MIB);
    let mut numbers = Numbers(1);
    for behind in [-1, 0, 1, 4095, 4096, 4097, MIB as i64 - 1, MIB as i64, MIB as i64 + 1, 3 * MIB as i64 + 5000] {
        let expected = whole.slice(..(DIRECT_FROM as i64 + behind) as usize);
        for longest in [3000, 65_536, 3 * MIB] {
            let when = format!("{behind} behind the border, chunks up to {longest}");
            let mut upload = store.resume(Uuid::now_v7(), start()).await.unwrap();
            let mut at = 0;
            while at < expected.len() {
                let end = expected.len().min(at + 1 + numbers.below(longest));
                upload.write(expected.slice(at..end)).await.unwrap();
                at = end;
            }
            let digest = Digest::of(Algorithm::Sha256, &expected);
            assert!(matches!(upload.publish(&digest).await.unwrap(), Finish::Published { .. }), "{when}");
            assert_content(&store, &expected, &when).await;
            store.remove(&digest, &[]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn checkpoints_and_resumes_at_any_offset() {
    let (_directory, store) = open();
    let expected = content(DIRECT_FROM + 9 * MIB + 77);
    let wrong = Bytes::from(vec![0xff; 5 * MIB]);
    for seed in 0..4 {
        let mut numbers = Numbers(seed);
        let id = Uuid::now_v7();
        let mut upload = store.resume(id, start()).await.unwrap();
        let mut at = DIRECT_FROM - 5000 + numbers.below(10_000);
        upload.write(expected.slice(..at)).await.unwrap();
        while at < expected.len() {
            let step = [1, 100, 4096, 5000, MIB, 2 * MIB + 1][numbers.below(6)];
            let end = expected.len().min(at + 1 + numbers.below(step));
            upload.write(expected.slice(at..end)).await.unwrap();
            at = end;
            if step > 5000 || numbers.below(50) == 0 {
                let point = upload.checkpoint().await.unwrap().at;
                assert_eq!(point.offset, at as u64);
                if numbers.below(2) == 0 {
                    // Never acknowledged, and still on its way when the upload is taken up again.
                    upload.write(wrong.slice(..1 + numbers.below(wrong.len()))).await.unwrap();
                    drop(upload);
                    upload = store.resume(id, point).await.unwrap();
                }
            }
        }
        let point = upload.checkpoint().await.unwrap().at;
        drop(upload);
        let digest = Digest::of(Algorithm::Sha256, &expected);
        assert_eq!((point.offset, point.hasher.finish()), (expected.len() as u64, digest));
        let other = store.rehash(id, Algorithm::Sha512, point.offset, &[]).await.unwrap();
        assert!(other.hasher.finish() == Digest::of(Algorithm::Sha512, &expected), "seed {seed}");
        store.publish(id, &digest, point.offset).await.unwrap();
        assert_content(&store, &expected, &format!("seed {seed}")).await;
        store.remove(&digest, &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    let (_directory, store) = open();
    let whole = content(DIRECT_FROM + 6 * MIB);
    let pushes: Vec<_> = (0..6)
        .map(|number| {
            let (store, expected) = (store.clone(), whole.slice(number * 1001..));
            tokio::spawn(async move {
                let mut upload = store.resume(Uuid::now_v7(), start()).await.unwrap();
                for at in (0..expected.len()).step_by(65_536) {
                    upload.write(expected.slice(at..expected.len().min(at + 65_536))).await.unwrap();
                }
                let digest = Digest::of(Algorithm::Sha256, &expected);
                assert!(matches!(upload.publish(&digest).await.unwrap(), Finish::Published { .. }));
                assert_content(&store, &expected, "at once").await;
            })
        })
        .collect();
    for push in pushes {
        push.await.unwrap();
    }
}
