//! A candidate that runs: started, ready, measured, and gone with all it wrote.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::candidate::Candidate;
use super::connection::Connection;
use super::process_tree::ProcessTree;
use super::site::Site;

/// How long a candidate may take to answer its first request.
const START_LIMIT: Duration = Duration::from_mins(2);
/// How long a candidate may take to end after SIGTERM before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A server process. Dropping it ends the whole process group.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    backends: Vec<ProcessTree>,
}

impl Server {
    /// Starts `candidate` with its data at `site` and waits until it answers. Returns the time that took, from the start
    /// of the process to the first answer.
    pub(super) async fn start(candidate: Candidate, program: &Path, site: &Site) -> Result<(Self, Duration)> {
        Self::start_with(candidate, program, site, &[]).await
    }

    /// The same with `settings` as variables of its environment.
    pub(super) async fn start_with(
        candidate: Candidate,
        program: &Path,
        site: &Site,
        settings: &[(&str, &str)],
    ) -> Result<(Self, Duration)> {
        let address = free_address()?;
        let mut command = candidate.command(program, address, site)?;
        command.envs(settings.iter().copied());
        let log_path = site.path().join("log");
        let log = std::fs::File::create(&log_path)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("starting {}", program.display()))?;
        let mut server = Self { child, address, backends: site.processes()? };
        let request = format!("GET /v2/ HTTP/1.1\r\nHost: {address}\r\n\r\n");
        loop {
            if let Ok(mut connection) = Connection::open(address).await {
                connection.exchange(request.as_bytes()).await?;
                return Ok((server, started.elapsed()));
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended at once ({status}):\n{}", candidate.name(), last_lines(&log_path));
            }
            if started.elapsed() > START_LIMIT {
                bail!("{} does not answer:\n{}", candidate.name(), last_lines(&log_path));
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it uses.
    pub(super) fn processes(&self) -> ProcessTree {
        ProcessTree::of(self.child.id())
    }

    /// Processor time of the servers that it keeps its data in.
    pub(super) fn backends_cpu(&self) -> Result<Duration> {
        self.backends.iter().map(|backend| backend.cpu()).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The group's id is the child's: it was started as the leader of its own group.
        let group = Pid::from_raw(self.child.id().cast_signed());
        // A group that has gone already is what is wanted.
        let _gone = killpg(group, Signal::SIGTERM);
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _gone = killpg(group, Signal::SIGKILL);
        let _reaped = self.child.wait();
    }
}

/// A loopback address whose port is free now.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The end of a server's log, for an error message.
fn last_lines(log: &PathBuf) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
