//! One process, with SQLite and its own disk.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::disk;
use super::super::server::{Death, Program, Server, Started};
use super::super::servers::Servers;
use super::super::trouble::wrong;
use super::ground::Ground;
use crate::random::Random;

pub(super) struct Alone {
    program: Program,
    directory: PathBuf,
    server: Option<Server>,
    /// Where it listened last.
    address: SocketAddr,
}

impl Alone {
    pub(super) fn new(program: PathBuf, directory: PathBuf, settings: Vec<(String, String)>) -> Self {
        let program = Program::new(program, &directory).with(settings);
        Self { program, directory, server: None, address: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    fn start(&mut self, fail: Option<&str>) -> Result<Option<Death>> {
        match self.program.serve(fail)? {
            Started::Ready(server) => {
                self.address = server.address;
                self.server = Some(server);
                Ok(None)
            }
            Started::Died(death) => Ok(Some(death)),
        }
    }

    fn kill(&mut self) -> Result<Vec<Death>> {
        Ok(self.server.take().map(Server::kill).transpose()?.into_iter().collect())
    }
}

impl Ground for Alone {
    fn begin(&mut self, fail: Option<&str>, _: &mut Random) -> Result<Vec<Death>> {
        let mut deaths = self.kill()?;
        deaths.extend(self.start(fail)?);
        Ok(deaths)
    }

    fn servers(&self) -> Servers {
        Servers::one(self.address)
    }

    fn each(&self) -> Vec<Servers> {
        vec![self.servers()]
    }

    fn died(&mut self) -> Result<Vec<Death>> {
        let Some(server) = &mut self.server else { return Ok(Vec::new()) };
        let died = server.died()?;
        if died.is_some() {
            self.server = None;
        }
        Ok(died.into_iter().collect())
    }

    fn strike(&mut self, _: &mut Random) -> Result<Vec<Death>> {
        self.kill()
    }

    fn goes_on(&mut self) -> Result<bool> {
        Ok(false)
    }

    fn heal(&mut self) -> Result<Vec<Death>> {
        let deaths = self.kill()?;
        match self.start(None)? {
            None => Ok(deaths),
            Some(death) => Ok(wrong(format!("it does not start again: {death:?}"))?),
        }
    }

    fn programs(&self) -> Vec<Program> {
        vec![self.program.clone()]
    }

    fn blobs(&self) -> Result<usize> {
        Ok(disk::blobs(self.program.data())?.len())
    }

    fn close(&mut self) -> Result<()> {
        let stopped = self.server.take().map(Server::stop).transpose()?;
        if stopped != Some(Death::Finished) {
            wrong::<()>(format!("it did not stop well: {stopped:?}"))?;
        }
        // What a death between a blob's name and its row has left only this finds.
        let purged = self.program.purge(None)?;
        if purged != Death::Finished {
            wrong::<()>(format!("the purge failed: {purged:?}"))?;
        }
        let left = disk::blobs(self.program.data())?;
        if !left.is_empty() {
            wrong::<()>(format!("everything was deleted, but {left:?} are left"))?;
        }
        Ok(disk::integrity(&self.program.data().join("entrepot.db"))??)
    }

    fn keep(&mut self) -> Result<PathBuf> {
        self.kill()?;
        Ok(self.directory.clone())
    }

    fn remove(self: Box<Self>) -> Result<()> {
        fs::remove_dir_all(&self.directory).context("cannot remove the data directory")
    }
}
