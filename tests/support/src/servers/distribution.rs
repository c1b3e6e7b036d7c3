//! distribution: the registry that most people have, in the two versions that they have it in.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::s3::S3Bucket;
use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// Which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistributionVersion {
    /// 2.8, as Debian has it.
    Two,
    /// 3.
    Three,
}

/// Where it keeps its data.
#[derive(Debug, Clone, Copy)]
pub enum DistributionData<'a> {
    /// In this directory, which stays.
    Directory(&'a Path),
    /// In a bucket, under this prefix.
    Bucket(&'a S3Bucket, &'a str),
}

/// A running registry without accounts. Its data stays where it was told to keep it.
#[derive(Debug)]
pub struct Distribution {
    site: Site,
    port: Port,
}

impl DistributionVersion {
    fn component(self) -> &'static str {
        match self {
            Self::Two => "docker-registry",
            Self::Three => "distribution",
        }
    }
}

impl Distribution {
    /// Starts one; deleting is on.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start(version: DistributionVersion, data: DistributionData<'_>) -> Result<Option<Self>> {
        let name = version.component();
        let Some(program) = Component::require(name) else { return Ok(None) };
        let mut site = Site::new(name)?;
        let port = Port::claim()?;
        let config = site.path().join("config.yml");
        fs::write(&config, config_of(port.address(), data))?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        let address = port.address();
        site.start(name, &mut command)?.wait_until(PATIENCE, |_| TcpStream::connect(address).is_ok()).context(name)?;
        Ok(Some(Self { site, port }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.site.path().join("config.yml")
    }
}

fn config_of(address: SocketAddr, data: DistributionData<'_>) -> String {
    let driver = match data {
        DistributionData::Directory(root) => format!("  filesystem:\n    rootdirectory: {}\n", root.display()),
        DistributionData::Bucket(bucket, prefix) => {
            let S3Bucket { endpoint, region, bucket, access_key_id, secret_access_key } = bucket;
            format!(
                "  s3:\n    accesskey: {access_key_id}\n    secretkey: {secret_access_key}\n    region: {region}\n    \
                 regionendpoint: {endpoint}\n    bucket: {bucket}\n    rootdirectory: /{prefix}\n    secure: false\n    \
                 forcepathstyle: true\n    v4auth: true\n  redirect:\n    disable: true\n"
            )
        }
    };
    format!(
        "version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\nstorage:\n{driver}  delete:\n    enabled: true\n\
         http:\n  addr: {address}\n"
    )
}
