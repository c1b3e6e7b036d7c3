//! A program that runs to its end while others go on.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bench::process_tree::ended_children_cpu;

/// How often is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);

/// What a program took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    /// Time from its start to its end.
    pub(super) wall: Duration,
    /// User and system time, in steps of 10 ms.
    pub(super) cpu: Duration,
}

/// Killed when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended is what is wanted.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Runs `command` to its end. What it says goes to `log`.
///
/// # Errors
/// It failed; the message has the end of what it said.
pub(super) async fn run(command: &mut Command, log: &Path) -> Result<Took> {
    let before = ended_children_cpu()?;
    let file = File::create(log)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    let started = Instant::now();
    let mut running = Running(command.spawn().with_context(|| format!("starting {command:?}"))?);
    let status = loop {
        match running.0.try_wait()? {
            Some(status) => break status,
            None => tokio::time::sleep(LOOK).await,
        }
    };
    let wall = started.elapsed();
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let end = said.lines().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    ensure!(status.success(), "{command:?} ended with {status}:\n{end}");
    Ok(Took { wall, cpu: ended_children_cpu()?.saturating_sub(before) })
}
