//! What a server process and its children used: processor time and memory, read from /proc.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::ClockId;
use nix::unistd::Pid;

/// Clock ticks a second in /proc/PID/stat: fixed at 100 for every Linux program (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// The two fields of /proc/PID/stat that are needed.
struct Stat {
    parent: u32,
    /// User and system time of the children that it has waited for, in ticks.
    ended_children_ticks: u64,
}

/// A process and everything below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProcessTree {
    root: u32,
}

impl ProcessTree {
    /// The tree below the process `root`.
    pub(super) fn of(root: u32) -> Self {
        Self { root }
    }

    /// User and system time used so far. That of children that have ended comes in steps of 10 ms.
    pub(super) fn cpu(self) -> Result<Duration> {
        let mut total = Duration::ZERO;
        for id in self.members()? {
            let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(id.cast_signed()))?;
            total += Duration::from(clock.now()?);
            let ended = read_stat(id).map_or(0, |stat| stat.ended_children_ticks);
            total += Duration::from_millis(ended * 1000 / TICKS_PER_SECOND);
        }
        Ok(total)
    }

    /// Resident memory now, in bytes. Pages shared between the processes of the tree count in each.
    pub(super) fn resident_bytes(self) -> Result<u64> {
        self.sum_of("VmRSS:")
    }

    /// The largest resident memory since the start or the last [`ProcessTree::reset_peak`], in bytes.
    pub(super) fn peak_bytes(self) -> Result<u64> {
        self.sum_of("VmHWM:")
    }

    /// Lets [`ProcessTree::peak_bytes`] start anew.
    pub(super) fn reset_peak(self) -> Result<()> {
        for id in self.members()? {
            std::fs::write(format!("/proc/{id}/clear_refs"), "5").context("resetting the peak of memory")?;
        }
        Ok(())
    }

    fn sum_of(self, field: &str) -> Result<u64> {
        let mut kibibytes = 0;
        for id in self.members()? {
            let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            kibibytes += line
                .and_then(|rest| rest.trim().strip_suffix(" kB"))
                .and_then(|number| number.trim().parse::<u64>().ok())
                .with_context(|| format!("process {id} of the server says no {field}"))?;
        }
        Ok(kibibytes * 1024)
    }

    /// The ids of the living processes of the tree.
    fn members(self) -> Result<Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            if let Some(stat) = read_stat(id) {
                children.entry(stat.parent).or_default().push(id);
            }
        }
        anyhow::ensure!(Path::new(&format!("/proc/{}", self.root)).exists(), "the server has gone");
        let mut members = vec![self.root];
        let mut next = 0;
        while let Some(id) = members.get(next) {
            members.extend(children.remove(id).unwrap_or_default());
            next += 1;
        }
        Ok(members)
    }
}

/// User and system time of this process, the load generator.
pub(super) fn own_cpu() -> Result<Duration> {
    Ok(Duration::from(ClockId::CLOCK_PROCESS_CPUTIME_ID.now()?))
}

/// User and system time of all that this process has started and waited for, in steps of 10 ms.
pub(super) fn ended_children_cpu() -> Result<Duration> {
    let stat = read_stat(std::process::id()).context("this process has no /proc/PID/stat")?;
    Ok(Duration::from_millis(stat.ended_children_ticks * 1000 / TICKS_PER_SECOND))
}

/// Time that all processors of the machine have been busy since it started, in steps of 10 ms: what a host took away
/// from a virtual machine (steal) counts as busy.
pub(super) fn machine_busy() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/stat").context("reading how busy the machine is")?;
    let ticks = parse_busy(&text).context("/proc/stat has no line for all processors")?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The line `cpu` counts user, nice, system, idle, iowait, irq, softirq and steal; the fourth and fifth are idle.
fn parse_busy(text: &str) -> Option<u64> {
    let fields: Vec<u64> = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().flat_map(str::parse).collect();
    Some(fields.get(..3)?.iter().sum::<u64>() + fields.get(5..8)?.iter().sum::<u64>())
}

/// Reads /proc/PID/stat; `None` when the process has ended meanwhile.
fn read_stat(id: u32) -> Option<Stat> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// The second field is the name in parentheses and may hold anything, so fields are counted from the last one.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.get(text.rfind(')')? + 2..)?.split(' ').collect();
    let ended = fields.get(13..15)?.iter().map(|field| field.parse::<u64>()).sum::<Result<u64, _>>().ok();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ended_children_ticks: ended? })
}

#[cfg(test)]
mod tests {
    use super::{ProcessTree, parse_busy, parse_stat};

    #[test]
    fn counts_fields_behind_a_name_with_parentheses() {
        let stat = parse_stat("7 (a) b) (c) S 3 7 7 0 -1 0 0 0 0 0 10 20 1 2 20 0").unwrap();
        assert_eq!((stat.parent, stat.ended_children_ticks), (3, 3));
    }

    #[test]
    fn idle_processors_are_not_busy() {
        assert_eq!(parse_busy("cpu  1 2 4 1000 2000 8 16 32 0 0\ncpu0 1 2 3"), Some(63));
        assert_eq!(parse_busy("intr 1"), None);
    }

    #[test]
    fn sees_its_own_memory() {
        let tree = ProcessTree::of(std::process::id());
        assert!(tree.resident_bytes().unwrap() > 0);
        assert!(tree.peak_bytes().unwrap() >= 4096);
    }
}
