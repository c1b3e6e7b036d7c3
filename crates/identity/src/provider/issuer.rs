//! One provider, and the keys that it has.

use std::sync::{Arc, Once};
use std::time::{Duration, Instant, SystemTime};

use jsonwebtoken::crypto;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use tracing::{Instrument as _, info, warn};

use super::claims::Claims;
use super::client::{Client, Reply, send};
use super::discovery::Discovery;
use super::keys::{KeySet, NoKey};
use super::pace::Pace;
use super::refused::Refused;
use super::shown::Shown;
use super::token::Token;
use super::url::IssuerUrl;
use super::verify::{self, Expected};

/// How long those who hold good keys wait for newer ones.
const PATIENCE: Duration = Duration::from_secs(2);

/// A provider. A clone is the same provider, with the same keys.
#[derive(Debug, Clone)]
pub struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    url: IssuerUrl,
    pace: Pace,
    known: watch::Sender<Option<Arc<Known>>>,
    /// Who holds it asks the provider; the others wait for what comes of it.
    turn: Mutex<Option<Attempt>>,
}

/// What the provider said last.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) discovery: Discovery,
    keys: KeySet,
    since: Instant,
}

/// The last time that the provider was asked.
#[derive(Debug)]
struct Attempt {
    ended: Instant,
    failure: Option<String>,
}

impl Issuer {
    /// The provider at `url`. It is not asked before something is to be verified, so it may be down now.
    pub fn new(client: Client, url: IssuerUrl, pace: Pace) -> Self {
        static INSTALLED: Once = Once::new();
        // The library chooses by the features that anybody in the build turned on, and panics if that is not one. An error
        // says that the choice was made before.
        INSTALLED.call_once(|| {
            let _already = crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        });
        Self(Arc::new(Inner { client, url, pace, known: watch::Sender::new(None), turn: Mutex::new(None) }))
    }

    /// Its identifier.
    pub fn url(&self) -> &IssuerUrl {
        &self.0.url
    }

    /// Checks an identity token of this provider at the time `now`: signature, issuer, audience, party, times and nonce, with a
    /// minute's leeway.
    ///
    /// # Errors
    /// Why it is not accepted; [`Refused::Unavailable`] if the provider has to be asked for its keys and cannot be.
    /// # Cancel safety
    /// Nothing is lost: keys are fetched in a task of its own.
    pub async fn verify(&self, token: &str, expected: &Expected, now: SystemTime) -> Result<Claims, Refused> {
        let token = Token::parse(token)?;
        verify::check(self.signed(&token).await?, &self.0.url, expected, now)
    }

    /// The claims of a token that this provider has signed; they are still to be checked.
    pub(super) async fn signed(&self, token: &Token<'_>) -> Result<Map<String, Value>, Refused> {
        let mut known = self.known().await?;
        let id = token.key_id.as_deref();
        if matches!(known.keys.find(id, token.algorithm), Err(NoKey::Unknown)) {
            known = self.refresh(Some(known)).await?;
        }
        let keys = known.keys.find(id, token.algorithm).map_err(|why| self.no_key(token, why))?;
        // A key that the library cannot use at all does not fit the signature either.
        let signed =
            |key| crypto::verify(token.signature, token.message.as_bytes(), key, token.algorithm).unwrap_or(false);
        if !keys.into_iter().any(signed) {
            return Err(Refused::Signature { issuer: self.0.url.to_string() });
        }
        token.claims()
    }

    /// Asks the provider now, or within the [gap](Pace::gap) says what came of it last: for a command that looks whether it
    /// can be reached and is what it should be.
    ///
    /// # Errors
    /// [`Refused::Unavailable`] with what is wrong.
    pub async fn check(&self) -> Result<(), Refused> {
        self.refresh(self.current()).await.map(|_| ())
    }

    /// What is known of the provider: fresh, or good for as long as it cannot be reached.
    pub(super) async fn known(&self) -> Result<Arc<Known>, Refused> {
        let Some(known) = self.current() else { return self.refresh(None).await };
        let age = known.since.elapsed();
        if age < self.0.pace.fresh {
            return Ok(known);
        }
        let refresh = self.refresh(Some(Arc::clone(&known)));
        if age >= self.0.pace.good {
            return refresh.await;
        }
        // It may be down, or not answer at all: then what is known has to do.
        Ok(timeout(PATIENCE, refresh).await.ok().and_then(Result::ok).unwrap_or(known))
    }

    /// Sends a request of a login to the provider.
    pub(super) async fn ask(&self, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<Reply, Refused> {
        send(request(&self.0.client), self.0.pace.request).await.map_err(|why| self.unavailable(&why))
    }

    pub(super) fn unavailable(&self, why: &str) -> Refused {
        Refused::Unavailable { issuer: self.0.url.to_string(), why: why.to_owned() }
    }

    fn current(&self) -> Option<Arc<Known>> {
        self.0.known.borrow().clone()
    }

    fn no_key(&self, token: &Token<'_>, why: NoKey) -> Refused {
        let kid = Shown(token.key_id.as_deref().unwrap_or_default()).to_string();
        let issuer = self.0.url.to_string();
        match why {
            NoKey::Unknown => Refused::UnknownKey { issuer, kid },
            NoKey::Unnamed => Refused::UnnamedKey { issuer },
            NoKey::Misfit => Refused::KeyMisfit { algorithm: format!("{:?}", token.algorithm), kid },
        }
    }

    /// Something newer than `seen`, or the same if the provider was asked a short time ago.
    async fn refresh(&self, seen: Option<Arc<Known>>) -> Result<Arc<Known>, Refused> {
        let issuer = self.clone();
        // In a task of its own: a caller that goes away does not stop what others wait for.
        let task = tokio::spawn(async move { issuer.take_turn(seen).await }.in_current_span());
        task.await.unwrap_or_else(|_| Err(self.unavailable("asking it was stopped")))
    }

    async fn take_turn(&self, seen: Option<Arc<Known>>) -> Result<Arc<Known>, Refused> {
        let mut last = self.0.turn.lock().await;
        let current = self.current();
        if current.as_ref().map(Arc::as_ptr) != seen.as_ref().map(Arc::as_ptr) {
            return current.ok_or_else(|| self.unavailable("it has said nothing yet"));
        }
        if let Some(attempt) = last.as_ref().filter(|attempt| attempt.ended.elapsed() < self.0.pace.gap) {
            return match (&attempt.failure, current) {
                (None, Some(known)) => Ok(known),
                (failure, _) => Err(self.unavailable(failure.as_deref().unwrap_or("it has said nothing yet"))),
            };
        }
        let outcome = self.fetch().await;
        *last = Some(Attempt { ended: Instant::now(), failure: outcome.as_ref().err().cloned() });
        match outcome {
            Ok(known) => {
                info!(issuer = %self.0.url, "read the provider's keys");
                let known = Arc::new(known);
                self.0.known.send_replace(Some(Arc::clone(&known)));
                Ok(known)
            }
            Err(why) => {
                warn!(issuer = %self.0.url, why, "cannot ask the provider for its keys");
                Err(self.unavailable(&why))
            }
        }
    }

    async fn fetch(&self) -> Result<Known, String> {
        let place = Url::parse(&self.0.url.discovery()).map_err(|_| "it has no address".to_owned())?;
        let discovery = Discovery::parse(&self.0.url, &self.read(place, "discovery document").await?)?;
        let keys = KeySet::parse(&self.read(discovery.keys.clone(), "key set").await?)?;
        Ok(Known { discovery, keys, since: Instant::now() })
    }

    async fn read(&self, place: Url, what: &str) -> Result<Vec<u8>, String> {
        let reply = send(self.0.client.get(place), self.0.pace.request).await?;
        match reply.status {
            StatusCode::OK => Ok(reply.body),
            other => Err(format!("it answers {} instead of its {what}", other.as_u16())),
        }
    }
}
