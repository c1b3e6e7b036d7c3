//! A registry that is asked over the network, and what is shown to it: never an argument, which other processes can see.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use entrepot_client::{Client, Credential, Server};

/// The variable with the token.
const TOKEN: &str = "ENTREPOT_TOKEN";
/// Longest token that is read, in bytes.
pub(super) const MAX_TOKEN: u64 = 16 * 1024;

/// A registry elsewhere.
#[derive(Debug, Args)]
#[command(next_help_heading = "A registry elsewhere")]
pub(crate) struct Elsewhere {
    /// Ask the registry at this address over its API, such as https://registry.acme.example, in place of working on the data here
    /// [environment: ENTREPOT_SERVER]
    #[arg(long, value_name = "URL", env = "ENTREPOT_SERVER", hide_env = true, global = true)]
    #[arg(conflicts_with_all = ["config", "data-dir"])]
    server: Option<Server>,
    /// File with the token that is shown to it [environment: ENTREPOT_TOKEN has the token itself]
    /// [default: what docker login or entrepot login left, the second without admin]
    #[arg(long, value_name = "FILE", global = true, requires = "server")]
    token_file: Option<PathBuf>,
    /// File with the certificates that it is checked against (PEM) [default: the system's]
    #[arg(long, value_name = "FILE", global = true, requires = "server")]
    ca_file: Option<PathBuf>,
}

impl Elsewhere {
    /// Whether another registry is meant.
    pub(super) fn is_given(&self) -> bool {
        self.server.is_some()
    }

    /// Whoever answers there; `None` if the data here is meant.
    pub(super) fn client(&self) -> anyhow::Result<Option<Client>> {
        let Some(server) = &self.server else { return Ok(None) };
        let credential = self.credential(server)?;
        Ok(Some(Client::there(server.clone(), credential, self.ca_file.as_deref())?))
    }

    fn credential(&self, server: &Server) -> anyhow::Result<Credential> {
        if let Some(path) = &self.token_file {
            let from = || format!("cannot take the token from {}", path.display());
            return read(path).and_then(|text| Ok(Credential::token(&text)?)).with_context(from);
        }
        if let Some(text) = env::var_os(TOKEN) {
            let text = text.to_str().ok_or_else(|| anyhow!("{TOKEN} is not UTF-8"))?;
            return Credential::token(text).context("cannot take the token from ENTREPOT_TOKEN");
        }
        match docker_directory() {
            Some(directory) => Ok(Credential::of_docker(&directory, server)?),
            None => Ok(Credential::NOTHING),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_TOKEN).read_to_string(&mut text)?;
    Ok(text)
}

/// Where docker keeps its configuration.
pub(in crate::commands) fn docker_directory() -> Option<PathBuf> {
    let given = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    given.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")))
}
