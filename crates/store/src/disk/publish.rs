//! How staged bytes get their name.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use entrepot_oci::Digest;
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
            if there != Some(size) || !refresh(blob)? {
                return missing("nothing is staged");
            }
        }
        Some(length) if length < size => return missing("the file is shorter than what was acknowledged"),
        Some(_) if there == Some(size) && refresh(blob)? => {
            allow_missing(fs::remove_file(staged)).context("remove", staged)?;
        }
        Some(length) => {
            if let Some(there) = there {
                tracing::warn!(path = %blob.display(), there, size, "a blob of the wrong size, replaced");
            }
            if length > size {
                cut(staged, size)?;
            }
            layout.create_fan(digest)?;
            step!("store::before_rename", staged);
            fs::rename(staged, blob).context("rename", staged)?;
            step!("store::after_rename", blob);
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

/// Makes the blob count as just published, so that a purge by age leaves it alone; false if it is not there.
fn refresh(blob: &Path) -> Result<bool, Error> {
    match File::open(blob).and_then(|file| file.set_modified(SystemTime::now())) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        result => result.context("touch", blob).map(|()| true),
    }
}

fn length(path: &Path) -> Result<Option<u64>, Error> {
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => Ok(Some(result.context("look at", path)?.len())),
    }
}
