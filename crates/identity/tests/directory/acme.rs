//! The company `acme` in an OpenLDAP.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;
use entrepot_identity::directory::{Config, Directory, Groups, Users};
use entrepot_test_support::servers::Slapd;

use crate::authority::Authority;
use crate::logs;

pub(crate) const SERVICE_PASSWORD: &str = "reads-all-of-it";
pub(crate) const ALICE_PASSWORD: &str = "wonder(1and)*\\, zoë";
pub(crate) const BOB_PASSWORD: &str = "bob-has-many-groups";
pub(crate) const PEOPLE: &str = "ou=people,dc=acme,dc=example";
pub(crate) const GROUPS: &str = "ou=groups,dc=acme,dc=example";

/// So many groups that one page does not have them.
pub(crate) const MANY: usize = 35;

/// A running server and what is needed to ask it.
pub(crate) struct Acme {
    pub(crate) slapd: Slapd,
    pub(crate) authority: Authority,
}

impl Acme {
    pub(crate) fn start() -> Result<Option<Self>> {
        logs::keep();
        let authority = Authority::new()?;
        let slapd = Slapd::start(&authority.server(), &contents())?;
        Ok(slapd.map(|slapd| Self { slapd, authority }))
    }

    pub(crate) fn plain_url(&self) -> String {
        format!("ldap://{}", self.slapd.address())
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("ldaps://{}", self.slapd.tls_address())
    }

    /// Asked over LDAPS.
    pub(crate) fn config(&self) -> Config {
        Config { ca_file: Some(self.authority.ca_file()), ..config(&self.tls_url()) }
    }

    pub(crate) fn directory(&self) -> Directory {
        Directory::new(self.config()).unwrap()
    }
}

/// A server of this company, with patience for a busy machine.
pub(crate) fn config(url: &str) -> Config {
    Config {
        groups: Some(Groups::open_ldap(GROUPS)),
        connect_timeout: Duration::from_secs(60),
        timeout: Duration::from_secs(60),
        page_size: 10,
        ..Config::new(
            vec![url.to_owned()],
            Slapd::SERVICE_DN.to_owned(),
            SERVICE_PASSWORD.into(),
            Users::open_ldap(PEOPLE),
        )
    }
}

fn contents() -> String {
    let mut ldif = format!(
        r"
dn: dc=acme,dc=example
objectClass: organization
objectClass: dcObject
o: acme

dn: {}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: {SERVICE_PASSWORD}

dn: {PEOPLE}
objectClass: organizationalUnit

dn: {GROUPS}
objectClass: organizationalUnit

dn: uid=alice,{PEOPLE}
objectClass: inetOrgPerson
cn: Alice Ames
sn: Ames
displayName: Alice Ames
mail: alice@acme.example
userPassword: {ALICE_PASSWORD}

dn: uid=bob,{PEOPLE}
objectClass: inetOrgPerson
cn: Bob Ames
sn: Ames
userPassword: {BOB_PASSWORD}

dn: cn=Dora \28Ops\29\, *\\,{PEOPLE}
objectClass: inetOrgPerson
sn: Doe
uid: dora
userPassword: dora

dn: cn=deep,{GROUPS}
objectClass: groupOfNames
member: {}
member: uid=alice,{PEOPLE}

dn: cn=middle,{GROUPS}
objectClass: groupOfNames
member: cn=deep,{GROUPS}
member: cn=circle,{GROUPS}

dn: cn=top,{GROUPS}
objectClass: groupOfNames
member: cn=middle,{GROUPS}

dn: cn=circle,{GROUPS}
objectClass: groupOfNames
member: cn=top,{GROUPS}

dn: cn=unique,{GROUPS}
objectClass: groupOfUniqueNames
uniqueMember: uid=alice,{PEOPLE}

dn: cn=special,{GROUPS}
objectClass: groupOfNames
member: cn=Dora \28Ops\29\, *\\,{PEOPLE}
",
        Slapd::SERVICE_DN,
        Slapd::SERVICE_DN,
    );
    for number in 0..MANY {
        let written =
            write!(ldif, "\ndn: cn=many-{number:02},{GROUPS}\nobjectClass: groupOfNames\nmember: uid=bob,{PEOPLE}\n");
        written.unwrap();
    }
    ldif
}
