//! How staged bytes get their name.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

use entrepot_oci::Digest;

use crate::error::{Context, Error};
use crate::layout::{Layout, allow_missing, sync_parent};
use crate::step::step;

/// Gives the durable file `staged` the name `digest` and makes the name durable. May be repeated after a crash.
pub(crate) fn publish(layout: &Layout, staged: &Path, digest: &Digest) -> Result<(), Error> {
    let blob = &layout.blob(digest);
    let there = length(blob)?;
    match length(staged)? {
        // Published before, or never staged.
        None => {
            if !refresh(blob)? {
                return Err(Error::explained("publish", staged, ErrorKind::NotFound, "nothing is staged"));
            }
        }
        Some(length) if there == Some(length) && refresh(blob)? => {
            allow_missing(fs::remove_file(staged)).context("remove", staged)?;
        }
        Some(length) => {
            if let Some(there) = there {
                tracing::warn!(path = %blob.display(), there, length, "a blob of the wrong size, replaced");
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
