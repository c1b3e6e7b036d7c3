//! What a database knows of the last move that it took part in.

use uuid::Uuid;

use crate::{Connection, Database, Error, Kind};

pub(crate) mod tables {
    crate::statements! {
        READ = "SELECT name, part, state, peer FROM moves WHERE id = 1";
        PUT = "INSERT INTO moves (id, name, part, state, peer) VALUES (1, $1, $2, $3, $4)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, part = excluded.part, state = excluded.state,
            peer = excluded.peer";
        REMOVE = "DELETE FROM moves WHERE id = 1";
    }
}

/// A move of all data from one database to another, as one of the two tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Both databases have it.
    pub id: Uuid,
    /// Which of the two this one is.
    pub part: Part,
    /// How far it is.
    pub state: State,
    /// Where the other one is, without a password.
    pub peer: String,
}

/// Which end of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The one that the data comes from.
    From,
    /// The one that it goes to.
    To,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Rows are being copied and compared. Both databases refuse writes.
    Copying,
    /// All rows were found equal, and the new database is about to be opened for writes, if it is not already. Only the old
    /// one knows this state.
    Finishing,
    /// The new database takes writes; the old one refuses them.
    Done,
}

impl Moved {
    /// What the database over `connection` knows.
    pub(crate) fn read(connection: &Connection<'_>) -> Result<Option<Self>, Error> {
        connection.first(&tables::READ, &[], |row| {
            let unknown = |text: &str| Error::new(Kind::Other, "move", format!("the table of moves says {text:?}"));
            Ok(Self {
                id: row.text(0)?.parse().map_err(|_| unknown("no id"))?,
                part: Part::parse(row.text(1)?).ok_or_else(|| unknown("no part"))?,
                state: State::parse(row.text(2)?).ok_or_else(|| unknown("no state"))?,
                peer: row.text(3)?.to_owned(),
            })
        })
    }

    /// Writes it in place of what was known.
    pub(super) fn put(&self, connection: &Connection<'_>) -> Result<(), Error> {
        let id = self.id.to_string();
        let parameters = [(&id).into(), self.part.as_str().into(), self.state.as_str().into(), (&self.peer).into()];
        connection.execute(&tables::PUT, &parameters).map(|_| ())
    }

    /// Whether the database of this record refuses writes because of the move.
    pub(crate) fn stops_writes(&self) -> bool {
        self.part == Part::From || self.state != State::Done
    }

    /// The same, further.
    pub(super) fn at(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }
}

impl Part {
    fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::From, Self::To].into_iter().find(|part| part.as_str() == text)
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Finishing => "finishing",
            Self::Done => "done",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Copying, Self::Finishing, Self::Done].into_iter().find(|state| state.as_str() == text)
    }
}

impl Database {
    /// The last move that this database took part in; `None` if there was none.
    ///
    /// # Errors
    /// What the database said.
    pub async fn moved(&self) -> Result<Option<Moved>, Error> {
        self.read(Moved::read).await
    }
}
