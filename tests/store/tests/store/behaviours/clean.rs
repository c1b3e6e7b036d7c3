//! What nobody recorded goes away again.

use anyhow::{Result, ensure};
use bytes::Bytes;
use entrepot_store::{Error, Finish, Key, ObjectsConfig};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use crate::content::content;
use crate::place::{MIB, Place, give, nothing_is_left, open, push, read, sha256, soon_nothing_is_left, start};

pub(super) async fn a_wrong_digest_leaves_nothing(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    for length in [0, 1000, MIB, place.piece + MIB, 2 * place.piece + 1] {
        let body = content(length, 10);
        let mut upload = store.resume(Uuid::now_v7(), start()).await?;
        give(&mut upload, &body, MIB).await?;
        let Finish::Mismatch { found } = upload.publish(&sha256(b"other")).await? else {
            anyhow::bail!("{length} wrong bytes were published")
        };
        ensure!(found == sha256(&body));
        nothing_is_left(config).await?;
    }
    Ok(())
}

pub(super) async fn what_is_given_up_leaves_nothing(place: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, _) = open(config).await?;
    for length in [0, 1000, MIB, place.piece + MIB, 3 * place.piece + 1] {
        let body = content(length, 11);
        let mut upload = store.resume(Uuid::now_v7(), start()).await?;
        give(&mut upload, &body, MIB).await?;
        upload.abandon().await;
        nothing_is_left(config).await?;

        // Without waiting for it.
        let mut upload = store.resume(Uuid::now_v7(), start()).await?;
        give(&mut upload, &body, MIB).await?;
        drop(upload);
        soon_nothing_is_left(config).await?;
    }
    Ok(())
}

pub(super) async fn many_objects_are_removed(_: &Place, config: &ObjectsConfig) -> Result<()> {
    let (store, writer) = open(config).await?;
    // More than one request removes with any store but S3 and OSS.
    let number = 300;
    let pushes = stream::iter(0..number).map(|seed| {
        let store = store.clone();
        async move { push(&store, &content(50, seed), 50).await }
    });
    let written: Vec<_> = pushes.buffer_unordered(16).try_collect().await?;
    let keys: Vec<Key> = written.iter().flat_map(|parts| parts.iter().map(|part| part.key)).collect();
    ensure!(keys.len() == number as usize);
    ensure!(keys.iter().all(|key| key.writer() == writer));
    store.remove_objects(&keys).await?;
    let gone = read(&store, &written[0], 0..50).await;
    let gone = gone.err().and_then(|error| error.downcast::<Error>().ok());
    ensure!(matches!(gone, Some(Error::Missing(_))), "{gone:?}");
    // Nobody minds that they are gone.
    store.remove_objects(&keys[..3]).await?;
    store.remove_objects(&[]).await?;
    ensure!(store.get(&sha256(b""), &[], 0)?.read_all().await? == Bytes::new());
    Ok(())
}
