//! How staged bytes get their name.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use entrepot_oci::Digest;
use nix::errno::Errno;
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;
use uuid::Uuid;

use super::layout::{Layout, allow_missing, sync_directory, sync_parent};
use super::step::step;
use crate::error::{Context, Error};

/// Gives the durable bytes of `staged`, the first `size` of them, the name `digest` and makes the name durable. May be repeated
/// after a crash.
pub(crate) fn publish(layout: &Layout, staged: &Path, digest: &Digest, size: u64) -> Result<(), Error> {
    let blob = &layout.blob(digest);
    let there = length(blob)?;
    let missing = |message| Err(Error::explained("publish", staged, ErrorKind::NotFound, message));
    match length(staged)? {
        // Published before, or never staged.
        None => {
            if there != Some(size) || refresh(blob)? == Refreshed::Missing {
                return missing("nothing is staged");
            }
        }
        Some(length) if length < size => return missing("the file is shorter than what was acknowledged"),
        Some(_) if there == Some(size) && refresh(blob)? == Refreshed::Young => {
            allow_missing(fs::remove_file(staged)).context("remove", staged)?;
        }
        // Also in the place of a blob that is right and not ours to touch: its bytes are then in a file of our own.
        Some(length) => {
            if let Some(there) = there.filter(|there| *there != size) {
                tracing::warn!(path = %blob.display(), there, size, "a blob of the wrong size, replaced");
            }
            if length > size {
                cut(staged, size)?;
            }
            layout.create_fan(digest)?;
            step!("store::before_rename", staged);
            fs::rename(staged, blob).context("rename", staged)?;
            step!("store::after_rename", blob);
            if there.is_some() {
                // Two names of one file both stay: it was adopted, and the process died before its row was written.
                allow_missing(fs::remove_file(staged)).context("remove", staged)?;
            }
        }
    }
    // Also when the name was there already: whoever made it may not have come to this line yet.
    sync_parent(blob)
}

/// Moves a blob to the quarantine, under a name that says which it was and that no other file there has.
pub(crate) fn set_aside(layout: &Layout, digest: &Digest) -> Result<(), Error> {
    let blob = layout.blob(digest);
    if length(&blob)?.is_none() {
        return Ok(());
    }
    let directory = layout.create_quarantine()?;
    let kept = directory.join(format!("{}-{}-{}", digest.algorithm(), digest.hex(), Uuid::now_v7()));
    fs::rename(&blob, &kept).context("rename", &blob)?;
    sync_directory(&directory)?;
    sync_parent(&blob)
}

/// Cuts off, durably, what a request left behind the last checkpoint when it failed or the process died.
fn cut(staged: &Path, size: u64) -> Result<(), Error> {
    let cut = File::options().write(true).open(staged).and_then(|file| {
        file.set_len(size)?;
        file.sync_data()
    });
    cut.context("truncate", staged)
}

/// What became of a blob that was to count as just published.
#[derive(PartialEq, Eq)]
enum Refreshed {
    /// It does.
    Young,
    /// It is there, and belongs to somebody who does not let us.
    Foreign,
    /// It is not there.
    Missing,
}

/// Makes the blob count as just published, so that a purge by age leaves it alone.
fn refresh(blob: &Path) -> Result<Refreshed, Error> {
    // "Now" may be said by whoever may write to a file, any other time only by its owner; of an adopted one that is somebody else.
    let now = |file: &File| futimens(file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW);
    match File::open(blob).map(|file| now(&file)) {
        Ok(Ok(())) => Ok(Refreshed::Young),
        Ok(Err(Errno::EACCES | Errno::EPERM)) => Ok(Refreshed::Foreign),
        Ok(Err(errno)) => Err(Error::new("touch", blob, errno.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Refreshed::Missing),
        Err(error) => Err(Error::new("touch", blob, error)),
    }
}

fn length(path: &Path) -> Result<Option<u64>, Error> {
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => Ok(Some(result.context("look at", path)?.len())),
    }
}
