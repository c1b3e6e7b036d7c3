//! The trash: what was deleted can be brought back for a while.
//!
//! ```text
//!  deleted ──► in the trash, where no client sees it ──► emptied, by hand or by time ──► collected as all garbage
//!     ▲                       │
//!     └────── restored ◄──────┘
//! ```
//!
//! What is in the trash keeps what it needs: a tag its manifest, a manifest its blobs and the manifests that it names. So what is
//! restored is complete. It counts against a quota until it is gone.

mod empty;
mod restore;
mod throw;

use entrepot_database::{Connection, Row, Timestamp};
use entrepot_oci::RepositoryName;
use uuid::Uuid;

pub(crate) use self::empty::{expired, some as empty_some};
pub use self::restore::Restored;
pub(crate) use self::restore::Restoring;
pub(crate) use self::throw::Deletion;
use crate::gate::{Delete, Grant};
use crate::{Error, Page, Registry, stored_name, tables};

/// Tags of an entry that are told.
const MOST_TAGS: i64 = 100;

/// What kind of thing was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// A tag; its manifest stayed.
    Tag,
    /// A manifest with its tags.
    Manifest,
    /// A repository with everything.
    Repository,
}

impl Deleted {
    const ALL: [Self; 3] = [Self::Tag, Self::Manifest, Self::Repository];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Manifest => "manifest",
            Self::Repository => "repository",
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| Error::Damaged(format!("{text:?} stands where the kind of something deleted should")))
    }
}

/// Names an entry of the trash. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrashId(Uuid);

impl std::fmt::Display for TrashId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TrashId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// Something that was deleted together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashEntry {
    /// Its id.
    pub id: TrashId,
    /// The repository in which it was, or which it is.
    pub repository: RepositoryName,
    /// What it is.
    pub kind: Deleted,
    /// The tag, or the digest of the manifest.
    pub name: Option<String>,
    /// The tags that were deleted with it.
    pub tags: Vec<String>,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// By whom, if that is known.
    pub deleted_by: Option<String>,
}

/// An entry as it is dealt with.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: TrashId,
    pub(crate) repository: i64,
    pub(crate) name: RepositoryName,
    pub(crate) kind: Deleted,
    /// The tag or the digest.
    pub(crate) of: Option<String>,
    at: Timestamp,
    by: Option<String>,
}

impl Entry {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let id = row.text(0)?;
        Ok(Self {
            id: id.parse().map_err(|_| Error::Damaged(format!("{id:?} stands where an entry of the trash should")))?,
            repository: row.integer(1)?,
            name: stored_name(row.text(2)?)?,
            kind: Deleted::parse(row.text(3)?)?,
            of: row.optional_text(4)?.map(str::to_owned),
            at: Timestamp::from_micros(row.integer(5)?),
            by: row.optional_text(6)?.map(str::to_owned),
        })
    }

    /// The tags that are in it.
    fn tags(&self, connection: &Connection<'_>, most: i64) -> Result<Vec<(String, i64)>, Error> {
        let id = self.id.to_string();
        let parameters = [(&id).into(), most.into()];
        connection.all(&tables::TAGS_IN_TRASH, &parameters, |row| Ok((row.text(0)?.to_owned(), row.integer(1)?)))
    }

    fn told(self, connection: &Connection<'_>) -> Result<TrashEntry, Error> {
        let tags = self.tags(connection, MOST_TAGS)?.into_iter().map(|(tag, _)| tag).collect();
        Ok(TrashEntry {
            id: self.id,
            repository: self.name,
            kind: self.kind,
            name: self.of,
            tags,
            deleted_at: self.at,
            deleted_by: self.by,
        })
    }

    /// Removes the entry itself, with its tags.
    fn remove(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let id = self.id.to_string();
        connection.execute(&tables::REMOVE_TAGS_IN_TRASH, &[(&id).into()])?;
        connection.execute(&tables::REMOVE_FROM_TRASH, &[(&id).into()])?;
        Ok(())
    }
}

impl Registry {
    /// What of the repository, or of earlier ones of that name, is in the trash, from entry `after` on (not included), at most
    /// `limit`, the oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn list_trash(
        &self,
        grant: &Grant<Delete>,
        after: Option<TrashId>,
        limit: Option<usize>,
    ) -> Result<Page<TrashEntry>, Error> {
        let name = grant.repository().clone();
        let listed = self.0.database.scan(move |connection| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let page = Page::fetch(limit, |rows| {
                let parameters = [name.as_str().into(), (&after).into(), rows.into()];
                connection.all(&tables::TRASH_OF_REPOSITORY, &parameters, Entry::read)
            })?;
            let entries = page.entries.into_iter().map(|entry| entry.told(connection)).collect::<Result<_, Error>>()?;
            Ok::<_, Error>(Page { entries, more: page.more })
        });
        listed.await
    }
}

/// The entry `id`, if it is of the repository called `name`.
fn entry(connection: &Connection<'_>, name: &RepositoryName, id: TrashId) -> Result<Entry, Error> {
    let text = id.to_string();
    let found = connection.first(&tables::TRASH_ENTRY, &[(&text).into()], Entry::read)?;
    found.filter(|entry| entry.name == *name).ok_or(Error::TrashUnknown(id))
}
