//! zot: a registry that keeps OCI image layouts.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// A running zot without accounts. Its data stays where it was told to keep it.
#[derive(Debug)]
pub struct Zot {
    _site: Site,
    port: Port,
}

impl Zot {
    /// Starts one that keeps its data in `root`; `None` if it is not installed, also with `CI` set: it is not to be had
    /// everywhere.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start(root: &Path) -> Result<Option<Self>> {
        let Some(program) = Component::named("zot").and_then(Component::locate) else {
            println!("skipped: zot is not installed (cargo xtask tools --install zot)");
            return Ok(None);
        };
        let mut site = Site::new("zot")?;
        let port = Port::claim()?;
        let address = port.address();
        let (host, number) = (address.ip(), address.port());
        let config = site.path().join("config.json");
        let text = format!(
            r#"{{"distSpecVersion":"1.1.1","storage":{{"rootDirectory":"{}"}},
                "http":{{"address":"{host}","port":"{number}"}},"log":{{"level":"error"}}}}"#,
            root.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config);
        site.start("zot", &mut command)?
            .wait_until(PATIENCE, |_| TcpStream::connect(address).is_ok())
            .context("zot")?;
        Ok(Some(Self { _site: site, port }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}
