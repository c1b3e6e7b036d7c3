//! The way to the mail server.
//!
//! The library's own transport keeps connections in a pool, and waits without an end for a server that says nothing. Letters
//! are rare: each has a connection of its own here, and every step a time after which it is given up.

use std::error::Error as StdError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::link::ipv6;
use crate::{Config, Error, Security};

/// How long a server may take to say goodbye. It has the letter then.
const GOODBYE: Duration = Duration::from_secs(2);
/// Longer answers of a server are cut, in characters.
const LONGEST: usize = 300;

/// A mail server, and how to get there.
pub(crate) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
    /// Who we say that we are.
    hello: ClientId,
    connect_timeout: Duration,
}

enum Encryption {
    FromTheStart(TlsParameters),
    AfterAWord(TlsParameters),
    None,
}

impl Server {
    /// # Errors
    /// The certificates cannot be read, or a connection that is not encrypted would leave this machine.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let encryption = match config.security {
            Security::Tls => Encryption::FromTheStart(tls(&config.host, config.ca_file.as_deref())?),
            Security::StartTls => Encryption::AfterAWord(tls(&config.host, config.ca_file.as_deref())?),
            Security::None if loopback(&config.host).is_empty() => {
                return Err(Error::Settings(format!(
                    "{} is not this machine, so the connection has to be encrypted (tls or starttls)",
                    config.host
                )));
            }
            Security::None => Encryption::None,
        };
        let account = config.account.as_ref();
        Ok(Self {
            host: config.host.clone(),
            port: config.port.unwrap_or(config.security.usual_port()),
            encryption,
            credentials: account.map(|a| Credentials::new(a.user.clone(), a.password.expose_secret().to_owned())),
            hello: hello(config.registry.url.host()),
            connect_timeout: config.connect_timeout,
        })
    }

    /// Connects, and goes as far as the server letting us in.
    pub(crate) async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        self.within(self.connect_timeout, self.open()).await?
    }

    /// What `work` gives, if it is through in time.
    pub(crate) async fn within<T>(&self, time: Duration, work: impl Future<Output = T>) -> Result<T, Error> {
        timeout(time, work).await.map_err(|_| Error::TimedOut { server: self.name(), within: time })
    }

    /// Host and port.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let addresses = self.addresses().await?;
        // One that swallows everything must not keep us from the next.
        let share = self.connect_timeout / u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
        let from_the_start = match &self.encryption {
            Encryption::FromTheStart(tls) => Some(tls.clone()),
            Encryption::AfterAWord(_) | Encryption::None => None,
        };
        let connecting =
            AsyncSmtpConnection::connect_tokio1(&*addresses, Some(share), &self.hello, from_the_start, None);
        let mut connection = connecting.await.map_err(|error| self.failed(&error))?;
        if let Encryption::AfterAWord(tls) = &self.encryption {
            self.encrypt(&mut connection, tls.clone()).await?;
        }
        if let Some(credentials) = &self.credentials {
            let let_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            let_in.map_err(|error| self.not_let_in(&error))?;
        }
        Ok(connection)
    }

    /// A name of this machine is not asked for elsewhere: what is not encrypted stays here.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, Error> {
        if matches!(self.encryption, Encryption::None) {
            return Ok(loopback(&self.host).into_iter().map(|address| SocketAddr::new(address, self.port)).collect());
        }
        let unreachable = |why: String| Error::Unreachable { server: self.name(), why };
        let found: Vec<_> =
            lookup_host((&*self.host, self.port)).await.map_err(|error| unreachable(error.to_string()))?.collect();
        if found.is_empty() { Err(unreachable("its name has no address".to_owned())) } else { Ok(found) }
    }

    async fn encrypt(&self, connection: &mut AsyncSmtpConnection, tls: TlsParameters) -> Result<(), Error> {
        if !connection.can_starttls() {
            let why = "it does not offer STARTTLS".to_owned();
            return Err(Error::Untrusted { server: self.name(), why });
        }
        connection.starttls(tls, &self.hello).await.map_err(|error| self.failed(&error))
    }

    fn not_let_in(&self, error: &smtp::Error) -> Error {
        let answer = match error.status() {
            Some(code) => format!("{code}{}", enhanced_code(&said(error))),
            // We gave up, before anything was sent.
            None if error.is_client() => said(error),
            None => return self.failed(error),
        };
        Error::NotLetIn { server: self.name(), answer, temporary: error.is_transient() }
    }

    /// The library's error as ours.
    pub(crate) fn failed(&self, error: &smtp::Error) -> Error {
        let (server, said) = (self.name(), said(error));
        match error.status() {
            Some(code) => Error::Refused { server, answer: format!("{code} {said}"), temporary: error.is_transient() },
            None if error.is_client() => Error::Refused { server, answer: said, temporary: false },
            // Its words are in the error, and may be anything.
            None if error.is_response() => {
                Error::Unreachable { server, why: "it ended the connection, or does not speak SMTP".to_owned() }
            }
            None if is_about_tls(error) => Error::Untrusted { server, why: said },
            None => Error::Unreachable { server, why: said },
        }
    }
}

/// Ends a connection politely, without waiting long for the answer: nothing depends on it.
pub(crate) async fn goodbye(mut connection: AsyncSmtpConnection) {
    drop(timeout(GOODBYE, connection.quit()).await);
}

/// Addresses of this machine that a host stands for; none if it may be another one.
fn loopback(host: &str) -> Vec<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    host.parse().into_iter().filter(IpAddr::is_loopback).collect()
}

fn hello(host: &str) -> ClientId {
    if let Some(address) = ipv6(host) {
        return ClientId::Ipv6(address);
    }
    host.parse().map_or_else(|_| ClientId::Domain(host.to_owned()), ClientId::Ipv4)
}

fn tls(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        builder = builder.certificate_store(CertificateStore::None);
        for certificate in certificates(path)? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| match ca_file {
        Some(path) => unusable(path, &said(&error)),
        None => Error::Settings(format!("the system's certificates: {}", said(&error))),
    })
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error.to_string()))?;
    let mut certificates = Vec::new();
    for der in read {
        let der = der.map_err(|error| unusable(path, &error.to_string()))?;
        certificates.push(Certificate::from_der(der.to_vec()).map_err(|error| unusable(path, &said(&error)))?);
    }
    if certificates.is_empty() { Err(unusable(path, "it has no PEM certificate")) } else { Ok(certificates) }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Settings(format!("{}: {why}", path.display()))
}

/// What the server or the system said, in one line.
fn said(error: &smtp::Error) -> String {
    let causes = || causes(error);
    let told = match causes().find(|cause| cause.is::<io::Error>()).or_else(|| causes().last()) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    };
    one_line(&told)
}

fn one_line(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        // Never in a word: half a link would not be known for one, and not be taken out.
        line.truncate(line[..end].rfind(' ').map_or(0, |space| space + 1));
        line.push('…');
    }
    line
}

fn causes(error: &smtp::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// Whether the other end spoke, and could not be trusted or understood.
fn is_about_tls(error: &smtp::Error) -> bool {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|e| e.kind() == io::ErrorKind::InvalidData)
}

/// `5.7.8` of `5.7.8 that was wrong` (RFC 2034), with a space before it. All else that a server says to credentials may have
/// them in it.
fn enhanced_code(answer: &str) -> String {
    let first = answer.split_whitespace().next().unwrap_or_default();
    let is_code = first.split('.').count() == 3
        && first.len() <= 9
        && first.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if is_code { format!(" {first}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(!loopback(host).is_empty(), "{host}");
        }
        for host in ["", "localhost.acme.example", "mail.acme.example", "192.0.2.7", "0.0.0.0", "::", "127.0.0.1.acme"]
        {
            assert!(loopback(host).is_empty(), "{host}");
        }
    }

    #[test]
    fn what_a_server_says_to_credentials_is_not_repeated() {
        for (answer, kept) in [
            ("5.7.8 Authentication credentials invalid", " 5.7.8"),
            ("5.7.139", " 5.7.139"),
            ("AGFubgBodW50ZXIy is wrong", ""),
            ("hunter.2.x no", ""),
            ("123456789.1.1", ""),
            ("5..8 no", ""),
            ("", ""),
        ] {
            assert_eq!(enhanced_code(answer), kept);
        }
    }

    #[test]
    fn names_to_greet_with() {
        assert_eq!(hello("registry.acme.example").to_string(), "registry.acme.example");
        assert_eq!(hello("127.0.0.1").to_string(), "[127.0.0.1]");
        assert_eq!(hello("[::1]").to_string(), "[IPv6:::1]");
    }

    #[test]
    fn answers_are_one_line_and_not_long() {
        assert_eq!(one_line("no\r\nnot\tyou"), "no  not you");
        assert_eq!(one_line(&"ä".repeat(1_000)), "…");
        let line = one_line(&format!("{} https://acme.example/s3cret", "word ".repeat(50)));
        assert!(line.ends_with(" https://acme.example/s3cret"), "{line}");
        let line = one_line(&format!("{} https://acme.example/s3cret", "word ".repeat(57)));
        assert!(line.ends_with("word  …"), "{line}");
    }
}
