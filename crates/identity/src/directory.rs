//! LDAP directories, and Active Directory as one of them.
//!
//! Somebody who logs in is looked for with a service account; then their password is tried, by binding as the entry that was
//! found. Every question opens a connection of its own, and a bound stands on everything that a server may do: how long it
//! takes, how much it says, and in what form. Whatever a server does that is not a clear yes lets nobody in.
//!
//! Referrals are not followed: passwords would go to servers that nobody configured.

mod config;
mod entry;
mod failure;
mod filter;
mod groups;
mod message;
mod server;
mod session;
mod transport;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use secrecy::ExposeSecret as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

pub use self::config::{Config, Error, Groups, Users};
pub use self::failure::{Failure, Refused, Step, Unavailable};

use self::config::{attribute, present, time, wrong};
use self::entry::Entry;
use self::filter::{Place, Template};
use self::groups::GroupSearch;
use self::server::{Security, Server};
use self::session::{Bounds, Found, Session};
use crate::{Person, Secret};

/// No name that somebody types is longer.
const MAX_USERNAME_BYTES: usize = 256;
/// Nor any password.
const MAX_PASSWORD_BYTES: usize = 1024;

/// A company's directory.
#[derive(Debug)]
pub struct Directory {
    servers: Vec<Server>,
    tls: Option<Tls>,
    service_dn: String,
    service_password: Secret,
    users: UserSearch,
    groups: Option<GroupSearch>,
    bounds: Bounds,
    turns: Semaphore,
}

/// What a server's conversation that tells whether all is well came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The server's URL.
    pub server: String,
    /// The steps that went well, in their order.
    pub passed: Vec<Step>,
    /// Why the next one did not, if not all did.
    pub failed: Option<Failure>,
}

#[derive(Debug)]
struct UserSearch {
    base: String,
    filter: Template,
    subject: String,
    username: String,
    email: String,
    display_name: String,
    disabled_flags: Option<String>,
}

#[derive(Clone)]
struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Directory {
    /// A directory to ask. No server is asked yet.
    ///
    /// # Errors
    /// The first thing that is wrong with the configuration.
    pub fn new(config: Config) -> Result<Self, Error> {
        let server = |url: &String| Server::parse(url, config.start_tls, config.allow_plain).map_err(wrong("urls"));
        let servers: Vec<Server> = config.urls.iter().map(server).collect::<Result<_, _>>()?;
        if servers.is_empty() {
            return Err(wrong("urls")("there is no server".to_owned()));
        }
        let encrypted = servers.iter().any(|server| server.security() != Security::Plain);
        let tls = encrypted.then(|| transport::tls(config.ca_file.as_deref())).transpose().map_err(wrong("ca_file"))?;
        present("bind_password", config.bind_password.expose_secret())?;
        if config.page_size == 0 || config.max_conversations == 0 {
            let key = if config.page_size == 0 { "page_size" } else { "max_conversations" };
            return Err(wrong(key)("it has to be at least 1".to_owned()));
        }
        Ok(Self {
            servers,
            tls: tls.map(Tls),
            service_dn: present("bind_dn", &config.bind_dn)?,
            service_password: config.bind_password,
            users: UserSearch::new(&config.users)?,
            groups: config.groups.as_ref().map(group_search).transpose()?,
            bounds: Bounds {
                connect_timeout: time("connect_timeout", config.connect_timeout)?,
                timeout: time("timeout", config.timeout)?,
                page_size: config.page_size.into(),
            },
            turns: Semaphore::new(config.max_conversations.into()),
        })
    }

    /// Who logs in with this name and password. A name that nobody has gets the same answer as a wrong password, after the same
    /// questions.
    ///
    /// Nothing stays under way for longer than its time when the future is dropped.
    ///
    /// # Errors
    /// [`Refused::Credentials`] if nobody does; [`Refused::Unavailable`] if no server says so or so.
    pub async fn login(&self, username: &str, password: &str) -> Result<Person, Refused> {
        // An empty password proves nothing, but many servers call it a success; one that begins with a NUL is an empty one to
        // those that are written in C.
        let possible = !password.is_empty() && password.len() <= MAX_PASSWORD_BYTES && !password.contains('\0');
        if !possible || !is_possible_username(username) {
            return Err(Refused::Credentials);
        }
        let _turn = self.turn().await?;
        let person = self.ask(|server| self.login_at(server, username, password)).await?;
        person.ok_or(Refused::Credentials)
    }

    /// Who has this name, without their password: whether they are still there, and what is said of them now. Somebody whose
    /// account is disabled is not there. Another person may have got the name meanwhile; they have another subject.
    ///
    /// # Errors
    /// No server answers as it should, or several entries have this name. Then nothing is known.
    pub async fn find(&self, username: &str) -> Result<Option<Person>, Unavailable> {
        if !is_possible_username(username) {
            return Ok(None);
        }
        let _turn = self.turn().await?;
        self.ask(|server| self.find_at(server, username)).await
    }

    /// Tries every server: connecting, TLS, the service account, and whether somebody can be found whose attributes are there.
    pub async fn check(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        for server in &self.servers {
            let checked = AssertUnwindSafe(self.check_at(server)).catch_unwind().await;
            let failed = checked.unwrap_or_else(|_| Err(no_ldap(server))).err();
            let passed = server.steps().take_while(|step| failed.as_ref().is_none_or(|failure| *step < failure.step));
            checks.push(Check { server: server.url().to_owned(), passed: passed.collect(), failed });
        }
        checks
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, Unavailable> {
        match timeout(self.bounds.timeout, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            // Nobody closes it.
            Ok(Err(_)) | Err(_) => Err(Unavailable::Busy),
        }
    }

    /// Asks one server after the other until one answers as it should; those that failed lately last.
    async fn ask<'a, T, F>(&'a self, conversation: impl Fn(&'a Server) -> F) -> Result<T, Unavailable>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let (failed_lately, well): (Vec<_>, Vec<_>) = self.servers.iter().partition(|server| server.failed_lately());
        let mut failures = Vec::new();
        for server in well.into_iter().chain(failed_lately) {
            // The library panics at what is no LDAP; that is one more way for a server to fail.
            let outcome = AssertUnwindSafe(conversation(server)).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|_| Err(no_ldap(server)));
            server.note(outcome.is_err());
            match outcome {
                Ok(answer) => return Ok(answer),
                Err(failure) => {
                    tracing::warn!(%failure, "a server of the company directory failed");
                    failures.push(failure);
                }
            }
        }
        Err(Unavailable::Servers(failures))
    }

    async fn login_at(&self, server: &Server, username: &str, password: &str) -> Result<Option<Person>, Failure> {
        let mut session = self.session(server).await?;
        let entry = match session
            .find(&self.users.base, &self.users.filter.fill(username, ""), self.users.read())
            .await?
        {
            Found::One(entry) => Some(entry),
            Found::Nothing => None,
            Found::Several(one, other) => {
                tracing::warn!(one = one.dn(), other = other.dn(), "users.filter finds several entries for one name");
                None
            }
        };
        // For nobody, a password is tried too, so that nobody learns from the time which names there are.
        let nobody = format!("cn=nobody,{}", self.users.base);
        let right = session.bind_person(entry.as_ref().map_or(&nobody, Entry::dn), password).await?;
        let Some(entry) = entry.filter(|entry| right && !self.users.is_disabled(entry)) else {
            session.close().await;
            return Ok(None);
        };
        // Groups are what the service account sees: people may see less.
        session.bind_service(&self.service_dn, &self.service_password).await?;
        let person = self.person(&mut session, &entry).await?;
        session.close().await;
        Ok(Some(person))
    }

    async fn find_at(&self, server: &Server, username: &str) -> Result<Option<Person>, Failure> {
        let mut session = self.session(server).await?;
        let filter = self.users.filter.fill(username, "");
        let person = match session.find(&self.users.base, &filter, self.users.read()).await? {
            Found::One(entry) if !self.users.is_disabled(&entry) => Some(self.person(&mut session, &entry).await?),
            Found::One(_) | Found::Nothing => None,
            Found::Several(one, other) => {
                let why = format!("users.filter finds {} and {} for one name", one.dn(), other.dn());
                return Err(session.failure(Step::Search, why));
            }
        };
        session.close().await;
        Ok(person)
    }

    async fn check_at(&self, server: &Server) -> Result<(), Failure> {
        let mut session = self.session(server).await?;
        if let Some(anybody) = self.users.filter.anybody() {
            match session.find(&self.users.base, &anybody, self.users.read()).await? {
                Found::One(entry) | Found::Several(entry, _) => drop(self.person(&mut session, &entry).await?),
                Found::Nothing => return Err(session.failure(Step::Search, "users.filter finds nobody at all")),
            }
        }
        session.close().await;
        Ok(())
    }

    /// A connection on which the service account has been let in.
    async fn session<'a>(&self, server: &'a Server) -> Result<Session<'a>, Failure> {
        let tls = self.tls.as_ref().map(|tls| &tls.0);
        let mut session = Session::open(server, tls, self.bounds).await?;
        session.bind_service(&self.service_dn, &self.service_password).await?;
        Ok(session)
    }

    async fn person(&self, session: &mut Session<'_>, entry: &Entry) -> Result<Person, Failure> {
        let absent = |attribute: &str| {
            let why = format!("{} has no {attribute} that can be read, or bind_dn may not see it", entry.dn());
            session.failure(Step::Search, why)
        };
        let subject = entry.id(&self.users.subject).ok_or_else(|| absent(&self.users.subject))?;
        let username = entry.text(&self.users.username).ok_or_else(|| absent(&self.users.username))?;
        let groups = match &self.groups {
            Some(groups) => groups.of(session, &username, entry.dn()).await?,
            None => Vec::new(),
        };
        let email = entry.text(&self.users.email);
        let display_name = entry.text(&self.users.display_name);
        Ok(Person { subject, username, email, display_name, groups })
    }
}

impl UserSearch {
    fn new(users: &Users) -> Result<Self, Error> {
        Ok(Self {
            base: present("users.base", &users.base)?,
            filter: Template::parse(&users.filter, &[Place::Username]).map_err(wrong("users.filter"))?,
            subject: attribute("users.subject", &users.subject)?,
            username: attribute("users.username", &users.username)?,
            email: attribute("users.email", &users.email)?,
            display_name: attribute("users.display_name", &users.display_name)?,
            disabled_flags: users
                .disabled_flags
                .as_deref()
                .map(|name| attribute("users.disabled_flags", name))
                .transpose()?,
        })
    }

    /// The attributes that are read.
    fn read(&self) -> Vec<&str> {
        let always = [&self.subject, &self.username, &self.email, &self.display_name];
        always.into_iter().chain(&self.disabled_flags).map(String::as_str).collect()
    }

    fn is_disabled(&self, entry: &Entry) -> bool {
        self.disabled_flags.as_deref().is_some_and(|flags| entry.is_disabled(flags))
    }
}

fn group_search(groups: &Groups) -> Result<GroupSearch, Error> {
    let places = [Place::Username, Place::Dn];
    Ok(GroupSearch {
        base: present("groups.base", &groups.base)?,
        filter: Template::parse(&groups.filter, &places).map_err(wrong("groups.filter"))?,
        name: attribute("groups.name", &groups.name)?,
        levels_above: groups.levels_above,
    })
}

fn is_possible_username(username: &str) -> bool {
    !username.trim().is_empty() && username.len() <= MAX_USERNAME_BYTES && !username.chars().any(char::is_control)
}

fn no_ldap(server: &Server) -> Failure {
    server.failure(Step::Search, "its answer is no LDAP")
}
