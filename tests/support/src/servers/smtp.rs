//! aiosmtpd: an SMTP server that keeps what it gets.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::site::{PATIENCE, Site};
use crate::process::POLL;
use crate::{Component, Port, TlsFiles};

/// How long a letter may be on its way that the client has handed over, or is about to.
const ON_ITS_WAY: Duration = Duration::from_secs(30);

/// A running server. What it keeps is gone with it.
///
/// Recipients whose name is `refused` get 550, those named `later` 451. A letter to `quoted` gets 554 and the first link that
/// is in it, as from a filter that looks at links.
#[derive(Debug)]
pub struct Smtp {
    _site: Site,
    port: Port,
    kept: PathBuf,
}

/// How the server is talked to.
#[derive(Debug, Clone, Copy)]
pub enum SmtpSecurity<'a> {
    /// In the open. It asks for nobody's name, but knows its user.
    Open,
    /// It offers STARTTLS, and does nothing without it and its user's password.
    StartTls(&'a TlsFiles),
    /// TLS from the first byte, and nothing without its user's password.
    Tls(&'a TlsFiles),
}

/// A letter that was taken, as Python's library for e-mail reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// The sender that the server was told.
    pub from: String,
    /// The recipients that the server was told.
    pub to: Vec<String>,
    /// Who was let in.
    pub user: Option<String>,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
    /// Name and decoded value of each header, in their order.
    pub headers: Vec<(String, String)>,
    /// The part in plain text, decoded; empty if there is none.
    pub text: String,
    /// The part in HTML, decoded; empty if there is none.
    pub html: String,
    /// The letter as it came.
    pub raw: Vec<u8>,
}

impl Smtp {
    /// The user whom it lets in.
    pub const USER: &str = "entrepot";
    /// The user's password.
    pub const PASSWORD: &str = "correct horse battery";

    /// Starts a server.
    ///
    /// # Errors
    /// It cannot be started, or is not ready in time; the message has the end of its log.
    pub fn start(security: SmtpSecurity<'_>) -> Result<Option<Self>> {
        let Some(python) = Component::require("aiosmtpd") else { return Ok(None) };
        let mut site = Site::new("smtp")?;
        let port = Port::claim()?;
        let (script, kept) = (site.path().join("keep.py"), site.path().join("kept"));
        fs::write(&script, include_str!("smtp/keep.py"))?;
        fs::create_dir(&kept)?;
        let mut command = Command::new(python);
        command.arg(script).args(["--port", &port.number().to_string(), "--user", Self::USER]);
        command.args(["--password", Self::PASSWORD, "--keep"]).arg(&kept);
        let (name, files) = match security {
            SmtpSecurity::Open => ("open", None),
            SmtpSecurity::StartTls(files) => ("starttls", Some(files)),
            SmtpSecurity::Tls(files) => ("tls", Some(files)),
        };
        command.args(["--security", name]);
        if let Some(files) = files {
            command.arg("--cert").arg(&files.cert).arg("--key").arg(&files.key);
        }
        let server = site.start("smtp", &mut command)?;
        server.wait_until(PATIENCE, |output| output.contains("listening")).context("aiosmtpd")?;
        Ok(Some(Self { _site: site, port, kept }))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// All that it has taken, the oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn letters(&self) -> Result<Vec<KeptLetter>> {
        let mut places = Vec::new();
        for entry in fs::read_dir(&self.kept)? {
            places.push(entry?.path());
        }
        // What is still being written has another ending.
        places.retain(|place| place.extension().is_none());
        places.sort();
        places.iter().map(|place| KeptLetter::read(place)).collect()
    }

    /// Waits until there is a letter to a recipient, and gives the newest.
    ///
    /// # Errors
    /// There is none in time.
    pub fn wait_for_letter(&self, to: &str) -> Result<KeptLetter> {
        self.wait_for_letters(to, 1)?.pop().context("no letter")
    }

    /// Waits until there are so many letters to a recipient, and gives them, the oldest first.
    ///
    /// # Errors
    /// There are fewer in time.
    pub fn wait_for_letters(&self, to: &str, count: usize) -> Result<Vec<KeptLetter>> {
        let deadline = Instant::now() + ON_ITS_WAY;
        loop {
            let mut letters = self.letters()?;
            letters.retain(|letter| letter.to.iter().any(|name| name == to));
            if letters.len() >= count {
                return Ok(letters);
            }
            ensure!(Instant::now() < deadline, "only {} of {count} letters to {to} came", letters.len());
            thread::sleep(POLL);
        }
    }
}

impl KeptLetter {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The first link in its plain text.
    pub fn link(&self) -> Option<&str> {
        self.text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("https://"))
    }

    fn read(place: &Path) -> Result<Self> {
        let read = |name: &str| fs::read_to_string(place.join(name)).with_context(|| format!("a kept letter's {name}"));
        let envelope = read("envelope")?;
        let mut envelope = envelope.lines();
        let mut line = || envelope.next().context("a line of the envelope");
        let (from, to, user, encrypted) = (line()?.to_owned(), line()?, line()?, line()? == "encrypted");
        let headers = read("headers")?;
        let headers = headers.lines().filter_map(|line| line.split_once(": "));
        Ok(Self {
            from,
            to: to.split(' ').map(str::to_owned).collect(),
            user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            encrypted,
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            text: read("text")?,
            html: read("html")?,
            raw: fs::read(place.join("raw"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpStream;

    use super::*;

    /// Says each line and gives the first three characters of each answer, the greeting's first.
    fn talk(address: SocketAddr, lines: &[&str]) -> Result<Vec<String>> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut answers = BufReader::new(&stream).lines();
        let mut codes = Vec::new();
        for line in [None].into_iter().chain(lines.iter().map(Some)) {
            if let Some(line) = line {
                (&stream).write_all(format!("{line}\r\n").as_bytes())?;
            }
            let last = answers.find(|answer| answer.as_ref().is_ok_and(|a| a.as_bytes().get(3) != Some(&b'-')));
            codes.push(last.context("the connection ended")??[..3].to_owned());
        }
        Ok(codes)
    }

    #[test]
    fn keeps_letters_and_leaves_nothing() -> Result<()> {
        let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
        let letter = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nA line,\r\n..and https://acme.example/one\r\n.";
        let lines = ["EHLO tests", "MAIL FROM:<ann@acme.example>", "RCPT TO:<refused@acme.example>"];
        let more = ["RCPT TO:<later@acme.example>", "RCPT TO:<bob@acme.example>", "DATA", letter, "QUIT"];
        let codes = talk(server.address(), &[&lines[..], &more[..]].concat())?;
        assert_eq!(codes, ["220", "250", "250", "550", "451", "250", "354", "250", "221"]);

        let kept = server.wait_for_letter("bob@acme.example")?;
        assert_eq!(kept.from, "ann@acme.example");
        assert_eq!((kept.to.len(), kept.user.as_ref(), kept.encrypted), (1, None, false));
        assert_eq!(kept.header("subject"), Some("Grüße"));
        assert_eq!(kept.text, "A line,\n.and https://acme.example/one\n");
        assert_eq!(kept.link(), Some("https://acme.example/one"));
        assert_eq!(kept.html, "");
        assert_eq!(server.letters()?, [kept]);

        let (address, directory) = (server.address(), server._site.path().to_owned());
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "it still listens");
        assert!(!directory.exists());
        Ok(())
    }

    #[test]
    fn lets_in_its_user_alone() -> Result<()> {
        let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
        let login = "AGVudHJlcG90AGNvcnJlY3QgaG9yc2UgYmF0dGVyeQ==";
        let codes = talk(server.address(), &["EHLO tests", "AUTH PLAIN AGVudHJlcG90AHdyb25n", "QUIT"])?;
        assert_eq!(codes, ["220", "250", "535", "221"]);
        let codes = talk(server.address(), &["EHLO tests", &format!("AUTH PLAIN {login}"), "QUIT"])?;
        assert_eq!(codes, ["220", "250", "235", "221"]);
        Ok(())
    }
}
