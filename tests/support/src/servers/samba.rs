//! Samba's Active Directory.
//!
//! Its ports are fixed, so it has a network of its own, with nothing but a loopback interface; what is said to ports of ours
//! is passed on into it. Such a network needs no name, and goes with the last process and socket in it.

mod network;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use self::network::{Gate, Network};
use super::site::{PATIENCE, Site};
use crate::component::skip;
use crate::{Component, TlsFiles};

const LDAP: u16 = 389;
const LDAPS: u16 = 636;

/// A running domain controller of the domain `acme.example`, over LDAP with StartTLS and over LDAPS.
#[derive(Debug)]
pub struct Samba {
    // In the order in which they have to go.
    plain: Gate,
    encrypted: Gate,
    site: Site,
}

impl Samba {
    /// The suffix of everything in it.
    pub const BASE: &'static str = "DC=acme,DC=example";

    /// Makes a domain with these contents (see [`Samba::change`]) and starts its controller; takes from seconds to a minute.
    ///
    /// # Errors
    /// It cannot be made or started; the message has the end of its log.
    pub fn start(tls: &TlsFiles, contents: &str) -> Result<Option<Self>> {
        let Some(program) = Component::require("samba") else { return Ok(None) };
        let Some(network) = Network::new()? else {
            skip("samba needs a network namespace of its own, which this user may not make");
            return Ok(None);
        };
        let mut site = Site::new("samba")?;
        provision(&site)?;
        change(site.path(), contents)?;
        let mut command = Command::new(program);
        command.args(["--foreground", "--model=single", "--debug-stdout"]);
        command.arg("--configfile").arg(configuration(site.path()));
        command.arg("--log-basename").arg(site.path());
        for option in options(site.path(), tls)? {
            command.arg(format!("--option={option}"));
        }
        let ports = [LDAP, LDAPS].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        network.inside(|| -> Result<()> {
            let samba = site.start("samba", &mut command)?;
            samba.wait_until(PATIENCE, |_| ports.iter().all(|port| network.connect(*port).is_ok())).context("samba")
        })?;
        let [plain, encrypted] = ports.map(|port| Gate::open(&network, port));
        Ok(Some(Self { plain: plain?, encrypted: encrypted?, site }))
    }

    /// Where it speaks LDAP, and TLS when asked for it.
    pub fn address(&self) -> SocketAddr {
        self.plain.address()
    }

    /// Where it speaks LDAPS.
    pub fn tls_address(&self) -> SocketAddr {
        self.encrypted.address()
    }

    /// Changes what is in it, as LDIF with a `changetype` says.
    ///
    /// # Errors
    /// It does not take it.
    pub fn change(&self, ldif: &str) -> Result<()> {
        change(self.site.path(), ldif)
    }

    /// The line of LDIF that sets a password, which has to have upper and lower case and digits.
    pub fn password(password: &str) -> String {
        let bytes: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        format!("clearTextPassword:: {}", BASE64_STANDARD.encode(bytes))
    }
}

fn provision(site: &Site) -> Result<()> {
    let mut command = Command::new("samba-tool");
    command.args(["domain", "provision", "--realm=ACME.EXAMPLE", "--domain=ACME", "--server-role=dc"]);
    command.args(["--dns-backend=NONE", "--host-name=dc1", "--host-ip=127.0.0.1", "--adminpass=Passw0rd.1"]);
    command.args(["--option=interfaces=lo", "--option=bind interfaces only=yes"]);
    command.arg(format!("--targetdir={}", domain(site.path()).display()));
    run(&mut command)
}

fn change(directory: &Path, ldif: &str) -> Result<()> {
    let file = tempfile::Builder::new().suffix(".ldif").tempfile_in(directory)?;
    fs::write(file.path(), ldif)?;
    let mut command = Command::new("ldbmodify");
    command.arg(format!("--configfile={}", configuration(directory).display()));
    command.arg("-H").arg(domain(directory).join("private/sam.ldb")).arg(file.path());
    run(&mut command)
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let output = command.output().with_context(|| format!("cannot run {name}"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{name} failed ({}): {}", output.status, String::from_utf8_lossy(&said));
    Ok(())
}

fn options(directory: &Path, tls: &TlsFiles) -> Result<Vec<String>> {
    let key = directory.join("key.pem");
    fs::copy(&tls.key, &key)?;
    // It uses no key that others may read.
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    Ok(vec![
        "server services=ldap,cldap".to_owned(),
        format!("pid directory={}", directory.display()),
        format!("ncalrpc dir={}", directory.join("ncalrpc").display()),
        format!("ntp signd socket directory={}", directory.join("ntp").display()),
        format!("tls certfile={}", tls.cert.display()),
        format!("tls keyfile={}", key.display()),
        // It needs one, and clients do not get it.
        format!("tls cafile={}", tls.cert.display()),
    ])
}

fn domain(directory: &Path) -> PathBuf {
    directory.join("domain")
}

fn configuration(directory: &Path) -> PathBuf {
    domain(directory).join("etc/smb.conf")
}
