//! Sending letters.

use std::fmt;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::connection::{Server, goodbye};
use crate::message::compose;
use crate::{Address, Config, Error, Letter, Registry};

/// Most connections at once. The large providers allow three for one user.
const CONNECTIONS: usize = 3;

/// Sends letters. Made once, shared by all.
pub struct Mailer {
    server: Server,
    from: Address,
    registry: Registry,
    send_timeout: Duration,
    connections: Semaphore,
}

impl Mailer {
    /// Reads the certificates; the server is not asked anything yet, see [`Mailer::check`].
    ///
    /// # Errors
    /// [`Error::Settings`]: the certificates cannot be read, a connection that is not encrypted would leave this machine, or the
    /// name of the registry begins with a dot.
    pub fn new(config: &Config) -> Result<Self, Error> {
        // The library does not quote it, and in a header no name begins so (RFC 5322, section 4.1).
        if config.registry.name.as_str().starts_with('.') {
            return Err(Error::Settings("the registry's name begins with a dot".to_owned()));
        }
        Ok(Self {
            server: Server::new(config)?,
            from: config.from.clone(),
            registry: config.registry.clone(),
            send_timeout: config.send_timeout,
            connections: Semaphore::new(CONNECTIONS),
        })
    }

    /// Hands a letter to the mail server. That it took it does not mean that it arrives.
    ///
    /// # Errors
    /// It was not taken. [`Error::is_temporary`] says whether to try again later. No error has the letter's link in it.
    /// After [`Error::TimedOut`] or [`Error::Unreachable`] the server may have taken it, and a second try may be a second letter.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection; the letter may have been taken or not.
    pub async fn send(&self, to: &Address, letter: &Letter) -> Result<(), Error> {
        self.hand_over(to, letter).await.map_err(|error| without_link(error, letter))?;
        tracing::debug!(letter = letter.kind(), server = self.server.name(), "the mail server took a letter");
        Ok(())
    }

    /// Connects, greets and authenticates, and sends nothing.
    ///
    /// # Errors
    /// As [`Mailer::send`].
    pub async fn check(&self) -> Result<(), Error> {
        goodbye(self.server.connect().await?).await;
        Ok(())
    }

    async fn hand_over(&self, to: &Address, letter: &Letter) -> Result<(), Error> {
        let message = compose(&self.from, to, &self.registry, letter)?;
        // Nobody closes the semaphore, so what fails here is the time.
        let Ok(Ok(_permit)) = timeout(self.send_timeout, self.connections.acquire()).await else {
            return Err(Error::Busy);
        };
        let mut connection = self.server.connect().await?;
        let bytes = message.formatted();
        let handing_over = connection.send(message.envelope(), &bytes);
        let taken = self.server.within(self.send_timeout, handing_over).await?;
        taken.map_err(|error| self.server.failed(&error))?;
        goodbye(connection).await;
        Ok(())
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("server", &self.server.name()).field("from", &self.from).finish_non_exhaustive()
    }
}

/// Filters that refuse a letter for what is in it sometimes repeat that.
fn without_link(error: Error, letter: &Letter) -> Error {
    match (error, letter.link()) {
        (Error::Refused { server, answer, temporary }, Some(link)) => {
            Error::Refused { server, answer: link.taken_out_of(&answer), temporary }
        }
        (error, _) => error,
    }
}
