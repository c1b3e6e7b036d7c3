//! What a campaign of collection runs over: one process with its own disk, or replicas.

use std::path::PathBuf;

use anyhow::Result;

use super::super::server::{Death, Program};
use super::super::servers::Servers;
use crate::random::Random;

/// The registry under test. What fails with a [`Trouble`](super::super::trouble::Trouble) is a finding.
pub(super) trait Ground: Send + Sync {
    /// Lets all of it serve, and one process of it die at `fail`. Returns what died for that, or while it started.
    fn begin(&mut self, fail: Option<&str>, random: &mut Random) -> Result<Vec<Death>>;

    /// Whom a client asks.
    fn servers(&self) -> Servers;

    /// Each process that must show what is there, when all is well.
    fn each(&self) -> Vec<Servers>;

    /// What died by itself since this was asked last.
    fn died(&mut self) -> Result<Vec<Death>>;

    /// `kill -9` of one, or of all. If one may die at a step, it is among them.
    fn strike(&mut self, random: &mut Random) -> Result<Vec<Death>>;

    /// What happens at once after a death. Whether some process still serves.
    fn goes_on(&mut self) -> Result<bool>;

    /// Brings everything back, with nothing under way of what clients were not told, and nothing that may still die.
    fn heal(&mut self) -> Result<Vec<Death>>;

    /// With whose configuration an operator runs commands beside it.
    fn programs(&self) -> Vec<Program>;

    /// How many blobs are left.
    fn blobs(&self) -> Result<usize>;

    /// Stops all of it in an orderly way, and then purges what deaths have left. Nothing may remain.
    fn close(&mut self) -> Result<()>;

    /// Where everything is that may tell of a finding.
    fn keep(&mut self) -> Result<PathBuf>;

    /// Removes what it kept, after a campaign without a finding.
    fn remove(self: Box<Self>) -> Result<()>;
}
