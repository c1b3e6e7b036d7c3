//! The bytes of blobs that no repository has any more.
//!
//! First the row goes, if nothing names it, and then the bytes, while the digest is held: a push of the same bytes waits until
//! both are done, and then stores them anew. What a crash interrupts is still written down, and is done again. In an object
//! store each push has objects of its own, so there is nothing to wait for.

use entrepot_database::{Connection, Durability};
use entrepot_oci::Digest;
use entrepot_store::Part;
use futures_util::{StreamExt, stream};

use super::report::{Collected, Deed, Reason, Step};
use super::{PAGE, paced};
use crate::{Error, Registry, parts, stored_digest, tables};

/// Blobs that are removed at one time.
const AT_ONCE: usize = 8;

/// Blobs behind `after` that perhaps nobody has.
pub(super) fn some(connection: &Connection<'_>, after: &str, limit: i64) -> Result<Vec<Digest>, Error> {
    connection.all(&tables::DROPPED_BLOBS, &[after.into(), limit.into()], |row| stored_digest(row.text(0)?))
}

/// What became of a blob that perhaps nobody had.
pub(super) enum Looked {
    /// Somebody has it.
    Needed,
    /// Its row is gone: with so many bytes just now, or before. These objects are to go.
    Forgotten(Option<u64>, Vec<Part>),
}

/// Removes the row of a blob that nothing names. That it was dropped stays written down while there are bytes `on_disk`;
/// objects have rows that say so themselves.
pub(super) fn look(connection: &Connection<'_>, digest: &Digest, on_disk: bool) -> Result<Looked, Error> {
    let text = digest.to_string();
    let row =
        connection.first(&tables::BLOB, &[(&text).into()], |row| Ok::<_, Error>((row.integer(0)?, row.size(1)?)))?;
    let looked = match row {
        None => Looked::Forgotten(None, Vec::new()),
        Some((id, size)) => {
            let parts = parts::of_blob(connection, id)?;
            match connection.execute(&tables::FORGET_UNLINKED_BLOB, &[(&text).into()])? {
                0 => Looked::Needed,
                _ => Looked::Forgotten(Some(size), parts),
            }
        }
    };
    if !on_disk || matches!(looked, Looked::Needed) {
        forget(connection, &text)?;
    }
    Ok(looked)
}

fn forget(connection: &Connection<'_>, digest: &str) -> Result<(), Error> {
    connection.execute(&tables::FORGET_DROPPED_BLOB, &[digest.into()])?;
    Ok(())
}

/// What is told of it.
pub(super) fn step(digest: Digest, bytes: u64) -> Step {
    Step { repository: None, digest, bytes, deed: Deed::RemoveBytes, reason: Reason::Unlinked }
}

impl Registry {
    /// Removes the bytes of every blob that was dropped and that nobody has.
    pub(crate) async fn collect_dropped(&self, collected: &mut Collected) -> Result<(), Error> {
        let mut after = String::new();
        loop {
            let start = after.clone();
            let some = self.0.database.scan(move |connection| some(connection, &start, PAGE)).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = last.to_string();
            paced(async {
                let mut removed = stream::iter(some)
                    .map(|digest| async move { Ok::<_, Error>((digest, self.remove_dropped(digest).await?)) })
                    .buffer_unordered(AT_ONCE);
                while let Some(done) = removed.next().await {
                    if let (digest, Some(bytes)) = done? {
                        collected.add(step(digest, bytes));
                    }
                }
                Ok(())
            })
            .await?;
        }
    }

    /// Removes a blob and its bytes, and returns how many these were; `None` if somebody has it, is just pushing it, or if its row
    /// went before.
    async fn remove_dropped(&self, digest: Digest) -> Result<Option<u64>, Error> {
        let Some(_publishing) = self.0.publishing.try_hold(digest) else { return Ok(None) };
        let on_disk = self.0.store.writer().is_none();
        let looked = self.0.database.write(Durability::Power, move |connection| look(connection, &digest, on_disk));
        let Looked::Forgotten(bytes, parts) = looked.await? else { return Ok(None) };
        fail::fail_point!("collect::after_forget");
        if self.0.database.is_held().await? {
            // A backup may still have to copy them. That they are to go stays written down.
            return Ok(bytes);
        }
        if on_disk {
            self.0.store.remove(&digest, &[]).await?;
            fail::fail_point!("collect::after_bytes");
            let text = digest.to_string();
            self.0.database.write(Durability::Process, move |connection| forget(connection, &text)).await?;
        } else {
            self.remove_garbage(parts.iter().map(|part| part.key).collect()).await?;
        }
        Ok(bytes)
    }
}
