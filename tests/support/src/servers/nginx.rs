//! nginx in front of several servers, with the configuration that operators get.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::site::{PATIENCE, Site};
use crate::{Component, Port};

/// For the replicas of compose.yaml.
const DEPLOYED: &str = include_str!("../../../../deploy/compose/nginx.conf");

/// A running nginx: round robin, nothing that keeps a client with one server, and bodies pass both ways as they come.
#[derive(Debug)]
pub struct Nginx {
    _site: Site,
    port: Port,
}

impl Nginx {
    /// Starts nginx in front of `upstreams`, which need not listen yet.
    ///
    /// If a server cannot be reached, what changes nothing is asked of another one, and anything else if nothing of it was sent;
    /// else the answer is 503.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start(upstreams: &[SocketAddr]) -> Result<Option<Self>> {
        let Some(program) = Component::require("nginx") else { return Ok(None) };
        let mut site = Site::new("nginx")?;
        let port = Port::claim()?;
        let config = site.path().join("nginx.conf");
        fs::write(&config, configuration(port.address(), upstreams)?)?;
        let mut command = Command::new(program);
        // The error log is named here too: before nginx reads its configuration it would open that of the system.
        command.arg("-p").arg(site.path()).arg("-c").arg(&config).args(["-e", "stderr"]);
        let nginx = site.start("nginx", &mut command)?;
        nginx.wait_until(PATIENCE, |_| TcpStream::connect(port.address()).is_ok()).context("nginx")?;
        Ok(Some(Self { _site: site, port }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

/// The configuration that operators get, with other addresses and without what only the container has.
fn configuration(address: SocketAddr, upstreams: &[SocketAddr]) -> Result<String> {
    // Run by root, the workers stay root: they need to write into a directory that nobody else may enter.
    let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
    let mut text = format!("daemon off;\n{user}");
    let (mut groups, mut listens) = (0, 0);
    for line in DEPLOYED.lines() {
        match line.trim() {
            "http {" => {
                text.push_str("http {\nfastcgi_temp_path fastcgi;\nuwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n")
            }
            "listen 5000;" => {
                listens += 1;
                writeln!(text, "listen {address};")?;
            }
            server if server.starts_with("server replica-") => {
                // The first of each group stands for all.
                let Some(options) = server.strip_prefix("server replica-1:5000") else { continue };
                groups += 1;
                for upstream in upstreams {
                    writeln!(text, "server {upstream}{options}")?;
                }
            }
            log if log.starts_with("access_log ") => text.push_str("access_log access.log entrepot;\n"),
            _ => writeln!(text, "{line}")?,
        }
    }
    ensure!(groups == 3 && listens == 1, "deploy/compose/nginx.conf is not of the form that is known here");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    use super::super::curl::Curl;
    use super::*;

    /// Answers every request with its name and the head that it got; ends each connection.
    fn upstream(name: char) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
                    head.push(byte[0]);
                }
                let body = format!("{name}\n{}", String::from_utf8_lossy(&head));
                let answer =
                    format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn goes_round_and_tells_who_asked() -> Result<()> {
        let nobody = Port::claim()?;
        let upstreams = [upstream('a'), upstream('b'), nobody.address(), upstream('c')];
        let Some(nginx) = Nginx::start(&upstreams)? else { return Ok(()) };
        let url = format!("http://{}/v2/", nginx.address());
        let curl = Curl::new()?.with(["--header", "Host: registry.acme.example:5000"]);
        let mut seen: BTreeMap<char, u32> = BTreeMap::new();
        for _ in 0..12 {
            let body = String::from_utf8(curl.expect("GET", &url, None)?.body)?;
            for line in ["Host: registry.acme.example:5000", "X-Forwarded-Proto: http", "X-Forwarded-For: 127.0.0.1"] {
                assert!(body.contains(line), "no {line} in {body}");
            }
            *seen.entry(body.chars().next().context("an empty answer")?).or_default() += 1;
        }
        assert_eq!(seen.keys().collect::<String>(), "abc");
        assert!(seen.values().all(|count| (3..=5).contains(count)), "{seen:?}");
        Ok(())
    }

    #[test]
    fn a_second_try_does_not_meet_the_same_dead_server() -> Result<()> {
        let nobody = Port::claim()?;
        let Some(nginx) = Nginx::start(&[upstream('a'), nobody.address(), upstream('b')])? else { return Ok(()) };
        let url = format!("http://{}/v2/acme/app/manifests/v1", nginx.address());
        let curl = Curl::new()?;
        // At the same time, so that others have their turn between the first try of one and its second.
        let delete = || (0..15).map(|_| Ok(curl.send("DELETE", &url, None)?.status)).collect::<Result<Vec<u16>>>();
        let statuses = thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(delete)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Result<Vec<_>>>()
        })?;
        assert_eq!(statuses.concat(), [200; 8 * 15]);
        Ok(())
    }

    #[test]
    fn a_body_passes_before_it_is_complete_and_nothing_stays() -> Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let Some(nginx) = Nginx::start(&[listener.local_addr()?])? else { return Ok(()) };
        let mut client = TcpStream::connect(nginx.address())?;
        write!(client, "PATCH / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000\r\n\r\nthe beginning")?;
        let (mut server, _) = listener.accept()?;
        server.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut heard = String::new();
        while !heard.contains("the beginning") {
            let mut some = [0; 1024];
            let count = server.read(&mut some)?;
            assert!(count > 0, "it ended: {heard}");
            heard.push_str(std::str::from_utf8(&some[..count])?);
        }
        let (address, directory) = (nginx.address(), nginx._site.path().to_owned());
        drop(nginx);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }
}
