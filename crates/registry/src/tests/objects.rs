//! The core over an object store, which is in memory here: what it keeps there, and that it leaves nothing behind.

use std::collections::BTreeSet;

use bytes::Bytes;
use entrepot_oci::{Algorithm, Digest};
use entrepot_store::{Backend, Checkpoint, Key, Memory, ObjectsConfig, Store};
use entrepot_test_engines::{Place, on_both_engines};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::*;
use crate::parts;

on_both_engines! {
    chunks_become_the_parts_of_a_blob,
    bytes_that_are_there_already_are_not_kept_twice,
    what_is_not_wanted_any_more_leaves_nothing,
    an_algorithm_that_is_named_late_is_hashed_again_from_the_parts,
    of_two_that_go_on_from_the_same_place_one_is_refused,
    an_upload_ends_once,
    objects_without_a_row_are_found,
    one_that_was_taken_for_dead_can_record_nothing,
    a_store_of_another_kind_is_noticed,
}

/// Two processes, over SQLite the same one twice, with one object store.
struct Replicas {
    memory: Memory,
    a: Registry,
    b: Registry,
}

async fn replicas(place: &Place) -> Replicas {
    let memory = Memory::new().unwrap();
    let a = replica(place, &memory).await;
    let b = if a.database().is_shared() { replica(place, &memory).await } else { a.clone() };
    Replicas { memory, a, b }
}

async fn replica(place: &Place, memory: &Memory) -> Registry {
    let options = Options { expire_uploads_after: Duration::ZERO, ..Options::default() };
    let registry = Registry::new(options, store(memory).await, place.open(&[ROOM]).await.unwrap());
    registry.join().await.unwrap();
    registry
}

async fn store(memory: &Memory) -> Store {
    Store::objects(ObjectsConfig::new(Backend::Memory(memory.clone())), Uuid::now_v7()).await.unwrap()
}

impl Replicas {
    /// Everything that lies in the store.
    async fn objects(&self) -> BTreeSet<Key> {
        let store = store(&self.memory).await;
        let mut keys = BTreeSet::new();
        for writer in store.writers().await.unwrap() {
            let written: Vec<Key> = store.written_by(writer).await.unwrap().try_collect().await.unwrap();
            keys.extend(written);
        }
        keys
    }

    /// Everything that has a row.
    async fn rows(&self) -> BTreeSet<Key> {
        let rows = self.a.database().read(|connection| {
            let bounds = [Uuid::nil(), Uuid::max()].map(|id| id.to_string());
            connection.all(&tables::KEYS_BETWEEN, &[(&bounds[0]).into(), (&bounds[1]).into()], |row| {
                parts::stored_key(row.text(0)?)
            })
        });
        rows.await.unwrap().into_iter().collect()
    }

    /// Purges, and checks that `count` objects are left, all with a row.
    async fn left(&self, count: usize) {
        self.a.purge().await.unwrap();
        let objects = self.objects().await;
        assert_eq!(objects, self.rows().await);
        assert_eq!(objects.len(), count, "{objects:?}");
    }
}

fn noise(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

fn whole(bytes: Bytes) -> impl futures_util::Stream<Item = Result<Bytes, BodyError>> + Send {
    stream::iter([Ok(bytes)])
}

/// A body whose chunks come when the test sends them.
fn fed() -> (mpsc::UnboundedSender<Bytes>, impl futures_util::Stream<Item = Result<Bytes, BodyError>> + Send) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, stream::unfold(receiver, async |mut receiver| Some((Ok(receiver.recv().await?), receiver))))
}

async fn content(registry: &Registry, digest: &Digest, range: std::ops::Range<usize>) -> Vec<u8> {
    match registry.get_blob(&grant::<Pull>("acme/app"), digest).await.unwrap() {
        BlobContent::Small(bytes) => bytes[range].to_vec(),
        BlobContent::Stored(blob) => {
            let pieces = blob.stream(range.start as u64..range.end as u64).await.unwrap();
            pieces.map(|piece| piece.unwrap()).collect::<Vec<_>>().await.concat()
        }
    }
}

async fn chunks_become_the_parts_of_a_blob(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    let all = noise(300_000);
    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    assert_eq!(replicas.a.append(&push, id, None, whole(all.slice(..100_000))).await.unwrap(), 100_000);
    assert_eq!(replicas.b.upload_size(&push, id).await.unwrap(), 100_000);
    let range = Some("100000-249999".parse().unwrap());
    assert_eq!(replicas.b.append(&push, id, range, whole(all.slice(100_000..250_000))).await.unwrap(), 250_000);
    let digest = Digest::of(Algorithm::Sha256, &all);
    replicas.a.finish_upload(&push, id, None, whole(all.slice(250_000..)), &digest).await.unwrap();
    for registry in [&replicas.a, &replicas.b] {
        assert_eq!(content(registry, &digest, 0..300_000).await, all);
        assert_eq!(content(registry, &digest, 99_999..250_001).await, all[99_999..250_001]);
    }
    assert!(matches!(replicas.b.upload_size(&push, id).await, Err(Error::UploadUnknown)));
    replicas.left(3).await;
    assert_eq!(content(&replicas.b, &digest, 0..300_000).await, all);

    let nothing = Digest::of(Algorithm::Sha256, b"");
    replicas.a.push_blob(&push, whole(Bytes::new()), None, &nothing).await.unwrap();
    assert_eq!(content(&replicas.b, &nothing, 0..0).await, b"");

    let delete = grant::<Delete>("acme/app");
    replicas.b.delete_blob(&delete, &digest).await.unwrap();
    replicas.left(0).await;
    assert!(matches!(replicas.a.stat_blob(&grant::<Pull>("acme/app"), &digest).await, Err(Error::BlobUnknown(_))));
}

async fn bytes_that_are_there_already_are_not_kept_twice(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    let all = noise(50_000);
    let digest = Digest::of(Algorithm::Sha256, &all);
    replicas.a.push_blob(&push, whole(all.clone()), None, &digest).await.unwrap();
    let first = replicas.objects().await;
    replicas.b.push_blob(&grant::<Push>("acme/other"), whole(all.clone()), None, &digest).await.unwrap();
    let id = replicas.b.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(all.slice(..20_000))).await.unwrap();
    replicas.b.finish_upload(&push, id, None, whole(all.slice(20_000..)), &digest).await.unwrap();
    // At once, and not only after a purge.
    assert_eq!(replicas.objects().await, first);
    assert_eq!(content(&replicas.b, &digest, 0..50_000).await, all);
    // As long as one repository has it.
    replicas.a.delete_blob(&grant::<Delete>("acme/app"), &digest).await.unwrap();
    replicas.left(1).await;
    replicas.a.delete_blob(&grant::<Delete>("acme/other"), &digest).await.unwrap();
    replicas.left(0).await;
    // The same bytes can come again.
    replicas.b.push_blob(&push, whole(all.clone()), None, &digest).await.unwrap();
    assert_eq!(content(&replicas.a, &digest, 0..50_000).await, all);
    replicas.left(1).await;
}

async fn what_is_not_wanted_any_more_leaves_nothing(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    let wrong = Digest::of(Algorithm::Sha256, b"other");
    let error = replicas.a.push_blob(&push, whole(noise(9)), None, &wrong).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch(_)));

    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(noise(9))).await.unwrap();
    let error = replicas.b.finish_upload(&push, id, None, whole(noise(9)), &wrong).await.unwrap_err();
    assert!(matches!(error, Error::DigestMismatch(_)));
    assert!(matches!(replicas.a.upload_size(&push, id).await, Err(Error::UploadUnknown)));

    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(noise(9))).await.unwrap();
    replicas.b.cancel_upload(&push, id).await.unwrap();

    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    let range = Some("0-4".parse().unwrap());
    let refused = replicas.a.append(&push, id, range, whole(noise(9))).await.unwrap_err();
    assert!(matches!(refused, Error::LengthMismatch { .. }));
    replicas.b.cancel_upload(&push, id).await.unwrap();
    assert_eq!(replicas.objects().await, BTreeSet::new());

    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(noise(9))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;
    let purged = replicas.b.purge().await.unwrap();
    assert_eq!((purged.uploads, purged.objects, purged.bytes), (1, 1, 9));
    replicas.left(0).await;
}

async fn an_algorithm_that_is_named_late_is_hashed_again_from_the_parts(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    let all = noise(100_000);
    let digest = Digest::of(Algorithm::Sha512, &all);
    for last in [60_000, 100_000] {
        let id = replicas.a.begin_upload(&push, None).await.unwrap();
        replicas.a.append(&push, id, None, whole(all.slice(..50_000))).await.unwrap();
        replicas.b.append(&push, id, None, whole(all.slice(50_000..last))).await.unwrap();
        let rest: Vec<Result<Bytes, BodyError>> =
            (last < all.len()).then(|| Ok(all.slice(last..))).into_iter().collect();
        replicas.a.finish_upload(&push, id, None, stream::iter(rest), &digest).await.unwrap();
        assert_eq!(content(&replicas.b, &digest, 0..100_000).await, all);
    }
    replicas.left(3).await;
}

async fn of_two_that_go_on_from_the_same_place_one_is_refused(place: Place) {
    let replicas = replicas(&place).await;
    if !replicas.a.database().is_shared() {
        return;
    }
    let push = grant::<Push>("acme/app");
    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(noise(10))).await.unwrap();
    let (feed, body) = fed();
    let slow = tokio::spawn({
        let (a, push) = (replicas.a.clone(), push.clone());
        async move { a.append(&push, id, None, body).await }
    });
    feed.send(Bytes::from_static(b"from the slow one")).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(replicas.b.append(&push, id, None, whole(Bytes::from_static(b"fast"))).await.unwrap(), 14);
    drop(feed);
    assert!(matches!(slow.await.unwrap(), Err(Error::OutOfOrder { first: 10, size: 14 })));
    assert_eq!(replicas.objects().await.len(), 2, "what was refused is gone at once");
    let all = [&noise(10)[..], b"fast"].concat();
    let digest = Digest::of(Algorithm::Sha256, &all);
    replicas.a.finish_upload(&push, id, None, stream::iter([]), &digest).await.unwrap();
    assert_eq!(content(&replicas.b, &digest, 0..14).await, all);
    replicas.left(2).await;
}

async fn an_upload_ends_once(place: Place) {
    let replicas = replicas(&place).await;
    if !replicas.a.database().is_shared() {
        return;
    }
    let push = grant::<Push>("acme/app");
    let id = replicas.a.begin_upload(&push, None).await.unwrap();
    replicas.a.append(&push, id, None, whole(noise(10))).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, &noise(10));
    let (feed, body) = fed();
    let slow = tokio::spawn({
        let (a, push) = (replicas.a.clone(), push.clone());
        async move { a.append(&push, id, None, body).await }
    });
    feed.send(Bytes::from_static(b"more")).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    replicas.b.finish_upload(&push, id, None, stream::iter([]), &digest).await.unwrap();
    drop(feed);
    assert!(matches!(slow.await.unwrap(), Err(Error::UploadUnknown)));
    assert_eq!(content(&replicas.a, &digest, 0..10).await, noise(10));
    replicas.left(1).await;
}

async fn objects_without_a_row_are_found(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    let kept = replicas.a.push_blob(&push, whole(noise(10)), None, &Digest::of(Algorithm::Sha256, &noise(10))).await;
    kept.unwrap();
    let saved = stray(&replicas.a).await;
    // Somebody may still be about to record it.
    replicas.a.purge().await.unwrap();
    assert_eq!(replicas.objects().await.len(), 2);
    drop(saved);
    replicas.left(1).await;

    let foreign = store(&replicas.memory).await;
    drop(written(&foreign).await);
    replicas.a.purge().await.unwrap();
    assert_eq!(replicas.objects().await.len(), 2, "it may be another registry's");
}

/// An object that its writer has not recorded.
async fn stray(registry: &Registry) -> entrepot_store::Saved {
    written(registry.store()).await
}

async fn written(store: &Store) -> entrepot_store::Saved {
    let mut upload = store.resume(Uuid::now_v7(), Checkpoint::start(Algorithm::Sha256)).await.unwrap();
    upload.write(Bytes::from_static(b"stray")).await.unwrap();
    upload.checkpoint().await.unwrap()
}

async fn one_that_was_taken_for_dead_can_record_nothing(place: Place) {
    let replicas = replicas(&place).await;
    if !replicas.a.database().is_shared() {
        return;
    }
    let push = grant::<Push>("acme/app");
    let digest = Digest::of(Algorithm::Sha256, &noise(10));
    let id = replicas.b.begin_upload(&push, None).await.unwrap();
    replicas.b.append(&push, id, None, whole(noise(5))).await.unwrap();
    drop(stray(&replicas.b).await);
    replicas.a.database().remove_silent_replicas(Duration::ZERO).await.unwrap();
    replicas.a.join().await.unwrap();

    let error = replicas.b.push_blob(&push, whole(noise(10)), None, &digest).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    let error = replicas.b.append(&push, id, None, whole(noise(5))).await.unwrap_err();
    assert!(error.is_temporary(), "{error}");
    replicas.b.join().await.unwrap();
    // What it had recorded stays good.
    replicas.b.append(&push, id, None, whole(noise(10).slice(5..))).await.unwrap();
    replicas.b.finish_upload(&push, id, None, stream::iter([]), &digest).await.unwrap();
    replicas.left(2).await;
    assert_eq!(content(&replicas.a, &digest, 0..10).await, noise(10));
}

async fn a_store_of_another_kind_is_noticed(place: Place) {
    let replicas = replicas(&place).await;
    let push = grant::<Push>("acme/app");
    replicas.a.check_store().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let database = replicas.a.database().clone();
    let disk = Registry::new(Options::default(), Store::open(directory.path()).unwrap(), database);
    disk.check_store().await.unwrap();
    replicas.a.push_blob(&push, whole(noise(10)), None, &Digest::of(Algorithm::Sha256, &noise(10))).await.unwrap();
    replicas.a.check_store().await.unwrap();
    assert!(matches!(disk.check_store().await, Err(Error::OtherStore)));
}
