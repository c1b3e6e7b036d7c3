//! Running a script in a browser.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use entrepot_test_support::Component;
use serde_json::Value;

/// Held by the script that runs. A browser is several processes already: more at one time only make all of them slow, and each is waited
/// for no longer than a page may take.
static TURN: Mutex<()> = Mutex::new(());

/// Chromium, and what drives it.
pub(crate) struct Browser {
    modules: PathBuf,
    chromium: PathBuf,
}

impl Browser {
    /// It, or what to do about its absence.
    pub(crate) fn require() -> Result<Option<Self>> {
        let (Some(chromium), Some(library)) = (Component::require("chromium"), Component::require("playwright")) else {
            return Ok(None);
        };
        let modules = library.ancestors().nth(2).context("the library is not in node_modules")?.to_owned();
        Ok(Some(Self { modules, chromium }))
    }

    /// Runs `scripts/<script>.mjs` with what it has to know, and gives what it found.
    pub(crate) fn run(&self, script: &str, facts: &Value) -> Result<Value> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(format!("{script}.mjs"));
        let mut node = Command::new("node");
        node.arg(path).arg(&self.modules).arg(&self.chromium);
        let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("no standard input")?.write_all(facts.to_string().as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        serde_json::from_str(&text).with_context(|| format!("{script} printed {text}"))
    }
}
