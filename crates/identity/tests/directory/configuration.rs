//! Configurations that are refused before anybody is asked.

use std::time::Duration;

use anyhow::Result;
use entrepot_identity::directory::{Config, Directory, Groups, Users};

use crate::acme::{GROUPS, PEOPLE, config};

#[test]
fn every_mistake_names_its_key() -> Result<()> {
    let empty = tempfile::NamedTempFile::new()?;
    let good = || config("ldap://127.0.0.1:1389");
    let users = |change: fn(&mut Users)| {
        let mut users = Users::open_ldap(PEOPLE);
        change(&mut users);
        Config { users, ..good() }
    };
    let groups = |change: fn(&mut Groups)| {
        let mut groups = Groups::open_ldap(GROUPS);
        change(&mut groups);
        Config { groups: Some(groups), ..good() }
    };
    let cases = [
        (Config { urls: Vec::new(), ..good() }, "urls: there is no server"),
        (config("http://127.0.0.1"), "urls: http://127.0.0.1: it has to begin with"),
        (
            config("ldap://ldap.acme.example"),
            "urls: ldap://ldap.acme.example: passwords would cross the network unencrypted",
        ),
        (Config { start_tls: true, ..config("ldaps://127.0.0.1") }, "urls: ldaps://127.0.0.1: ldaps:// is TLS"),
        (Config { ca_file: Some("/absent/ca.pem".into()), ..config("ldaps://127.0.0.1") }, "ca_file: /absent/ca.pem: "),
        (Config { ca_file: Some(empty.path().into()), ..config("ldaps://127.0.0.1") }, "ca_file: "),
        (Config { bind_dn: " ".to_owned(), ..good() }, "bind_dn: it is empty"),
        (Config { bind_password: "".into(), ..good() }, "bind_password: it is empty"),
        (Config { page_size: 0, ..good() }, "page_size: "),
        (Config { max_conversations: 0, ..good() }, "max_conversations: "),
        (Config { timeout: Duration::ZERO, ..good() }, "timeout: "),
        (Config { connect_timeout: Duration::from_secs(3600), ..good() }, "connect_timeout: "),
        (users(|users| users.base.clear()), "users.base: it is empty"),
        (users(|users| users.filter = "(uid=alice)".to_owned()), "users.filter: it is the same for everybody"),
        (users(|users| users.filter = "(uid={name})".to_owned()), "users.filter: {name} means nothing here"),
        (users(|users| users.subject.clear()), "users.subject: it is empty"),
        (users(|users| users.username = "a b".to_owned()), "users.username: a b is no attribute"),
        (users(|users| users.disabled_flags = Some("*".to_owned())), "users.disabled_flags: * is no attribute"),
        (groups(|groups| groups.base.clear()), "groups.base: it is empty"),
        (groups(|groups| groups.filter = "(member={dn}".to_owned()), "groups.filter: it is no filter"),
        (groups(|groups| groups.name = "cn=".to_owned()), "groups.name: cn= is no attribute"),
    ];
    for (config, expected) in cases {
        let error = Directory::new(config).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    Directory::new(good())?;
    Directory::new(Config { allow_plain: true, ..config("ldap://ldap.acme.example") })?;
    Ok(())
}
