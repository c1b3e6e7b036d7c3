//! Taking over a file that somebody else wrote, as it lies there: a second name for it where the file system allows that,
//! otherwise a copy.
//!
//! The second name is made first, among the uploads, and everything else is done to what that names: whoever puts another
//! file in the old place meanwhile is not read by half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use entrepot_oci::Digest;
use nix::libc;
use uuid::Uuid;

use super::layout::FILE_MODE;
use super::pool;
use super::publish::publish;
use super::step::step;
use super::store::Disk;
use crate::adopt::{Adopted, Adoption, Sharing};
use crate::error::{Context, Error};

/// What was staged.
struct Staged {
    size: u64,
    adopted: Adopted,
}

impl Disk {
    /// See [`Store::adopt`](crate::Store::adopt).
    pub(crate) async fn adopt(
        &self,
        id: Uuid,
        file: &Path,
        digest: &Digest,
        sharing: Sharing,
    ) -> Result<Adoption, Error> {
        let claim = self.claim("adopt", id).await?;
        let (root, source) = (self.root().clone(), file.to_owned());
        let staged = pool::run("adopt", file, move || {
            let staged = stage(&source, &root.layout.staged(id), sharing);
            drop(claim);
            staged
        });
        let Staged { size, adopted } = staged.await?;
        let adoption = self.take(id, digest, size, adopted).await;
        if !matches!(adoption, Ok(Adoption::Taken { .. })) {
            self.discard(id).await?;
        }
        adoption
    }

    /// Reads what is staged, and gives it its name if it is what it should be.
    async fn take(&self, id: Uuid, digest: &Digest, size: u64, adopted: Adopted) -> Result<Adoption, Error> {
        let found = self.rehash(id, digest.algorithm(), size).await?.hasher.finish();
        if found != *digest {
            return Ok(Adoption::Mismatch { found });
        }
        let claim = self.claim("adopt", id).await?;
        let (root, digest, staged) = (self.root().clone(), *digest, self.root().layout.staged(id));
        pool::run("adopt", &self.root().layout.staged(id), move || {
            // Whoever wrote it may never have synced it.
            let file = File::open(&staged).context("open", &staged)?;
            step!("store::before_sync", &staged);
            file.sync_data().context("sync", &staged)?;
            step!("store::after_sync", &staged);
            // A file that we share is never cut.
            if file.metadata().context("look at", &staged)?.len() != size {
                return Err(Error::explained("adopt", &staged, ErrorKind::Other, "the file grows while it is read"));
            }
            publish(&root.layout, &staged, &digest, size)?;
            drop(claim);
            Ok(Adoption::Taken { size, adopted })
        })
        .await
    }
}

/// Gives the bytes of `source` the name `staged`.
fn stage(source: &Path, staged: &Path, sharing: Sharing) -> Result<Staged, Error> {
    if sharing == Sharing::Link {
        match fs::hard_link(source, staged) {
            Ok(()) => return linked(source, staged),
            Err(error) if cannot_share(&error) => {}
            Err(error) => return Err(Error::new("link", source, error)),
        }
    }
    copied(source, staged)
}

/// Looks at what was linked: a link to a symbolic link, say, is none to a file.
fn linked(source: &Path, staged: &Path) -> Result<Staged, Error> {
    let metadata = staged.symlink_metadata().context("look at", staged)?;
    if !metadata.is_file() {
        fs::remove_file(staged).context("remove", staged)?;
        return Err(not_a_file(source));
    }
    let adopted = Adopted::Linked { owner: metadata.uid() };
    Ok(Staged { size: metadata.len(), adopted })
}

/// Makes a file of our own with the same bytes. Where the file system can, they are not written a second time.
fn copied(source: &Path, staged: &Path) -> Result<Staged, Error> {
    // Neither follows a symbolic link nor waits for a pipe.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut from = OpenOptions::new().read(true).custom_flags(flags).open(source).context("open", source)?;
    if !from.metadata().context("look at", source)?.is_file() {
        return Err(not_a_file(source));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(FILE_MODE);
    let mut to = options.open(staged).context("make", staged)?;
    step!("store::before_write", staged);
    let size = io::copy(&mut from, &mut to).context("copy", source)?;
    step!("store::after_write", staged);
    Ok(Staged { size, adopted: Adopted::Copied })
}

fn not_a_file(path: &Path) -> Error {
    Error::explained("adopt", path, ErrorKind::InvalidInput, "it is not a regular file")
}

/// Whether a file cannot have a second name here: another file system, one that knows no links, a file that has too many, or
/// one that belongs to somebody else where the kernel protects those.
fn cannot_share(error: &io::Error) -> bool {
    let known = [libc::EXDEV, libc::EPERM, libc::EMLINK, libc::EOPNOTSUPP, libc::ENOSYS];
    error.raw_os_error().is_some_and(|number| known.contains(&number))
}
