//! Which database goes on from where another one was left.

use std::path::Path;

use super::record::{Moved, Part, State};
use crate::sqlite::Sqlite;
use crate::{Connection, Database, Error};

impl Database {
    /// Whether all data of the SQLite file at `path` was moved to this database, so that this one knows whatever that one knew.
    ///
    /// # Errors
    /// What this database said. A file that cannot be read has no successor.
    pub async fn succeeds(&self, path: &Path) -> Result<bool, Error> {
        let told = Sqlite::look(path).and_then(|file| Moved::read(&Connection::sqlite(&file)));
        let Ok(Some(left)) = told else { return Ok(false) };
        let came = self.moved().await?;
        let same = came.is_some_and(|came| came.id == left.id && came.part == Part::To && came.state == State::Done);
        Ok(same && left.part == Part::From && left.state == State::Done)
    }
}
