//! Who gets in by OpenLDAP, who does not, and in which groups they are.

use anyhow::Result;
use entrepot_identity::directory::{Config, Directory, Groups, Refused, Step, Unavailable, Users};
use entrepot_test_support::servers::Slapd;

use crate::acme::{ALICE_PASSWORD, Acme, BOB_PASSWORD, GROUPS, MANY, PEOPLE, SERVICE_PASSWORD};
use crate::{logs, wait};

#[test]
fn people_get_in_over_every_kind_of_tls() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let start_tls = Config { urls: vec![acme.plain_url()], start_tls: true, ..acme.config() };
    let plain = Config { urls: vec![acme.plain_url()], ca_file: None, ..acme.config() };
    let mut subjects = Vec::new();
    for config in [acme.config(), start_tls, plain] {
        let directory = Directory::new(config)?;
        // The directory does not mind how a name is written; what it says itself is what counts.
        let alice = wait(directory.login("ALICE", ALICE_PASSWORD))?;
        assert_eq!(alice.username, "alice");
        assert_eq!(alice.email.as_deref(), Some("alice@acme.example"));
        assert_eq!(alice.display_name.as_deref(), Some("Alice Ames"));
        assert_eq!(alice.groups, ["circle", "deep", "middle", "top", "unique"]);
        assert_eq!(wait(directory.find("alice"))?.as_ref(), Some(&alice));
        subjects.push(alice.subject);
    }
    subjects.dedup();
    assert_eq!(subjects.len(), 1, "{subjects:?}");
    assert_eq!(subjects[0].len(), 36, "{subjects:?}");
    let log = acme.slapd.log()?;
    assert!(log.contains("STARTTLS") && log.contains("TLS established"), "{log}");
    Ok(())
}

#[test]
fn what_is_not_there_is_not_made_up() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = Directory::new(Config { groups: None, ..acme.config() })?;
    let bob = wait(directory.login("bob", BOB_PASSWORD))?;
    assert_eq!((bob.email, bob.display_name, bob.groups), (None, None, Vec::new()));
    Ok(())
}

#[test]
fn nobody_else_gets_in() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    let cases = [
        ("alice", "wrong"),
        ("alice", BOB_PASSWORD),
        ("nobody", ALICE_PASSWORD),
        ("", ALICE_PASSWORD),
        ("*", ALICE_PASSWORD),
        ("a*", ALICE_PASSWORD),
        ("*)(uid=*", ALICE_PASSWORD),
        ("alice)(|(uid=*", ALICE_PASSWORD),
        ("alice\\2a", ALICE_PASSWORD),
        ("uid=alice,ou=people,dc=acme,dc=example", ALICE_PASSWORD),
        // The service account and the administrator are no people.
        ("entrepot", SERVICE_PASSWORD),
        ("admin", Slapd::ADMIN_PASSWORD),
    ];
    for (username, password) in cases {
        assert_eq!(wait(directory.login(username, password)), Err(Refused::Credentials), "{username} {password}");
    }
    for username in ["nobody", "*", "a*", "*)(uid=*", "", "ali\0ce"] {
        assert_eq!(wait(directory.find(username))?, None, "{username}");
    }
    Ok(())
}

#[test]
fn what_proves_nothing_is_not_even_sent() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    let before = acme.slapd.log()?.matches("ACCEPT").count();
    let long = "x".repeat(1025);
    for (username, password) in
        [("alice", ""), ("alice", "\0"), ("alice", &*long), (&*long, "x"), ("a\nb", "x"), (" ", "x")]
    {
        assert_eq!(wait(directory.login(username, password)), Err(Refused::Credentials));
    }
    assert_eq!(acme.slapd.log()?.matches("ACCEPT").count(), before);
    Ok(())
}

#[test]
fn a_wrong_password_and_an_unknown_name_ask_the_same() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    let asked = |username: &str| -> Result<Vec<String>> {
        let before = acme.slapd.log()?.len();
        assert_eq!(wait(directory.login(username, "wrong")), Err(Refused::Credentials));
        // What the server writes last may come after its answer.
        let log = loop {
            let log = acme.slapd.log()?[before..].to_owned();
            if log.contains("closed") {
                break log;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        };
        let operations = log.lines().filter_map(|line| line.split_once(" op=")).map(|(_, rest)| {
            let words = rest.split(' ').skip(1).take(2).map(|word| word.split('=').next().unwrap_or(word));
            words.collect::<Vec<_>>().join(" ")
        });
        // The farewell is lost when the runtime ends first.
        let operations = operations.filter(|operation| operation != "UNBIND");
        Ok(operations.collect())
    };
    let (wrong, unknown) = (asked("alice")?, asked("nobody")?);
    assert_eq!(wrong, unknown);
    let binds = unknown.iter().filter(|operation| *operation == "BIND dn").count();
    assert!(binds >= 2, "{unknown:?}");
    Ok(())
}

#[test]
fn groups_in_groups_many_groups_and_names_with_everything_in_them() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    // More than the server gives at once, so that only those who turn the page get all.
    let bob = wait(directory.find("bob"))?.unwrap();
    assert!(MANY > Slapd::PAGE as usize);
    assert_eq!(bob.groups, (0..MANY).map(|number| format!("many-{number:02}")).collect::<Vec<_>>());
    let dora = wait(directory.login("dora", "dora"))?;
    assert_eq!(dora.groups, ["special"]);

    let levels = |levels_above| Some(Groups { levels_above, ..Groups::open_ldap(GROUPS) });
    let expected: [&[&str]; 4] = [
        &["deep", "unique"],
        &["deep", "middle", "unique"],
        &["deep", "middle", "top", "unique"],
        &["circle", "deep", "middle", "top", "unique"],
    ];
    for (levels_above, groups) in expected.into_iter().enumerate() {
        let directory = Directory::new(Config { groups: levels(levels_above as u32), ..acme.config() })?;
        assert_eq!(wait(directory.find("alice"))?.unwrap().groups, groups, "{levels_above}");
    }
    Ok(())
}

#[test]
fn who_leaves_a_group_leaves_those_above_it_too() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    assert!(wait(directory.find("alice"))?.unwrap().groups.contains(&"top".to_owned()));
    acme.slapd
        .change(&format!("dn: cn=deep,{GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=alice,{PEOPLE}\n"))?;
    assert_eq!(wait(directory.login("alice", ALICE_PASSWORD))?.groups, ["unique"]);
    let before = wait(directory.find("alice"))?.unwrap();
    acme.slapd.change(&format!("dn: uid=alice,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=alicia\ndeleteoldrdn: 1\n"))?;
    assert_eq!(wait(directory.find("alice"))?, None);
    assert_eq!(wait(directory.find("alicia"))?.unwrap().subject, before.subject);
    acme.slapd.change(&format!("dn: uid=alicia,{PEOPLE}\nchangetype: delete\n"))?;
    assert_eq!(wait(directory.login("alicia", ALICE_PASSWORD)), Err(Refused::Credentials));
    Ok(())
}

#[test]
fn a_name_that_two_have_is_nobodys() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let users = Users { filter: "(sn={username})".to_owned(), ..Users::open_ldap(PEOPLE) };
    let directory = Directory::new(Config { users, ..acme.config() })?;
    assert_eq!(wait(directory.login("Doe", "dora"))?.username, "dora");
    for password in [ALICE_PASSWORD, BOB_PASSWORD] {
        assert_eq!(wait(directory.login("Ames", password)), Err(Refused::Credentials));
    }
    // Not "nobody", which would take away what they have.
    let Err(Unavailable::Servers(failures)) = wait(directory.find("Ames")) else { panic!("it was found out") };
    assert_eq!(failures[0].step, Step::Search);
    assert!(failures[0].why.contains("uid=alice") && failures[0].why.contains("uid=bob"), "{}", failures[0]);
    assert!(logs::so_far().contains("several entries"));
    Ok(())
}

#[test]
fn no_password_is_logged() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    wait(directory.login("alice", ALICE_PASSWORD))?;
    let wrong = "a-wrong-one-that-is-not-logged";
    assert_eq!(wait(directory.login("alice", wrong)), Err(Refused::Credentials));
    let config = Config { bind_password: "another-that-is-not-logged".into(), ..acme.config() };
    let debug = format!("{config:?} {directory:?}");
    let error = wait(Directory::new(config)?.login("alice", wrong)).unwrap_err();
    let said = format!("{} {debug} {error} {error:?}", logs::so_far());
    assert!(said.contains("the directory refuses a password"));
    for secret in [wrong, ALICE_PASSWORD, SERVICE_PASSWORD, "another-that-is-not-logged"] {
        assert!(!said.contains(secret), "{secret}");
    }
    Ok(())
}
