#![doc = include_str!("../README.md")]

mod account;
mod audit;
mod bucket;
mod caller;
mod confirmation;
mod device;
mod directory;
mod elsewhere;
mod entry;
mod error;
mod explain;
mod grant;
mod guessing;
mod holder;
mod htpasswd;
mod identify;
mod invitation;
mod job;
mod joining;
mod keys;
mod letters;
mod link;
mod log_out;
mod maintenance;
mod memory;
mod name;
mod organization;
mod passkey;
mod password;
mod permit;
mod policy;
mod provider;
mod public_url;
mod quota;
mod rate;
mod recovery;
mod registry_token;
mod repository;
mod retention;
mod robot;
mod role;
mod rules;
mod second_factor;
mod secret;
mod service;
mod session;
mod set_up;
mod sign_up;
mod tables;
mod team;
#[cfg(test)]
mod tests;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use entrepot_database::{Database, Durability};
use entrepot_identity::directory::Directory;
use entrepot_identity::provider as identity_provider;
use entrepot_mail::Mailer;
use entrepot_oci::RepositoryName;
use quick_cache::sync::Cache;

pub use account::{Account, AccountChange, NewAccount, NewPassword, Newcomer};
pub use audit::{AuditEntry, AuditFilter};
pub use caller::{Access as TokenAccess, Caller, Credential, Limit, On, Principal};
pub use device::{Device, DeviceCodes, DeviceLogin, DevicePoll, InvalidUserCode, NewDevice, UserCode};
pub use entrepot_identity::provider::Answer as ProviderAnswer;
pub use entrepot_registry::{InvalidPattern, Pattern};
pub use entry::Entry;
pub use error::Error;
pub use explain::Explanation;
pub use grant::{GrantEntry, Subject};
pub use guessing::network;
pub use holder::TokenKind;
pub use htpasswd::{Imported, ImportedLine};
pub use identify::Shown;
pub use invitation::{Invitation, Invited, NewInvitation};
pub use job::{JobRule, NewJobRule, RuleVerdict};
pub use joining::{Joined, Joining};
pub use keys::PublicKey;
pub use link::{Link, LinkKind, Purpose};
pub use name::{InvalidName, InvalidRobotName, LIBRARY, MAX_NAME, Name, RobotName};
pub use organization::{Member, NamespaceChange, Organization};
pub use passkey::{Passkey, PasskeyOptions};
pub use password::{MAX_PASSWORD, MIN_PASSWORD};
pub use permit::{AccountOwner, InOrganization, NamespaceOwner, Permit, RepositoryAdmin, System};
pub use provider::{Admission, Arrival, Departure, InvalidProviderName, LoginProvider, ProviderName};
pub use public_url::{InvalidPublicUrl, PublicUrl};
pub use quota::{Quota, Usage};
pub use rate::{Allowance, Counted, Exhausted, Rate, Rates};
pub use registry_token::{InvalidScope, RequestedScope, SERVICE};
pub use repository::{ImmutableTags, RepositorySettings};
pub use retention::frozen_tags;
pub use robot::Robot;
pub use role::{Membership, NamespaceKind, Role, Scope, Scopes, UnknownWord, Visibility};
pub use rules::Reason;
pub use second_factor::{AuthenticatorSecret, Proof, RecoveryCode, SecondFactor};
pub use secret::Secret;
pub use service::{Granted, Service};
pub use session::{Evidence, Session, Visit};
pub use sign_up::{InvalidSignUp, SignUp};
pub use tables::ROOM;
pub use team::{Roster, Team, TeamGroup, TeamMember};
pub use token::{NewToken, Token};

/// Callers that are remembered, and pairs of a caller and a repository.
const REMEMBERED: usize = 50_000;

/// What people may do who did not log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anonymous {
    /// Nothing.
    Nothing,
    /// Pull from public repositories.
    Pull,
    /// Also push and delete where nobody owns the namespace.
    Push,
}

/// How access behaves, from the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// What people may do who did not log in.
    pub anonymous: Anonymous,
    /// The company's directory, whose people may log in.
    pub directory: Option<Arc<Directory>>,
    /// How OpenID providers are asked.
    pub providers: Option<identity_provider::Client>,
    /// Those at which people log in.
    pub login_providers: Vec<LoginProvider>,
    /// The way for letters to people.
    pub mailer: Option<Arc<Mailer>>,
    /// Where people reach the registry.
    pub public_url: Option<PublicUrl>,
    /// Who may make an account for themselves.
    pub sign_up: SignUp,
    /// How much may be asked for in how long.
    pub rates: Rates,
}

impl Options {
    /// Without a directory, providers, letters and limits; nobody signs up.
    pub fn new(anonymous: Anonymous) -> Self {
        Self {
            anonymous,
            directory: None,
            providers: None,
            login_providers: Vec::new(),
            mailer: None,
            public_url: None,
            sign_up: SignUp::Nobody,
            rates: Rates::default(),
        }
    }
}

/// Who is who, and who may do what; clones share it.
#[derive(Clone)]
pub struct Access(Arc<Inner>);

struct Inner {
    options: Options,
    database: Database,
    memory: memory::Memory,
    keys: keys::Keys,
    passwords: password::Passwords,
    /// Turns to ask another server about a password: if that is slow, those who have one here do not wait for it.
    elsewhere: password::Passwords,
    guessing: guessing::Guessing,
    letters: letters::Pacing,
    devices: device::Devices,
    /// Who asks to come in with a passkey, which costs a row each time.
    passkey_asking: bucket::Buckets<std::net::IpAddr>,
    limits: rate::Limits,
    audit: audit::Queue,
    /// Makes fingerprints of what is shown that nobody outside can.
    process_key: [u8; 32],
    remembered: Cache<identify::Fingerprint, identify::Remembered>,
    standings: Cache<(policy::PrincipalKey, RepositoryName), policy::Standing>,
    /// Passwords that were right, by the same key: what was kept of each, and until when it needs no hash.
    proven: Cache<identify::Fingerprint, identify::Proven>,
    /// When the use of each token was written down last.
    used: Cache<String, Instant>,
    /// Nobody, once for all.
    nobody: Arc<caller::Who>,
    /// Whether an account was seen: then there is one for good.
    accounts_seen: AtomicBool,
    /// The OpenID providers at which people log in.
    doors: provider::Doors,
    /// Those that rules name, with their keys.
    issuers: parking_lot::Mutex<HashMap<String, identity_provider::Issuer>>,
}

impl Access {
    /// Access over these facts; `database` must have been opened with [`ROOM`], and with the core's, in which rules of
    /// retention are.
    ///
    /// # Errors
    /// The system has no random numbers; there are providers to log in at, and no way to ask them.
    pub fn new(options: Options, database: Database) -> Result<Self, Error> {
        let (client, url) = (options.providers.as_ref(), options.public_url.as_ref());
        let doors = provider::Doors::new(&options.login_providers, client, url)?;
        Ok(Self(Arc::new(Inner {
            doors,
            limits: rate::Limits::new(options.rates),
            options,
            database,
            memory: memory::Memory::new(),
            keys: keys::Keys::default(),
            passwords: password::Passwords::new(),
            elsewhere: password::Passwords::new(),
            guessing: guessing::Guessing::new(),
            letters: letters::Pacing::new(),
            devices: device::Devices::new(),
            passkey_asking: bucket::Buckets::new(passkey::ASKING),
            audit: audit::Queue::new(),
            process_key: secret::random()?,
            remembered: Cache::new(REMEMBERED),
            standings: Cache::new(REMEMBERED),
            proven: Cache::new(REMEMBERED),
            used: Cache::new(REMEMBERED),
            nobody: Arc::new(caller::Who::nobody()),
            accounts_seen: AtomicBool::new(false),
            issuers: parking_lot::Mutex::default(),
        })))
    }

    /// What has to go on while a registry is served: keeps what is remembered true, writes the audit log, and shares what was
    /// counted with other processes. Does not end.
    pub async fn attend(&self) {
        let share = async {
            if let Some(share) = &self.0.limits.share {
                share.keep(&self.0.database).await;
            }
        };
        tokio::join!(self.0.memory.keep(&self.0.database), self.0.audit.write(&self.0.database), share);
    }

    /// What people may do who did not log in.
    pub fn anonymous(&self) -> Anonymous {
        self.0.options.anonymous
    }

    /// Where people reach the registry, if that is configured.
    pub fn public_url(&self) -> Option<&PublicUrl> {
        self.0.options.public_url.as_ref()
    }

    /// Whether there is any account. Until there is, nobody can log in; and the last administrator cannot go.
    ///
    /// # Errors
    /// What the database said.
    pub async fn has_accounts(&self) -> Result<bool, Error> {
        if self.0.accounts_seen.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let found = self.0.database.read(|connection| connection.exists(&tables::ANY_ACCOUNT, &[])).await?;
        self.0.accounts_seen.store(found, Ordering::Relaxed);
        Ok(found)
    }

    /// Lets a new key sign registry tokens. With `at_once` the older ones do not count any more from now on: who has one asks for
    /// another.
    ///
    /// # Errors
    /// What the database said.
    pub async fn rotate_keys(&self, permit: &Permit<System>, at_once: bool) -> Result<(), Error> {
        let (key, entry) =
            (keys::new_key()?, permit.entry("keys.rotate", "keys", if at_once { "at once" } else { "" }));
        let rotated = self.0.database.write(Durability::Power, move |connection| {
            keys::rotate(connection, &key, at_once)?;
            entry.write(connection)
        });
        rotated.await?;
        self.noticed().await
    }

    /// The public keys of registry tokens.
    ///
    /// # Errors
    /// What the database said.
    pub async fn public_keys(&self) -> Result<Vec<PublicKey>, Error> {
        Ok(self.0.keys.get(&self.0.memory, &self.0.database).await?.public())
    }

    /// Whether a client that did not say who it is should be asked to, also where it could do something without: it then shows what it
    /// has from the start.
    ///
    /// # Errors
    /// What the database said.
    pub async fn asks_for_login(&self) -> Result<bool, Error> {
        Ok(self.0.options.anonymous == Anonymous::Nothing || self.has_accounts().await?)
    }

    /// Takes notice of a change that this process made, at once.
    pub(crate) async fn noticed(&self) -> Result<(), Error> {
        Ok(self.0.memory.refresh(&self.0.database).await?)
    }
}
