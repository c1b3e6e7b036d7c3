//! Which manifests refer to a manifest (distribution-spec, "Listing Referrers").

use std::collections::BTreeMap;

use entrepot_database::Connection;
use entrepot_oci::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::gate::{Grant, Pull};
use crate::manifests::read_manifest;
use crate::{Error, Registry, find_repository, stored_digest, tables};

/// Longest page.
const MAX_PAGE: usize = 1000;
/// Largest page in bytes of annotations: the answer is itself a manifest, and clients need not take more than 4 MiB.
const MAX_PAGE_BYTES: usize = 3 * 1024 * 1024;

/// The descriptor of a manifest with a subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What kind of thing it is, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its annotations, as it spells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Box<RawValue>>,
}

/// A page of referrers, by digest.
#[derive(Clone, Debug)]
pub struct Referrers {
    /// The page.
    pub entries: Vec<Referrer>,
    /// Whether there are more after the last entry.
    pub more: bool,
}

/// What the tag of the fallback scheme holds: an index whose entries are descriptors like ours.
#[derive(Deserialize)]
struct FallbackIndex {
    manifests: Vec<Referrer>,
}

impl Registry {
    /// Manifests of the repository whose subject is `subject`, after the digest `last`, at most `limit`, only those of
    /// `artifact_type` if one is given. What clients that knew no referrers API wrote to the fallback tag is merged in, as
    /// far as the manifests are there.
    ///
    /// # Errors
    /// What the database said; a repository or subject that is not known has no referrers, which is no error (end-12a).
    pub async fn list_referrers(
        &self,
        grant: &Grant<Pull>,
        subject: &Digest,
        artifact_type: Option<String>,
        last: Option<Digest>,
        limit: Option<usize>,
    ) -> Result<Referrers, Error> {
        let (name, subject) = (grant.repository().clone(), *subject);
        let limit = limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        self.0
            .database
            .scan(move |connection| {
                let Some(repository) = find_repository(connection, &name)? else {
                    return Ok::<_, Error>(Referrers { entries: Vec::new(), more: false });
                };
                let after = last.map(|digest| digest.to_string()).unwrap_or_default();
                let mut found = BTreeMap::new();
                let of_type = |referrer: &Referrer| artifact_type.is_none() || referrer.artifact_type == artifact_type;
                for referrer in fallback(connection, &name, repository, &subject.referrers_tag())? {
                    let text = referrer.digest.to_string();
                    if text > after && of_type(&referrer) {
                        found.insert(text, referrer);
                    }
                }
                // Last, so that what the registry itself read from a manifest counts.
                for referrer in recorded(connection, repository, &subject, artifact_type.as_deref(), &after, limit)? {
                    found.insert(referrer.digest.to_string(), referrer);
                }
                Ok(page(found, limit))
            })
            .await
    }
}

fn page(found: BTreeMap<String, Referrer>, limit: usize) -> Referrers {
    let all = found.len();
    let mut bytes = 0;
    let mut entries = Vec::new();
    for referrer in found.into_values().take(limit) {
        bytes += referrer.annotations.as_ref().map_or(0, |raw| raw.get().len());
        if !entries.is_empty() && bytes > MAX_PAGE_BYTES {
            break;
        }
        entries.push(referrer);
    }
    Referrers { more: entries.len() < all, entries }
}

/// One row more than `limit`, so that the page knows whether another follows.
fn recorded(
    connection: &Connection<'_>,
    repository: i64,
    subject: &Digest,
    artifact_type: Option<&str>,
    after: &str,
    limit: usize,
) -> Result<Vec<Referrer>, Error> {
    let subject = subject.to_string();
    let rows = limit as i64 + 1;
    let read = |row: &entrepot_database::Row<'_>| {
        let annotations = row.optional_text(4)?.map(|text| RawValue::from_string(text.to_owned()));
        Ok::<_, Error>(Referrer {
            digest: stored_digest(row.text(0)?)?,
            media_type: row.text(1)?.to_owned(),
            size: row.size(2)?,
            artifact_type: row.optional_text(3)?.map(str::to_owned),
            annotations: annotations.transpose().map_err(|error| Error::Damaged(error.to_string()))?,
        })
    };
    let start = [repository.into(), (&subject).into(), after.into()];
    match artifact_type {
        // No media type has a NUL in it, and PostgreSQL takes none.
        Some(wanted) if wanted.contains('\0') => Ok(Vec::new()),
        None => connection.all(&tables::REFERRERS, &[&start[..], &[rows.into()]].concat(), read),
        Some(wanted) => {
            let parameters = [&start[..], &[wanted.into(), rows.into()]].concat();
            connection.all(&tables::REFERRERS_OF_TYPE, &parameters, read)
        }
    }
}

/// Entries of the fallback tag whose manifests the repository has; none if the tag holds something else.
fn fallback(
    connection: &Connection<'_>,
    name: &RepositoryName,
    repository: i64,
    tag: &Tag,
) -> Result<Vec<Referrer>, Error> {
    let parameters = [tag.as_str().into(), name.as_str().into()];
    let Some(manifest) = connection.first(&tables::MANIFEST_BY_TAG, &parameters, read_manifest)? else {
        return Ok(Vec::new());
    };
    let Ok(index) = serde_json::from_slice::<FallbackIndex>(&manifest.content) else {
        return Ok(Vec::new());
    };
    let mut there = Vec::new();
    for referrer in index.manifests {
        let digest = referrer.digest.to_string();
        if connection.exists(&tables::MANIFEST_ID, &[repository.into(), (&digest).into()])? {
            there.push(referrer);
        }
    }
    Ok(there)
}
