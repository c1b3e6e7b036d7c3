//! Processes that end together, however this one ends.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::process::POLL;

/// How long those who were killed may take to go.
const LAST_MOMENTS: Duration = Duration::from_secs(2);

/// What the leader does. It reads paths until its standard input ends, which happens when this process is gone, killed or
/// not. Then somebody outside of the group, who is not killed with it, ends it and removes what the paths name. What is meant
/// for the others (SIGTERM, an interrupt at the terminal) the leader leaves to them.
const LEADER: &str = r#"
trap '' TERM INT HUP
while IFS= read -r path; do set -- "$@" "$path"; done
setsid sh -c 'kill -s KILL -- "-$0"; sleep 1; rm -rf -- "$@"' "$$" "$@"
"#;

/// A process group. Dropping it kills everything in it at once, and so does the end of this process, also where nothing is
/// dropped: a server in a `static`, a test that is killed.
#[derive(Debug)]
pub struct Group {
    leader: Child,
    // Its end is the leader's cue.
    alive: Option<ChildStdin>,
}

impl Group {
    /// An empty group.
    ///
    /// # Errors
    /// There is no `sh`.
    pub fn new() -> Result<Self> {
        let mut leader = Command::new("sh");
        leader.args(["-c", LEADER]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut leader = leader.spawn().context("cannot run sh")?;
        let alive = leader.stdin.take();
        Ok(Self { leader, alive })
    }

    /// Has a file or directory removed if this process ends without dropping the group.
    ///
    /// # Errors
    /// The path is no text of one line, or the group has ended.
    pub fn remove_after(&mut self, path: &Path) -> Result<()> {
        let path = path.to_str().filter(|path| !path.contains('\n')).context("a path that is not one line of text")?;
        writeln!(self.alive.as_mut().context("the group has ended")?, "{path}").context("the group has ended")
    }

    /// Makes `command` start in this group.
    ///
    /// # Errors
    /// The system's process ids are no numbers of this kind.
    pub fn adopt<'a>(&self, command: &'a mut Command) -> Result<&'a mut Command> {
        Ok(command.process_group(self.id()?.as_raw()))
    }

    fn id(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.leader.id()).context("process id")?))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The leader has not been waited for, so its number is still that of the group. An error means that all are gone.
        let Ok(id) = self.id() else { return };
        let _gone = killpg(id, Signal::SIGKILL);
        drop(self.leader.wait());
        // Whoever is not a child of this process is not waited for, and holds its ports until it is gone.
        let deadline = Instant::now() + LAST_MOMENTS;
        while lives(id) && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

/// Whether the group has a process that has not ended. One that nobody has waited for yet has.
fn lives(group: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().any(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        // What comes before is the name, which may have anything in it: state, parent, group.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, of) = (fields.next(), fields.nth(1));
        state.is_some_and(|state| state != "Z") && of.and_then(|of| of.parse().ok()) == Some(group.as_raw())
    })
}

#[cfg(test)]
mod tests {

    use tempfile::tempdir;

    use super::*;
    use crate::Process;

    fn runs(id: &str) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(id).join("stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }

    /// Starts what hears no SIGTERM and has a child; returns the child's process id too.
    fn start(group: &Group, directory: &Path) -> (Process, String) {
        let mut parent = Command::new("sh");
        parent.args(["-c", "trap '' TERM; sleep 600 & echo child $! runs; wait"]);
        let log = directory.join("log");
        let mut process = Process::start(group.adopt(&mut parent).unwrap(), &log).unwrap().with_grace(Duration::ZERO);
        process.wait_until(Duration::from_secs(10), |output| output.contains("runs")).unwrap();
        let child = process.output().split(' ').nth(1).unwrap().to_owned();
        assert!(runs(&child));
        (process, child)
    }

    fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !done() {
            assert!(Instant::now() < deadline, "{what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_grandchild_that_hears_nothing_ends_with_the_group() {
        let directory = tempdir().unwrap();
        let group = Group::new().unwrap();
        let (process, child) = start(&group, directory.path());
        drop(process);
        assert!(runs(&child), "only the group ends what its members started");
        drop(group);
        wait_until("the child still runs", || !runs(&child));
    }

    #[test]
    fn the_end_of_this_process_ends_the_group_and_removes_what_it_used() {
        let directory = tempdir().unwrap();
        let mut group = Group::new().unwrap();
        let used = directory.path().join("a directory");
        fs::create_dir(&used).unwrap();
        group.remove_after(&used).unwrap();
        let (_process, child) = start(&group, &used);
        // What the system does when this process ends.
        group.alive = None;
        wait_until("the child still runs", || !runs(&child));
        wait_until("the directory is still there", || !used.exists());
    }
}
