//! The configuration, as the real binary reads, refuses and prints it.

mod mistakes;
mod pages;
mod providers;
mod secrets;
mod sources;
mod together;

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// One run of `entrepot config …` in a directory of its own, with nothing in its environment.
struct Run {
    directory: TempDir,
    command: Command,
}

impl Run {
    fn of(action: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.current_dir(directory.path()).env_clear().args(["config", action]);
        Self { directory, command }
    }

    /// Writes `registry.toml` and names it with `--config`.
    fn file(self, text: &str) -> Self {
        self.with("registry.toml", text).flags(&["--config", "registry.toml"])
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn flags(mut self, flags: &[&str]) -> Self {
        self.command.args(flags);
        self
    }

    fn environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    fn output(mut self) -> Output {
        self.command.output().unwrap()
    }

    /// Standard output of a run that must succeed without a word on standard error.
    fn prints(self) -> String {
        let output = self.output();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The mistakes of a run that must fail for them alone.
    fn mistakes(self) -> Vec<String> {
        let output = self.output();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty());
        let mut lines = text.lines();
        let heading = lines.next().unwrap();
        let mistakes: Vec<String> = lines.map(|line| line.trim_start().to_owned()).collect();
        let count = match mistakes.len() {
            1 => "a mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        assert_eq!(heading, format!("entrepot: the configuration has {count}:"));
        mistakes
    }

    /// The one mistake of a run that must fail for it.
    fn mistake(self) -> String {
        let mut mistakes = self.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        mistakes.remove(0)
    }
}

/// The line of `config show` that sets `name`.
fn line<'a>(shown: &'a str, name: &str) -> &'a str {
    shown.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap()
}
