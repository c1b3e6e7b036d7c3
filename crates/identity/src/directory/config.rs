//! What has to be known of a directory to ask it.

use std::path::PathBuf;
use std::time::Duration;

use crate::Secret;

/// A company's directory. [`Config::new`] has what most need.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its servers, `ldaps://host[:port]` or `ldap://host[:port]`, in the order in which they are asked.
    pub urls: Vec<String>,
    /// Whether TLS begins by StartTLS, over `ldap://`.
    pub start_tls: bool,
    /// Whether passwords may cross a network unencrypted: without it, `ldap://` is refused unless TLS begins, or the server is
    /// on loopback.
    pub allow_plain: bool,
    /// The authorities that sign the servers' certificates, in PEM form; else those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The service account that looks for people and groups. It needs to read, and nothing else.
    pub bind_dn: String,
    /// Its password.
    pub bind_password: Secret,
    /// Who may log in.
    pub users: Users,
    /// Which groups they are in; without it, in none.
    pub groups: Option<Groups>,
    /// For how long a server may be tried, until TLS is there.
    pub connect_timeout: Duration,
    /// How long all that is asked of a server for one person may take after that.
    pub timeout: Duration,
    /// How many entries a server is asked for at once. Active Directory gives 1000 at most.
    pub page_size: u16,
    /// How many conversations are under way at once; more wait for their turn, at most for `timeout`.
    pub max_conversations: u16,
}

impl Config {
    /// Time-outs of 5 and 10 seconds, 500 entries a page, 16 conversations, TLS by the system's authorities, no groups.
    pub fn new(urls: Vec<String>, bind_dn: String, bind_password: Secret, users: Users) -> Self {
        Self {
            urls,
            start_tls: false,
            allow_plain: false,
            ca_file: None,
            bind_dn,
            bind_password,
            users,
            groups: None,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            page_size: 500,
            max_conversations: 16,
        }
    }
}

/// How people are found, and what is read of them.
#[derive(Debug, Clone)]
pub struct Users {
    /// Below which entry.
    pub base: String,
    /// Which entry somebody is who logs in as `{username}` (RFC 4515). It also says who may: nobody else is found.
    pub filter: String,
    /// The attribute that stays the same as long as the person does, and is nobody else's. `objectGUID` is written as
    /// Microsoft's tools do.
    pub subject: String,
    /// The attribute with the name that they log in with.
    pub username: String,
    /// The attribute with their e-mail address.
    pub email: String,
    /// The attribute that says how they are called.
    pub display_name: String,
    /// The attribute of flags of which bit 2 says that the account is disabled.
    pub disabled_flags: Option<String>,
}

impl Users {
    /// Those of an OpenLDAP server, or another one with the attributes of `inetOrgPerson`. Disabled accounts are what a filter
    /// makes of them.
    pub fn open_ldap(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            filter: "(&(objectClass=inetOrgPerson)(uid={username}))".to_owned(),
            subject: "entryUUID".to_owned(),
            username: "uid".to_owned(),
            email: "mail".to_owned(),
            display_name: "displayName".to_owned(),
            disabled_flags: None,
        }
    }

    /// Those of Active Directory.
    pub fn active_directory(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            filter: "(&(objectCategory=person)(objectClass=user)(sAMAccountName={username}))".to_owned(),
            subject: "objectGUID".to_owned(),
            username: "sAMAccountName".to_owned(),
            email: "mail".to_owned(),
            display_name: "displayName".to_owned(),
            disabled_flags: Some("userAccountControl".to_owned()),
        }
    }
}

/// How groups are found.
#[derive(Debug, Clone)]
pub struct Groups {
    /// Below which entry. Whoever may make groups there may give them any name.
    pub base: String,
    /// In which groups the entry `{dn}` is, or who logs in as `{username}` (RFC 4515).
    pub filter: String,
    /// The attribute with a group's name.
    pub name: String,
    /// How many levels of groups above somebody's own are looked at, a search a level; 0 if the server follows groups in groups
    /// by itself, or they shall not count.
    pub levels_above: u32,
}

impl Groups {
    /// Those of an OpenLDAP server, with groups in groups.
    pub fn open_ldap(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            filter:
                "(|(&(objectClass=groupOfNames)(member={dn}))(&(objectClass=groupOfUniqueNames)(uniqueMember={dn})))"
                    .to_owned(),
            name: "cn".to_owned(),
            levels_above: 10,
        }
    }

    /// Those of Active Directory. The server follows groups in groups by itself: that is the rule with the long number. A
    /// primary group (as a rule, Domain Users) is not among them.
    pub fn active_directory(base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            filter: "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={dn}))".to_owned(),
            name: "cn".to_owned(),
            levels_above: 0,
        }
    }
}

/// What is wrong with a [`Config`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {why}")]
pub struct Error {
    /// The field, as `users.filter`.
    pub key: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// An error of the field `key`.
pub(super) fn wrong(key: &'static str) -> impl FnOnce(String) -> Error {
    move |why| Error { key, why }
}

/// The text, if it is one.
pub(super) fn present(key: &'static str, text: &str) -> Result<String, Error> {
    if text.trim().is_empty() { Err(wrong(key)("it is empty".to_owned())) } else { Ok(text.to_owned()) }
}

/// The text, if it can be an attribute's name.
pub(super) fn attribute(key: &'static str, text: &str) -> Result<String, Error> {
    let possible = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.;".contains(&byte));
    if possible { present(key, text) } else { Err(wrong(key)(format!("{text} is no attribute"))) }
}

/// The time, if it is one and no longer than anybody waits.
pub(super) fn time(key: &'static str, time: Duration) -> Result<Duration, Error> {
    let possible = !time.is_zero() && time <= Duration::from_secs(300);
    if possible { Ok(time) } else { Err(wrong(key)("it has to be more than nothing and at most 5 minutes".to_owned())) }
}
