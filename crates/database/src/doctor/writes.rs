//! Whether pushes can be taken: an unfinished move, or writes that somebody stopped.

use super::Verdict;
use crate::moving::{Moved, Part, State, how_to_cancel};
use crate::{Connection, Error, maintenance};

pub(super) fn verdict(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let stopped = maintenance::reason(connection)?;
    if let Some(moved) = Moved::read(connection)?
        && let Some(verdict) = of_move(&moved)
    {
        return Ok(verdict);
    }
    Ok(match stopped {
        None => Verdict::well(),
        Some(reason) => Verdict::wrong(
            format!("writes are stopped: {reason}"),
            "when what they were stopped for is done, let them go on: `entrepot maintenance off`",
        ),
    })
}

/// What a move leaves to be done; `None` if nothing.
fn of_move(moved: &Moved) -> Option<Verdict> {
    let peer = &moved.peer;
    match (moved.part, moved.state) {
        (Part::From, State::Copying | State::Finishing) => Some(Verdict::wrong(
            format!("the data is being moved to {peer}, and pushes are refused until that is done"),
            format!(
                "go on with `entrepot database move --to '{peer}'`, if it does not run any more, or give it up: the same command \
                 with --cancel"
            ),
        )),
        (Part::From, State::Done) => Some(Verdict::wrong(
            format!("the data was moved to {peer}: this is the old copy, which takes no pushes"),
            format!("use the new database in the configuration; to write to this one again all the same: {CANCEL}"),
        )),
        (Part::To, State::Copying | State::Finishing) => Some(Verdict::wrong(
            format!("this is the unfinished target of a move from {peer}"),
            format!("go on with `entrepot database move --from '{peer}'`, or give it up: {}", how_to_cancel(peer)),
        )),
        (Part::To, State::Done) => None,
    }
}

/// Of the database that is configured.
const CANCEL: &str = "entrepot database move --cancel";
