//! The named steps of the commit paths, and how often the server died at each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::random::Random;

/// How the names of steps end that a purge passes.
const PURGING: [&str; 5] = ["_remove", "_discard", "_adopt", "_forget", "_bytes"];

/// Steps that are passed only when something is condemned, goes out of the trash, is restored, or goes by a rule.
const COLLECTING: [&str; 5] = [
    "registry::after_restore",
    "retention::after_tags",
    "collect::after_trash",
    "collect::after_links",
    "collect::after_manifests",
];

/// Counts of deaths by step. Every step is aimed at in turn.
#[derive(Debug)]
pub(super) struct Steps {
    names: Vec<String>,
    next: usize,
    deaths: BTreeMap<String, usize>,
    /// How often a step was aimed at since the last death at it.
    in_vain: BTreeMap<String, u32>,
}

impl Steps {
    /// Those that a registry passes which collects nothing and restores nothing. Those that begin with `without` are never passed
    /// where it runs.
    pub(super) fn of(program: &Path, without: &str) -> Result<Self> {
        let collecting = |name: &str| COLLECTING.contains(&name);
        Self::only(program, |name| !collecting(name) && !name.starts_with(without))
    }

    /// Asks the program for the names, and takes some of them.
    pub(super) fn only(program: &Path, which: impl Fn(&str) -> bool) -> Result<Self> {
        let output = Command::new(program).env("FAILPOINTS", "list").output().context("cannot run entrepot")?;
        let names = String::from_utf8_lossy(&output.stdout);
        let names: Vec<String> = names.lines().filter(|name| which(name)).map(str::to_owned).collect();
        if !output.status.success() || names.is_empty() {
            bail!("entrepot does not name its fail points");
        }
        Ok(Self { names, next: 0, deaths: BTreeMap::new(), in_vain: BTreeMap::new() })
    }

    /// A value of `FAILPOINTS` that kills at the next step, after it was passed some times: fewer, the more often that was in vain.
    pub(super) fn aim(&mut self, random: &mut Random) -> String {
        let name = self.names[self.next % self.names.len()].clone();
        self.next += 1;
        let in_vain = self.in_vain.entry(name.clone()).or_default();
        let plan = plan(&name, *in_vain, random);
        *in_vain += 1;
        plan
    }

    /// A value of `FAILPOINTS` that holds some requests up at some steps, so that requests meet each other, and the purge, where
    /// they seldom do.
    pub(super) fn hold_up(&self, random: &mut Random) -> String {
        let some = (0..3).filter_map(|_| random.pick(&self.names).cloned()).collect::<Vec<_>>();
        let actions =
            some.iter().map(|name| format!("{name}={}%sleep({})", 5 + random.below(40), 1 + random.below(30)));
        actions.collect::<Vec<_>>().join(";")
    }

    /// As [`Steps::aim`], but only for steps at which something is removed: what a purge meets.
    pub(super) fn aim_at_purge(&self, random: &mut Random) -> Option<String> {
        let removing: Vec<_> = self.names.iter().filter(|name| PURGING.iter().any(|end| name.ends_with(end))).collect();
        random.pick(&removing).map(|name| plan(name, 0, random))
    }

    pub(super) fn count(&mut self, step: &str) {
        *self.deaths.entry(step.to_owned()).or_default() += 1;
        self.in_vain.remove(step);
    }

    /// Steps at which it never died.
    pub(super) fn missed(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).filter(|name| !self.deaths.contains_key(*name)).collect()
    }

    pub(super) fn total(&self) -> usize {
        self.deaths.values().sum()
    }

    /// One line for each step.
    pub(super) fn table(&self) -> String {
        let lines = self.names.iter().map(|name| {
            let deaths = self.deaths.get(name).copied().unwrap_or_default();
            format!("  {deaths:>5}  {name}\n")
        });
        lines.collect()
    }
}

/// How often a step may be passed before it kills: less than a round passes it, as far as that is known, and half of that for
/// each time that it was too much.
fn plan(name: &str, in_vain: u32, random: &mut Random) -> String {
    let usual: usize = match name.split_once("::").map_or(name, |(_, step)| step) {
        "after_tags" | "after_trash" | "after_links" | "after_manifests" => 3,
        "after_forget" | "after_bytes" | "after_restore" => 3,
        "before_remove" | "after_remove" | "before_discard" | "after_discard" | "after_adopt" => 3,
        "after_delete" => 8,
        "after_checkpoint" | "after_publish" | "after_link" | "after_manifest" => 20,
        _ => 50,
    };
    let passes = usual.checked_shr(in_vain).unwrap_or_default().max(1);
    format!("{name}={}*off->panic", random.below(passes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_is_seldom_passed_is_met_in_the_end() {
        let name = "registry::after_delete";
        let names = vec![name.to_owned()];
        let mut steps = Steps { names, next: 0, deaths: BTreeMap::new(), in_vain: BTreeMap::new() };
        let mut random = Random::new(&[7]);
        for _ in 0..40 {
            steps.aim(&mut random);
        }
        let at_once = format!("{name}=0*off->panic");
        assert_eq!(steps.aim(&mut random), at_once);
        steps.count(name);
        assert!((0..40).any(|_| {
            steps.count(name);
            steps.aim(&mut random) != at_once
        }));
    }
}
