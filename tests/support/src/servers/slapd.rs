//! OpenLDAP.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use super::site::PATIENCE;
use crate::{Component, Group, Port, Process, TlsFiles};

/// How many entries [`Slapd::SERVICE_DN`] gets at once.
const PAGE: u32 = 10;

const SCHEMAS: [&str; 3] = ["core", "cosine", "inetorgperson"];

/// A running OpenLDAP server of `dc=acme,dc=example`, over LDAP with StartTLS and over LDAPS.
#[derive(Debug)]
pub struct Slapd {
    /// `None` while it is stopped.
    process: Option<Process>,
    group: Group,
    plain: Port,
    encrypted: Port,
    program: PathBuf,
    directory: tempfile::TempDir,
}

impl Slapd {
    /// The suffix of everything in it.
    pub const BASE: &'static str = "dc=acme,dc=example";
    /// The entry that may write everything.
    pub const ADMIN_DN: &'static str = "cn=admin,dc=acme,dc=example";
    /// Its password.
    pub const ADMIN_PASSWORD: &'static str = "may write everything";
    /// An entry that may read everything but passwords, a page at a time: see [`Slapd::PAGE`]. Whoever loads the contents makes
    /// it.
    pub const SERVICE_DN: &'static str = "cn=entrepot,dc=acme,dc=example";
    /// The most entries that the service account gets in one answer.
    pub const PAGE: u32 = PAGE;

    /// Starts a server with these contents.
    ///
    /// # Errors
    /// It does not start, or does not take the contents.
    pub fn start(tls: &TlsFiles, contents: &str) -> Result<Option<Self>> {
        let Some(program) = Component::require("slapd") else { return Ok(None) };
        if Component::require("ldapmodify").is_none() {
            return Ok(None);
        }
        let directory = tempfile::Builder::new().prefix("entrepot-slapd-").tempdir()?;
        let mut group = Group::new()?;
        group.remove_after(directory.path())?;
        fs::create_dir(directory.path().join("data"))?;
        fs::write(directory.path().join("slapd.conf"), configuration(directory.path(), tls)?)?;
        let (plain, encrypted) = (Port::claim()?, Port::claim()?);
        let mut server = Self { process: None, group, plain, encrypted, program, directory };
        server.run()?;
        server.change(contents)?;
        Ok(Some(server))
    }

    /// Where it speaks LDAP, and TLS when asked for it.
    pub fn address(&self) -> SocketAddr {
        self.plain.address()
    }

    /// Where it speaks LDAPS.
    pub fn tls_address(&self) -> SocketAddr {
        self.encrypted.address()
    }

    /// Changes what is in it, as LDIF says; an entry that is only named is added.
    ///
    /// # Errors
    /// It does not take it.
    pub fn change(&self, ldif: &str) -> Result<()> {
        let mut command = Command::new(Component::require("ldapmodify").context("ldapmodify")?);
        command.args(["-a", "-x", "-H", &format!("ldap://{}", self.address())]);
        command.args(["-D", Self::ADMIN_DN, "-w", Self::ADMIN_PASSWORD]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("standard input")?.write_all(ldif.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "ldapmodify: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// What it has logged since its start: every operation, with names but without passwords.
    ///
    /// # Errors
    /// It is stopped.
    pub fn log(&self) -> Result<String> {
        Ok(self.process.as_ref().context("slapd is stopped")?.output())
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again, with what was in it, on the same ports.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "slapd is running");
        self.run()
    }

    /// Lets it stand still, as on a machine that hangs: it accepts connections and never answers. With `false` it goes on.
    ///
    /// # Errors
    /// It is stopped, or does not stand still.
    pub fn freeze(&mut self, frozen: bool) -> Result<()> {
        let process = self.process.as_mut().context("slapd is stopped")?;
        process.signal(if frozen { Signal::SIGSTOP } else { Signal::SIGCONT })?;
        if frozen {
            // On a busy machine some of its threads answer for a while after the signal.
            let id = process.id();
            process.wait_until(PATIENCE, |_| stands_still(id)).context("slapd")?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("-f").arg(self.directory.path().join("slapd.conf"));
        command.args(["-h", &format!("ldap://{} ldaps://{}", self.address(), self.tls_address())]);
        // It stays in the foreground, and logs every operation and what it does not like of its configuration.
        command.args(["-d", "stats,config"]);
        self.group.adopt(&mut command)?.current_dir(self.directory.path());
        let process = Process::start(&mut command, &self.directory.path().join("slapd.log"))?;
        let process = self.process.insert(process.with_grace(Duration::ZERO));
        let ports = [self.plain.address(), self.encrypted.address()];
        process.wait_until(PATIENCE, |_| ports.iter().all(|port| TcpStream::connect(port).is_ok())).context("slapd")
    }
}

/// Whether every thread of a process is stopped.
fn stands_still(process: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // What comes before is the name, which may have anything in it.
        stat.rsplit(')').next().is_some_and(|fields| fields.trim_start().starts_with('T'))
    })
}

fn configuration(directory: &Path, tls: &TlsFiles) -> Result<String> {
    let path = |path: &Path| path.to_str().map(str::to_owned).context("a path that is no text");
    let mut text: String = SCHEMAS.iter().map(|name| format!("include /etc/ldap/schema/{name}.schema\n")).collect();
    text.push_str("modulepath /usr/lib/ldap\nmoduleload back_mdb\n");
    text.push_str(&format!("pidfile {}\n", path(&directory.join("slapd.pid"))?));
    text.push_str(&format!("TLSCertificateFile {}\n", path(&tls.cert)?));
    text.push_str(&format!("TLSCertificateKeyFile {}\n", path(&tls.key)?));
    text.push_str("database mdb\n");
    text.push_str(&format!("directory {}\n", path(&directory.join("data"))?));
    text.push_str(&format!("suffix \"{}\"\nrootdn \"{}\"\n", Slapd::BASE, Slapd::ADMIN_DN));
    text.push_str(&format!("rootpw \"{}\"\n", Slapd::ADMIN_PASSWORD));
    text.push_str("dbnosync\nindex objectClass,uid,member eq\n");
    text.push_str("access to attrs=userPassword by anonymous auth by * none\n");
    text.push_str(&format!("access to * by dn.exact=\"{}\" read by self read by * none\n", Slapd::SERVICE_DN));
    let limits = format!("size.soft={PAGE} size.hard={PAGE} size.pr={PAGE} size.prtotal=unlimited");
    text.push_str(&format!("limits dn.exact=\"{}\" {limits}\n", Slapd::SERVICE_DN));
    Ok(text)
}
