//! OpenID Connect: people who log in at their company's provider, and jobs that show a token which such a provider signed.
//!
//! - [`Issuer`] is one provider: it finds the provider's keys, keeps them, and [verifies](Issuer::verify) identity tokens.
//! - [`Login`] sends somebody's browser to it and turns what comes back into a [`Person`](crate::Person).
//! - [`rules`] say which jobs may come in, by what their tokens claim, and explain why one may not.
//!
//! A provider that is down, slow or answers nonsense gives [`Refused::Unavailable`] and lets nobody in. What is refused says
//! which check failed; no error, log line or `Debug` text has a token, a code or a secret.

mod claims;
mod client;
mod discovery;
mod issuer;
mod keys;
mod login;
mod pace;
mod refused;
pub mod rules;
mod shown;
mod token;
mod url;
mod verify;

pub use self::claims::Claims;
pub use self::client::Client;
pub use self::issuer::Issuer;
pub use self::login::{Answer, ClaimNames, LoggedOut, Login, Pending, Registration, SecretIn, SignedIn};
pub use self::pace::Pace;
pub use self::refused::Refused;
pub use self::token::{MAX_TOKEN_BYTES, unverified_issuer};
pub use self::url::{InvalidIssuer, IssuerUrl};
pub use self::verify::Expected;
