//! Clients that go away and a server that is killed or told to stop: nothing acknowledged is lost, and what was begun can
//! be ended.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use entrepot_test_harness::content::{image, noise, sha256};
use entrepot_test_harness::{Connection, Registry, get, patch, post, put};
use nix::sys::signal::Signal;

/// Waits until the server has noticed that a body ended: then no upload is active.
fn settle(registry: &Registry) -> Result<()> {
    registry.wait_for_active_uploads(0)
}

/// Sends what is left of an upload and checks the blob.
fn finish(registry: &Registry, location: &str, content: &[u8]) -> Result<()> {
    let have = usize::try_from(registry.upload_size(location)?)?;
    ensure!(have <= content.len(), "the upload has {have} bytes");
    if have < content.len() {
        let rest = patch(location).header("Content-Range", format!("{have}-{}", content.len() - 1));
        registry.ask(&rest.body(&content[have..]))?.expect(202)?;
    }
    let digest = sha256(content);
    registry.ask(&put(format!("{location}?digest={digest}")))?.expect(201)?;
    let pulled = registry.ask(&get(format!("/v2/acme/app/blobs/{digest}")))?.expect(200)?;
    ensure!(pulled.body == content, "other bytes came back");
    Ok(())
}

#[test]
fn a_client_cut_in_the_middle_of_a_chunk_goes_on() -> Result<()> {
    let registry = Registry::start()?;
    let content = noise(11, 3_000_000);
    for (first, sent) in [(0, 1_500_000), (0, 2), (1_000_000, 1_000_001), (1_000_000, 2_999_999)] {
        for chunked in [false, true] {
            let location = registry.begin_upload("acme/app")?;
            if first > 0 {
                registry.ask(&patch(&location).body(&content[..first]))?.expect(202)?;
            }
            let mut connection = registry.connect()?;
            if chunked {
                connection
                    .send(format!("PATCH {location} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))?;
                connection.send(format!("{:x}\r\n", content.len() - first))?;
            } else {
                connection.announce(&patch(&location), (content.len() - first) as u64)?;
            }
            connection.send(&content[first..sent])?;
            wait_until_read(&registry)?;
            connection.cut();
            settle(&registry)?;
            let have = registry.upload_size(&location)?;
            ensure!(
                (first as u64..=sent as u64).contains(&have),
                "{have} bytes, of {first} acknowledged and {sent} sent"
            );
            finish(&registry, &location, &content)?;
        }
    }
    Ok(())
}

/// Waits until the server reads the body of an upload: a connection that is cut before would leave
/// nothing to test.
fn wait_until_read(registry: &Registry) -> Result<()> {
    registry.wait_for_active_uploads(1)
}

#[test]
fn a_client_cut_at_the_last_chunk_goes_on() -> Result<()> {
    let registry = Registry::start()?;
    let content = noise(12, 400_000);
    let location = registry.begin_upload("acme/app")?;
    let mut connection = registry.connect()?;
    connection.announce(&put(format!("{location}?digest={}", sha256(&content))), content.len() as u64)?;
    connection.send(&content[..200_000])?;
    wait_until_read(&registry)?;
    connection.cut();
    settle(&registry)?;
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{}", sha256(&content))))?.status == 404, "half a blob");
    finish(&registry, &location, &content)
}

#[test]
fn a_push_in_one_request_that_is_cut_leaves_nothing() -> Result<()> {
    let registry = Registry::start()?;
    let content = noise(13, 3_000_000);
    let mut connection = registry.connect()?;
    let path = format!("/v2/acme/app/blobs/uploads/?digest={}", sha256(&content));
    connection.announce(&post(path), content.len() as u64)?;
    connection.send(&content[..2_500_000])?;
    wait_until_read(&registry)?;
    connection.cut();
    settle(&registry)?;
    let deadline = Instant::now() + Duration::from_secs(5);
    while registry.leftovers()? > 0 {
        ensure!(Instant::now() < deadline, "its bytes are left");
        sleep(Duration::from_millis(10));
    }
    ensure!(registry.ask(&get(format!("/v2/acme/app/blobs/{}", sha256(&content))))?.status == 404, "half a blob");
    Ok(())
}

#[test]
fn a_session_survives_the_server() -> Result<()> {
    let mut registry = Registry::start()?;
    let content = noise(14, 5_000_000);
    let location = registry.begin_upload("acme/app")?;
    registry.ask(&patch(&location).header("Content-Range", "0-1999999").body(&content[..2_000_000]))?.expect(202)?;
    let mut connection = registry.connect()?;
    connection.announce(&patch(&location), 3_000_000)?;
    connection.send(&content[2_000_000..4_500_000])?;
    wait_until_read(&registry)?;
    registry.kill()?;

    registry.restart()?;
    let have = registry.upload_size(&location)?;
    ensure!(have == 2_000_000, "{have} bytes, and 2000000 were acknowledged");
    finish(&registry, &location, &content)
}

#[test]
fn what_was_acknowledged_survives_the_server() -> Result<()> {
    let mut registry = Registry::start()?;
    let mut kept = Vec::new();
    for round in 0..5 {
        let layer = noise(round, 50_000);
        registry.push_blob("acme/app", "{}")?;
        registry.push_blob("acme/app", &layer)?;
        let image = image(b"{}", &[&layer]);
        registry.push_manifest("acme/app", &format!("v{round}"), &image)?;
        kept.push((layer, image.to_string()));
        // Straight after the acknowledgement.
        registry.kill()?;
        registry.restart()?;
        for (n, (layer, image)) in kept.iter().enumerate() {
            let manifest = registry.ask(&get(format!("/v2/acme/app/manifests/v{n}")))?.expect(200)?;
            ensure!(manifest.text() == *image, "v{n} is another manifest after round {round}");
            let blob = registry.ask(&get(format!("/v2/acme/app/blobs/{}", sha256(layer))))?.expect(200)?;
            ensure!(blob.body == *layer, "the layer of v{n} has other bytes after round {round}");
        }
    }
    Ok(())
}

#[test]
fn a_transfer_may_finish_when_the_server_is_told_to_stop() -> Result<()> {
    let mut registry = Registry::with(&[("ENTREPOT_SHUTDOWN_GRACE", "30s")])?;
    let content = noise(15, 40_000_000);
    let digest = registry.push_blob("acme/app", &content)?;
    let location = registry.begin_upload("acme/app")?;

    let mut pull = registry.connect()?;
    pull.send(format!("GET /v2/acme/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
    let mut push = registry.connect()?;
    push.announce(&patch(&location), 1_000_000)?;
    push.send(&content[..400_000])?;
    wait_until_read(&registry)?;
    let idle = registry.connect()?;

    let address = registry.address()?;
    registry.signal(Signal::SIGTERM)?;
    registry.wait_for_log(|line| line.contains("stopping"))?;
    let refused = Instant::now() + Duration::from_secs(5);
    while Connection::open(address).is_ok() {
        ensure!(Instant::now() < refused, "it still takes new connections");
        sleep(Duration::from_millis(10));
    }
    ensure!(idle.until_end()?.is_empty(), "an idle connection is told something");
    push.send(&content[400_000..1_000_000])?;
    push.answer("PATCH")?.expect(202)?;
    ensure!(pull.answer("GET")?.expect(200)?.body == content, "the pull lost bytes");
    drop((pull, push));
    let start = Instant::now();
    ensure!(registry.wait()?.success(), "it ended with an error");
    ensure!(start.elapsed() < Duration::from_secs(10), "it waited for nobody");

    registry.restart()?;
    ensure!(registry.upload_size(&location)? == 1_000_000, "what was acknowledged while stopping is lost");
    Ok(())
}

/// What a proxy relies on that opens a connection for a request: it may ask another server if it got no connection, but not if
/// it got one and no answer.
#[test]
fn whoever_still_got_a_connection_gets_an_answer_when_the_server_is_told_to_stop() -> Result<()> {
    const CLIENTS: usize = 12;
    let mut registry = Registry::start()?;
    for _ in 0..5 {
        let address = registry.address()?;
        let (answers, stopped) = thread::scope(|scope| {
            let ask = || {
                let mut answers = 0;
                while let Ok(mut connection) = Connection::open(address) {
                    connection.ask(&get("/v2/"), "")?;
                    connection.answer("GET").with_context(|| format!("after {answers} answers"))?.expect(200)?;
                    answers += 1;
                }
                Ok::<_, anyhow::Error>(answers)
            };
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
            sleep(Duration::from_millis(200));
            let stopped = registry.signal(Signal::SIGTERM).and_then(|()| registry.wait());
            (clients.into_iter().map(|client| client.join()).collect::<Vec<_>>(), stopped)
        });
        ensure!(stopped?.success(), "it ended with an error");
        for client in answers {
            ensure!(client.map_err(|_| anyhow!("a client panicked"))?? > 0, "a client was never answered");
        }
        registry.restart()?;
    }
    Ok(())
}

#[test]
fn a_transfer_that_hangs_is_cut_when_the_grace_is_over() -> Result<()> {
    let mut registry = Registry::with(&[("ENTREPOT_SHUTDOWN_GRACE", "500ms")])?;
    let location = registry.begin_upload("acme/app")?;
    let mut hanging = registry.connect()?;
    hanging.announce(&patch(&location), 1_000_000)?;
    hanging.send(noise(16, 10_000))?;
    wait_until_read(&registry)?;
    let start = Instant::now();
    registry.signal(Signal::SIGTERM)?;
    ensure!(registry.wait()?.success(), "it ended with an error");
    let took = start.elapsed();
    ensure!(took >= Duration::from_millis(400), "the transfer got no grace: {took:?}");
    ensure!(took < Duration::from_secs(10), "the grace took {took:?}");
    registry.restart()?;
    let have = registry.upload_size(&location)?;
    ensure!(have <= 10_000, "{have} bytes of 10000");
    Ok(())
}

#[test]
fn an_upload_that_nobody_goes_on_with_is_purged() -> Result<()> {
    let registry =
        Registry::with(&[("ENTREPOT_UPLOADS_EXPIRE_AFTER", "1s"), ("ENTREPOT_UPLOADS_PURGE_INTERVAL", "1s")])?;
    let location = registry.begin_upload("acme/app")?;
    registry.ask(&patch(&location).body("abandoned"))?.expect(202)?;
    let kept = registry.push_blob("acme/app", "finished")?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while registry.leftovers()? > 0 || registry.ask(&get(&location))?.status != 404 {
        ensure!(Instant::now() < deadline, "it is still there");
        sleep(Duration::from_millis(100));
    }
    registry.ask(&get(format!("/v2/acme/app/blobs/{kept}")))?.expect(200).map(drop)
}
