//! An operator who lets every blob be read again, without pause: nothing may ever be damaged.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::super::server::Program;
use super::super::trouble::{Outcome, wrong};
use crate::random::Random;

/// How soon it is seen that a command has ended.
const TICK: Duration = Duration::from_millis(5);

/// A command that runs, and is killed if it is not waited for.
struct Running {
    child: Child,
    said: PathBuf,
}

impl Running {
    fn start(mut command: Command, said: PathBuf) -> Result<Self> {
        let file = File::create(&said)?;
        command.stdout(file.try_clone()?).stderr(file);
        Ok(Self { child: command.spawn().context("cannot start entrepot scrub")?, said })
    }

    /// Whether it succeeded. A server that died may be why it did not, but not if something was damaged.
    fn judge(&self, status: ExitStatus) -> Result<Outcome<bool>> {
        let said = fs::read_to_string(&self.said)?;
        let damaged = said.lines().any(|line| line.contains(" were damaged") && !line.contains("; 0 were damaged"));
        if damaged || said.contains("in quarantine") {
            return Ok(wrong(format!("the scrub says: {said}")));
        }
        Ok(Ok(status.success()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails if it is dead already, and then there is nothing to do.
        let _dead = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Does `work`, while an operator scrubs again and again until `stop` is set or `work` is done. Returns what `work` gave, and
/// how many scrubs came to their end.
pub(super) fn beside<T>(
    programs: &[Program],
    random: Random,
    work: impl FnOnce(&AtomicBool) -> Result<T>,
) -> Result<(T, usize)> {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let scrubs = scope.spawn(|| without_pause(programs, &stop, random));
        let worked = work(&stop);
        stop.store(true, Ordering::Relaxed);
        let Ok(ended) = scrubs.join() else { bail!("the operator panicked") };
        let ended = ended?;
        worked.map(|worked| (worked, ended))
    })
}

/// Scrubs with any of these configurations. Returns how often that came to its end.
fn without_pause(programs: &[Program], stop: &AtomicBool, mut random: Random) -> Result<usize> {
    let mut ended = 0;
    while !stop.load(Ordering::Relaxed) {
        let Some(program) = random.pick(programs) else { break };
        let (command, said) = program.scrub()?;
        let mut running = Running::start(command, said)?;
        while !stop.load(Ordering::Relaxed) {
            if let Some(status) = running.child.try_wait()? {
                ended += usize::from(running.judge(status)??);
                break;
            }
            thread::sleep(TICK);
        }
    }
    Ok(ended)
}

/// What the last scrub found, and whether anything is in quarantine.
pub(super) fn status(program: &Program) -> Result<()> {
    let (mut command, said) = program.scrub()?;
    command.arg("--status");
    let mut running = Running::start(command, said)?;
    let status = running.child.wait()?;
    if running.judge(status)?? {
        return Ok(());
    }
    Ok(wrong(format!("the scrub does not say how it stands: {}", fs::read_to_string(&running.said)?))?)
}
