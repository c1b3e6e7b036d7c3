//! Logging in to a registry over the network, by a browser (RFC 8628) or with a password, and out again (RFC 7009).
//!
//! Nothing is shown to a server but the one that was named: what it says of other places is not followed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use entrepot_access::Secret;
use http::header::{self, HeaderMap};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;

use crate::answer::Answer;
use crate::credential::Credential;
use crate::docker::Kept;
use crate::error::Error;
use crate::server::Server;
use crate::there::There;

/// What this program is called.
const CLIENT: &str = "entrepot";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const METADATA: &str = "/.well-known/oauth-authorization-server";
/// How an Entrepot calls itself where it asks who comes.
const SERVICE: &str = "service=\"entrepot\"";
/// By how much a pause grows for who asks too fast (RFC 8628, section 3.5).
const MORE: Duration = Duration::from_secs(5);
/// Nobody waits longer than this between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A registry at which people log in.
#[derive(Debug)]
pub struct Registry {
    there: There,
    /// Where on it tokens are given and ended, and browsers are waited for.
    token: String,
    device: String,
    revoke: String,
}

/// What has to be done in a browser.
#[derive(Debug)]
pub struct Codes {
    device_code: String,
    /// What is typed there.
    pub user_code: String,
    /// Where.
    pub page: String,
    /// Where it need not be typed.
    pub link: String,
    /// For how long.
    pub lifetime: Duration,
    pause: Duration,
}

#[derive(Deserialize)]
struct Metadata {
    token_endpoint: String,
    device_authorization_endpoint: String,
    revocation_endpoint: String,
}

#[derive(Deserialize)]
struct AskedCodes {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

#[derive(Deserialize)]
struct Given {
    username: String,
    access_token: String,
}

#[derive(Deserialize)]
struct Resumable {
    refresh_token: Option<String>,
}

/// What is wrong, in the form of OAuth.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wrong {
    error: String,
    error_description: String,
    /// The same in the form of registries.
    errors: Vec<RegistryError>,
}

#[derive(Deserialize)]
struct RegistryError {
    message: String,
}

/// What a registry says to who waits.
enum Heard {
    In(Kept),
    NotYet,
    TooFast,
}

impl Registry {
    /// Looks what is at `server`. The certificates in `ca_file` are trusted in place of the system's.
    ///
    /// # Errors
    /// It cannot be reached, is no Entrepot, or nobody logs in there.
    pub async fn find(server: Server, ca_file: Option<&std::path::Path>) -> Result<Self, Error> {
        let there = There::new(server, Credential::NOTHING, ca_file)?;
        let answer = there.send(get("/v2/").map_err(|why| there.no_answer(why))?).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED if challenges(&answer.headers, SERVICE) => {}
            StatusCode::OK => {
                let who = there.server();
                return Err(Error::Refused(format!("nobody logs in to {who}: it asks nobody who they are")));
            }
            StatusCode::UNAUTHORIZED => {
                let why = "it is no Entrepot, and other registries have logins of another kind: use docker login";
                return Err(there.no_answer(why.to_owned()));
            }
            status if there.server().is_encrypted() => {
                return Err(there.no_answer(format!("it answers {status} to GET /v2/")));
            }
            status => {
                let why = "if it wants HTTPS, write https:// before its name";
                return Err(there.no_answer(format!("it answers {status} to GET /v2/ over plain HTTP; {why}")));
            }
        }
        let metadata = there.send(get(METADATA).map_err(|why| there.no_answer(why))?).await?;
        let metadata: Metadata = metadata.value().map_err(|_| {
            there.no_answer("it does not say how to log in by a browser; it may be an older version".to_owned())
        })?;
        let here = |url: &str| {
            let elsewhere = || there.no_answer(format!("it wants logins at another place, {}", plain(url)));
            there.server().path_of(url).ok_or_else(elsewhere)
        };
        let token = here(&metadata.token_endpoint)?;
        let (device, revoke) = (here(&metadata.device_authorization_endpoint)?, here(&metadata.revocation_endpoint)?);
        Ok(Self { there, token, device, revoke })
    }

    /// Asks for codes, to be let in by somebody with a browser. `label` says where this program runs.
    ///
    /// # Errors
    /// The registry would not give any.
    pub async fn begin(&self, label: &str) -> Result<Codes, Error> {
        let answer = self.post(&self.device, &[("client_id", CLIENT), ("label", label)]).await?;
        let asked: AskedCodes = self.value(answer)?;
        let link = [&asked.verification_uri, &asked.verification_uri_complete];
        if !link.iter().all(|url| url.starts_with("https://") || url.starts_with("http://")) {
            return Err(self.there.no_answer("what it wants to be opened is no page".to_owned()));
        }
        Ok(Codes {
            device_code: asked.device_code,
            user_code: plain(&asked.user_code),
            page: plain(&asked.verification_uri),
            link: plain(&asked.verification_uri_complete),
            lifetime: Duration::from_secs(asked.expires_in),
            pause: Duration::from_secs(asked.interval.max(1)).min(LONGEST_PAUSE),
        })
    }

    /// Waits until somebody has let this program in. A registry that is away for a while is waited for too.
    ///
    /// # Errors
    /// Somebody has turned it away, or nobody came in time.
    pub async fn wait(&self, codes: &Codes) -> Result<Kept, Error> {
        let (start, mut pause) = (Instant::now(), codes.pause);
        while start.elapsed() + pause < codes.lifetime {
            sleep(pause).await;
            match self.poll(codes).await {
                Ok(Heard::In(kept)) => return Ok(kept),
                Ok(Heard::NotYet) => {}
                Ok(Heard::TooFast) => pause = (pause + MORE).min(LONGEST_PAUSE),
                Err(Error::Unreachable { .. }) => pause = (pause * 2).min(LONGEST_PAUSE),
                Err(error) => return Err(error),
            }
        }
        Err(Error::Refused("nobody has let it in in time: begin again".to_owned()))
    }

    async fn poll(&self, codes: &Codes) -> Result<Heard, Error> {
        let fields = [("grant_type", GRANT), ("client_id", CLIENT), ("device_code", &*codes.device_code)];
        let answer = self.post(&self.token, &fields).await?;
        let busy = answer.status == StatusCode::TOO_MANY_REQUESTS || answer.status.is_server_error();
        let wrong: Wrong = answer.value().unwrap_or_default();
        match wrong.error.as_str() {
            "authorization_pending" => return Ok(Heard::NotYet),
            "slow_down" => return Ok(Heard::TooFast),
            _ if busy => return Ok(Heard::TooFast),
            _ => {}
        }
        let given: Given = self.value(answer)?;
        Ok(Heard::In(Kept::password(given.username, given.access_token)))
    }

    /// Shows a name and a password or token, and returns what is to be kept: a password is thrown away if the registry gives something in
    /// its place.
    ///
    /// # Errors
    /// The registry does not take it.
    pub async fn check(&self, username: &str, password: &str) -> Result<Kept, Error> {
        let fields = [
            ("grant_type", "password"),
            ("service", "entrepot"),
            ("client_id", CLIENT),
            ("access_type", "offline"),
            ("username", username),
            ("password", password),
        ];
        let answer = self.post(&self.token, &fields).await?;
        let given: Resumable = self.value(answer)?;
        Ok(match given.refresh_token {
            Some(token) => Kept::identity(username.to_owned(), token),
            None => Kept::password(username.to_owned(), password.to_owned()),
        })
    }

    /// Ends what was kept, and says whether it did: a token that somebody has made themselves stays, as it may be in use elsewhere, and so
    /// does a password, which nobody is shown for that.
    ///
    /// # Errors
    /// The registry would not do it.
    pub async fn end(&self, kept: &Kept) -> Result<bool, Error> {
        if !Secret::is_token(kept.secret()) {
            return Ok(false);
        }
        let answer = self.post(&self.revoke, &[("token", kept.secret())]).await?;
        let wrong: Wrong = answer.value().unwrap_or_default();
        if wrong.error == "unsupported_token_type" {
            return Ok(false);
        }
        self.done(answer).map(|_| true)
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, Error> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::builder().method(Method::POST).uri(path).header(header::ACCEPT, "application/json");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.into());
        self.there.send(request.map_err(|error| self.there.no_answer(error.to_string()))?).await
    }

    fn value<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, Error> {
        self.done(answer)?.value().map_err(|why| self.there.no_answer(why))
    }

    fn done(&self, answer: Answer) -> Result<Answer, Error> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let Wrong { error_description, errors, .. } = answer.value().unwrap_or_default();
        let sentence = errors.into_iter().next().map_or(error_description, |error| error.message);
        Err(match sentence.as_str() {
            "" => self.there.no_answer(format!("it answers {}", answer.status)),
            _ => Error::Refused(plain(&sentence)),
        })
    }
}

fn get(path: &str) -> Result<Request<Bytes>, String> {
    Request::builder().uri(path).body(Bytes::new()).map_err(|error| error.to_string())
}

/// Whether a registry that asks who comes says `what` there.
fn challenges(headers: &HeaderMap, what: &str) -> bool {
    let all = headers.get_all(header::WWW_AUTHENTICATE).into_iter().filter_map(|value| value.to_str().ok());
    all.into_iter().any(|value| value.starts_with("Bearer ") && value.contains(what))
}

/// A text as a terminal may have it.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
