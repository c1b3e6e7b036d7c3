//! What a client may take of the server: time, connections, headers, bytes.

use std::io::{ErrorKind, Read};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entrepot_test_harness::content::{noise, sha256};
use entrepot_test_harness::{Registry, check, get, head, patch, post, put, row};

const QUICK: [(&str, &str); 2] =
    [("ENTREPOT_LIMITS_HEADER_TIMEOUT", "400ms"), ("ENTREPOT_LIMITS_IDLE_TIMEOUT", "600ms")];
/// By when the server must have acted on one of these.
const SOON: Duration = Duration::from_secs(8);

fn sample(registry: &Registry, name: &str) -> Result<f64> {
    let text = registry.ask(&get("/metrics"))?.expect(200)?.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    Ok(line.unwrap_or_default().parse()?)
}

#[test]
fn slow_heads_are_cut() -> Result<()> {
    let registry = Registry::with(&QUICK)?;
    let start = Instant::now();
    let silent = registry.connect()?;
    let mut half = registry.connect()?;
    half.send("GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Slow")?;
    let mut dripping = registry.connect()?;
    dripping.send("GET /v2/ HTTP/1.1\r\nX-Slow: ")?;
    while dripping.send("x").is_ok() {
        ensure!(start.elapsed() < SOON, "a byte at a time keeps a connection for ever");
        sleep(Duration::from_millis(50));
    }
    silent.until_end()?;
    half.until_end()?;
    ensure!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
    ensure!(start.elapsed() >= Duration::from_millis(400), "they had no time at all");
    let cut = sample(&registry, "entrepot_connections_timed_out_total")?;
    ensure!(cut >= 2.0, "{cut} connections counted as timed out");
    Ok(())
}

#[test]
fn idle_connections_are_closed() -> Result<()> {
    let registry = Registry::with(&QUICK)?;
    let mut connection = registry.connect()?;
    for _ in 0..3 {
        connection.ask(&get("/v2/"), "")?;
        connection.answer("GET")?.expect(200)?;
        sleep(Duration::from_millis(200));
    }
    let start = Instant::now();
    ensure!(connection.until_end()?.is_empty(), "something was said");
    ensure!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
    Ok(())
}

#[test]
fn slow_bodies_are_cut_and_can_be_resumed() -> Result<()> {
    let registry = Registry::with(&QUICK)?;
    let content = noise(21, 100_000);
    for drip in [false, true] {
        let location = registry.begin_upload("acme/app")?;
        let mut connection = registry.connect()?;
        connection.announce(&patch(&location), content.len() as u64)?;
        connection.send(&content[..50_000])?;
        let start = Instant::now();
        if drip {
            // Bytes, but too few to count as progress.
            for byte in content[50_000..].chunks(1) {
                if connection.send(byte).is_err() || start.elapsed() > Duration::from_millis(1500) {
                    break;
                }
                sleep(Duration::from_millis(50));
            }
        }
        let answer = connection.answer("PATCH")?.expect(400)?;
        ensure!(answer.code()? == "BLOB_UPLOAD_INVALID", "{}", answer.text());
        ensure!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
        let have = registry.upload_size(&location)?;
        ensure!((50_000..50_100).contains(&have), "{have} bytes are kept");
        let have = usize::try_from(have)?;
        let end = put(format!("{location}?digest={}", sha256(&content))).body(&content[have..]);
        registry.ask(&end)?.expect(201)?;
    }
    Ok(())
}

#[test]
fn slow_but_steady_transfers_are_not_cut() -> Result<()> {
    let registry = Registry::with(&QUICK)?;
    let content = noise(22, 60_000);
    let location = registry.begin_upload("acme/app")?;
    let mut connection = registry.connect()?;
    connection.announce(&patch(&location), content.len() as u64)?;
    for piece in content.chunks(4000) {
        connection.send(piece)?;
        sleep(Duration::from_millis(150));
    }
    connection.answer("PATCH")?.expect(202)?;
    Ok(())
}

#[test]
fn slow_readers_are_cut() -> Result<()> {
    let registry = Registry::with(&QUICK)?;
    // More than the buffers of two sockets hold.
    let content = noise(23, 64 * 1024 * 1024);
    let digest = registry.push_blob("acme/app", &content)?;
    let mut connection = registry.connect()?;
    connection.send(format!("GET /v2/acme/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
    let start = Instant::now();
    while sample(&registry, "entrepot_connections_timed_out_total")? < 1.0 {
        ensure!(start.elapsed() < SOON, "a client that reads nothing is waited for");
        sleep(Duration::from_millis(50));
    }
    let got = connection.until_end()?.len();
    ensure!(got < content.len(), "all {got} bytes were sent to somebody who read none");

    // One that reads a little all the time is slow, not gone.
    let mut slow = registry.connect()?;
    slow.send(format!("GET /v2/acme/app/blobs/{digest} HTTP/1.1\r\nHost: a\r\n\r\n"))?;
    let mut buffer = vec![0; 512 * 1024];
    for _ in 0..20 {
        slow.stream().read_exact(&mut buffer)?;
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn more_connections_than_allowed_wait() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_LIMITS_MAX_CONNECTIONS", "2")])?;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = registry.connect()?;
        connection.ask(&get("/v2/"), "")?;
        connection.answer("GET")?.expect(200)?;
        held.push(connection);
    }
    let mut third = registry.connect()?;
    third.ask(&get("/v2/"), "")?;
    third.stream().set_read_timeout(Some(Duration::from_millis(700)))?;
    let early = third.stream().read(&mut [0; 1]);
    let waits = |error: &std::io::Error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
    ensure!(early.as_ref().is_err_and(waits), "a third connection was served: {early:?}");
    third.stream().set_read_timeout(Some(SOON))?;
    held.pop();
    third.answer("GET")?.expect(200)?;
    Ok(())
}

#[test]
fn heads_have_a_limit() -> Result<()> {
    let registry = Registry::with(&[("ENTREPOT_LIMITS_MAX_HEADER_BYTES", "16KiB")])?;
    let with = |headers: usize, length: usize| {
        (0..headers).fold(get("/v2/"), |request, n| request.header(&format!("X-{n}"), "x".repeat(length)))
    };
    for (request, status) in [(with(1, 12_000), 200), (with(1, 17_000), 431), (with(30, 600), 431), (with(150, 1), 431)]
    {
        // The refusal comes before anybody knows what was asked, so it has nothing but a status.
        let mut connection = registry.connect()?;
        connection.ask(&request, "")?;
        connection.answer("GET")?.expect(status)?;
    }
    let long = registry.ask(&get(format!("/v2/{}/tags/list", "a".repeat(12_000))))?;
    ensure!(long.expect(400)?.code()? == "NAME_INVALID", "a long path");
    Ok(())
}

#[test]
fn messages_that_could_be_read_in_two_ways_are_refused() -> Result<()> {
    let registry = Registry::start()?;
    for head in [
        "POST /v2/acme/app/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /v2/acme/app/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /v2/acme/app/blobs/uploads/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "GET /v2/ HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n",
        "GET /v2/ HTTP/9.9\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let mut connection = registry.connect()?;
        connection.send(head)?;
        let answer = connection.answer("GET");
        let refused = answer.as_ref().map_or(true, |answer| answer.status == 400 || answer.status == 505);
        ensure!(refused, "{head:?}: {answer:?}");
    }
    registry.ask(&get("/v2/"))?.expect(200).map(drop)
}

#[test]
fn blobs_have_a_limit_where_configured() -> Result<()> {
    const LIMIT: usize = 100_000;
    let registry = Registry::with(&[("ENTREPOT_LIMITS_MAX_BLOB_BYTES", "100000B")])?;
    let (fits, exceeds) = (noise(24, LIMIT), noise(25, LIMIT + 1));
    let uploads = "/v2/acme/app/blobs/uploads/";
    let pieces: Vec<_> = exceeds.chunks(30_000).collect();
    let rows = [
        row("as large as allowed", post(format!("{uploads}?digest={}", sha256(&fits))).body(fits.clone()), 201),
        row("a byte more", post(format!("{uploads}?digest={}", sha256(&exceeds))).body(exceeds.clone()), 413)
            .error("SIZE_INVALID")
            .json("/errors/0/detail/limit", LIMIT),
        row("without a stated length", post(format!("{uploads}?digest={}", sha256(&exceeds))).chunked(&pieces), 413)
            .error("SIZE_INVALID"),
        row("in parts", post(uploads), 202),
        row("the first", patch("<location>").body(&exceeds[..60_000]), 202).with("range", "0-59999"),
        row("one too many", patch("<location>").header("Content-Range", "60000-100000").body(&exceeds[60_000..]), 413)
            .error("SIZE_INVALID"),
        row("is not there", head(format!("/v2/acme/app/blobs/{}", sha256(&exceeds))), 404),
    ];
    check(&registry, rows)
}
