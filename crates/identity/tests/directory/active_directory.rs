//! Who gets in by Active Directory, as Samba speaks it.

use std::time::Duration;

use anyhow::Result;
use entrepot_identity::directory::{Config, Directory, Groups, Refused, Step, Unavailable, Users};
use entrepot_test_support::servers::Samba;

use crate::authority::Authority;
use crate::{logs, wait};

const STAFF: &str = "OU=Staff,DC=acme,DC=example";
const SERVICE_PASSWORD: &str = "Reads-all-0f-it";
const ALICE_PASSWORD: &str = "Wonder(1and)*";
const DAVE_PASSWORD: &str = "Gone-f1shing";

/// The bits of userAccountControl: a normal account, and that it is disabled.
const NORMAL: u32 = 512;
const DISABLED: u32 = NORMAL | 2;

fn user(name: &str, common_name: &str, password: &str, flags: u32) -> String {
    let password = Samba::password(password);
    format!(
        "dn: CN={common_name},{STAFF}\nchangetype: add\nobjectClass: user\nsAMAccountName: {name}\n\
         displayName: {common_name}\nmail: {name}@acme.example\nuserAccountControl: {flags}\n{password}\n\n"
    )
}

fn group(name: &str, member: &str) -> String {
    format!(
        "dn: CN={name},{STAFF}\nchangetype: add\nobjectClass: group\nsAMAccountName: {name}\nmember: CN={member},{STAFF}\n\n"
    )
}

fn contents() -> String {
    let mut ldif = format!("dn: {STAFF}\nchangetype: add\nobjectClass: organizationalUnit\n\n");
    ldif.push_str(&user("entrepot", "Entrepot", SERVICE_PASSWORD, NORMAL));
    ldif.push_str(&user("alice", "Alice Ames (Ops) *", ALICE_PASSWORD, NORMAL));
    ldif.push_str(&user("dave", "Dave Doe", DAVE_PASSWORD, DISABLED));
    ldif.push_str(&group("deep", "Alice Ames (Ops) *"));
    ldif.push_str(&group("middle", "deep"));
    ldif.push_str(&group("top", "middle"));
    for number in 0..5 {
        ldif.push_str(&group(&format!("many-{number}"), "Alice Ames (Ops) *"));
    }
    ldif
}

fn flags(common_name: &str, flags: u32) -> String {
    format!(
        "dn: CN={common_name},{STAFF}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: {flags}\n"
    )
}

#[test]
fn people_of_an_active_directory() -> Result<()> {
    logs::keep();
    let authority = Authority::new()?;
    let Some(samba) = Samba::start(&authority.server(), &contents())? else { return Ok(()) };
    let config = Config {
        ca_file: Some(authority.ca_file()),
        groups: Some(Groups::active_directory(Samba::BASE)),
        connect_timeout: Duration::from_secs(60),
        timeout: Duration::from_secs(60),
        // Less than there are groups, so that they come in pages.
        page_size: 3,
        ..Config::new(
            vec![format!("ldaps://{}", samba.tls_address())],
            format!("CN=Entrepot,{STAFF}"),
            SERVICE_PASSWORD.into(),
            // The whole domain: its answers have referrals to its other parts among them.
            Users::active_directory(Samba::BASE),
        )
    };
    let plain_url = format!("ldap://{}", samba.address());
    let start_tls = Config { urls: vec![plain_url.clone()], start_tls: true, ..config.clone() };
    let plain = Config { urls: vec![plain_url], ..config.clone() };
    let directory = Directory::new(config)?;

    let checks = wait(directory.check());
    assert_eq!(checks[0].failed, None);
    gets_in_with_groups_in_groups(&directory, &Directory::new(start_tls)?)?;
    passwords_go_only_over_tls(&Directory::new(plain)?);
    nobody_else_gets_in(&directory)?;
    who_is_disabled_is_not_there(&directory, &samba)?;
    who_leaves_a_group_leaves_those_above_it(&directory, &samba)?;
    Ok(())
}

fn gets_in_with_groups_in_groups(ldaps: &Directory, start_tls: &Directory) -> Result<()> {
    let alice = wait(ldaps.login("ALICE", ALICE_PASSWORD))?;
    assert_eq!(alice.username, "alice");
    assert_eq!(alice.email.as_deref(), Some("alice@acme.example"));
    assert_eq!(alice.display_name.as_deref(), Some("Alice Ames (Ops) *"));
    assert_eq!(alice.groups, ["deep", "many-0", "many-1", "many-2", "many-3", "many-4", "middle", "top"]);
    assert_eq!(alice.subject.len(), 36, "{}", alice.subject);
    assert_eq!(wait(start_tls.login("alice", ALICE_PASSWORD))?, alice);
    assert_eq!(wait(ldaps.find("alice"))?, Some(alice));
    Ok(())
}

fn passwords_go_only_over_tls(plain: &Directory) {
    let Err(Refused::Unavailable(Unavailable::Servers(failures))) = wait(plain.login("alice", ALICE_PASSWORD)) else {
        panic!("it was found out")
    };
    assert_eq!(failures[0].step, Step::Bind);
    assert!(failures[0].why.starts_with("it takes passwords only over TLS"), "{}", failures[0]);
}

fn nobody_else_gets_in(directory: &Directory) -> Result<()> {
    let cases = [
        ("alice", "wrong"),
        ("alice", ""),
        ("alice", "\0"),
        ("nobody", ALICE_PASSWORD),
        ("*", ALICE_PASSWORD),
        ("*)(sAMAccountName=*", ALICE_PASSWORD),
        ("deep", ALICE_PASSWORD),
        ("DC1$", ALICE_PASSWORD),
    ];
    for (username, password) in cases {
        assert_eq!(wait(directory.login(username, password)), Err(Refused::Credentials), "{username} {password}");
    }
    assert_eq!(wait(directory.find("*"))?, None);
    Ok(())
}

fn who_is_disabled_is_not_there(directory: &Directory, samba: &Samba) -> Result<()> {
    assert_eq!(wait(directory.login("dave", DAVE_PASSWORD)), Err(Refused::Credentials));
    assert_eq!(wait(directory.find("dave"))?, None);
    samba.change(&flags("Dave Doe", NORMAL))?;
    let dave = wait(directory.login("dave", DAVE_PASSWORD))?;
    assert_eq!(wait(directory.find("dave"))?, Some(dave));
    samba.change(&flags("Dave Doe", DISABLED))?;
    assert_eq!(wait(directory.login("dave", DAVE_PASSWORD)), Err(Refused::Credentials));
    assert_eq!(wait(directory.find("dave"))?, None);
    Ok(())
}

fn who_leaves_a_group_leaves_those_above_it(directory: &Directory, samba: &Samba) -> Result<()> {
    let before = wait(directory.find("alice"))?.unwrap();
    samba.change(&format!(
        "dn: CN=deep,{STAFF}\nchangetype: modify\ndelete: member\nmember: CN=Alice Ames (Ops) *,{STAFF}\n"
    ))?;
    let many = ["many-0", "many-1", "many-2", "many-3", "many-4"];
    assert_eq!(wait(directory.login("alice", ALICE_PASSWORD))?.groups, many);
    samba.change(&format!(
        "dn: CN=Alice Ames (Ops) *,{STAFF}\nchangetype: modrdn\nnewrdn: CN=Alice Brown\ndeleteoldrdn: 1\n"
    ))?;
    let after = wait(directory.login("alice", ALICE_PASSWORD))?;
    assert_eq!((after.subject, after.groups), (before.subject, many.map(str::to_owned).to_vec()));
    Ok(())
}
