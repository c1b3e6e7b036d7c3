//! After a purge: rows, objects and what clients were told, side by side.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::super::model::Model;
use super::super::trouble::{Outcome, wrong};
use super::topology::{Backends, Topology};

/// Every object that has a row, with its size and the digest of the blob that it belongs to.
const OBJECTS: &str =
    "SELECT objects.key, objects.size, blobs.digest FROM objects LEFT JOIN blobs ON blobs.id = objects.blob_id";
/// Every blob, with its size and the sum of its objects.
const BLOBS: &str = "SELECT blobs.digest, blobs.size, coalesce(sum(objects.size), 0) FROM blobs \
     LEFT JOIN objects ON objects.blob_id = blobs.id GROUP BY blobs.id";
/// Sessions of uploads.
const UPLOADS: &str = "SELECT id FROM uploads";

/// Compares the rows, the objects and the model: nothing may be missing, and nothing left over. Nothing is under way, no upload
/// is open, and the model is certain of everything.
pub(in super::super) fn compare(backends: &Backends, topology: &Topology, model: &Model) -> Result<Outcome<()>> {
    let (bucket, prefix) = (backends.bucket(), &topology.prefix);
    let rows = |query| -> Result<Vec<Vec<String>>> {
        let text = backends.postgres.sql(&topology.database, query)?;
        Ok(text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect())
    };
    if let Some(upload) = rows(UPLOADS)?.first() {
        return Ok(wrong(format!("after the purge the upload {upload:?} remains")));
    }
    let linked = model.links.iter().filter(|(_, link)| link.known() == Some(&true));
    let mut expected: BTreeSet<&str> = linked.map(|(key, _)| key.1.as_str()).collect();
    for row in rows(BLOBS)? {
        let [digest, size, sum] = row.as_slice() else { return Ok(wrong(format!("an odd row: {row:?}"))) };
        let length = model.contents.get(digest).map(|content| content.bytes.len().to_string());
        if !expected.remove(digest.as_str()) {
            return Ok(wrong(format!("after the purge the blob {digest} has a row, which no repository has")));
        }
        if length.as_ref() != Some(size) || size != sum {
            let what = format!("blob {digest} has {length:?} bytes, its row says {size}, its objects have {sum}");
            return Ok(wrong(what));
        }
    }
    if let Some(digest) = expected.first() {
        return Ok(wrong(format!("after the purge the blob {digest} has no row, but a repository has it")));
    }
    let mut known = BTreeMap::new();
    for row in rows(OBJECTS)? {
        let [key, size, digest] = row.as_slice() else { return Ok(wrong(format!("an odd row: {row:?}"))) };
        if digest.is_empty() {
            return Ok(wrong(format!("after the purge the object {key} has a row but belongs to no blob")));
        }
        known.insert(format!("{prefix}/{key}"), size.parse::<u64>().context("the size in a row")?);
    }
    let stored = bucket.objects(&format!("{prefix}/"))?;
    if let Some((key, size)) = stored.iter().find(|(key, size)| known.get(*key) != Some(size)) {
        let row = known.get(key);
        return Ok(wrong(format!("after the purge {key} with {size} bytes is in the bucket; its row: {row:?}")));
    }
    if let Some((key, _)) = known.iter().find(|(key, _)| !stored.contains_key(*key)) {
        return Ok(wrong(format!("after the purge {key} is not in the bucket, but a blob needs it")));
    }
    let unfinished = bucket.unfinished_uploads()?;
    if unfinished.iter().any(|key| key.starts_with(prefix.as_str())) {
        return Ok(wrong(format!("after the purge multipart uploads remain: {unfinished:?}")));
    }
    Ok(Ok(()))
}
