//! A server that runs out of file descriptors. In a process of its own, as the limit is the process's.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use entrepot_server::net::{Limits, Listener, RequestBody, serve};
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use nix::libc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Sends a request and waits for the head of its answer.
async fn ask(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: registry.acme.test\r\n\r\n").await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_server_without_file_descriptors_waits_for_some() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.addresses()[0];
    let service =
        service_fn(|_: Request<RequestBody>| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    tokio::spawn(serve(listener, None, Limits::default(), Arc::default(), service, std::future::pending()));
    let mut early = TcpStream::connect(address).await.unwrap();
    ask(&mut early).await.unwrap();

    let limit = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
    // SAFETY: the call only reads the structure.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
    let late = TcpSocket::new_v4().unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    let mut late = late.connect(address).await.expect("the kernel accepts it");
    let mut answer = tokio::spawn(async move { ask(&mut late).await });
    assert!(timeout(Duration::from_millis(700), &mut answer).await.is_err(), "it cannot be served yet");
    ask(&mut early).await.expect("others are served");

    hoard.clear();
    timeout(Duration::from_secs(30), answer).await.expect("served in the end").unwrap().unwrap();
}
