//! `cargo xtask fuzz`: hostile bytes against everything that parses what a client sends.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use entrepot_test_support::cache_dir;

use crate::shell;

/// The tool and the version that these targets were run with.
const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";
const TARGETS: [&str; 5] = ["manifest", "reference", "range", "upload_state", "router"];

/// Fuzz the parsers, each for a while, from the seeds in fuzz/seeds
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Where the choices begin, to repeat a run; by default elsewhere each time
    #[arg(long)]
    seed: Option<u32>,
    /// Which targets; all by default
    #[arg(value_parser = TARGETS)]
    targets: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let tool = cargo_fuzz()?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fuzz");
    let chosen: Vec<&str> = match &arguments.targets[..] {
        [] => TARGETS.to_vec(),
        targets => targets.iter().map(String::as_str).collect(),
    };
    for target in chosen {
        let corpus = directory.join("corpus").join(target);
        std::fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        let mut command = Command::new(&tool);
        // The targets are safe Rust: without a sanitizer they run on the stable toolchain, several times faster.
        command
            .args(["fuzz", "run", "--sanitizer", "none", target])
            .arg(&corpus)
            .arg(directory.join("seeds").join(target));
        command.arg("--").arg(format!("-max_total_time={}", arguments.seconds)).arg("-print_final_stats=1");
        command.args(arguments.seed.map(|seed| format!("-seed={seed}")));
        // cargo-fuzz passes flags that only a nightly compiler takes, unless it is told to trust this one.
        shell::run(command.env("RUSTC_BOOTSTRAP", "1").current_dir(&directory))?;
    }
    Ok(())
}

/// The pinned cargo-fuzz, installed outside the tree.
fn cargo_fuzz() -> Result<PathBuf> {
    let root = cache_dir().join(CARGO_FUZZ.replace('@', "-"));
    let tool = root.join("bin/cargo-fuzz");
    if !tool.exists() {
        shell::run(shell::cargo().args(["install", "--locked", CARGO_FUZZ, "--root"]).arg(&root))?;
    }
    Ok(tool)
}
