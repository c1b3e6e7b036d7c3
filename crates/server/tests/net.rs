//! The accept loop on real sockets: who is cut, who is left in peace, and that files arrive whole.

mod net_support;

use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_server::net::{Limits, Listener, Reloaded, TlsReloader};
use http_body_util::BodyExt;
use net_support::{Certificate, Client, Running, pattern, read_response, request, start, temporary_file};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// More than any of these tests needs on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Limits under which a test need not wait long.
fn hasty() -> Limits {
    Limits {
        header_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(600),
        drain_grace: Duration::from_secs(20),
        certificate_check: Duration::from_millis(50),
        ..Limits::default()
    }
}

/// Reads until the server closes, and says how long that took.
async fn until_closed(stream: &mut TcpStream) -> (Vec<u8>, Duration) {
    let began = Instant::now();
    let mut all = Vec::new();
    // A reset is a way of closing too.
    let _ = timeout(LONG, stream.read_to_end(&mut all)).await.expect("the server must close");
    (all, began.elapsed())
}

#[tokio::test]
async fn a_silent_peer_is_cut() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert_eq!(server.counters().timed_out() + server.counters().refused(), 2, "counted as late and as refused");
}

#[tokio::test]
async fn a_slow_head_is_cut_however_steadily_it_drips() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
    let (mut read, mut write) = stream.split();
    let dripping = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            if write.write_all(b"X: y\r\n").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut all = Vec::new();
    tokio::select! {
        () = dripping => {}
        closed = timeout(LONG, read.read_to_end(&mut all)) => { let _ = closed.expect("the server must close"); }
    }
    assert_eq!(server.counters().timed_out(), 1);
}

#[tokio::test]
async fn a_slow_second_head_is_cut_too() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/small")).await.unwrap();
    read_response(&mut stream).await;
    stream.write_all(b"GET /small HT").await.unwrap();
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert_eq!(server.counters().timed_out(), 1);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_the_idle_time_and_not_the_head_time() {
    let limits = Limits { idle_timeout: Duration::from_secs(2), ..hasty() };
    let server = start(limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/small")).await.unwrap();
    read_response(&mut stream).await;
    sleep(Duration::from_millis(800)).await;
    stream.write_all(&request("/small")).await.unwrap();
    read_response(&mut stream).await;
    let (answer, took) = until_closed(&mut stream).await;
    assert!(answer.is_empty());
    assert!(took >= Duration::from_millis(1500), "closed after {took:?}");
    assert_eq!(server.counters().timed_out(), 0, "an idle connection is nobody's fault");
}

#[tokio::test]
async fn a_body_that_stops_ends_in_an_error_that_the_handler_sees() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc").await.unwrap();
    let (answer, _) = until_closed(&mut stream).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_may_take_many_times_the_idle_time_as_long_as_it_moves() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n").await.unwrap();
    for _ in 0..20 {
        stream.write_all(&[0; 5000]).await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
    let (_, body) = read_response(&mut stream).await;
    assert_eq!(body, b"100000");
}

#[tokio::test]
async fn a_handler_may_think_longer_than_any_time_out() {
    let server = start(hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/think")).await.unwrap();
    let (head, _) = read_response(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test]
async fn a_reader_that_stops_is_cut() {
    let (_file, server) = with_file(64 << 20, hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/file")).await.unwrap();
    let began = Instant::now();
    while server.counters().timed_out() == 0 {
        assert!(began.elapsed() < LONG, "a peer that reads nothing must be cut");
        sleep(Duration::from_millis(50)).await;
    }
    let (got, _) = until_closed(&mut stream).await;
    assert!(got.len() < 64 << 20);
}

#[tokio::test]
async fn a_reader_that_is_slow_is_left_in_peace() {
    const LENGTH: usize = 64 << 20;
    let (_file, server) = with_file(LENGTH as u64, hasty(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/file")).await.unwrap();
    let mut got = 0;
    let mut buffer = vec![0; 32 * 1024];
    let began = Instant::now();
    // At this rate the kernel takes nothing new from the server for longer than the idle time again and again.
    while began.elapsed() < Duration::from_secs(5) {
        sleep(Duration::from_millis(100)).await;
        got += stream.read(&mut buffer).await.unwrap();
    }
    while got < LENGTH {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "cut after {got} bytes");
        got += count;
    }
    assert_eq!(server.counters().timed_out(), 0);
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_served_at_once() {
    let server = start(Limits { max_connections: 2, ..Limits::default() }, None).await;
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(&request("/small")).await.unwrap();
        read_response(&mut stream).await;
        streams.push(stream);
    }
    let mut third = server.connect().await;
    third.write_all(&request("/small")).await.unwrap();
    assert!(timeout(Duration::from_millis(500), third.read_u8()).await.is_err(), "the third has to wait");
    assert_eq!(server.counters().open(), 2);
    streams.pop();
    let first = timeout(LONG, third.read_u8()).await.expect("now there is room").unwrap();
    assert_eq!(first, b'H');
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused_and_the_peer_sees_it() {
    let server = start(Limits { max_header_bytes: 16 * 1024, ..Limits::default() }, None).await;
    let mut stream = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(200_000));
    let _ = stream.write_all(head.as_bytes()).await;
    stream.shutdown().await.unwrap();
    let (answer, _) = until_closed(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn an_early_refusal_reaches_a_peer_that_is_still_sending() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"PUT /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n").await.unwrap();
    for _ in 0..40 {
        stream.write_all(&[0; 100_000]).await.expect("no reset while sending");
        sleep(Duration::from_millis(10)).await;
    }
    let (head, _) = read_response(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 401"), "{head}");
}

#[tokio::test]
async fn http2_without_tls_is_recognised_by_its_preface() {
    let server = start(Limits::default(), None).await;
    let mut client = Client::http2(server.connect().await).await;
    for _ in 0..3 {
        assert_eq!(client.get("/small").await.unwrap().1, b"small");
    }
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    let server = start(hasty(), None).await;
    let mut client = Client::http2(server.connect().await).await;
    client.get("/small").await.unwrap();
    timeout(LONG, client.closed()).await.expect("the server must close");
}

#[tokio::test]
async fn an_http2_peer_that_grants_no_window_is_cut() {
    let (_file, server) = with_file(8 << 20, hasty(), None).await;
    let mut client = Client::http2(server.connect().await).await;
    // The response is held and never read, so its window is never opened again.
    let held = client.send("/file").await.unwrap();
    timeout(LONG, client.closed()).await.expect("the server must cut");
    assert!(held.into_body().collect().await.is_err());
}

#[tokio::test]
async fn tls_speaks_both_versions() {
    let certificate = Certificate::new("registry.acme.test");
    let server = start(Limits::default(), Some(certificate.reloader())).await;
    let mut http1 = Client::tls(&server, &certificate, b"http/1.1").await.unwrap();
    assert_eq!(http1.get("/small").await.unwrap().1, b"small");
    let mut http2 = Client::tls(&server, &certificate, b"h2").await.unwrap();
    assert_eq!(http2.get("/small").await.unwrap().1, b"small");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let certificate = Certificate::new("registry.acme.test");
    let server = start(Limits::default(), Some(certificate.reloader())).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/small")).await.unwrap();
    let (head, body) = read_response(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(body.starts_with(b"This port speaks HTTPS"));
}

#[tokio::test]
async fn tls_on_the_plain_port_is_answered_in_http() {
    let certificate = Certificate::new("registry.acme.test");
    let server = start(Limits::default(), None).await;
    let attempt = timeout(LONG, Client::tls(&server, &certificate, b"h2")).await.expect("closed, not left waiting");
    assert!(attempt.is_err());
    let mut stream = server.connect().await;
    stream.write_all(&[22, 3, 1, 0, 5, 1, 2, 3, 4, 5]).await.unwrap();
    let (head, body) = read_response(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(body.starts_with(b"This port speaks HTTP without TLS"));
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn a_half_done_handshake_is_cut() {
    let certificate = Certificate::new("registry.acme.test");
    let server = start(hasty(), Some(certificate.reloader())).await;
    let mut stream = server.connect().await;
    stream.write_all(&[22, 3, 1]).await.unwrap();
    until_closed(&mut stream).await;
    assert_eq!(server.counters().timed_out(), 1);
}

#[tokio::test]
async fn a_new_certificate_is_picked_up_and_a_bad_one_is_not() {
    let first = Certificate::new("registry.acme.test");
    let reloader = first.reloader();
    // The files are watched rarely enough for `reload` to be what is tested.
    let limits = Limits { certificate_check: Duration::from_secs(3600), ..Limits::default() };
    let server = start(limits, Some(reloader.clone())).await;
    assert_eq!(reloader.reload().unwrap(), Reloaded::Unchanged);

    let second = Certificate::new("registry.acme.test");
    second.copy_certificate_over(&first);
    let error = reloader.reload().unwrap_err().to_string();
    assert!(error.contains("does not belong"), "{error}");
    Client::tls(&server, &first, b"h2").await.expect("the old pair stays in use");

    second.copy_key_over(&first);
    assert_eq!(reloader.reload().unwrap(), Reloaded::Replaced);
    Client::tls(&server, &second, b"h2").await.expect("the new certificate is presented");
    assert!(Client::tls(&server, &first, b"h2").await.is_err(), "the old one no longer is");

    first.spoil();
    assert!(reloader.reload().is_err());
    Client::tls(&server, &second, b"h2").await.expect("the last good pair stays in use");
}

#[tokio::test]
async fn changed_certificate_files_are_noticed() {
    let first = Certificate::new("registry.acme.test");
    let server = start(hasty(), Some(first.reloader())).await;
    let second = Certificate::new("registry.acme.test");
    second.copy_certificate_over(&first);
    second.copy_key_over(&first);
    let began = Instant::now();
    while Client::tls(&server, &second, b"h2").await.is_err() {
        assert!(began.elapsed() < LONG, "the change must be noticed");
        sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn certificate_errors_name_the_file() {
    let good = Certificate::new("registry.acme.test");
    let missing = good.directory().join("missing.pem");
    let error = TlsReloader::open(&missing, &good.key()).unwrap_err().to_string();
    assert!(error.contains("missing.pem"), "{error}");
    let error = TlsReloader::open(&good.key(), &good.key()).unwrap_err().to_string();
    assert!(error.contains("holds no certificate"), "{error}");
    let error = TlsReloader::open(&good.certificate(), &good.certificate()).unwrap_err().to_string();
    assert!(error.contains("holds no private key"), "{error}");
}

#[tokio::test]
async fn drain_lets_a_transfer_finish() {
    let (_file, mut server) = with_file(32 << 20, Limits::default(), None).await;
    let address = server.address();
    let idle = {
        let mut stream = server.connect().await;
        stream.write_all(&request("/small")).await.unwrap();
        read_response(&mut stream).await;
        stream
    };
    let mut stream = server.connect().await;
    stream.write_all(&request("/file")).await.unwrap();
    stream.read_u8().await.unwrap();
    let report = server.shut_down();
    sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nobody new is let in");
    let (rest, _) = until_closed(&mut stream).await;
    assert!(rest.len() > 32 << 20, "{} bytes came", rest.len());
    let report = timeout(LONG, report).await.unwrap().unwrap();
    assert_eq!((report.finished, report.cut), (2, 0));
    drop(idle);
}

#[tokio::test]
async fn drain_cuts_what_does_not_finish() {
    let limits = Limits { drain_grace: Duration::from_millis(300), ..Limits::default() };
    let (_file, mut server) = with_file(64 << 20, limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/file")).await.unwrap();
    stream.read_u8().await.unwrap();
    let report = timeout(LONG, server.shut_down()).await.unwrap().unwrap();
    assert_eq!((report.finished, report.cut), (0, 1));
    let (rest, _) = until_closed(&mut stream).await;
    assert!(rest.len() < 64 << 20);
}

#[tokio::test]
async fn files_arrive_exactly() {
    const LENGTH: u64 = 9 * 1024 * 1024 + 12_345;
    let certificate = Certificate::new("registry.acme.test");
    let file = temporary_file(LENGTH);
    let plain = net_support::start_with(Limits::default(), None, Some(file.path())).await;
    let tls = net_support::start_with(Limits::default(), Some(certificate.reloader()), Some(file.path())).await;
    let mut clients = [
        ("plain", Client::http1(plain.connect().await).await),
        ("plain h2", Client::http2(plain.connect().await).await),
        ("tls", Client::tls(&tls, &certificate, b"http/1.1").await.unwrap()),
        ("tls h2", Client::tls(&tls, &certificate, b"h2").await.unwrap()),
    ];
    let whole = pattern(0, LENGTH);
    let stretches = [
        (0, LENGTH),
        (0, 0),
        (0, 1),
        (LENGTH - 1, 1),
        (LENGTH, 0),
        (4095, 32_768),
        (4097, 32_769),
        (1, 1024 * 1024),
        (3, 1024 * 1024 + 1),
        (1_048_577, LENGTH - 1_048_577),
    ];
    for (name, client) in &mut clients {
        for (first, length) in stretches {
            for cold in [false, true] {
                if cold {
                    net_support::forget_cached(&File::open(file.path()).unwrap());
                }
                let (head, body) = client.get(&format!("/file?{first}+{length}")).await.unwrap();
                assert_eq!(head.headers["content-length"], length.to_string().as_str());
                let expected = &whole[first as usize..(first + length) as usize];
                assert!(body == expected, "{name}: {length} bytes from {first}, cold: {cold}");
            }
        }
    }
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let (_file, server) = with_file(2 << 20, Limits::default(), None).await;
    let mut stream = server.connect().await;
    let ahead = ["/file?0+200000", "/small", "/file?7+3", "/file?100+1000000", "/small"];
    let all: Vec<u8> = ahead.iter().flat_map(|path| request(path)).collect();
    stream.write_all(&all).await.unwrap();
    let expected = [pattern(0, 200_000), b"small".to_vec(), pattern(7, 3), pattern(100, 1_000_000), b"small".to_vec()];
    for (path, expected) in ahead.iter().zip(expected) {
        let (_, body) = timeout(LONG, read_response(&mut stream)).await.unwrap();
        assert!(body == expected, "{path}");
    }
}

#[tokio::test]
async fn a_file_that_is_cut_short_ends_in_an_error_and_is_never_padded() {
    const LENGTH: u64 = 12 << 20;
    const LEFT: u64 = (5 << 20) + 100;
    let certificate = Certificate::new("registry.acme.test");
    let file = temporary_file(LENGTH);
    OpenOptions::new().write(true).open(file.path()).unwrap().set_len(LEFT).unwrap();
    let plain = net_support::start_with(Limits::default(), None, Some(file.path())).await;
    let tls = net_support::start_with(Limits::default(), Some(certificate.reloader()), Some(file.path())).await;
    let path = format!("/file?0+{LENGTH}");
    for (name, mut client) in [
        ("plain", Client::http1(plain.connect().await).await),
        ("plain h2", Client::http2(plain.connect().await).await),
        ("tls", Client::tls(&tls, &certificate, b"http/1.1").await.unwrap()),
        ("tls h2", Client::tls(&tls, &certificate, b"h2").await.unwrap()),
    ] {
        let mut body = client.send(&path).await.unwrap().into_body();
        let mut got = Vec::new();
        let failed = loop {
            match timeout(LONG, body.frame()).await.expect("an end, of whatever kind") {
                Some(Ok(frame)) => got.extend_from_slice(&frame.into_data().unwrap_or_else(|_| Bytes::new())),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(failed, "{name}: the client must notice");
        assert!(got.len() as u64 <= LEFT && got == pattern(0, got.len() as u64), "{name}: {} bytes", got.len());
    }
}

#[tokio::test]
async fn bytes_are_counted() {
    let (_file, server) = with_file(1 << 20, Limits::default(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/file")).await.unwrap();
    read_response(&mut stream).await;
    drop(stream);
    let counters = server.counters().clone();
    let began = Instant::now();
    while counters.open() > 0 {
        assert!(began.elapsed() < LONG);
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counters.accepted(), 1);
    assert_eq!(counters.received(), request("/file").len() as u64);
    assert!(counters.sent() > 1 << 20 && counters.sent() < (1 << 20) + 1000, "{} sent", counters.sent());
}

#[tokio::test]
async fn a_name_is_listened_on_at_all_its_addresses() {
    let listener = Listener::bind("localhost:0").await.unwrap();
    let addresses = listener.addresses().to_vec();
    let server = Running::new(listener, Limits::default(), None, None);
    for address in addresses {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&request("/small")).await.unwrap();
        assert_eq!(read_response(&mut stream).await.1, b"small");
    }
    drop(server);
}

/// A server over a file of `length` bytes of the pattern.
async fn with_file(length: u64, limits: Limits, tls: Option<TlsReloader>) -> (tempfile::NamedTempFile, Running) {
    let file = temporary_file(length);
    let server = net_support::start_with(limits, tls, Some(file.path())).await;
    (file, server)
}
