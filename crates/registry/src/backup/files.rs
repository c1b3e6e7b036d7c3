//! Files and directories that only their owner can read, made durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use entrepot_oci::{Algorithm, Digest, Hasher};

use super::error::{BackupError, Context};

/// Makes a directory, if there is none.
pub(super) fn make_directory(path: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).context("make the directory", path)
}

/// Makes the entries of a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    File::open(path).and_then(|directory| directory.sync_all()).context("sync the directory", path)
}

/// Writes a new file, durably but for its name.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), BackupError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.context("write", path)
}

/// The names in a directory; none if it is not there.
pub(super) fn names(path: &Path) -> Result<Vec<String>, BackupError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.context("list", path)?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    names.collect::<io::Result<_>>().context("list", path)
}

/// Size and SHA-256 of a file, in the blocking pool.
pub(super) async fn digest(path: PathBuf) -> Result<(u64, Digest), BackupError> {
    let shown = path.clone();
    let hashed = tokio::task::spawn_blocking(move || {
        let mut file = File::open(&path)?;
        let (mut hasher, mut size) = (Hasher::new(Algorithm::Sha256), 0);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok((size, hasher.finish())),
                read => {
                    hasher.update(&buffer[..read]);
                    size += read as u64;
                }
            }
        }
    });
    hashed.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped))).context("read", &shown)
}
