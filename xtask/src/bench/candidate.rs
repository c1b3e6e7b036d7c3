//! Who is compared, and how each is set up: every one so that it is at its best, with what it promises said.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use entrepot_test_support::servers::S3Bucket;
use entrepot_test_support::{Component, Origin};

use super::site::Site;

/// A server under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Candidate {
    /// This project's release build.
    Entrepot,
    /// The same with blobs in an S3 server.
    EntrepotS3,
    /// The same over PostgreSQL.
    EntrepotPostgres,
    /// The same over both.
    EntrepotS3Postgres,
    /// Debian's `docker-registry`: distribution 2.8.2.
    DockerRegistry,
    /// distribution 3.
    Distribution,
    /// distribution 3 with everything in an S3 server.
    DistributionS3,
    /// zot with its own defaults: nothing is synced.
    Zot,
    /// zot with `"commit": true`: blobs are synced.
    ZotSync,
    /// nginx with sendfile: no registry, the bytes of blobs alone.
    Nginx,
}

impl Candidate {
    /// The name in tables and on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Entrepot => "entrepot",
            Self::EntrepotS3 => "entrepot-s3",
            Self::EntrepotPostgres => "entrepot-postgres",
            Self::EntrepotS3Postgres => "entrepot-s3-postgres",
            Self::DockerRegistry => "docker-registry",
            Self::Distribution => "distribution",
            Self::DistributionS3 => "distribution-s3",
            Self::Zot => "zot",
            Self::ZotSync => "zot-sync",
            Self::Nginx => "nginx",
        }
    }

    /// Whether it is this project's.
    pub(super) fn is_entrepot(self) -> bool {
        matches!(self, Self::Entrepot | Self::EntrepotS3 | Self::EntrepotPostgres | Self::EntrepotS3Postgres)
    }

    /// Whether it keeps blobs in an S3 server.
    pub(super) fn uses_s3(self) -> bool {
        matches!(self, Self::EntrepotS3 | Self::EntrepotS3Postgres | Self::DistributionS3)
    }

    /// Whether it keeps everything else in PostgreSQL.
    pub(super) fn uses_postgres(self) -> bool {
        matches!(self, Self::EntrepotPostgres | Self::EntrepotS3Postgres)
    }

    /// Which program it is, for the report.
    pub(super) fn version(self) -> String {
        let Some(component) = self.component().and_then(Component::named) else {
            return format!("{} (release build)", env!("CARGO_PKG_VERSION"));
        };
        match component.origin {
            Origin::Debian { package, .. } => format!("Debian's {package} {}", package_version(package)),
            Origin::Go { version, .. } | Origin::Wheel { version, .. } | Origin::Npm { version, .. } => {
                format!("{} {version}", component.name)
            }
        }
    }

    /// What survives a power cut once the server has answered 201.
    pub(super) fn durability(self) -> &'static str {
        match self {
            Self::Entrepot => {
                "whole push: file and directory synced before the row that shows it, which is synced before the answer"
            }
            Self::EntrepotPostgres => "whole push: as above, the row by PostgreSQL's commit",
            Self::EntrepotS3 => "as the S3 server keeps what it has answered to, before the row, which is synced",
            Self::EntrepotS3Postgres => "the same, the row by PostgreSQL's commit",
            Self::DistributionS3 => "as the S3 server keeps what it has answered to",
            Self::DockerRegistry => {
                "file contents synced as each is closed; renames and directories never, so a fresh push may vanish"
            }
            Self::Distribution => {
                "file contents synced as each is closed, directories of links and tags too, but not the directory that \
                 a blob is moved into: a fresh blob may vanish"
            }
            Self::Zot => "none: nothing is synced (its default)",
            Self::ZotSync => "contents of files synced as each is closed (`\"commit\": true`)",
            Self::Nginx => "serves files, takes no pushes",
        }
    }

    /// The settings that differ from the candidate's own defaults.
    pub(super) fn settings(self) -> &'static str {
        match self {
            Self::Entrepot => "defaults, access log off",
            Self::EntrepotS3 => "SeaweedFS and SQLite, access log off",
            Self::EntrepotPostgres => "the disk and PostgreSQL, access log off",
            Self::EntrepotS3Postgres => "SeaweedFS and PostgreSQL, access log off",
            Self::DistributionS3 => {
                "SeaweedFS, pulls not redirected, descriptor cache in memory, delete on, errors logged alone, tracing off"
            }
            Self::DockerRegistry => "filesystem, descriptor cache in memory, delete on, errors logged alone",
            Self::Distribution => "filesystem, descriptor cache in memory, delete on, errors logged alone, tracing off",
            Self::Zot => "defaults (dedupe on), errors logged alone",
            Self::ZotSync => "defaults (dedupe on) and `commit`, errors logged alone",
            Self::Nginx => "two workers, `sendfile`, `tcp_nopush`, open file cache, no access log",
        }
    }

    /// Finds the program: `entrepot` is the given path, the others are where `cargo xtask tools` puts them.
    ///
    /// # Errors
    /// The program is not there; the message says how to get it.
    pub(super) fn find(self, entrepot: &Path) -> Result<PathBuf> {
        if self.uses_s3() {
            installed("seaweedfs")?;
        }
        if self.uses_postgres() {
            installed("postgresql")?;
        }
        match self.component() {
            None if entrepot.is_file() => Ok(entrepot.to_owned()),
            None => bail!("there is no {}", entrepot.display()),
            Some(name) => installed(name),
        }
    }

    /// The name of its component, for what is not this project's own.
    fn component(self) -> Option<&'static str> {
        match self {
            Self::Entrepot | Self::EntrepotS3 | Self::EntrepotPostgres | Self::EntrepotS3Postgres => None,
            Self::DockerRegistry => Some("docker-registry"),
            Self::Distribution | Self::DistributionS3 => Some("distribution"),
            Self::Zot | Self::ZotSync => Some("zot"),
            Self::Nginx => Some("nginx"),
        }
    }

    /// The command that serves `address` with everything at `site`, after writing the configuration there.
    pub(super) fn command(self, program: &Path, address: SocketAddr, site: &Site) -> Result<Command> {
        let directory = site.path();
        let data = directory.join("data");
        std::fs::create_dir_all(&data)?;
        let config = directory.join("config");
        let text = match self {
            Self::Entrepot | Self::EntrepotS3 | Self::EntrepotPostgres | Self::EntrepotS3Postgres => None,
            Self::DockerRegistry | Self::Distribution | Self::DistributionS3 => {
                Some(distribution_config(address, &data, site.bucket()))
            }
            Self::Zot => Some(zot_config(address, &data, false)),
            Self::ZotSync => Some(zot_config(address, &data, true)),
            Self::Nginx => Some(nginx_config(address, directory)),
        };
        if let Some(text) = text {
            std::fs::write(&config, text)?;
        }
        let mut command = Command::new(program);
        match self {
            Self::Entrepot | Self::EntrepotS3 | Self::EntrepotPostgres | Self::EntrepotS3Postgres => {
                command.args(["serve", "--listen", &address.to_string(), "--data-dir"]).arg(&data);
                command.env("ENTREPOT_LOG_ACCESS", "false");
                command.envs(site.bucket().map(|bucket| bucket.settings("bench")).unwrap_or_default());
                command.envs(site.database_url().map(|url| ("ENTREPOT_DATABASE_URL", url)));
            }
            Self::DockerRegistry | Self::Distribution | Self::DistributionS3 => {
                command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
            }
            Self::Zot | Self::ZotSync => {
                command.arg("serve").arg(&config);
            }
            Self::Nginx => {
                command.arg("-p").arg(directory).arg("-e").arg(directory.join("error.log")).arg("-c").arg(&config);
            }
        }
        Ok(command)
    }
}

/// The program of a component.
fn installed(name: &str) -> Result<PathBuf> {
    Component::named(name)
        .and_then(Component::locate)
        .with_context(|| format!("{name} is not installed; get it with: cargo xtask tools --install {name}"))
}

/// The version of an installed Debian package; empty when Debian's tools do not know it.
fn package_version(package: &str) -> String {
    let output = Command::new("dpkg-query").args(["--show", "--showformat=${Version}", package]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

fn distribution_config(address: SocketAddr, data: &Path, bucket: Option<&S3Bucket>) -> String {
    let driver = match bucket {
        None => format!("  filesystem:\n    rootdirectory: {}\n", data.display()),
        // Bytes come through it, as through the others, and not from the S3 server itself.
        Some(S3Bucket { endpoint, region, bucket, access_key_id, secret_access_key }) => format!(
            "  s3:\n    accesskey: {access_key_id}\n    secretkey: {secret_access_key}\n    region: {region}\n    \
             regionendpoint: {endpoint}\n    bucket: {bucket}\n    secure: false\n    forcepathstyle: true\n    \
             v4auth: true\n  redirect:\n    disable: true\n"
        ),
    };
    format!(
        "version: 0.1\n\
         log:\n  level: error\n  accesslog:\n    disabled: true\n\
         storage:\n  cache:\n    blobdescriptor: inmemory\n{driver}  delete:\n    enabled: true\n\
         http:\n  addr: {address}\n"
    )
}

fn zot_config(address: SocketAddr, data: &Path, commit: bool) -> String {
    serde_json::json!({
        "distSpecVersion": "1.1.1",
        "storage": { "rootDirectory": data, "commit": commit },
        "http": { "address": address.ip().to_string(), "port": address.port().to_string() },
        "log": { "level": "error" },
    })
    .to_string()
}

fn nginx_config(address: SocketAddr, directory: &Path) -> String {
    // Without `user`, workers of a master that root started run as an account that may not read the data.
    let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
    let at = directory.display();
    format!(
        "{user}daemon off;\nworker_processes 2;\npid {at}/nginx.pid;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 1000000000;\n  \
         open_file_cache max=100;\n  client_body_temp_path {at}/tmp;\n  proxy_temp_path {at}/tmp;\n  \
         fastcgi_temp_path {at}/tmp;\n  uwsgi_temp_path {at}/tmp;\n  scgi_temp_path {at}/tmp;\n  \
         server {{ listen {address}; root {at}/data; default_type application/octet-stream; }}\n}}\n"
    )
}
