//! The report: where it was measured, who was compared, and the tables; as Markdown.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::judge::Results;
use super::plan::Plan;
use super::session::Outcome;
use super::table;
use super::work::Work;

/// In docs/benchmarks.md, what `--write` replaces stands between these two lines.
const BEGIN: &str = "<!-- measured: begin -->\n";
const END: &str = "<!-- measured: end -->\n";

/// The report about `outcomes`.
pub(super) fn markdown(root: &Path, plan: &Plan, outcomes: &[Outcome]) -> String {
    let results = Results(outcomes);
    let mut text = machine(root);
    text.push_str(&format!(
        "\nLarge blobs have {} MiB. Each repeated request is measured for {} s.\n\n",
        plan.large_mebibytes,
        plan.duration.as_secs()
    ));
    text.push_str("### Aims\n\n");
    text.push_str(&table::aims(&results.verdicts()));
    text.push_str("\n### Measurements\n\n");
    text.push_str(&table::measurements(results));
    text.push_str("\n### Candidates\n\n");
    text.push_str(&candidates(outcomes));
    text.push_str("\n### Work\n\n");
    for work in Work::ALL.into_iter().filter(|&work| outcomes.iter().any(|outcome| outcome.work == work)) {
        text.push_str(&format!("- `{}`: {}\n", work.name(), work.description()));
    }
    text
}

/// Puts `report` into the page at `page`, in place of the last one.
pub(super) fn write(page: &Path, report: &str) -> Result<()> {
    let old = std::fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    let parts = old.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.with_context(|| format!("{} has lost its marks", page.display()))?;
    std::fs::write(page, format!("{before}{BEGIN}\n{report}\n{END}{after}"))?;
    Ok(())
}

fn candidates(outcomes: &[Outcome]) -> String {
    let mut present: Vec<_> = outcomes.iter().map(|outcome| outcome.candidate).collect();
    present.sort_unstable();
    present.dedup();
    let mut text = String::from("| candidate | what | an acknowledged push survives a power cut | settings |\n");
    text.push_str("| --- | --- | --- | --- |\n");
    for one in present {
        text.push_str(&format!("| {} | {} | {} | {} |\n", one.name(), one.version(), one.durability(), one.settings()));
    }
    text
}

/// The machine, the kernel, the disk and the commit.
fn machine(root: &Path) -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = field(&processors, "model name").unwrap_or("unknown processor");
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let sha = if field(&processors, "flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "sha_ni")) {
        "with"
    } else {
        "without"
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|size| size.strip_suffix(" kB"))
        .and_then(|size| size.parse::<f64>().ok())
        .unwrap_or_default()
        / 1_048_576.0;
    let kernel = read("/proc/sys/kernel/osrelease");
    let disk = output(Command::new("df").args(["--output=fstype"]).arg(root));
    let disk = disk.lines().last().unwrap_or_default().trim().to_owned();
    let git = |arguments: &[&str]| output(Command::new("git").current_dir(root).args(arguments)).trim().to_owned();
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    let dirty = if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { " with changes" };
    let date = output(Command::new("date").args(["-u", "+%Y-%m-%d"]));
    format!(
        "Measured {} (UTC) at commit {commit}{dirty}: {count} processors ({model}, {sha} SHA extensions), \
         {memory:.0} GiB of memory, Linux {}, {disk}. Server and load generator share the machine.\n",
        date.trim(),
        kernel.trim()
    )
}

/// The value of the first line `name: value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

/// What a command prints; nothing when it fails.
fn output(command: &mut Command) -> String {
    command.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, write};

    #[test]
    fn replaces_what_stands_between_the_marks_alone() {
        let directory = tempfile::tempdir().unwrap();
        let page = directory.path().join("page.md");
        std::fs::write(&page, format!("before\n{BEGIN}old\n{END}after\n")).unwrap();
        for report in ["one\n", "two\n"] {
            write(&page, report).unwrap();
            let text = std::fs::read_to_string(&page).unwrap();
            assert_eq!(text, format!("before\n{BEGIN}\n{report}\n{END}after\n"));
        }
        std::fs::write(&page, "no marks").unwrap();
        assert!(write(&page, "three\n").is_err());
    }

    #[test]
    fn the_page_has_its_marks() {
        let page = include_str!("../../../docs/benchmarks.md");
        assert!(page.find(BEGIN) < page.find(END) && page.contains(BEGIN));
    }
}
