//! A real `entrepot serve` on a loopback port that the system picks.

use std::env;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::Process;

/// How long a server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(20);

/// Certificate and key files in PEM form.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How to start a server.
#[derive(Debug)]
pub struct Start<'a> {
    /// The program; see [`entrepot_binary`].
    pub binary: &'a Path,
    /// A directory that exists: data goes to `data` in it, the log to `entrepot.log`.
    pub directory: &'a Path,
    /// Settings as environment variables.
    pub settings: &'a [(&'a str, &'a str)],
    /// Serve HTTPS with these.
    pub tls: Option<&'a TlsFiles>,
}

/// A running `entrepot serve`, ended when dropped.
#[derive(Debug)]
pub struct Entrepot {
    process: Process,
    address: SocketAddr,
}

impl Entrepot {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// The program cannot be started, ended at once, or did not listen within 20 seconds; the message has its output.
    pub fn start(how: &Start<'_>) -> Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), how)
    }

    /// The same on a port that was chosen before; 0 is any.
    ///
    /// # Errors
    /// As [`Entrepot::start`].
    pub fn start_at(address: SocketAddr, how: &Start<'_>) -> Result<Self> {
        let mut command = Command::new(how.binary);
        command.args(["serve", "--listen", &address.to_string(), "--data-dir"]).arg(how.directory.join("data"));
        if let Some(tls) = how.tls {
            command.arg("--tls-cert").arg(&tls.cert).arg("--tls-key").arg(&tls.key);
        }
        // An unknown ENTREPOT_ variable is a configuration mistake, and those of the tests are unknown to the server.
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTREPOT_")) {
            command.env_remove(name);
        }
        command.envs(how.settings.iter().copied());
        let mut process = Process::start(&mut command, &how.directory.join("entrepot.log"))?;
        let mut address = None;
        process
            .wait_until(PATIENCE, |output| {
                address = address.or_else(|| listening_address(output));
                address.is_some_and(|at| TcpStream::connect(at).is_ok())
            })
            .context("entrepot serve")?;
        Ok(Self { process, address: address.context("entrepot serve named no address")? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process: its id, output and signals.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The loopback address that the server says it listens on. What it logs beside that may name its database's.
fn listening_address(output: &str) -> Option<SocketAddr> {
    let (_, output) = output.split_once("listens on ")?;
    let after_host = |host: &'static str| output.match_indices(host).map(move |(at, _)| at + host.len());
    after_host("127.0.0.1:").chain(after_host("localhost:")).find_map(|at| {
        let rest = &output[at..];
        // A number that the output ends with may still be half written.
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let port: u16 = rest[..end].parse().ok().filter(|port| *port != 0)?;
        Some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// The server to test: `ENTREPOT_BIN`, or what `cargo build -p entrepot` put beside the running test or task.
///
/// # Errors
/// There is none.
pub fn entrepot_binary() -> Result<PathBuf> {
    if let Some(binary) = env::var_os("ENTREPOT_BIN") {
        return Ok(PathBuf::from(binary));
    }
    let own = env::current_exe()?;
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("entrepot"))
        .find(|path| path.is_file())
        .context("entrepot is not built: run `cargo build -p entrepot`, or name the program in ENTREPOT_BIN")
}

#[cfg(test)]
mod tests {
    use super::listening_address;

    #[test]
    fn finds_the_address_that_it_listens_on() {
        let expected = Some("127.0.0.1:40123".parse().unwrap());
        assert_eq!(listening_address("entrepot listens on http://127.0.0.1:40123 (push: …)\n"), expected);
        let beside = "moved to postgres://127.0.0.1:5432/entrepot\nentrepot listens on http://127.0.0.1:40123; push\n";
        assert_eq!(listening_address(beside), expected);
        assert_eq!(listening_address("moved to postgres://127.0.0.1:5432/entrepot\n"), None);
    }

    #[test]
    fn waits_for_the_whole_number() {
        assert_eq!(listening_address("listens on 127.0.0.1:401"), None);
        assert_eq!(listening_address(""), None);
    }
}
