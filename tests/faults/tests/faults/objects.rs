//! An object store that is away, slow or silent, or breaks off: answers that clients understand and try again, never a broken
//! blob for a whole one, and service that goes on when the store does.

use std::io::Read as _;
use std::num::NonZeroU32;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use entrepot_test_harness::content::{image, noise, sha256};
use entrepot_test_harness::{Answer, Registry, Request, get, head, patch, post, put};
use entrepot_test_support::servers::VersityGw;
use entrepot_test_support::{Fault, FaultProxy};

use crate::{Landmark, becomes_ready, expect_error, expect_ready};

const MIB: usize = 1024 * 1024;
/// Objects of a landmark: its configuration and its layer.
const OF_A_LANDMARK: usize = 2;
/// How long an answer may take that does not need the store.
const QUICK: Duration = Duration::from_millis(900);
/// A silent store is asked six times, a second each time, with pauses of thirteen seconds at most in between.
const GIVEN_UP: Duration = Duration::from_secs(25);

/// A registry whose way to its object store fails as it is told.
struct Flawed {
    // Dropped in this order: who asks goes before whom it asks.
    registry: Registry,
    proxy: FaultProxy,
    server: VersityGw,
}

impl Flawed {
    fn start() -> Result<Option<Self>> {
        let Some(server) = VersityGw::start()? else { return Ok(None) };
        let proxy = FaultProxy::start(server.address())?;
        let mut settings = server.bucket().through(proxy.address()).settings("faults");
        settings.push(("ENTREPOT_STORE_TIMEOUT".to_owned(), "1s".to_owned()));
        settings.push(("ENTREPOT_UPLOADS_PURGE_INTERVAL".to_owned(), "1s".to_owned()));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Ok(Some(Self { registry: Registry::with(&settings)?, proxy, server }))
    }

    /// Waits until the bucket has this many objects and nothing unfinished: what pushes left that failed is gone.
    fn comes_to(&self, objects: usize) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = self.server.bucket().objects("faults/")?;
            let unfinished = self.server.bucket().unfinished_uploads()?;
            if found.len() == objects && unfinished.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "not {objects} objects: {found:?}, unfinished: {unfinished:?}");
            sleep(Duration::from_millis(100));
        }
    }
}

fn expect_unavailable(answer: Answer) -> Result<()> {
    let answer = expect_error(answer, 503, "UNAVAILABLE")?;
    ensure!(answer.required("retry-after")?.parse::<u32>()? >= 1, "{answer:?}");
    ensure!(!answer.text().contains("127.0.0.1") && !answer.text().contains("only-for-tests"), "{}", answer.text());
    Ok(())
}

/// Pushes in the usual three requests.
fn push(registry: &Registry, name: &str, content: &[u8]) -> Result<()> {
    let location = registry.begin_upload(name)?;
    registry.ask(&patch(&location).body(content))?.expect(202)?;
    registry.ask(&put(format!("{location}?digest={}", sha256(content))))?.expect(201).map(drop)
}

#[test]
fn away_on_push_and_pull() -> Result<()> {
    let Some(flawed) = Flawed::start()? else { return Ok(()) };
    let registry = &flawed.registry;
    let landmark = Landmark::push(registry, noise(71, 200_000))?;
    let layer = format!("/v2/acme/landmark/blobs/{}", sha256(&landmark.layer));
    expect_ready(registry, true)?;
    for (number, fault) in [Fault::Refuse, Fault::Cut].into_iter().enumerate() {
        let content = noise(72 + number as u64, 300_000);
        let digest = sha256(&content);
        let location = registry.begin_upload("acme/app")?;
        flawed.proxy.set(fault);
        let whole = post(format!("/v2/acme/app/blobs/uploads/?digest={digest}")).body(content.clone());
        all_unavailable(
            registry,
            &[
                get(&layer),
                get(&layer).header("Range", "bytes=1000-1999"),
                patch(&location).body(content.clone()),
                whole.clone(),
            ],
        )?;
        // What the database knows is told.
        registry.ask(&head(&layer))?.expect(200)?;
        ensure!(registry.ask(&get("/v2/acme/landmark/manifests/v1"))?.expect(200)?.text() == landmark.manifest);
        ensure!(registry.ask(&head(format!("/v2/acme/app/blobs/{digest}")))?.status == 404, "a refused blob is shown");
        // The last answer holds for some seconds.
        becomes_unready(registry)?;

        flawed.proxy.set(Fault::None);
        becomes_ready(registry)?;
        landmark.expect(registry)?;
        // The upload that failed goes on from where it was.
        ensure!(registry.upload_size(&location)? == 0, "bytes that are nowhere count");
        registry.ask(&patch(&location).body(content.clone()))?.expect(202)?;
        registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
        registry.ask(&whole)?.expect(201)?;
        ensure!(
            registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content,
            "other bytes"
        );
        flawed.comes_to(OF_A_LANDMARK + 1 + number)?;
    }
    Ok(())
}

/// Asks all at once, as each is tried for some seconds.
fn all_unavailable(registry: &Registry, requests: &[Request]) -> Result<()> {
    thread::scope(|scope| {
        let asked: Vec<_> =
            requests.iter().map(|request| scope.spawn(|| expect_unavailable(registry.ask(request)?))).collect();
        asked.into_iter().try_for_each(|asked| asked.join().map_err(|_| anyhow!("a client panicked"))?)
    })
}

/// Waits until `/readyz` says that it is not.
fn becomes_unready(registry: &Registry) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while registry.ask(&get("/readyz"))?.status == 200 {
        ensure!(Instant::now() < deadline, "it says that it is ready, and has no store");
        sleep(Duration::from_millis(50));
    }
    expect_ready(registry, false)
}

#[test]
fn breaking_off_in_the_middle_of_a_pull() -> Result<()> {
    let Some(mut flawed) = Flawed::start()? else { return Ok(()) };
    let content = noise(73, 48 * MIB);
    push(&flawed.registry, "acme/app", &content)?;
    let digest = sha256(&content);
    let path = format!("/v2/acme/app/blobs/{digest}");

    // One connection after the other breaks, and the client does not notice.
    flawed.proxy.set(Fault::CutAfter(12 * MIB as u64));
    ensure!(flawed.registry.ask(&get(&path))?.expect(200)?.body == content, "other bytes");

    // The store does not come back: the client has been promised more than it gets.
    flawed.proxy.set(Fault::None);
    let mut connection = flawed.registry.connect()?;
    connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: breaks-off\r\n\r\n"))?;
    let mut came = vec![0; MIB];
    connection.stream().read_exact(&mut came)?;
    flawed.proxy.set(Fault::Refuse);
    came.extend(connection.until_end()?);
    let head = came.windows(4).position(|four| four == b"\r\n\r\n").context("no head")? + 4;
    let (head, body) = came.split_at(head);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    ensure!(head.starts_with("http/1.1 200"), "{head}");
    ensure!(head.contains(&format!("content-length: {}\r\n", content.len())), "{head}");
    ensure!(body.len() < content.len(), "all of it came: it had been sent before the store was away");
    ensure!(content.starts_with(body), "what came is not what the blob begins with");
    let line = flawed.registry.wait_for_log(|line| line.contains("breaks-off") && line.contains("sent_bytes"))?;
    ensure!(line.contains("\"failed\":true"), "{line}");

    flawed.proxy.set(Fault::None);
    becomes_ready(&flawed.registry)?;
    ensure!(flawed.registry.ask(&get(&path))?.expect(200)?.body == content, "other bytes");
    Ok(())
}

#[test]
fn breaking_off_in_the_middle_of_a_push() -> Result<()> {
    let Some(flawed) = Flawed::start()? else { return Ok(()) };
    let registry = &flawed.registry;
    let landmark = Landmark::push(registry, noise(74, 200_000))?;
    let content = noise(75, 40 * MIB);
    let digest = sha256(&content);
    let location = registry.begin_upload("acme/app")?;
    let mut connection = registry.connect()?;
    connection.announce(&patch(&location), content.len() as u64)?;
    connection.send(&content[..20 * MIB])?;
    flawed.proxy.set(Fault::Refuse);
    // The registry may have stopped reading before the end; its answer is there all the same.
    let _sent = connection.send(&content[20 * MIB..]);
    expect_unavailable(connection.answer("PATCH")?)?;
    ensure!(registry.ask(&head(format!("/v2/acme/app/blobs/{digest}")))?.status == 404, "half a blob");

    flawed.proxy.set(Fault::None);
    becomes_ready(registry)?;
    let have = usize::try_from(registry.upload_size(&location)?)?;
    ensure!(have <= content.len(), "the upload has {have} bytes");
    let rest = patch(&location).header("Content-Range", format!("{have}-{}", content.len() - 1));
    registry.ask(&rest.body(&content[have..]))?.expect(202)?;
    registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?.body == content, "other bytes");
    landmark.expect(registry)?;
    flawed.comes_to(OF_A_LANDMARK + if have == 0 { 1 } else { 2 })
}

#[test]
fn silent() -> Result<()> {
    let Some(flawed) = Flawed::start()? else { return Ok(()) };
    let registry = &flawed.registry;
    let landmark = Landmark::push(registry, noise(76, 200_000))?;
    let layer = get(format!("/v2/acme/landmark/blobs/{}", sha256(&landmark.layer)));
    let content = noise(77, 300_000);
    let whole = post(format!("/v2/acme/app/blobs/uploads/?digest={}", sha256(&content))).body(content);
    flawed.proxy.set(Fault::BlackHole);
    thread::scope(|scope| {
        let begin = Instant::now();
        let waiting: Vec<_> =
            [&layer, &whole].map(|request| scope.spawn(|| expect_unavailable(registry.ask(request)?))).into();
        // Nobody else waits for it.
        while waiting.iter().any(|request| !request.is_finished()) {
            let asked = Instant::now();
            ensure!(registry.ask(&get("/v2/acme/landmark/manifests/v1"))?.expect(200)?.text() == landmark.manifest);
            ensure!(asked.elapsed() < QUICK, "a manifest took {:?}", asked.elapsed());
            expect_ready(registry, false)?;
            ensure!(begin.elapsed() < GIVEN_UP, "they still wait after {:?}", begin.elapsed());
        }
        for request in waiting {
            request.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    flawed.proxy.set(Fault::None);
    becomes_ready(registry)?;
    landmark.expect(registry)?;
    // What was on its way arrived at last, and nobody waits for it any more.
    flawed.comes_to(OF_A_LANDMARK)?;
    registry.ask(&whole)?.expect(201).map(drop)
}

#[test]
fn slow() -> Result<()> {
    let Some(flawed) = Flawed::start()? else { return Ok(()) };
    let registry = &flawed.registry;
    let landmark = Landmark::push(registry, noise(78, 200_000))?;
    // 200 kB a second: what goes to it or comes from it takes longer than the time-out of a step that makes no progress.
    flawed.proxy.set(Fault::Throttle(NonZeroU32::MIN.saturating_add(200_000)));
    let content = noise(79, 150_000);
    let begin = Instant::now();
    thread::scope(|scope| {
        let pushes: Vec<_> = (0..4)
            .map(|number| {
                let content = &content;
                scope.spawn(move || push(registry, &format!("acme/slow-{number}"), content))
            })
            .collect();
        while pushes.iter().any(|push| !push.is_finished()) {
            let asked = Instant::now();
            registry.ask(&get("/v2/acme/landmark/manifests/v1"))?.expect(200)?;
            ensure!(asked.elapsed() < QUICK, "a manifest took {:?}", asked.elapsed());
        }
        for push in pushes {
            push.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    ensure!(begin.elapsed() > Duration::from_millis(500), "it was not slow");
    landmark.expect(registry)?;
    registry.push_manifest("acme/slow-0", "v1", &image(&content, &[]))?;
    flawed.proxy.set(Fault::None);
    ensure!(registry.ask(&get(format!("/v2/acme/slow-3/blobs/{}", sha256(&content))))?.expect(200)?.body == content);
    flawed.comes_to(OF_A_LANDMARK + 1)
}
