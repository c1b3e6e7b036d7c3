//! How letters go out, and in whose name.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Address, Link, Name, Password};

/// The way to a mail server, and who writes.
#[derive(Clone, Debug)]
pub struct Config {
    /// The host of the server that takes our letters: a name, or an address.
    pub host: String,
    /// Its port; `None` means the usual one, see [`Security::usual_port`].
    pub port: Option<u16>,
    /// How the connection is kept from others.
    pub security: Security,
    /// Who we are there, if it asks.
    pub account: Option<Account>,
    /// The address that letters come from, and that answers go to.
    pub from: Address,
    /// PEM file with the certificates that may sign the server's; `None` means those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Longest time until the server has greeted us and let us in; names are looked up in it too.
    pub connect_timeout: Duration,
    /// Longest time until it has taken a letter. Servers that look into letters take their time.
    pub send_timeout: Duration,
    /// In whose name letters are written.
    pub registry: Registry,
}

/// How the connection to the mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Encrypted from the first byte.
    Tls,
    /// Encrypted after a word in the open. A server that does not offer it is not sent anything.
    StartTls,
    /// Not at all; only for a server on the same machine.
    None,
}

/// Who we are to the mail server.
#[derive(Clone, Debug)]
pub struct Account {
    /// The user's name there.
    pub user: String,
    /// The user's password.
    pub password: Password,
}

/// The registry as its people know it.
#[derive(Clone, Debug)]
pub struct Registry {
    /// What it is called.
    pub name: Name,
    /// Where its pages are.
    pub url: Link,
}

impl Security {
    /// The port that servers listen on for this: 465 and 587 as in RFC 8314 and RFC 6409, or 25.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Tls => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}
