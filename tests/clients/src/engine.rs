//! Container engines of the test's own: their data, sockets and logs are in its directory, so that they run beside
//! whatever the machine runs. They need root.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use entrepot_test_support::{Process, skip};

use crate::tool::Tool;

/// Engines take some seconds to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running engine and its command line. Dropping it ends the engine.
#[derive(Debug)]
pub struct Engine {
    /// The command line, talking to this engine.
    pub client: Tool,
    // Held for its end.
    _process: Process,
}

impl Engine {
    /// Starts dockerd without networks; `None` if something is missing.
    ///
    /// # Errors
    /// It does not start.
    pub fn docker(directory: &Path) -> Result<Option<Self>> {
        let place = directory.join("docker");
        let (Some(engine), Some(client), true) =
            (Tool::find("dockerd", directory), Tool::find("docker", directory), is_root("dockerd")?)
        else {
            return Ok(None);
        };
        let socket = format!("unix://{}", place.join("docker.sock").display());
        let engine = engine
            .with_arguments(["--host", &socket, "--iptables=false", "--ip6tables=false", "--bridge=none"])
            // vfs is slow and works on every file system, also inside another container.
            .with_arguments(["--storage-driver=vfs", "--log-level=warn"])
            .with_arguments(["--data-root".as_ref(), place.join("data").as_os_str()])
            .with_arguments(["--exec-root".as_ref(), place.join("exec").as_os_str()])
            .with_arguments(["--pidfile".as_ref(), place.join("docker.pid").as_os_str()]);
        let client = client.with_arguments(["--host", &socket]);
        Self::start(&place, &engine, client, &["version"]).map(Some).context("dockerd")
    }

    /// Starts containerd; `None` if something is missing.
    ///
    /// # Errors
    /// It does not start.
    pub fn containerd(directory: &Path) -> Result<Option<Self>> {
        let place = directory.join("containerd");
        let (Some(engine), Some(client), true) =
            (Tool::find("containerd", directory), Tool::find("ctr", directory), is_root("containerd")?)
        else {
            return Ok(None);
        };
        fs::create_dir_all(&place)?;
        let socket = place.join("containerd.sock");
        let config = place.join("config.toml");
        let text = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
             [grpc]\naddress = '{}'\n[debug]\nlevel = 'warn'\n",
            place.join("root").display(),
            place.join("state").display(),
            socket.display()
        );
        fs::write(&config, text)?;
        let engine = engine.with_arguments(["--config".as_ref(), config.as_os_str()]);
        let client = client.with_arguments(["--address".as_ref(), socket.as_os_str()]);
        Self::start(&place, &engine, client, &["version"]).map(Some).context("containerd")
    }

    fn start(place: &Path, engine: &Tool, client: Tool, probe: &[&str]) -> Result<Self> {
        fs::create_dir_all(place)?;
        let log: PathBuf = place.join("log");
        let mut process = Process::start(&mut engine.command(), &log)?;
        process.wait_until(PATIENCE, |_| client.run(probe).is_ok())?;
        Ok(Self { client, _process: process })
    }
}

/// Whether this is root; says so if not.
///
/// # Errors
/// The system does not tell who we are.
pub fn is_root(what: &str) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let root = fs::metadata("/proc/self")?.uid() == 0;
    if !root {
        skip(&format!("{what} needs root"));
    }
    Ok(root)
}
