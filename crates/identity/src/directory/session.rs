//! A conversation with one server.

use std::time::Duration;

use ldap3::controls::{Control, ControlType, PagedResults, RawControl};
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchOptions, SearchResult, StdStream,
};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::entry::Entry;
use super::failure::{Failure, Step};
use super::message;
use super::server::Server;
use super::transport::{self, Reason};
use crate::Secret;

/// How much of what a server says is repeated.
const MAX_SAID_CHARS: usize = 200;

/// How much longer a connection lives than anybody waits for it.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Result codes of RFC 4511, section A.1.
mod code {
    pub(super) const SUCCESS: u32 = 0;
    pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub(super) const STRONGER_AUTH_REQUIRED: u32 = 8;
    pub(super) const REFERRAL: u32 = 10;
    pub(super) const ADMIN_LIMIT_EXCEEDED: u32 = 11;
    pub(super) const CONFIDENTIALITY_REQUIRED: u32 = 13;
    pub(super) const CONSTRAINT_VIOLATION: u32 = 19;
    pub(super) const NO_SUCH_OBJECT: u32 = 32;
    pub(super) const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub(super) const INVALID_CREDENTIALS: u32 = 49;
    pub(super) const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub(super) const UNWILLING_TO_PERFORM: u32 = 53;
}

/// How long things may take, and in what portions answers come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) page_size: i32,
}

/// What a search for one entry finds.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    One(Entry),
    /// There are more than one; these are two of them.
    Several(Entry, Entry),
}

/// A connection that ends with this value, and soon after its deadline at the latest.
pub(super) struct Session<'a> {
    server: &'a Server,
    ldap: Ldap,
    reason: Reason,
    bounds: Bounds,
    deadline: Instant,
}

impl<'a> Session<'a> {
    /// Connects. Everything that is asked has to be answered within the time that `bounds` has for it.
    ///
    /// # Errors
    /// The server cannot be reached or is not who it should be.
    pub(super) async fn open(server: &'a Server, tls: Option<&TlsConnector>, bounds: Bounds) -> Result<Self, Failure> {
        let stream = transport::connect(server, tls, Instant::now() + bounds.connect_timeout).await?;
        let deadline = Instant::now() + bounds.timeout;
        let failed = |why: String| server.failure(Step::Connect, why);
        // Who waits here gives up before the relay does, and so says that it was the time.
        let (ours, reason) =
            transport::relay(stream, deadline + AFTERWARDS).map_err(|error| failed(error.to_string()))?;
        // The library is given what we connected, and its URL only says what kind of socket it is.
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(ours));
        let (connection, ldap) =
            LdapConnAsync::with_settings(settings, "ldapi://relay").await.map_err(|error| failed(error.to_string()))?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "a connection to the company directory broke");
            }
        });
        Ok(Self { server, ldap, reason, bounds, deadline })
    }

    /// Binds as the service account.
    ///
    /// # Errors
    /// The server does not take it.
    pub(super) async fn bind_service(&mut self, dn: &str, password: &Secret) -> Result<(), Failure> {
        let result = self.bind(Step::Bind, dn, password.expose_secret()).await?;
        match result.rc {
            code::SUCCESS => Ok(()),
            code::INVALID_CREDENTIALS => Err(self.refused(Step::Bind, &result, "bind_dn or bind_password is wrong")),
            _ => Err(self.refused(Step::Bind, &result, advice(result.rc))),
        }
    }

    /// Whether somebody's password is this one.
    ///
    /// # Errors
    /// The server does not say so or so.
    pub(super) async fn bind_person(&mut self, dn: &str, password: &str) -> Result<bool, Failure> {
        let result = self.bind(Step::Password, dn, password).await?;
        match result.rc {
            code::SUCCESS => Ok(true),
            // Servers say in all these ways that this account does not get in with this password: locked, disabled, without
            // a password, gone meanwhile.
            code::INVALID_CREDENTIALS
            | code::CONSTRAINT_VIOLATION
            | code::NO_SUCH_OBJECT
            | code::INAPPROPRIATE_AUTHENTICATION
            | code::INSUFFICIENT_ACCESS_RIGHTS
            | code::UNWILLING_TO_PERFORM => {
                tracing::debug!(server = self.server.url(), answer = said(&result), "the directory refuses a password");
                Ok(false)
            }
            rc => Err(self.refused(Step::Password, &result, advice(rc))),
        }
    }

    /// The one entry below `base` that matches.
    ///
    /// # Errors
    /// The search fails.
    pub(super) async fn find(&mut self, base: &str, filter: &str, attributes: Vec<&str>) -> Result<Found, Failure> {
        let mut ldap = self.ldap.clone();
        // Two are enough to know that there is not one.
        let search = ldap.with_search_options(SearchOptions::new().sizelimit(2));
        let search = search.search(base, Scope::Subtree, filter, attributes);
        let SearchResult(entries, result) = self.within(Step::Search, search).await?;
        if ![code::SUCCESS, code::SIZE_LIMIT_EXCEEDED].contains(&result.rc) {
            return Err(self.refused(Step::Search, &result, advice(result.rc)));
        }
        let mut entries = entries.into_iter().map(Entry::read);
        Ok(match (entries.next(), entries.next()) {
            (Some(one), None) if result.rc == code::SUCCESS => Found::One(one),
            (Some(one), Some(other)) => Found::Several(one, other),
            (None, _) if result.rc == code::SUCCESS => Found::Nothing,
            _ => return Err(self.refused(Step::Search, &result, "it lets bind_dn see less than two entries at once")),
        })
    }

    /// All entries below `base` that match, of which there may be `at_most` so many.
    ///
    /// # Errors
    /// The search fails.
    pub(super) async fn find_all(
        &mut self,
        base: &str,
        filter: &str,
        attributes: &[&str],
        at_most: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let mut all = Vec::new();
        let mut cookie = Vec::new();
        loop {
            let mut ldap = self.ldap.clone();
            let page = PagedResults { size: self.bounds.page_size, cookie };
            let search = ldap.with_controls(RawControl::from(page)).search(base, Scope::Subtree, filter, attributes);
            let SearchResult(entries, result) = self.within(Step::Search, search).await?;
            if result.rc != code::SUCCESS {
                return Err(self.refused(Step::Search, &result, advice(result.rc)));
            }
            all.extend(entries.into_iter().map(Entry::read));
            if all.len() > at_most {
                return Err(self.failure(Step::Search, format!("it finds more than {at_most} entries below {base}")));
            }
            cookie = self.cookie(&result)?;
            if cookie.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Tells the server that this is the end.
    pub(super) async fn close(mut self) {
        // Who is told so or is not reached any more: nothing depends on it.
        let _told = timeout_at(self.deadline, self.ldap.unbind()).await;
    }

    /// A failure of this server.
    pub(super) fn failure(&self, step: Step, why: impl Into<String>) -> Failure {
        self.server.failure(step, why)
    }

    async fn bind(&mut self, step: Step, dn: &str, password: &str) -> Result<LdapResult, Failure> {
        // Without a name or a password, servers let anybody in as nobody and call it a success (RFC 4513, section 5.1).
        if dn.is_empty() || password.is_empty() {
            return Err(self.failure(step, "a bind without a name or a password proves nothing"));
        }
        let mut ldap = self.ldap.clone();
        self.within(step, ldap.simple_bind(dn, password)).await
    }

    /// Where the next page begins; empty after the last.
    fn cookie(&self, result: &LdapResult) -> Result<Vec<u8>, Failure> {
        let page = result.ctrls.iter().find(|control| matches!(control, Control(Some(ControlType::PagedResults), _)));
        let Some(Control(_, raw)) = page else { return Ok(Vec::new()) };
        // It is a message of its own inside of one, and was not looked at yet.
        let readable = raw.val.as_deref().is_some_and(|value| message::check(value).is_ok());
        if readable {
            Ok(raw.parse::<PagedResults>().cookie)
        } else {
            Err(self.failure(Step::Search, "its pages make no sense"))
        }
    }

    async fn within<T>(&self, step: Step, operation: impl Future<Output = Result<T, LdapError>>) -> Result<T, Failure> {
        match timeout_at(self.deadline, operation).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.failure(step, self.explained(&error))),
            Err(_) => Err(self.failure(step, format!("it did not answer within {:?}", self.bounds.timeout))),
        }
    }

    /// Only the relay knows why a connection ended. Of the other errors none has in it what was sent.
    fn explained(&self, error: &LdapError) -> String {
        match (error, self.reason.get()) {
            (LdapError::FilterParsing, _) => "the filter is not understood".to_owned(),
            (_, Some(reason)) => reason.to_owned(),
            (LdapError::Io { source }, None) => source.to_string(),
            (_, None) => "the connection ended, or the answer was no answer".to_owned(),
        }
    }

    fn refused(&self, step: Step, result: &LdapResult, advice: &str) -> Failure {
        let separator = if advice.is_empty() { "" } else { ": " };
        self.failure(step, format!("{advice}{separator}it answers {}", said(result)))
    }
}

/// What helps against a refusal, or nothing.
fn advice(code: u32) -> &'static str {
    match code {
        code::STRONGER_AUTH_REQUIRED | code::CONFIDENTIALITY_REQUIRED => {
            "it takes passwords only over TLS, so use ldaps:// or start_tls"
        }
        code::REFERRAL => "it refers to another server, which is not followed",
        code::NO_SUCH_OBJECT => "there is no such base, or bind_dn may not see it",
        code::SIZE_LIMIT_EXCEEDED | code::ADMIN_LIMIT_EXCEEDED => {
            "it lets bind_dn see less at once, so raise its limit or lower page_size"
        }
        _ => "",
    }
}

/// What a server answers, in one line: the number, its name, and the server's own words.
fn said(result: &LdapResult) -> String {
    result.to_string().chars().filter(|c| !c.is_control()).take(MAX_SAID_CHARS).collect()
}
