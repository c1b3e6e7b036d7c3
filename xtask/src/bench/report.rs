//! The report: where it was measured, who was compared, and the tables; as Markdown.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::judge::Results;
use super::plan::Plan;
use super::session::Outcome;
use super::table;

/// A place in a page under docs/ that `--write` replaces: it stands between two lines that name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The page's path from the root of the tree.
    pub(super) page: &'static str,
    /// The name in the two lines.
    pub(super) name: &'static str,
}

/// The report about `outcomes`.
pub(super) fn markdown(root: &Path, plan: &Plan, outcomes: &[Outcome]) -> String {
    let results = Results { group: plan.group, outcomes };
    let mut text = machine(root);
    text.push_str(&format!(
        "\nLarge blobs have {} MiB. Each repeated request is measured for {} s.\n\n",
        plan.large_mebibytes,
        plan.duration.as_secs()
    ));
    let verdicts = results.verdicts();
    if !verdicts.is_empty() {
        text.push_str("### Aims\n\n");
        text.push_str(&table::aims(&verdicts));
        text.push('\n');
    }
    text.push_str("### Measurements\n\n");
    text.push_str(&table::measurements(results));
    text.push_str("\n### Candidates\n\n");
    text.push_str(&candidates(outcomes));
    text.push_str("\n### Work\n\n");
    for work in plan.group.works().iter().filter(|&&work| outcomes.iter().any(|outcome| outcome.work == work)) {
        text.push_str(&format!("- `{}`: {}\n", work.name(), work.description()));
    }
    text
}

/// Puts `report` at `place` of the tree at `root`, instead of the last one.
pub(super) fn write(root: &Path, place: Place, report: &str) -> Result<()> {
    let page = root.join(place.page);
    let old = std::fs::read_to_string(&page).with_context(|| format!("reading {}", page.display()))?;
    let [begin, end] = place.marks();
    let parts = old.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("{} has lost its marks", page.display()))?;
    std::fs::write(page, format!("{before}{begin}\n{report}\n{end}{after}"))?;
    Ok(())
}

impl Place {
    fn marks(self) -> [String; 2] {
        ["begin", "end"].map(|which| format!("<!-- {}: {which} -->\n", self.name))
    }
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
pub(super) fn machine(root: &Path) -> String {
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
    use std::path::Path;

    use super::super::group::Group;
    use super::super::{collect, growth, quota, traffic};
    use super::{Place, write};

    #[test]
    fn replaces_what_stands_between_the_marks_alone() {
        let directory = tempfile::tempdir().unwrap();
        let page = directory.path().join("page.md");
        let place = Place { page: "page.md", name: "b" };
        let other = "<!-- a: begin -->\nother\n<!-- a: end -->\n";
        std::fs::write(&page, format!("before\n{other}<!-- b: begin -->\nold\n<!-- b: end -->\nafter\n")).unwrap();
        for report in ["one\n", "two\n"] {
            write(directory.path(), place, report).unwrap();
            let text = std::fs::read_to_string(&page).unwrap();
            assert_eq!(text, format!("before\n{other}<!-- b: begin -->\n\n{report}\n<!-- b: end -->\nafter\n"));
        }
        std::fs::write(&page, "no marks").unwrap();
        assert!(write(directory.path(), place, "three\n").is_err());
    }

    #[test]
    fn the_pages_have_their_marks() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let groups = [Group::Disk, Group::S3, Group::Database].map(Group::place);
        for place in groups.into_iter().chain([collect::PLACE, growth::PLACE, traffic::PLACE, quota::PLACE]) {
            let page = std::fs::read_to_string(root.join(place.page)).unwrap();
            let [begin, end] = place.marks();
            assert!(page.find(&begin) < page.find(&end) && page.contains(&begin), "{place:?}");
        }
    }
}
