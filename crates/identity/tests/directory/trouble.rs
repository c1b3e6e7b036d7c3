//! Servers that are down, slow, misconfigured or somebody else.

use std::time::{Duration, Instant};

use anyhow::Result;
use entrepot_identity::directory::{Check, Config, Directory, Failure, Refused, Step, Unavailable, Users};
use entrepot_test_support::Port;

use crate::acme::{ALICE_PASSWORD, Acme, PEOPLE};
use crate::authority::Authority;
use crate::wait;

/// The failures of a login that has to fail at every server.
fn failures(config: Config) -> Vec<Failure> {
    let directory = Directory::new(config).unwrap();
    let Err(Refused::Unavailable(Unavailable::Servers(failures))) = wait(directory.login("alice", ALICE_PASSWORD))
    else {
        panic!("it was found out")
    };
    let Err(Unavailable::Servers(found)) = wait(directory.find("alice")) else { panic!("it was found out") };
    assert_eq!(found, failures);
    failures
}

#[test]
fn each_trouble_has_its_step_and_its_sentence() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let (nobody, other) = (Port::claim()?, Authority::new()?);
    let starting = Config { urls: vec![acme.plain_url()], start_tls: true, ..acme.config() };
    let base = Users::open_ldap("ou=elsewhere,dc=acme,dc=example");
    let subject = Users { subject: "employeeNumber".to_owned(), ..Users::open_ldap(PEOPLE) };
    let cases = [
        (Config { urls: vec![format!("ldaps://{}", nobody.address())], ..acme.config() }, Step::Connect, "refused"),
        (Config { ca_file: Some(other.ca_file()), ..acme.config() }, Step::Tls, "certificate"),
        (Config { ca_file: Some(other.ca_file()), ..starting.clone() }, Step::Tls, "certificate"),
        // A port that speaks plain LDAP alone until it is asked.
        (Config { urls: vec![acme.plain_url().replace("ldap:", "ldaps:")], ..acme.config() }, Step::Tls, ""),
        (Config { urls: vec![acme.tls_url().replace("ldaps:", "ldap:")], ..starting }, Step::Tls, ""),
        (Config { bind_password: "wrong".into(), ..acme.config() }, Step::Bind, "bind_dn or bind_password is wrong"),
        (
            Config { bind_dn: "cn=x,dc=acme,dc=example".to_owned(), ..acme.config() },
            Step::Bind,
            "bind_dn or bind_password",
        ),
        (Config { bind_dn: "no dn".to_owned(), ..acme.config() }, Step::Bind, "34 (invalidDNSyntax)"),
        (Config { users: base, ..acme.config() }, Step::Search, "no such base"),
        (Config { users: subject, ..acme.config() }, Step::Search, "has no employeeNumber"),
        // OpenLDAP refuses pages that are larger than it gives.
        (Config { page_size: 11, ..acme.config() }, Step::Search, "lower page_size"),
    ];
    for (config, step, why) in cases {
        let checks = wait(Directory::new(config.clone())?.check());
        let failures = failures(config);
        assert_eq!(failures.len(), 1);
        assert!(failures[0].step == step && failures[0].why.contains(why), "{step:?} {why}: {}", failures[0]);
        let [Check { passed, failed: Some(failed), .. }] = &checks[..] else { panic!("{checks:?}") };
        assert_eq!((failed.step, &failed.server), (step, &failures[0].server), "{failed}");
        let steps = [Step::Connect, Step::Tls, Step::Bind, Step::Search];
        assert_eq!(passed, &steps.into_iter().filter(|passed| *passed < step).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn a_check_of_what_is_well_passes_every_step() -> Result<()> {
    let Some(acme) = Acme::start()? else { return Ok(()) };
    let urls = vec![acme.tls_url(), "ldap://127.0.0.1:1".to_owned()];
    let checks = wait(Directory::new(Config { urls, ..acme.config() })?.check());
    let [well, down] = &checks[..] else { panic!("{checks:?}") };
    assert_eq!(well.failed, None);
    assert_eq!(well.passed, [Step::Connect, Step::Tls, Step::Bind, Step::Search]);
    assert_eq!(down.passed, []);
    assert_eq!(down.failed.as_ref().map(|failure| failure.step), Some(Step::Connect));
    let users = Users { filter: "(title={username})".to_owned(), ..Users::open_ldap(PEOPLE) };
    let checks = wait(Directory::new(Config { users, ..acme.config() })?.check());
    assert!(checks[0].failed.as_ref().is_some_and(|failure| failure.why.contains("finds nobody at all")), "{checks:?}");
    Ok(())
}

#[test]
fn a_server_that_goes_and_comes_back() -> Result<()> {
    let Some(mut acme) = Acme::start()? else { return Ok(()) };
    let directory = acme.directory();
    wait(directory.login("alice", ALICE_PASSWORD))?;
    acme.slapd.stop();
    let error = wait(directory.login("alice", ALICE_PASSWORD)).unwrap_err();
    let sentence = error.to_string();
    assert!(
        sentence.starts_with(&format!("the company directory cannot be asked: {}: connecting: ", acme.tls_url())),
        "{sentence}"
    );
    acme.slapd.start_again()?;
    wait(directory.login("alice", ALICE_PASSWORD))?;
    Ok(())
}

#[test]
fn a_server_that_accepts_and_never_answers() -> Result<()> {
    let Some(mut acme) = Acme::start()? else { return Ok(()) };
    let brief = Duration::from_millis(500);
    let encrypted = Config { connect_timeout: brief, ..acme.config() };
    let starting = Config { urls: vec![acme.plain_url()], start_tls: true, ..encrypted.clone() };
    let plain = Config { urls: vec![acme.plain_url()], timeout: brief, ..acme.config() };
    acme.slapd.freeze(true)?;
    for (config, step) in [(encrypted, Step::Tls), (starting, Step::Tls), (plain, Step::Bind)] {
        let begun = Instant::now();
        let failures = failures(config);
        assert!(failures[0].step == step && failures[0].why.contains("answer"), "{}", failures[0]);
        // Twice the time that it has, and something for a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
    acme.slapd.freeze(false)?;
    Ok(())
}

#[test]
fn the_next_server_is_asked_and_the_dead_one_is_left_alone() -> Result<()> {
    let Some(mut dead) = Acme::start()? else { return Ok(()) };
    let Some(alive) = Acme::start()? else { return Ok(()) };
    dead.slapd.freeze(true)?;
    let patience = Duration::from_secs(5);
    let urls = vec![dead.plain_url(), alive.plain_url()];
    let directory = Directory::new(Config { urls, timeout: patience, ca_file: None, ..alive.config() })?;
    let begun = Instant::now();
    wait(directory.login("alice", ALICE_PASSWORD))?;
    assert!(begun.elapsed() >= patience);
    let begun = Instant::now();
    wait(directory.login("alice", ALICE_PASSWORD))?;
    assert!(begun.elapsed() < patience, "{:?}", begun.elapsed());
    dead.slapd.freeze(false)?;
    Ok(())
}

#[test]
fn only_so_many_are_asked_about_at_once() -> Result<()> {
    let Some(mut acme) = Acme::start()? else { return Ok(()) };
    let timeout = Duration::from_secs(1);
    let config = Config { urls: vec![acme.plain_url()], timeout, max_conversations: 1, ..acme.config() };
    let directory = Directory::new(config)?;
    acme.slapd.freeze(true)?;
    let (first, second) = wait(async {
        let first = directory.login("alice", ALICE_PASSWORD);
        let second = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            // The first takes at least as long as this one waits, less what it began earlier.
            let third = directory.login("alice", ALICE_PASSWORD);
            tokio::join!(directory.login("alice", ALICE_PASSWORD), third)
        };
        tokio::join!(first, second)
    });
    acme.slapd.freeze(false)?;
    assert!(matches!(first, Err(Refused::Unavailable(Unavailable::Servers(_)))), "{first:?}");
    // Of the two, one gets its turn, and the other has waited for too long by then.
    assert!([&second.0, &second.1].contains(&&Err(Refused::Unavailable(Unavailable::Busy))), "{second:?}");
    Ok(())
}
