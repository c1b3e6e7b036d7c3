//! The bytes of large blobs: one small block sent over and over, made unique at the end.

use sha2::{Digest, Sha256};

use crate::random::Random;

/// Size of the block that is repeated, in bytes: small enough to stay in the processor's cache.
const BLOCK_BYTES: usize = 1024 * 1024;

/// Size of one chunk on the wire, in bytes: what docker's HTTP client sends at a time.
const CHUNK_BYTES: usize = 32 * 1024;

/// How the body of an upload is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Framing {
    /// `Transfer-Encoding: chunked` in pieces of 32 KiB, as docker pushes layers.
    Chunked,
    /// `Content-Length`, as clients that know the size do.
    Length,
}

/// A large blob's content. All blobs of one payload are equal but for their last block, so that the digests of many
/// are computed with one pass over the common part.
#[derive(Debug)]
pub(super) struct Payload {
    /// The repeated block as it goes over the wire.
    wire: Vec<u8>,
    plain: Vec<u8>,
    repeats: u64,
    common: Sha256,
    framing: Framing,
}

impl Payload {
    /// A payload of `mebibytes` MiB, at least one.
    pub(super) fn new(mebibytes: u64, framing: Framing) -> Self {
        let mut plain = vec![0; BLOCK_BYTES];
        Random::new(&[1]).fill(&mut plain);
        let repeats = mebibytes.max(1) - 1;
        let mut common = Sha256::new();
        (0..repeats).for_each(|_| common.update(&plain));
        Self { wire: framed(&plain, framing), plain, repeats, common, framing }
    }

    /// The size of each blob, in bytes.
    pub(super) fn size(&self) -> u64 {
        (self.repeats + 1) * BLOCK_BYTES as u64
    }

    /// How often [`Payload::block`] is sent before the last block.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats
    }

    /// The repeated block, framed for the wire.
    pub(super) fn block(&self) -> &[u8] {
        &self.wire
    }

    /// The last block of the blob number `unique`, framed for the wire, with the end of the body.
    pub(super) fn last_block(&self, unique: u64) -> Vec<u8> {
        let mut wire = framed(&self.unique_block(unique), self.framing);
        if self.framing == Framing::Chunked {
            wire.extend_from_slice(b"0\r\n\r\n");
        }
        wire
    }

    /// The sha256 of the blob number `unique`, in lower-case hex.
    pub(super) fn hash(&self, unique: u64) -> String {
        let mut hash = self.common.clone();
        hash.update(self.unique_block(unique));
        hex::encode(hash.finalize())
    }

    /// The header line that announces the body's framing.
    pub(super) fn framing_header(&self) -> String {
        match self.framing {
            Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
            Framing::Length => format!("Content-Length: {}", self.size()),
        }
    }

    /// Writes the blob number `unique` to `file`: for a server that takes no uploads.
    pub(super) fn write_to(&self, file: &mut impl std::io::Write, unique: u64) -> std::io::Result<()> {
        for _ in 0..self.repeats {
            file.write_all(&self.plain)?;
        }
        file.write_all(&self.unique_block(unique))
    }

    fn unique_block(&self, unique: u64) -> Vec<u8> {
        let mut block = self.plain.clone();
        block[BLOCK_BYTES - 8..].copy_from_slice(&unique.to_le_bytes());
        block
    }
}

/// `block` as it goes over the wire.
fn framed(block: &[u8], framing: Framing) -> Vec<u8> {
    if framing == Framing::Length {
        return block.to_vec();
    }
    let mut wire = Vec::with_capacity(block.len() + block.len() / CHUNK_BYTES * 16);
    for chunk in block.chunks(CHUNK_BYTES) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::super::chunks::Chunks;
    use super::{Framing, Payload};

    #[test]
    fn hash_and_both_framings_say_the_same_bytes() {
        let mut file = Vec::new();
        let chunked = Payload::new(3, Framing::Chunked);
        chunked.write_to(&mut file, 7).unwrap();
        assert_eq!(file.len() as u64, chunked.size());
        assert_eq!(hex::encode(Sha256::digest(&file)), chunked.hash(7));
        assert_ne!(chunked.hash(7), chunked.hash(8));

        let mut wire = chunked.block().repeat(2);
        wire.extend(chunked.last_block(7));
        let end = Chunks::starting_at(0).decode(&mut wire).unwrap().unwrap();
        assert!(wire[..end] == file[..]);

        let plain = Payload::new(3, Framing::Length);
        let mut wire = plain.block().repeat(2);
        wire.extend(plain.last_block(7));
        assert!(wire == file);
    }
}
