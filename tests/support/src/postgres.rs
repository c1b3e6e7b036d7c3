//! A real PostgreSQL server on a loopback port, with a database for each who asks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User, chown};
use tempfile::TempDir;

use crate::process::POLL;
use crate::{Component, Group, Port, Process};

/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who the server runs as when the tests run as root, from whom it does not let itself be run.
const UNPRIVILEGED: &str = "nobody";

/// A server of its own, gone with its data when dropped.
#[derive(Debug)]
pub struct Postgres {
    /// `None` while it is stopped.
    process: Option<Process>,
    group: Group,
    port: Port,
    directory: TempDir,
    /// Where its programs are.
    programs: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// Starts a server with its data in a new directory. It syncs its commits. `None`, and a word about it, if there is no
    /// PostgreSQL here; in CI that is a failure.
    ///
    /// # Errors
    /// It does not start; the message has its output.
    pub fn start() -> Result<Option<Self>> {
        let Some(postgres) = Component::require("postgresql") else { return Ok(None) };
        let programs = postgres.parent().context("a directory of programs")?.to_owned();
        let directory = tempfile::Builder::new().prefix("entrepot-postgres-").tempdir()?;
        give_away(directory.path())?;
        let (mut group, port) = (Group::new()?, Port::claim()?);
        group.remove_after(directory.path())?;
        let mut server = Self { process: None, group, port, directory, programs, databases: AtomicU32::new(0) };
        let mut initdb = server.command("initdb")?;
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D"]);
        done(initdb.arg(server.data()).output())?;
        server.run()?;
        Ok(Some(server))
    }

    /// The server that the tests of this process share, as long as one of them holds it. Only for tests that leave it alone.
    ///
    /// # Errors
    /// As [`Postgres::start`].
    pub fn shared() -> Result<Option<Arc<Self>>> {
        static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Ok(Some(running));
        }
        let Some(started) = Self::start()?.map(Arc::new) else { return Ok(None) };
        *shared = Arc::downgrade(&started);
        Ok(Some(started))
    }

    /// The port that it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The id of the server's first process, whose children are all others.
    ///
    /// # Errors
    /// It is not running.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("PostgreSQL is stopped")?.id())
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        Ok(self.url(&name))
    }

    /// The URL of a database over this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port())
    }

    /// Runs SQL in a database, as the superuser, and gives its rows, with `|` between columns.
    ///
    /// # Errors
    /// The server does not answer, or the SQL is wrong.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.url(database), "-c", sql]);
        // One that stands still takes the connection and says nothing.
        let output = done(psql.env("PGCONNECT_TIMEOUT", PATIENCE.as_secs().to_string()).output())?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Stops the server: at once, without a word to clients and without a checkpoint, as a crash does.
    ///
    /// # Errors
    /// It is not running, or does not end.
    pub fn crash(&mut self) -> Result<()> {
        self.end(Signal::SIGQUIT)
    }

    /// Stops the server as its operator does: clients are told, and what they do is undone.
    ///
    /// # Errors
    /// It is not running, or does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::SIGINT)
    }

    /// Starts it again after [`Postgres::stop`] or [`Postgres::crash`], on the same port.
    ///
    /// # Errors
    /// It does not start; the message has its output.
    pub fn start_again(&mut self) -> Result<()> {
        anyhow::ensure!(self.process.is_none(), "PostgreSQL is running");
        self.run()
    }

    /// Lets every process of the server stand still, as on a machine that hangs; with `false` go on.
    ///
    /// # Errors
    /// It is not running.
    pub fn freeze(&self, frozen: bool) -> Result<()> {
        let process = self.process.as_ref().context("PostgreSQL is stopped")?;
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        for child in children(process.id())? {
            // One that has ended meanwhile stands still anyway.
            let _gone = kill(Pid::from_raw(child), signal);
        }
        process.signal(signal)
    }

    /// Lets the server speak TLS with this certificate and key, both in PEM form, from the next connection on.
    ///
    /// # Errors
    /// The files cannot be written, or it does not like them.
    pub fn speak_tls(&self, certificate: &str, key: &str) -> Result<()> {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.data().join(name);
            fs::write(&path, text)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            give_away(&path)?;
        }
        self.sql("postgres", "ALTER SYSTEM SET ssl = on")?;
        self.sql("postgres", "SELECT pg_reload_conf()")?;
        let deadline = Instant::now() + PATIENCE;
        while self.sql("postgres", "SHOW ssl")? != "on" {
            anyhow::ensure!(Instant::now() < deadline, "PostgreSQL does not speak TLS");
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        let mut process = self.process.take().context("PostgreSQL is stopped")?;
        process.signal(signal)?;
        let deadline = Instant::now() + PATIENCE;
        while process.ended()?.is_none() {
            anyhow::ensure!(Instant::now() < deadline, "PostgreSQL does not end:\n{}", process.output());
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let mut command = self.command("postgres")?;
        command.arg("-D").arg(self.data()).args(["-p", &self.port().to_string(), "-h", "127.0.0.1"]);
        for setting in ["unix_socket_directories=", "fsync=on", "max_connections=200", "logging_collector=off"] {
            command.args(["-c", setting]);
        }
        // At its end it waits for those whose client has not said who it is, and tells them nothing: for a minute by default, if
        // the client's line broke.
        command.args(["-c", "authentication_timeout=10s"]);
        let mut process = Process::start(&mut command, &self.directory.path().join("postgres.log"))?;
        process
            .wait_until(PATIENCE, |output| output.contains("database system is ready to accept connections"))
            .context("PostgreSQL")?;
        self.process = Some(process);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// One of its programs, as a user that the server accepts.
    fn command(&self, program: &str) -> Result<Command> {
        let mut command = Command::new(self.programs.join(program));
        if let Some(user) = unprivileged() {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command.current_dir(self.directory.path());
        self.group.adopt(&mut command)?;
        Ok(command)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            // What is frozen does not end; what is removed next need not end well.
            let _thawed = self.freeze(false);
            let _asked = process.signal(Signal::SIGQUIT);
        }
        // Waits for its end, before its directory goes.
        drop(self.process.take());
    }
}

fn unprivileged() -> Option<User> {
    if Uid::effective().is_root() { User::from_name(UNPRIVILEGED).ok().flatten() } else { None }
}

fn give_away(path: &Path) -> Result<()> {
    match unprivileged() {
        Some(user) => Ok(chown(path, Some(user.uid), Some(user.gid))?),
        None => Ok(()),
    }
}

fn children(parent: u32) -> Result<Vec<i32>> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    Ok(list.split_whitespace().filter_map(|id| id.parse().ok()).collect())
}

fn done(output: std::io::Result<Output>) -> Result<Output> {
    let output = output?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_stops_starts_again_and_leaves_nothing() -> Result<()> {
        let Some(mut server) = Postgres::start()? else { return Ok(()) };
        let url = server.database()?;
        let name = url.rsplit('/').next().and_then(|rest| rest.split('?').next()).context("a name")?;
        server.sql(name, "CREATE TABLE a (b BIGINT); INSERT INTO a VALUES (7)")?;
        server.crash()?;
        assert!(server.sql(name, "SELECT 1").is_err());
        server.start_again()?;
        assert_eq!(server.sql(name, "SELECT b FROM a")?, "7");
        server.freeze(true)?;
        server.freeze(false)?;
        assert_eq!(server.sql(name, "SELECT b, b FROM a")?, "7|7");
        let directory = server.directory.path().to_owned();
        drop(server);
        assert!(!directory.exists());
        Ok(())
    }
}
