//! The chunked transfer coding (RFC 9112, section 7.1), decoded in place.

use anyhow::{Context, Result};

/// Where decoding stands inside a buffer that fills from the front.
#[derive(Debug)]
pub(super) struct Chunks {
    /// First byte not yet looked at.
    read: usize,
    /// Where the next data byte goes.
    write: usize,
}

impl Chunks {
    /// A body whose first chunk starts at `at`; the decoded bytes go there too.
    pub(super) fn starting_at(at: usize) -> Self {
        Self { read: at, write: at }
    }

    /// Moves every whole chunk of `buffer` to its place. Returns the end of the decoded body once the last chunk is
    /// there, `None` while more must be read.
    pub(super) fn decode(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        loop {
            let rest = &buffer[self.read..];
            let Some(line) = rest.windows(2).position(|window| window == b"\r\n") else {
                return Ok(None);
            };
            let size = std::str::from_utf8(&rest[..line])?.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).with_context(|| format!("chunk size {size:?}"))?;
            let data = self.read + line + 2;
            if buffer.len() < data + size + 2 {
                return Ok(None);
            }
            if size == 0 {
                return Ok(Some(self.write));
            }
            buffer.copy_within(data..data + size, self.write);
            self.write += size;
            self.read = data + size + 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chunks;

    #[test]
    fn decodes_in_place_however_the_bytes_arrive() {
        let wire = b"4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\n\r\n";
        for first in 0..wire.len() {
            let mut buffer = wire.to_vec();
            let mut chunks = Chunks::starting_at(0);
            assert_eq!(chunks.decode(&mut buffer[..first]).unwrap(), None);
            assert_eq!(chunks.decode(&mut buffer).unwrap(), Some(9));
            assert_eq!(&buffer[..9], b"Wikipedia");
        }
    }

    #[test]
    fn refuses_a_size_that_is_no_number() {
        assert!(Chunks::starting_at(0).decode(&mut b"zz\r\n".to_vec()).is_err());
    }
}
