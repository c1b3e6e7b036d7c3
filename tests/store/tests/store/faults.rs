//! Stores that fail while they are used: what is told then, and that nothing is lost or left.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_store::{Backend, Error, ObjectsConfig, S3, Store};
use entrepot_test_support::servers::SeaweedFs;
use entrepot_test_support::{Fault, FaultProxy};
use futures_util::{StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::content::content;
use crate::place::{MIB, expect, give, nothing_is_left, open, push, remove, sha256, soon_nothing_is_left, start};
use crate::servers::s3;

/// A store behind a proxy that fails as it is told, and the way past it.
struct Flawed {
    proxy: FaultProxy,
    through: ObjectsConfig,
    direct: ObjectsConfig,
    _server: SeaweedFs,
}

impl Flawed {
    fn start(name: &str) -> Result<Option<Self>> {
        let Some(server) = SeaweedFs::start()? else { return Ok(None) };
        let proxy = FaultProxy::start(server.address())?;
        let place = s3(server.bucket());
        let direct = place.config(name)?;
        let mut through = direct.clone();
        through.backend = at(&place.backend, proxy.address());
        through.timeout = Duration::from_secs(2);
        Ok(Some(Self { proxy, through, direct, _server: server }))
    }
}

fn at(backend: &Backend, address: SocketAddr) -> Backend {
    match backend {
        Backend::S3(s3) => Backend::S3(S3 { endpoint: Some(format!("http://{address}")), ..s3.clone() }),
        other => other.clone(),
    }
}

/// Temporary, said in one sentence, and without a secret.
fn is_as_it_should(error: &Error) -> Result<()> {
    let text = error.to_string();
    ensure!(error.is_temporary(), "not temporary: {text}");
    ensure!(text.contains("s3://entrepot"), "it does not say where: {text}");
    ensure!(!text.contains("only-for-tests") && !text.contains("entrepot-tests"), "a secret: {text}");
    Ok(())
}

async fn fails(store: &Store, length: usize) -> Result<Error> {
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    let body = content(length, 80);
    let result = match give(&mut upload, &body, MIB).await {
        Ok(()) => upload.publish(&sha256(&body)).await.map(drop).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    let error = result.err().context("it should have failed")?;
    error.downcast::<Error>().context("another error")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_told_and_comes_back() -> Result<()> {
    let Some(flawed) = Flawed::start("away")? else { return Ok(()) };
    let (store, _) = open(&flawed.through).await?;
    let expected = content(3 * MIB, 81);
    let parts = push(&store, &expected, MIB).await?;
    for fault in [Fault::Refuse, Fault::Cut] {
        flawed.proxy.set(fault);
        is_as_it_should(&fails(&store, 1000).await?)?;
        is_as_it_should(&store.probe().await.err().context("it is away")?)?;
        let blob = store.get(&sha256(b""), &parts, expected.len() as u64)?;
        is_as_it_should(&blob.stream(0..10).await.err().context("it is away")?)?;
        flawed.proxy.set(Fault::None);
        expect(&store, &parts, &expected).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        store.probe().await?;
    }
    remove(&store, &parts).await?;
    soon_nothing_is_left(&flawed.direct).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_interruption_is_ridden_out() -> Result<()> {
    let Some(flawed) = Flawed::start("short")? else { return Ok(()) };
    let (store, writer) = open(&flawed.through).await?;
    let expected = content(40 * MIB, 82);
    let mut upload = store.resume(Uuid::now_v7(), start()).await?;
    give(&mut upload, &expected.slice(..20 * MIB), MIB).await?;
    flawed.proxy.set(Fault::Refuse);
    let mending = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        flawed.proxy.set(Fault::None);
    };
    let rest = expected.slice(20 * MIB..);
    let (given, ()) = tokio::join!(give(&mut upload, &rest, MIB), mending);
    given?;
    let saved = upload.checkpoint().await?;
    ensure!(saved.at.hasher.finish() == sha256(&expected));

    // Cut in the middle of a read, it goes on from there.
    let blob = store.get(&sha256(b""), &saved.parts, expected.len() as u64)?;
    let mut pieces = blob.stream(0..u64::MAX).await?;
    let mut found = Vec::new();
    while found.len() < 10 * MIB {
        found.extend_from_slice(&pieces.next().await.context("it ended")??);
    }
    flawed.proxy.set(Fault::Cut);
    tokio::time::sleep(Duration::from_millis(200)).await;
    flawed.proxy.set(Fault::None);
    let rest: Vec<_> = pieces.try_collect().await?;
    found.extend_from_slice(&rest.concat());
    ensure!(found == expected, "{} bytes came back", found.len());
    remove(&store, &saved.parts).await?;
    // If it was the answer to the beginning of the object that was lost, the store keeps two beginnings, and the purge finds
    // the one that nobody went on with.
    store.abort_unfinished(writer).await?;
    nothing_is_left(&flawed.direct).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_half_way_leaves_nothing_that_is_not_found() -> Result<()> {
    let Some(flawed) = Flawed::start("half")? else { return Ok(()) };
    for (before, fault) in [(1, Fault::CutAfter(MIB as u64)), (9, Fault::Refuse), (20, Fault::Cut), (29, Fault::Refuse)]
    {
        let (store, writer) = open(&flawed.through).await?;
        let body = content(30 * MIB, 83);
        let mut upload = store.resume(Uuid::now_v7(), start()).await?;
        give(&mut upload, &body.slice(..before * MIB), MIB).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        flawed.proxy.set(fault);
        let given = give(&mut upload, &body.slice(before * MIB..), MIB).await;
        let error = match given {
            Ok(()) => upload.checkpoint().await.err().context("it should have failed")?,
            Err(error) => error.downcast::<Error>()?,
        };
        is_as_it_should(&error)?;
        // It stays so.
        ensure!(upload.write(body.slice(..1)).await.is_err() && upload.checkpoint().await.is_err());
        drop(upload);
        flawed.proxy.set(Fault::None);
        // It could not be taken back while the store was away. The process that began it finds it all the same.
        drop(store);
        let (other, _) = open(&flawed.direct).await?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let keys: Vec<_> = other.written_by(writer).await?.try_collect().await?;
        other.remove_objects(&keys).await?;
        other.abort_unfinished(writer).await?;
        soon_nothing_is_left(&flawed.direct).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_silent_is_given_up_in_time() -> Result<()> {
    let Some(flawed) = Flawed::start("silent")? else { return Ok(()) };
    let (store, writer) = open(&flawed.through).await?;
    flawed.proxy.set(Fault::BlackHole);
    let begin = Instant::now();
    is_as_it_should(&store.probe().await.err().context("it is silent")?)?;
    ensure!(begin.elapsed() < Duration::from_secs(4), "a probe took {:?}", begin.elapsed());
    is_as_it_should(&fails(&store, 1000).await?)?;
    ensure!(begin.elapsed() < Duration::from_secs(40), "it took {:?}", begin.elapsed());
    flawed.proxy.set(Fault::None);
    // What was on its way arrives now, and nobody waits for it. A living process finds its own strays.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let strays: Vec<_> = store.written_by(writer).await?.try_collect().await?;
    store.remove_objects(&strays).await?;
    soon_nothing_is_left(&flawed.direct).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_credentials_are_no_interruption() -> Result<()> {
    let Some(server) = SeaweedFs::start()? else { return Ok(()) };
    let place = s3(server.bucket());
    let mut config = place.config("denied")?;
    if let Backend::S3(s3) = &mut config.backend
        && let Some(key) = &mut s3.key
    {
        key.secret = "another".to_owned().into();
    }
    let (store, writer) = open(&config).await?;
    let error = fails(&store, 1000).await?;
    ensure!(matches!(error, Error::Denied(_)) && !error.is_temporary(), "{error}");
    let error = store.abort_unfinished(writer).await.err().context("it should be denied")?;
    ensure!(matches!(error, Error::Denied(_)), "{error}");
    let checks = store.check().await;
    ensure!(checks.iter().filter(|check| !check.is_good()).count() >= 8, "{checks:#?}");
    Ok(())
}
