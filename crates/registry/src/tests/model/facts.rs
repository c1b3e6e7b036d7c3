//! What is there, as the model says it, and as the database does.

use std::collections::{BTreeMap, BTreeSet};

use entrepot_oci::Digest;

use super::super::*;
use super::state::{Key, Model, Thing};
use super::universe::REPOSITORIES;
use crate::TrashId;

mod statements {
    entrepot_database::statements! {
        LINKS = "SELECT r.name, r.trash_id, b.digest, l.condemned_at, CAST(NULL AS TEXT) FROM repository_blobs l
            JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.id = l.blob_id";
        MANIFESTS = "SELECT r.name, r.trash_id, m.digest, o.condemned_at, m.trash_id FROM manifests m JOIN repositories r ON r.id = m.repository_id
            LEFT JOIN loose_manifests o ON o.manifest_id = m.id";
        TAGS = "SELECT r.name, r.trash_id, m.digest, t.name FROM tags t JOIN manifests m ON m.id = t.manifest_id
            JOIN repositories r ON r.id = t.repository_id";
        BLOBS = "SELECT digest FROM blobs";
        TRASH = "SELECT id FROM trash";
    }
}

/// What becomes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Condemned,
    InTrash,
}

/// What is there, by repository, and what is in the trash.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    blobs: BTreeMap<(Key, Digest), Fate>,
    manifests: BTreeMap<(Key, Digest), Fate>,
    tags: BTreeMap<(Key, String), Digest>,
    trash: BTreeSet<TrashId>,
}

impl Facts {
    /// What the model says.
    pub(super) fn expected(model: &Model) -> Self {
        let mut facts = Self::default();
        let fate = |thing: &Thing| match (thing.trash, thing.condemned) {
            (Some(_), _) => Fate::InTrash,
            (None, Some(_)) => Fate::Condemned,
            (None, None) => Fate::Stays,
        };
        for (key, repository) in &model.repositories {
            facts.blobs.extend(repository.blobs.iter().map(|(digest, thing)| ((*key, *digest), fate(thing))));
            facts.manifests.extend(repository.manifests.iter().map(|(digest, thing)| ((*key, *digest), fate(thing))));
            facts.tags.extend(repository.tags.iter().map(|(tag, target)| ((*key, tag.clone()), *target)));
            facts.trash.extend(repository.trash.keys().copied().chain(key.1));
        }
        facts
    }

    /// What the database has. Of what is needed it does not matter whether it is condemned: that is looked at before it goes.
    pub(super) async fn there(registry: &Registry, model: &Model) -> Self {
        let facts = registry.database().scan(|connection| {
            Ok::<_, Error>(Self {
                blobs: connection.all(&statements::LINKS, &[], fact)?.into_iter().collect(),
                manifests: connection.all(&statements::MANIFESTS, &[], fact)?.into_iter().collect(),
                tags: connection
                    .all(&statements::TAGS, &[], |row| {
                        let (key, digest) = named(row)?;
                        Ok::<_, Error>(((key, row.text(3)?.to_owned()), digest))
                    })?
                    .into_iter()
                    .collect(),
                trash: connection
                    .all(&statements::TRASH, &[], |row| Ok::<_, Error>(row.text(0)?.parse().unwrap()))?
                    .into_iter()
                    .collect(),
            })
        });
        let mut facts = facts.await.unwrap();
        for ((key, digest), fate) in &mut facts.blobs {
            let repository = model.repositories.get(key);
            if repository.is_some_and(|repository| model.needs_blob(repository, digest)) {
                *fate = Fate::Stays;
            }
        }
        for ((key, digest), fate) in &mut facts.manifests {
            let repository = model.repositories.get(key).filter(|of| of.manifests.contains_key(digest));
            let keeps = repository.is_some_and(|repository| model.keeps(repository, digest));
            if *fate == Fate::Condemned && keeps {
                *fate = Fate::Stays;
            }
        }
        facts
    }
}

/// The blobs that have a row.
pub(super) async fn rows(registry: &Registry) -> BTreeSet<Digest> {
    let rows = registry
        .database()
        .scan(|connection| connection.all(&statements::BLOBS, &[], |row| stored_digest(row.text(0)?)));
    rows.await.unwrap().into_iter().collect()
}

/// The repository and the digest that a row begins with.
fn named(row: &entrepot_database::Row<'_>) -> Result<(Key, Digest), Error> {
    let name = REPOSITORIES.into_iter().find(|name| row.text(0).is_ok_and(|found| found == *name)).unwrap();
    let trash = row.optional_text(1)?.map(|id| id.parse().unwrap());
    Ok(((name, trash), stored_digest(row.text(2)?)?))
}

fn fact(row: &entrepot_database::Row<'_>) -> Result<((Key, Digest), Fate), Error> {
    let fate = match (row.optional_text(4)?, row.optional_integer(3)?) {
        (Some(_), _) => Fate::InTrash,
        (None, Some(_)) => Fate::Condemned,
        (None, None) => Fate::Stays,
    };
    Ok((named(row)?, fate))
}
