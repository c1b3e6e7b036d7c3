//! OpenID providers at which people log in with a browser. Their people have accounts here, known by who they are there, and are in the
//! teams that their groups are mapped to; the provider is asked again and again whether that still holds.

mod admission;
mod arrival;
mod departure;
mod logout;
mod name;
mod recheck;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_identity::provider::{Client, Issuer, IssuerUrl, Login, Pace as AskingPace, Refused, Registration};

pub use self::admission::Admission;
pub use self::arrival::Arrival;
pub use self::departure::Departure;
pub use self::name::{InvalidProviderName, ProviderName};
use crate::audit::AuditEntry;
use crate::bucket::{Buckets, Pace};
use crate::public_url::PublicUrl;
use crate::{Access, Error};

/// Logins that are begun from one address.
const BEGUN: Pace = Pace { burst: 60.0, refill: Duration::from_secs(2) };
/// A provider, from the configuration.
#[derive(Clone, Debug)]
pub struct LoginProvider {
    /// What it is called in addresses and in sources of groups.
    pub name: ProviderName,
    /// What people call it.
    pub label: String,
    /// Where it is.
    pub issuer: IssuerUrl,
    /// How we are known there.
    pub registration: Registration,
    /// What is asked for there.
    pub scopes: Vec<String>,
    /// Who of its people may come in.
    pub admission: Admission,
    /// How often it is asked about somebody.
    pub recheck_interval: Duration,
    /// How long its last word counts while it cannot be asked.
    pub recheck_within: Duration,
}

/// Every provider at which people log in.
pub(crate) struct Doors {
    doors: Vec<Arc<Door>>,
    /// How those come in who have no password here, for whoever shows a wrong one.
    hint: Option<String>,
    begun: Buckets<IpAddr>,
}

/// One of them.
pub(crate) struct Door {
    provider: LoginProvider,
    /// Where its people are known from.
    source: String,
    login: Login,
}

impl Doors {
    /// # Errors
    /// There is no client to ask them with.
    pub(crate) fn new(
        providers: &[LoginProvider],
        client: Option<&Client>,
        url: Option<&PublicUrl>,
    ) -> Result<Self, Error> {
        let door = |provider: &LoginProvider| {
            let client = client.ok_or_else(|| Error::Internal("there is no way to ask providers".to_owned()))?;
            let issuer = Issuer::new(client.clone(), provider.issuer.clone(), AskingPace::default());
            let login = Login::new(issuer, provider.registration.clone());
            Ok(Arc::new(Door { source: provider.name.source(), login, provider: provider.clone() }))
        };
        let doors = providers.iter().map(door).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { hint: hint(providers, url), doors, begun: Buckets::new(BEGUN) })
    }

    fn find(&self, name: &str) -> Result<&Arc<Door>, Error> {
        let found = self.doors.iter().find(|door| door.provider.name.as_str() == name);
        found.ok_or_else(|| Error::not_found("provider", name))
    }

    fn of_source(&self, source: &str) -> Option<&Arc<Door>> {
        self.doors.iter().find(|door| door.source == source)
    }

    fn admit(&self, address: Option<IpAddr>) -> Result<(), Error> {
        self.begun.take_from(address)
    }
}

/// How people of these providers come in. It is said to everybody alike whose name or password is wrong, so that it tells nothing of any
/// account.
fn hint(providers: &[LoginProvider], url: Option<&PublicUrl>) -> Option<String> {
    let labels: Vec<_> = providers.iter().map(|provider| provider.label.as_str()).collect();
    let (labels, place) = (labels.join(" or "), url?.at("/login"));
    let how =
        format!("people of {labels} log in with a browser at {place}, and use an access token in place of a password");
    (!labels.is_empty()).then_some(how)
}

impl Access {
    /// The providers at which people log in: what each is called in addresses, and by people.
    pub fn login_providers(&self) -> impl Iterator<Item = (&ProviderName, &str)> {
        self.0.doors.doors.iter().map(|door| (&door.provider.name, door.provider.label.as_str()))
    }

    /// What is said for a wrong name or password: where there are providers, how their people come in.
    pub(crate) fn hinted(&self, error: Error) -> Error {
        match (error, &self.0.doors.hint) {
            (Error::Unauthenticated, Some(how)) => Error::WrongPassword { how: how.clone() },
            (error, _) => error,
        }
    }

    /// Why nobody comes in at `door`, in the words for whoever tried; the rest is for the log.
    fn turned_away(&self, door: &Door, refused: &Refused, address: Option<IpAddr>) -> Error {
        let Door { provider: LoginProvider { label, .. }, source, .. } = door;
        tracing::warn!(provider = source, %refused, "a login at a provider came to nothing");
        let why = match refused {
            Refused::Unavailable { .. } | Refused::NoEndpoint { .. } => {
                let why = format!("{label} does not answer as it should, so nobody can log in there now; try again");
                return Error::Unavailable(why);
            }
            Refused::State => return not_begun_here(),
            Refused::Provider { said, .. } => format!("{label} does not let you in: {said}"),
            _ => format!("what {label} says of you cannot be used here; the log of the registry has the reason"),
        };
        self.audit_soon(AuditEntry::new(&self.nobody(address), "login", source, false, &refused.to_string()));
        Error::Denied(why)
    }
}

/// That an answer belongs to no login of this browser. Whether there is such a login elsewhere is not said.
fn not_begun_here() -> Error {
    Error::Denied(Refused::State.to_string())
}
