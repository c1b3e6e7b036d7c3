//! `entrepot doctor` over databases and stores that are broken in every way it knows, each mended as it says.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::entrepot_binary;

use crate::registry::Registry;

mod postgres;
mod sqlite;
mod store;

/// What a check says on which quotas rely.
pub(crate) const USAGE: &str = "what namespaces use is what their repositories have";

/// What a run of the doctor said.
#[derive(Debug)]
pub(crate) struct Said {
    code: i32,
    text: String,
}

/// Asks the doctor about the data of `registry`, with settings as environment variables.
pub(crate) fn ask(registry: &Registry, settings: &[(&str, &str)], arguments: &[&str]) -> Result<Said> {
    let mut command = Command::new(entrepot_binary()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
        command.env_remove(name);
    }
    command.args(["doctor", "--data-dir"]).arg(registry.path().join("data")).args(arguments);
    let output = command.envs(settings.iter().copied()).output()?;
    let text = format!("{}{}", String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    Ok(Said { code: output.status.code().context("it was killed")?, text })
}

/// Runs another command on the data of `registry`.
pub(crate) fn run(registry: &Registry, settings: &[(&str, &str)], arguments: &str) -> Result<()> {
    let mut command = Command::new(entrepot_binary()?);
    command.env_clear().envs(settings.iter().copied()).args(arguments.split(' '));
    let output = command.arg("--data-dir").arg(registry.path().join("data")).output()?;
    ensure!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Asks until everything is well, ten seconds at most.
pub(crate) fn wait_until_well(registry: &Registry, settings: &[(&str, &str)]) -> Result<Said> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let said = ask(registry, settings, &[])?;
        match said.expect_well() {
            Ok(_) if !said.text.contains("(it is counted when the registry runs)") => return Ok(said),
            Err(error) if Instant::now() > deadline => return Err(error),
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

impl Said {
    pub(crate) fn expect_well(&self) -> Result<&Self> {
        ensure!(self.code == 0 && self.text.ends_with("nothing is wrong\n"), "{}: {}", self.code, self.text);
        ensure!(!self.text.contains("WRONG"), "{}", self.text);
        Ok(self)
    }

    /// That something is wrong, with all of these words among what it says.
    pub(crate) fn expect(&self, words: &[&str]) -> Result<&Self> {
        ensure!(self.code == 1 && self.text.contains("WRONG"), "{}: {}", self.code, self.text);
        for word in words {
            ensure!(self.text.contains(word), "it does not say {word:?}:\n{}", self.text);
        }
        Ok(self)
    }

    /// That these subjects are the only ones that are wrong.
    pub(crate) fn expect_wrong(&self, subjects: &[&str]) -> Result<&Self> {
        let wrong: Vec<&str> = self.text.lines().filter_map(|line| line.strip_prefix("WRONG   ")).collect();
        ensure!(wrong == subjects, "wrong is {wrong:?}, not {subjects:?}:\n{}", self.text);
        Ok(self)
    }

    /// The statements that mend, each behind the last of these words in its line.
    pub(crate) fn statements(&self, behind: &str) -> Vec<String> {
        let mends = self.text.lines().filter(|line| line.trim_start().starts_with("to mend it: "));
        mends.filter_map(|line| line.rsplit_once(behind)).map(|(_, sql)| sql.to_owned()).collect()
    }
}
