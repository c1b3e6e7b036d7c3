//! The first bytes of a connection: which protocols it speaks.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::conn_io::{ConnIo, Opening};
use super::socket::Socket;

const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first byte of a TLS record that holds a handshake message (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// The answer to a request in plain text on a TLS port.
const SPEAKS_HTTPS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 39\r\nConnection: close\r\n\r\nThis port speaks HTTPS: use https://.\r\n";

/// The answer to a TLS handshake on a plain port. Clients written in Go (docker, podman, skopeo, helm) try TLS first with a
/// registry that they were told is insecure, and go on in plain text when they see that what came back is HTTP.
const SPEAKS_HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 49\r\nConnection: close\r\n\r\nThis port speaks HTTP without TLS: use http://.\r\n";

/// A connection whose protocols are known.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) io: ConnIo,
    pub(super) http2: bool,
}

/// Why a connection does not get as far as HTTP.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the peer closed the connection before it said anything")]
    Silent,
    #[error("the peer speaks TLS to a plain port")]
    TlsToPlain,
    #[error("the peer speaks plain text to a TLS port")]
    PlainToTls,
    #[error("the TLS handshake failed: {0}")]
    Handshake(io::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Finds out whether a plain connection begins with the HTTP/2 preface (RFC 9113, 3.3).
pub(super) async fn open_plain(mut socket: Socket) -> Result<Opened, OpenError> {
    let mut opening = Opening::default();
    let http2 = loop {
        match socket.read(opening.room()).await? {
            0 => return Err(OpenError::Silent),
            count => opening.fill(count),
        }
        let seen = opening.filled();
        if seen[0] == TLS_HANDSHAKE {
            refuse(&mut socket, SPEAKS_HTTP).await?;
            return Err(OpenError::TlsToPlain);
        }
        if !HTTP2_PREFACE.starts_with(seen) {
            break false;
        }
        if seen == HTTP2_PREFACE {
            break true;
        }
    };
    Ok(Opened { io: ConnIo::Plain { socket, opening }, http2 })
}

/// Does the TLS handshake. A peer that speaks plain HTTP instead is told so.
pub(super) async fn open_tls(mut socket: Socket, config: Arc<ServerConfig>) -> Result<Opened, OpenError> {
    let mut first = [0];
    if socket.peek(&mut first).await? == 0 {
        return Err(OpenError::Silent);
    }
    if first[0] != TLS_HANDSHAKE {
        if first[0].is_ascii_uppercase() {
            refuse(&mut socket, SPEAKS_HTTPS).await?;
        }
        return Err(OpenError::PlainToTls);
    }
    let stream = TlsAcceptor::from(config).accept(socket).await.map_err(OpenError::Handshake)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Opened { io: ConnIo::Tls(Box::new(stream)), http2 })
}

/// Answers, and then reads until the peer closes, since closing first could take the answer away from it.
async fn refuse(socket: &mut Socket, answer: &[u8]) -> io::Result<()> {
    socket.write_all(answer).await?;
    socket.shutdown().await?;
    let mut discarded = [0; 1024];
    while socket.read(&mut discarded).await? > 0 {}
    Ok(())
}
