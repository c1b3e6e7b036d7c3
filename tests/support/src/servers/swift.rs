//! OpenStack Swift with tempauth: memcached, account, container, object and proxy server.
//!
//! Swift reads `/etc/swift/swift.conf` whatever it is told. The one that Debian's package brings is what is needed here, so it
//! is left as it is; everything else is in a directory of its own, and several Swifts run at once.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::unistd::{User, geteuid};

use super::curl::Curl;
use super::site::{PATIENCE, Site};
use crate::{Component, Port, Process};

/// The servers behind the proxy.
const BACKENDS: [&str; 3] = ["account", "container", "object"];

/// The middleware of the proxy: what every public installation has, and tempauth.
const PIPELINE: [&str; 10] =
    ["catch_errors", "gatekeeper", "healthcheck", "cache", "bulk", "tempurl", "tempauth", "copy", "slo", "dlo"];

/// A running Swift with a container.
#[derive(Debug)]
pub struct Swift {
    container: SwiftContainer,
    _site: Site,
    proxy: Port,
    _inner: [Port; 4],
}

/// Where a container is, and who may use it.
#[derive(Debug, Clone)]
pub struct SwiftContainer {
    /// Where a user and key are exchanged for a token and the URL of the account (version 1 of the protocol).
    pub auth_url: String,
    /// The user, as `<account>:<name>`.
    pub user: String,
    /// The user's key.
    pub key: String,
    /// The container.
    pub container: String,
    /// The account's key for temporary URLs.
    pub temp_url_key: String,
}

/// What the authentication gives.
#[derive(Debug)]
struct Session {
    curl: Curl,
    storage_url: String,
}

impl Swift {
    /// Starts the servers and makes the container; takes some seconds. A token is good for `token_life`.
    ///
    /// # Errors
    /// They cannot be started, or are not ready in time; the message has the end of a log.
    pub fn start(token_life: Duration) -> Result<Option<Self>> {
        let (Some(program), Some(memcached)) = (Component::require("swift"), Component::require("memcached")) else {
            return Ok(None);
        };
        let beside = |name: &str| program.with_file_name(format!("swift-{name}-server"));
        let mut site = Site::new("swift")?;
        let proxy = Port::claim()?;
        let inner = [Port::claim()?, Port::claim()?, Port::claim()?, Port::claim()?];
        let [backends @ .., cache] = inner.each_ref().map(Port::number);
        fs::create_dir_all(site.path().join("devices/d1"))?;
        write_rings(site.path(), backends)?;
        let user = User::from_uid(geteuid())?.context("this user has no name")?.name;

        let mut command = Command::new(memcached);
        site.start("memcached", command.args(["-u", &user, "-l", "127.0.0.1", "-U", "0", "-p", &cache.to_string()]))?;
        for (name, port) in BACKENDS.into_iter().zip(backends) {
            let text = backend_configuration(site.path(), &user, name, port);
            start(&mut site, name, &beside(name), &text)?;
        }
        let container = SwiftContainer {
            auth_url: format!("http://{}/auth/v1.0", proxy.address()),
            user: "acme:tests".to_owned(),
            key: "only-for-tests".to_owned(),
            container: "entrepot".to_owned(),
            temp_url_key: "temporary-only-for-tests".to_owned(),
        };
        let text = proxy_configuration(site.path(), &user, &container, proxy.number(), cache, token_life)?;
        let server = start(&mut site, "proxy", &beside("proxy"), &text)?;
        let mut last = None;
        let ready = server.wait_until(PATIENCE, |_| {
            last = container.create().err();
            last.is_none()
        });
        ready
            .with_context(|| last.map_or_else(String::new, |error| format!("last asked: {error:#}")))
            .context("swift")?;
        Ok(Some(Self { container, _site: site, proxy, _inner: inner }))
    }

    /// Its container.
    pub fn container(&self) -> &SwiftContainer {
        &self.container
    }

    /// Where the proxy server listens. The URLs that Swift gives name the host that it was asked by.
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }
}

impl SwiftContainer {
    fn authenticate(&self) -> Result<Session> {
        let curl = Curl::new()?;
        let (user, key) = (format!("X-Auth-User: {}", self.user), format!("X-Auth-Key: {}", self.key));
        let answer = curl.clone().with(["--header", &user, "--header", &key]).expect("GET", &self.auth_url, None)?;
        let token = format!("X-Auth-Token: {}", answer.header("X-Auth-Token").context("no token")?);
        let storage_url = answer.header("X-Storage-Url").context("no storage URL")?.to_owned();
        Ok(Session { curl: curl.with(["--header", &token]), storage_url })
    }

    /// Makes the container and sets the key of the account, which a request to the account makes.
    fn create(&self) -> Result<()> {
        let Session { curl, storage_url } = self.authenticate()?;
        curl.expect("PUT", &format!("{storage_url}/{}", self.container), None)?;
        let key = format!("X-Account-Meta-Temp-URL-Key: {}", self.temp_url_key);
        curl.with(["--header", &key]).expect("POST", &storage_url, None)?;
        Ok(())
    }
}

/// Starts one of Swift's servers, which takes its configuration from a file and, told so, logs to its output.
fn start<'a>(site: &'a mut Site, name: &str, program: &Path, configuration: &str) -> Result<&'a mut Process> {
    let file = site.path().join(format!("{name}.conf"));
    fs::write(&file, configuration)?;
    let mut command = Command::new(program);
    site.start(name, command.arg(file).arg("--verbose"))
}

/// The rings tell the proxy where the other servers are.
fn write_rings(directory: &Path, ports: [u16; 3]) -> Result<()> {
    let script = directory.join("rings.py");
    fs::write(&script, include_str!("swift/rings.py"))?;
    // Debian's own Python is the one that Debian's Swift is installed for.
    let mut python = Command::new("/usr/bin/python3");
    python.arg(script).args(ports.map(|port| port.to_string())).current_dir(directory);
    let output = python.output().context("cannot run /usr/bin/python3")?;
    ensure!(output.status.success(), "writing rings: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// What the configurations of all servers begin with. Without workers they serve in their one process.
fn common(directory: &Path, user: &str, port: u16) -> String {
    format!(
        "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {user}\nlog_level = WARNING\n\
         swift_dir = {}\n",
        directory.display()
    )
}

fn backend_configuration(directory: &Path, user: &str, name: &str, port: u16) -> String {
    format!(
        "{}devices = {}\nmount_check = false\nfallocate_reserve = 0\ndisable_fallocate = true\n\
         [pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n",
        common(directory, user, port),
        directory.join("devices").display()
    )
}

fn proxy_configuration(
    directory: &Path,
    user: &str,
    container: &SwiftContainer,
    port: u16,
    cache: u16,
    token_life: Duration,
) -> Result<String> {
    let mut text = common(directory, user, port);
    writeln!(text, "[pipeline:main]\npipeline = {} proxy-server", PIPELINE.join(" "))?;
    writeln!(text, "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true")?;
    for filter in PIPELINE {
        let egg = if filter == "cache" { "memcache" } else { filter };
        writeln!(text, "[filter:{filter}]\nuse = egg:swift#{egg}")?;
        match filter {
            "cache" => writeln!(text, "memcache_servers = 127.0.0.1:{cache}")?,
            "tempauth" => {
                let name = container.user.replace(':', "_");
                writeln!(text, "user_{name} = {} .admin\ntoken_life = {}", container.key, token_life.as_secs())?;
            }
            _ => {}
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::thread;

    use super::*;

    #[test]
    fn keeps_objects_while_the_token_lives_and_leaves_nothing() -> Result<()> {
        let Some(server) = Swift::start(Duration::from_secs(5))? else { return Ok(()) };
        let container = server.container();
        // The token that the start asked for is given again until it has expired.
        thread::sleep(Duration::from_secs(5));
        let Session { curl, storage_url } = container.authenticate()?;
        let url = format!("{storage_url}/{}/some/object", container.container);
        curl.expect("PUT", &url, Some(b"what was put"))?;
        assert_eq!(curl.expect("GET", &url, None)?.body, b"what was put");
        curl.expect("DELETE", &url, None)?;
        assert_eq!(curl.send("GET", &url, None)?.status, 404);
        thread::sleep(Duration::from_secs(6));
        assert_eq!(curl.send("GET", &url, None)?.status, 401);
        let stranger = SwiftContainer { key: "another".to_owned(), ..container.clone() };
        assert!(stranger.authenticate().is_err());
        let (address, directory) = (server.address(), server._site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }

    #[test]
    fn two_run_at_once() -> Result<()> {
        let day = Duration::from_hours(24);
        let (Some(one), Some(other)) = (Swift::start(day)?, Swift::start(day)?) else { return Ok(()) };
        let url = |session: &Session| format!("{}/entrepot/object", session.storage_url);
        let (first, second) = (one.container().authenticate()?, other.container().authenticate()?);
        first.curl.expect("PUT", &url(&first), Some(b"only in the first"))?;
        assert_eq!(second.curl.send("GET", &url(&second), None)?.status, 404);
        Ok(())
    }
}
