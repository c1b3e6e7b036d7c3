//! What servers that lie come to: nobody gets in, and the process goes on.

use std::time::Duration;

use anyhow::Result;
use entrepot_identity::directory::{Config, Directory, Refused, Unavailable};

use crate::acme::config;
use crate::authority::Authority;
use crate::liar::{abyss, element, entry, liar, message, result};
use crate::{logs, wait};

const BIND: u8 = 0x61;
const SEARCHED: u8 = 0x65;
const EXTENDED: u8 = 0x78;

const ALICE: [(&str, &str); 2] = [("uid", "alice"), ("entryUUID", "1d5f0b3a-0000-1040-8000-000000000000")];

/// What a login says that is answered so.
fn login(answers: Vec<Vec<u8>>, change: impl FnOnce(&mut Config)) -> Result<String> {
    logs::keep();
    let mut config = Config { timeout: Duration::from_secs(3), ..config(&format!("ldap://{}", liar(answers)?)) };
    change(&mut config);
    let directory = Directory::new(config)?;
    Ok(match wait(directory.login("alice", "secret")) {
        Ok(person) => format!("let in: {}", person.username),
        Err(Refused::Credentials) => "refused".to_owned(),
        Err(Refused::Unavailable(Unavailable::Servers(failures))) => {
            format!("{:?}: {}", failures[0].step, failures[0].why)
        }
        Err(Refused::Unavailable(Unavailable::Busy)) => "busy".to_owned(),
    })
}

fn bound(id: u8) -> Vec<u8> {
    message(id, &result(BIND, 0), &[])
}

fn found(id: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let entries: Vec<u8> = entries.iter().flat_map(|entry| message(id, entry, &[])).collect();
    [entries, message(id, &result(SEARCHED, 0), &[])].concat()
}

fn alice() -> Vec<u8> {
    entry("uid=alice,dc=acme", &ALICE)
}

#[test]
fn what_is_said_here_is_understood() -> Result<()> {
    // Otherwise the tests below would only show that it is not.
    let answers = vec![bound(1), found(2, &[alice()]), bound(3), bound(4), found(5, &[])];
    assert_eq!(login(answers, |_| ())?, "let in: alice");
    let wrong = message(3, &result(BIND, 49), &[]);
    assert_eq!(login(vec![bound(1), found(2, &[alice()]), wrong], |_| ())?, "refused");
    Ok(())
}

#[test]
fn a_success_for_nobody_lets_nobody_in() -> Result<()> {
    assert_eq!(login(vec![bound(1), found(2, &[]), bound(3), bound(4), found(5, &[])], |_| ())?, "refused");
    let two = found(2, &[alice(), entry("uid=alice,dc=other", &ALICE)]);
    assert_eq!(login(vec![bound(1), two, bound(3), bound(4), found(5, &[])], |_| ())?, "refused");
    // A bind without a name is a success for whoever it is.
    let unnamed = found(2, &[entry("", &ALICE)]);
    let said = login(vec![bound(1), unnamed, bound(3), bound(4), found(5, &[])], |_| ())?;
    assert!(said.starts_with("Password: a bind without a name"), "{said}");
    Ok(())
}

#[test]
fn what_is_neither_yes_nor_no_lets_nobody_in() -> Result<()> {
    for (code, why) in [(10, "refers to another server"), (51, "busy"), (52, "unavailable"), (14, "saslBindInProgress")]
    {
        let person = message(3, &result(BIND, code), &[]);
        let said = login(vec![bound(1), found(2, &[alice()]), person], |_| ())?;
        assert!(said.starts_with("Password: ") && said.contains(why), "{said}");
    }
    for (code, why) in
        [(10, "refers to another server"), (32, "no such base"), (50, "insufficientAccessRights"), (4, "limit")]
    {
        let said = login(vec![bound(1), message(2, &result(SEARCHED, code), &[])], |_| ())?;
        assert!(said.starts_with("Search: ") && (said.contains(why) || code == 4), "{said}");
    }
    Ok(())
}

#[test]
fn what_is_no_ldap_ends_the_conversation_and_nothing_else() -> Result<()> {
    let said = login(vec![b"220 mail.acme.example ESMTP\r\n".to_vec()], |_| ())?;
    assert_eq!(said, "Bind: it does not speak LDAP");
    let said = login(vec![abyss()], |_| ())?;
    assert_eq!(said, "Bind: it sends a message of more parts than any should have");
    let said = login(vec![vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]], |_| ())?;
    assert_eq!(said, "Bind: it sends a message that is larger than any should be");
    // The library panics at these.
    let said = login(vec![vec![0x30, 0x00]], |_| ())?;
    assert_eq!(said, "Bind: the connection ended, or the answer was no answer");
    let said = login(vec![message(1, &element(BIND, &[]), &[])], |_| ())?;
    assert_eq!(said, "Search: its answer is no LDAP");
    let said = login(vec![bound(1), message(2, &element(0x64, &[]), &[])], |_| ())?;
    assert!(said.starts_with("Search: it did not answer within"), "{said}");
    Ok(())
}

#[test]
fn what_is_inside_of_a_value_is_looked_at_too() -> Result<()> {
    let paged = |value: &[u8]| {
        let control = element(0x30, &[&element(0x04, &[b"1.2.840.113556.1.4.319"]), &element(0x04, &[value])]);
        let controls = element(0xa0, &[&control]);
        message(5, &result(SEARCHED, 0), &controls)
    };
    let begin = || vec![bound(1), found(2, &[alice()]), bound(3), bound(4)];
    let last = element(0x30, &[&element(0x02, &[&[0]]), &element(0x04, &[])]);
    assert_eq!(login([begin(), vec![paged(&last)]].concat(), |_| ())?, "let in: alice");
    let said = login([begin(), vec![paged(&abyss())]].concat(), |_| ())?;
    assert_eq!(said, "Search: its pages make no sense");
    Ok(())
}

#[test]
fn who_talks_without_an_end_is_not_listened_to() -> Result<()> {
    let endless = message(2, &alice(), &[]).repeat(200_000);
    let said = login(vec![bound(1), endless], |config| config.timeout = Duration::from_secs(60))?;
    assert_eq!(said, "Search: it answers without an end");
    Ok(())
}

#[test]
fn what_comes_before_tls_is_not_taken_for_the_servers() -> Result<()> {
    let authority = Authority::new()?;
    let start_tls = |config: &mut Config| {
        config.start_tls = true;
        config.ca_file = Some(authority.ca_file());
    };
    let agreed = || message(1, &result(EXTENDED, 0), &[]);
    // Somebody in the way agrees, and puts the answers behind it that would let anybody in.
    let said = login(vec![[agreed(), bound(1), found(2, &[alice()]), bound(3)].concat()], start_tls)?;
    assert!(said.starts_with("Tls: "), "{said}");
    // Or says that there is no TLS, so that the password comes in plain text.
    let said =
        login(vec![message(1, &result(EXTENDED, 52), &[]), bound(1), found(2, &[alice()]), bound(3)], start_tls)?;
    assert_eq!(said, "Tls: it refuses StartTLS (result code 52)");
    let said = login(vec![bound(1), bound(1)], start_tls)?;
    assert_eq!(said, "Tls: it answers StartTLS with what is no answer to it");
    let said = login(vec![abyss()], start_tls)?;
    assert_eq!(said, "Tls: it sends a message of more parts than any should have");
    Ok(())
}
