//! Runs the commands of a page as its reader would.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Page;

/// The port that the pages use.
const PORT_OF_THE_PAGES: &str = "5000";
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs everything that `page` has in fences tagged `sh`, as one script that ends at the first failure, in an empty
/// directory, with `binary` as `entrepot` and a free port instead of 5000. What the script leaves running is ended.
///
/// # Errors
/// The script failed or did not end; the message has what it printed.
pub fn run_page(page: &Page, binary: &Path) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (home, programs) = (directory.path().join("home"), directory.path().join("bin"));
    let work = directory.path().join("work");
    for path in [&home, &programs, &work] {
        fs::create_dir(path)?;
    }
    std::os::unix::fs::symlink(binary, programs.join("entrepot"))?;

    let port = free_port()?.to_string();
    let commands = page.fenced("sh").replace(PORT_OF_THE_PAGES, &port);
    let script = directory.path().join("page.sh");
    fs::write(&script, format!("set -euxo pipefail\n{commands}"))?;
    let output = directory.path().join("output");
    let log = File::create(&output)?;

    let mut path = programs.into_os_string();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    command.arg(&script).current_dir(&work).env("PATH", path).env("HOME", home).stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log).process_group(0);
    // Settings of the tests are not those of the page.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
        command.env_remove(name);
    }
    // Where a page says nothing it means the default.
    command.env("ENTREPOT_LISTEN", format!("127.0.0.1:{port}"));
    let status = Group(command.spawn().context("cannot run bash")?).wait()?;
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let ended = status.map_or_else(|| format!("not ended after {PATIENCE:?}"), |status| status.to_string());
    bail!("the commands of {} failed ({ended}):\n{}", page.path.display(), fs::read_to_string(&output)?)
}

/// A port that is free now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A process with all that it started, ended when dropped.
struct Group(Child);

impl Group {
    /// Waits for the first process; none if it takes too long.
    fn wait(mut self) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(None)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.0.id()) {
            // Nobody is left in the group of a page that stopped what it started.
            let _ended = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
        let _reaped = self.0.wait();
    }
}
