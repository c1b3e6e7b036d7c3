//! What the tests begin with.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use entrepot_mail::{Account, Address, Config, Error, Letter, Mailer, Registry, Security};
use entrepot_test_support::servers::Smtp;

use crate::certificates::Certificates;

/// The link of [`reset`].
pub(crate) const LINK: &str = "https://registry.acme.example/reset?token=wB7-s3cret";

/// A way to `server` over STARTTLS, as its user.
pub(crate) fn config(server: SocketAddr, certificates: &Certificates) -> Config {
    let account = Account { user: Smtp::USER.to_owned(), password: Smtp::PASSWORD.into() };
    Config {
        host: server.ip().to_string(),
        port: Some(server.port()),
        security: Security::StartTls,
        account: Some(account),
        from: address("registry@acme.example"),
        ca_file: Some(certificates.ca.clone()),
        // The machine may be busy.
        connect_timeout: Duration::from_secs(60),
        send_timeout: Duration::from_secs(60),
        registry: Registry {
            name: "Acme Registry".parse().unwrap(),
            url: "https://registry.acme.example".parse().unwrap(),
        },
    }
}

/// A way in the open, as nobody.
pub(crate) fn open_config(server: SocketAddr, certificates: &Certificates) -> Config {
    Config { security: Security::None, account: None, ca_file: None, ..config(server, certificates) }
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A letter with a link.
pub(crate) fn reset() -> Letter {
    Letter::ResetPassword {
        account: "ann".parse().unwrap(),
        link: LINK.parse().unwrap(),
        good_for: Duration::from_mins(30),
    }
}

/// Runs what talks to a server.
pub(crate) fn wait_for<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Sends [`reset`].
pub(crate) fn send(config: &Config, to: &str) -> Result<(), Error> {
    let mailer = Mailer::new(config)?;
    wait_for(mailer.send(&address(to), &reset()))
}
