//! LDAP messages from a server, before anything else reads them.
//!
//! Whoever is in the way before TLS, and a server that has been taken over, may send anything. The library that understands
//! the messages gathers them without a bound, and goes down into what is nested by calling itself, which would end the
//! process. So only messages that are complete, small, flat and well formed are let through to it.

use std::io;

use ldap3::asn1::{TagClass, parse_tag, parse_uint};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// No entry of which a few attributes are asked comes near to it.
const MAX_BYTES: usize = 1 << 20;
/// Of all messages that RFC 4511 has, the deepest is half as deep.
const MAX_DEPTH: usize = 16;
/// Each costs much more memory than it has bytes.
const MAX_ELEMENTS: usize = 16 * 1024;

const SEQUENCE: u8 = 0x30;
const CONSTRUCTED: u8 = 0x20;
const LONG_TAG: u8 = 0x1f;
const LONG_LENGTH: u8 = 0x80;

/// The request for StartTLS, as message 1 (RFC 4511, section 4.14.1).
pub(super) const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
const EXTENDED_RESPONSE: u64 = 24;

/// Reads the next message, and no byte more; `None` at the end.
///
/// # Errors
/// The connection is broken, or what comes is no message within the bounds.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut message = vec![0; 2];
    if from.read(&mut message[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut message[1..]).await?;
    if message[0] != SEQUENCE {
        return Err(invalid("it does not speak LDAP"));
    }
    let more = if message[1] & LONG_LENGTH == 0 { 0 } else { usize::from(message[1] & !LONG_LENGTH) };
    if more > size_of::<u32>() {
        return Err(invalid("it does not speak LDAP"));
    }
    message.resize(2 + more, 0);
    from.read_exact(&mut message[2..]).await?;
    let length = length(&message, 1)?.0;
    if length > MAX_BYTES {
        return Err(invalid("it sends a message that is larger than any should be"));
    }
    let head = message.len();
    message.resize(head + length, 0);
    from.read_exact(&mut message[head..]).await?;
    check(&message)?;
    Ok(Some(message))
}

/// Whether this is the answer that lets TLS begin; a sentence if not.
pub(super) fn start_tls_agreed(message: &[u8]) -> Result<(), String> {
    let code = result_code(message).ok_or("it answers StartTLS with what is no answer to it")?;
    if code == 0 { Ok(()) } else { Err(format!("it refuses StartTLS (result code {code})")) }
}

fn result_code(message: &[u8]) -> Option<u64> {
    let (_, message) = parse_tag(message).ok()?;
    let response = message.expect_constructed()?.into_iter().nth(1)?;
    let response = response.match_class(TagClass::Application)?.match_id(EXTENDED_RESPONSE)?;
    let code = response.expect_constructed()?.into_iter().next()?.expect_primitive()?;
    parse_uint(&code).ok().map(|(_, code)| code)
}

/// Whether bytes can be given to what reads them by calling itself: every element must end where the one around it says, and
/// there must not be too many, in depth or number.
pub(super) fn check(message: &[u8]) -> io::Result<()> {
    let mut ends = vec![message.len()];
    let (mut at, mut elements) = (0, 0);
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        elements += 1;
        if elements > MAX_ELEMENTS || ends.len() > MAX_DEPTH {
            return Err(invalid("it sends a message of more parts than any should have"));
        }
        let tag = message[at];
        let (length, content) = length(&message[..end], at + 1)?;
        let content_end = content.checked_add(length).filter(|content_end| *content_end <= end);
        let content_end = content_end.ok_or_else(|| invalid("it sends a message that is not well formed"))?;
        if tag & LONG_TAG == LONG_TAG {
            return Err(invalid("it sends a message that is not LDAP's"));
        }
        if tag & CONSTRUCTED == 0 {
            at = content_end;
        } else {
            ends.push(content_end);
            at = content;
        }
    }
    Ok(())
}

/// The length that is written at `at`, and where what is that long begins.
fn length(bytes: &[u8], at: usize) -> io::Result<(usize, usize)> {
    let malformed = || invalid("it sends a message that is not well formed");
    let first = *bytes.get(at).ok_or_else(malformed)?;
    if first & LONG_LENGTH == 0 {
        return Ok((usize::from(first), at + 1));
    }
    let count = usize::from(first & !LONG_LENGTH);
    let digits = bytes.get(at + 1..at + 1 + count).ok_or_else(malformed)?;
    // None at all means that the end is marked, which LDAP does not have.
    if digits.is_empty() || digits.len() > size_of::<u32>() {
        return Err(malformed());
    }
    Ok((digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), at + 1 + count))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The answer of OpenLDAP 2.5 to StartTLS.
    const AGREED: &[u8] = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";

    async fn all(mut bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        while let Some(message) = read(&mut bytes).await? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn nested(depth: usize) -> Vec<u8> {
        let mut bytes = vec![0x04, 0x00];
        for _ in 0..depth {
            let mut outer = vec![SEQUENCE, 0x84];
            outer.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
            outer.extend(bytes);
            bytes = outer;
        }
        bytes
    }

    #[tokio::test]
    async fn one_message_after_the_other() {
        let messages = all(&[AGREED, START_TLS].concat()).await.unwrap();
        assert_eq!(messages, [AGREED, START_TLS]);
        assert_eq!(start_tls_agreed(AGREED), Ok(()));
    }

    #[test]
    fn only_a_success_lets_tls_begin() {
        let refused = AGREED.iter().enumerate().map(|(at, byte)| if at == 9 { 52 } else { *byte }).collect::<Vec<_>>();
        assert!(start_tls_agreed(&refused).unwrap_err().contains("52"));
        // A success, but of a bind.
        let other = AGREED.iter().enumerate().map(|(at, byte)| if at == 5 { 0x61 } else { *byte }).collect::<Vec<_>>();
        for message in [&other[..], START_TLS, b"\x30\x00", b"\x30\x03\x02\x01\x01"] {
            assert!(start_tls_agreed(message).unwrap_err().contains("no answer"), "{message:?}");
        }
    }

    #[tokio::test]
    async fn what_is_out_of_bounds_is_refused() {
        let many = [&[SEQUENCE, 0x83, 0x00, 0x90, 0x00][..], &[0x04, 0x00].repeat(0x4800)].concat();
        let cases: [(&[u8], &str); 9] = [
            (b"HTTP/1.1 400 Bad Request", "does not speak LDAP"),
            (&[SEQUENCE, 0x85, 0, 0, 0, 0, 1, 0], "does not speak LDAP"),
            (&[SEQUENCE, 0x80, 0x04, 0x00, 0x00, 0x00], "not well formed"),
            (&[SEQUENCE, 0x84, 0x00, 0x10, 0x00, 0x01], "larger"),
            (&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff], "larger"),
            (&[SEQUENCE, 0x02, 0x04, 0x01], "not well formed"),
            (&[SEQUENCE, 0x03, 0x1f, 0x01, 0x00], "not LDAP's"),
            (&nested(MAX_DEPTH + 1), "more parts"),
            (&many, "more parts"),
        ];
        for (bytes, why) in cases {
            let error = all(bytes).await.unwrap_err();
            assert!(error.to_string().contains(why), "{error}: {:?}", &bytes[..bytes.len().min(20)]);
        }
        assert_eq!(all(&nested(MAX_DEPTH - 1)).await.unwrap().len(), 1);
        assert_eq!(all(&AGREED[..7]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        /// What passes is read to its end by the library, without recursion that matters.
        #[test]
        fn what_passes_is_well_formed(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut message = vec![SEQUENCE, 0x81, u8::try_from(bytes.len()).unwrap()];
            message.append(&mut bytes);
            if check(&message).is_ok() {
                let (rest, _) = parse_tag(&message).unwrap();
                prop_assert!(rest.is_empty());
            }
        }
    }
}
