use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::num::NonZeroU32;
use std::time::Instant;

use super::line::is_time_out;
use super::*;

/// Answers every byte with the same byte, and ends when its client does.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut from, mut to) = (&stream, &stream);
                // An error is the end of the test's connection.
                drop(io::copy(&mut from, &mut to));
            });
        }
    });
    address
}

fn proxy() -> (FaultProxy, TcpStream) {
    let proxy = FaultProxy::start(echo()).unwrap();
    let client = open(&proxy);
    (proxy, client)
}

fn open(proxy: &FaultProxy) -> TcpStream {
    let client = TcpStream::connect(proxy.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

/// Sends and expects the same back.
fn exchange(mut client: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    client.write_all(bytes)?;
    let mut back = vec![0; bytes.len()];
    client.read_exact(&mut back)?;
    assert!(back == bytes);
    Ok(())
}

#[test]
fn without_a_fault_it_is_not_noticed() {
    let (proxy, client) = proxy();
    let many: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut from = client.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).unwrap();
        all
    });
    (&client).write_all(&many).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(reader.join().unwrap() == many);
    assert_eq!(proxy.passed(), Passed { connections: 1, sent: 3_000_000, received: 3_000_000 });
}

#[test]
fn a_cut_resets_what_is_there_and_what_comes() {
    let (proxy, client) = proxy();
    exchange(&client, b"a").unwrap();
    proxy.set(Fault::Cut);
    assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut next = open(&proxy);
    assert_eq!(next.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    proxy.set(Fault::None);
    exchange(&open(&proxy), b"b").unwrap();
}

#[test]
fn refused_connections_are_refused_and_it_listens_again() {
    let (proxy, client) = proxy();
    exchange(&client, b"a").unwrap();
    proxy.set(Fault::Refuse);
    assert_eq!((&client).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(proxy.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Fault::None);
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(proxy.address()).is_err() {
        assert!(Instant::now() < deadline);
        thread::sleep(TICK);
    }
}

#[test]
fn a_connection_can_be_cut_in_the_middle() {
    let (proxy, client) = proxy();
    proxy.set(Fault::CutAfter(1000));
    exchange(&client, &[b'a'; 400]).unwrap();
    assert!(exchange(&client, &[b'b'; 400]).is_err());
    let passed = proxy.passed();
    assert!(passed.sent + passed.received <= 1400, "{passed:?}");
    exchange(&open(&proxy), &[b'c'; 400]).unwrap();
}

#[test]
fn half_closed_the_client_reads_the_end_and_the_server_still_hears_it() {
    let (proxy, client) = proxy();
    exchange(&client, b"a").unwrap();
    proxy.set(Fault::HalfClose);
    assert_eq!((&client).read(&mut [0]).unwrap(), 0);
    let before = proxy.passed().sent;
    (&client).write_all(b"more").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while proxy.passed().sent < before + 4 {
        assert!(Instant::now() < deadline);
        thread::sleep(TICK);
    }
}

#[test]
fn a_black_hole_keeps_what_comes_and_gives_it_back() {
    let (proxy, client) = proxy();
    exchange(&client, b"a").unwrap();
    proxy.set(Fault::BlackHole);
    client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    (&client).write_all(b"held").unwrap();
    assert!(is_time_out(&(&client).read(&mut [0]).unwrap_err()));
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    proxy.set(Fault::None);
    let mut back = [0; 4];
    (&client).read_exact(&mut back).unwrap();
    assert_eq!(&back, b"held");
}

#[test]
fn a_slow_line_is_as_slow_as_it_is_told() {
    let (proxy, client) = proxy();
    proxy.set(Fault::Delay(Duration::from_millis(100)));
    let begin = Instant::now();
    exchange(&client, b"a").unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(200), "{:?}", begin.elapsed());

    proxy.set(Fault::Throttle(NonZeroU32::new(100_000).unwrap()));
    let begin = Instant::now();
    exchange(&client, &[b'b'; 50_000]).unwrap();
    let took = begin.elapsed();
    assert!((Duration::from_millis(450)..Duration::from_secs(5)).contains(&took), "{took:?}");
}
