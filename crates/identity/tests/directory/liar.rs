//! A server that says what it is told to, whatever it is asked. No real server can be brought to it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

/// Listens, and gives every connection the first of `answers` after the first question, the second after the second, and so on;
/// the last one is followed by silence.
pub(crate) fn liar(answers: Vec<Vec<u8>>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // It ends with the process of the test.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let answers = answers.clone();
            thread::spawn(move || lie(client, &answers));
        }
    });
    Ok(address)
}

fn lie(mut client: TcpStream, answers: &[Vec<u8>]) {
    let mut question = [0; 4096];
    for answer in answers {
        if !client.read(&mut question).is_ok_and(|count| count > 0) || client.write_all(answer).is_err() {
            return;
        }
    }
    // Until the client has had enough.
    while client.read(&mut question).is_ok_and(|count| count > 0) {}
}

/// An element of BER.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

/// An answer to the question of that number, with what comes behind it (controls).
pub(crate) fn message(id: u8, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    element(0x30, &[&element(0x02, &[&[id]]), operation, controls])
}

/// The result of an operation: 0x61 of a bind, 0x65 of a search, 0x78 of StartTLS.
pub(crate) fn result(tag: u8, code: u8) -> Vec<u8> {
    element(tag, &[&element(0x0a, &[&[code]]), &element(0x04, &[]), &element(0x04, &[])])
}

/// An entry that a search finds.
pub(crate) fn entry(dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let attributes = attributes.iter().map(|(name, value)| {
        let values = element(0x31, &[&element(0x04, &[value.as_bytes()])]);
        element(0x30, &[&element(0x04, &[name.as_bytes()]), &values])
    });
    element(0x64, &[&element(0x04, &[dn.as_bytes()]), &element(0x30, &[&attributes.collect::<Vec<_>>().concat()])])
}

/// Elements in elements, so many that whoever goes down into them by calling itself falls off its stack.
pub(crate) fn abyss() -> Vec<u8> {
    const DEPTH: usize = 100_000;
    // Written from its end, which is quicker: each element is what comes behind it and six bytes.
    let mut reversed = vec![0x00, 0x04];
    for _ in 0..DEPTH {
        let length = u32::try_from(reversed.len()).unwrap();
        reversed.extend(length.to_le_bytes());
        reversed.extend([0x84, 0x30]);
    }
    reversed.reverse();
    reversed
}
