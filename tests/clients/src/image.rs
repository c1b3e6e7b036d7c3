//! Images that no network gave us, in an OCI image layout that every client can read.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::blob::{Blob, sha256};

/// OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// The file that every image has in its root.
pub const FILE: &str = "hello.txt";

/// An image for one platform.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its manifest.
    pub manifest: Blob,
    /// Its configuration.
    pub config: Blob,
    /// Its layers, compressed: a small one and one of some MiB that does not shrink.
    pub layers: Vec<Blob>,
    architecture: &'static str,
}

impl Image {
    /// An image whose content depends on `text` and the architecture.
    ///
    /// # Errors
    /// `gzip` cannot be run.
    pub fn new(architecture: &'static str, text: &str) -> Result<Self> {
        let small = tar(&[(FILE, format!("{text} on {architecture}\n").into_bytes())]);
        let large = tar(&[("noise", noise(&format!("{text}{architecture}"), 3 << 20))]);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": { "Labels": { "org.example.text": text } },
            "rootfs": { "type": "layers", "diff_ids": [sha256(&small), sha256(&large)] },
            "history": [{ "created_by": "test" }, { "created_by": "test" }],
        });
        let config = Blob::new(CONFIG, config.to_string().into_bytes());
        let layers = vec![Blob::new(LAYER, gzip(&small)?), Blob::new(LAYER, gzip(&large)?)];
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        let manifest = Blob::new(MANIFEST, manifest.to_string().into_bytes());
        Ok(Self { manifest, config, layers, architecture })
    }

    /// Manifest, configuration and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        [&self.manifest, &self.config].into_iter().chain(&self.layers)
    }
}

/// An index over images for two platforms.
#[derive(Debug, Clone)]
pub struct MultiPlatform {
    /// The index itself.
    pub index: Blob,
    /// For amd64 and arm64.
    pub images: Vec<Image>,
}

impl MultiPlatform {
    /// Images whose content depends on `text`.
    ///
    /// # Errors
    /// `gzip` cannot be run.
    pub fn new(text: &str) -> Result<Self> {
        let images = vec![Image::new("amd64", text)?, Image::new("arm64", text)?];
        let descriptors: Vec<Value> = images
            .iter()
            .map(|image| {
                let mut descriptor = image.manifest.descriptor();
                descriptor["platform"] = json!({ "os": "linux", "architecture": image.architecture });
                descriptor
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors });
        Ok(Self { index: Blob::new(INDEX, index.to_string().into_bytes()), images })
    }

    /// The index and everything under it.
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        std::iter::once(&self.index).chain(self.images.iter().flat_map(Image::blobs))
    }

    /// Writes an OCI image layout with the index under `tag`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write_layout(&self, directory: &Path, tag: &str) -> Result<()> {
        write_layout(directory, &self.index, tag, self.blobs())
    }
}

impl Image {
    /// Writes an OCI image layout with the image under `tag`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn write_layout(&self, directory: &Path, tag: &str) -> Result<()> {
        write_layout(directory, &self.manifest, tag, self.blobs())
    }
}

fn write_layout<'a>(directory: &Path, top: &Blob, tag: &str, blobs: impl Iterator<Item = &'a Blob>) -> Result<()> {
    let place = directory.join("blobs/sha256");
    fs::create_dir_all(&place)?;
    for blob in blobs {
        fs::write(place.join(blob.encoded()), &blob.bytes)?;
    }
    let mut entry = top.descriptor();
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
    fs::write(directory.join("index.json"), index.to_string())?;
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

/// Checks that an OCI layout which a client wrote has all of `blobs`, byte for byte.
///
/// # Errors
/// One is missing or different.
pub fn check_layout<'a>(directory: &Path, blobs: impl Iterator<Item = &'a Blob>) -> Result<()> {
    for blob in blobs {
        let file = directory.join("blobs/sha256").join(blob.encoded());
        let bytes = fs::read(&file).with_context(|| format!("{} ({})", file.display(), blob.media_type))?;
        anyhow::ensure!(bytes == blob.bytes, "{} has other bytes", file.display());
    }
    Ok(())
}

/// A POSIX tar archive of plain files owned by root, with the time of the epoch.
pub fn tar(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    const BLOCK: usize = 512;
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let mut header = [0_u8; BLOCK];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", bytes.len()).as_bytes());
        put(136, b"00000000000\0");
        // The checksum counts its own field as spaces.
        put(148, b"        ");
        put(156, b"0");
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("layer.tar");
    fs::write(&file, bytes)?;
    let output = Command::new("gzip").args(["--no-name", "--fast", "--stdout"]).arg(&file).output().context("gzip")?;
    anyhow::ensure!(output.status.success(), "gzip: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// Bytes that do not compress and are the same for the same seed.
fn noise(seed: &str, length: usize) -> Vec<u8> {
    // xorshift64; its state must not be zero.
    let mut state =
        seed.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(31)) | 1;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
