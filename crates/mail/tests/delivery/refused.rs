//! Letters that are not taken.

use std::fs;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use entrepot_mail::{Account, Config, Error, Mailer, Security};
use entrepot_test_support::servers::{Smtp, SmtpSecurity};
use entrepot_test_support::{Fault, FaultProxy, Port};
use tokio::task::JoinSet;

use crate::certificates::Certificates;
use crate::setting::{address, config, open_config, reset, send, wait_for};

#[test]
fn a_wrong_password() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let right = config(server.address(), &certificates);
    let account = Account { user: Smtp::USER.to_owned(), password: "hunter2".into() };
    let wrong = Config { account: Some(account), ..right.clone() };
    let checked = wait_for(Mailer::new(&wrong)?.check()).unwrap_err();
    let sent = send(&wrong, "ann@acme.example").unwrap_err();
    for error in [checked, sent] {
        assert!(matches!(error, Error::NotLetIn { .. }), "{error:?}");
        assert!(!error.is_temporary());
        assert!(error.to_string().ends_with("does not let this user in: 535 5.7.8"), "{error}");
    }
    assert!(!format!("{wrong:?} {:?}", Mailer::new(&wrong)?).contains("hunter2"));

    // Nor does it take anything from nobody.
    let error = send(&Config { account: None, ..right }, "ann@acme.example").unwrap_err();
    assert!(matches!(&error, Error::Refused { answer, .. } if answer.starts_with("530")), "{error:?}");
    assert_eq!(server.letters()?, []);
    Ok(())
}

#[test]
fn a_recipient_who_is_not_there_or_not_now() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let config = config(server.address(), &certificates);
    for (to, answer, temporary) in [
        ("refused@acme.example", "550 5.1.1 There is no such mailbox", false),
        ("later@acme.example", "451 4.7.1 Greylisted, try again later", true),
    ] {
        let error = send(&config, to).unwrap_err();
        assert_eq!(error.is_temporary(), temporary, "{error}");
        assert_eq!(
            error,
            Error::Refused { server: server.address().to_string(), answer: answer.to_owned(), temporary }
        );
    }
    send(&config, "ann@acme.example")?;
    assert_eq!(server.letters()?.len(), 1);
    Ok(())
}

#[test]
fn a_letter_that_the_server_quotes() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let error = send(&open_config(server.address(), &certificates), "quoted@acme.example").unwrap_err();
    assert!(
        error.to_string().ends_with("554 5.7.1 The link https://registry.acme.example/… is on a list"),
        "{error:?}"
    );
    assert!(!error.is_temporary());
    Ok(())
}

#[test]
fn a_server_that_cannot_be_trusted() -> Result<()> {
    let (certificates, others) = (Certificates::of("127.0.0.1")?, Certificates::of("127.0.0.1")?);
    let named = Certificates::of("mail.acme.example")?;
    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let Some(other_name) = Smtp::start(SmtpSecurity::StartTls(&named.server))? else { return Ok(()) };
    let Some(open) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let (stranger, elsewhere) = (config(server.address(), &others), config(other_name.address(), &named));
    let stripped = config(open.address(), &certificates);
    let as_the_system = Config { ca_file: None, ..config(server.address(), &certificates) };
    for (config, why) in [
        (stranger, "invalid peer certificate"),
        (elsewhere, "invalid peer certificate"),
        (stripped.clone(), "it does not offer STARTTLS"),
        (as_the_system, "invalid peer certificate"),
        (Config { security: Security::Tls, ..stripped }, "corrupt message"),
    ] {
        let error = send(&config, "ann@acme.example").unwrap_err();
        assert!(matches!(error, Error::Untrusted { .. }), "{error:?}");
        assert!(error.to_string().contains(why), "{error} does not say {why}");
        assert!(!error.is_temporary());
    }
    for server in [server, other_name, open] {
        assert_eq!(server.letters()?, []);
    }
    Ok(())
}

#[test]
fn a_server_that_is_down_or_silent() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let nobody = Port::claim()?;
    let error = send(&config(nobody.address(), &certificates), "ann@acme.example").unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_temporary(), "{error:?}");
    assert!(error.to_string().contains("Connection refused"), "{error}");

    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let proxy = FaultProxy::start(server.address())?;
    let short = Duration::from_millis(500);
    let hurried = Config { connect_timeout: short, ..config(proxy.address(), &certificates) };
    proxy.set(Fault::BlackHole);
    let begin = Instant::now();
    let error = send(&hurried, "ann@acme.example").unwrap_err();
    assert_eq!(error, Error::TimedOut { server: proxy.address().to_string(), within: short });
    assert!(error.is_temporary());
    assert!(begin.elapsed() < Duration::from_secs(20), "it took {:?}", begin.elapsed());

    // In the middle of what is said.
    let patient = config(proxy.address(), &certificates);
    proxy.set(Fault::CutAfter(3_000));
    let error = send(&patient, "bob@acme.example").unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.is_temporary(), "{error:?}");

    proxy.set(Fault::None);
    send(&patient, "ann@acme.example")?;
    assert_eq!(server.wait_for_letters("ann@acme.example", 1)?.len(), 1);
    Ok(())
}

#[test]
fn a_server_that_falls_silent_over_a_letter() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let proxy = FaultProxy::start(server.address())?;
    // So slow that it has greeted long before it has the letter.
    proxy.set(Fault::Throttle(NonZeroU32::new(400).unwrap()));
    let short = Duration::from_millis(800);
    let hurried = Config { send_timeout: short, ..open_config(proxy.address(), &certificates) };
    let error = send(&hurried, "ann@acme.example").unwrap_err();
    assert_eq!(error, Error::TimedOut { server: proxy.address().to_string(), within: short });
    Ok(())
}

#[test]
fn more_letters_than_connections() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    // It takes connections, and does not greet.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let (short, long) = (Duration::from_millis(500), Duration::from_secs(5));
    let config =
        Config { send_timeout: short, connect_timeout: long, ..open_config(silent.local_addr()?, &certificates) };
    let mailer = Arc::new(Mailer::new(&config)?);
    let mut errors = wait_for(async {
        let mut sending = JoinSet::new();
        for _ in 0..5 {
            let mailer = Arc::clone(&mailer);
            sending.spawn(async move { mailer.send(&address("ann@acme.example"), &reset()).await.unwrap_err() });
        }
        sending.join_all().await
    });
    assert!(errors.iter().all(Error::is_temporary), "{errors:?}");
    errors.retain(|error| *error == Error::Busy);
    assert_eq!(errors.len(), 2, "three have a connection");
    Ok(())
}

#[test]
fn settings_that_cannot_be_used() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let given = config("127.0.0.1:1".parse()?, &certificates);
    for host in ["mail.acme.example", "192.0.2.7", "localhost.acme.example"] {
        let open = Config { host: host.to_owned(), security: Security::None, ..given.clone() };
        let error = Mailer::new(&open).unwrap_err();
        assert!(matches!(error, Error::Settings(_)) && error.to_string().contains(host), "{error:?}");
    }
    let mut dotted = given.clone();
    dotted.registry.name = ".registry".parse()?;
    assert!(matches!(Mailer::new(&dotted), Err(Error::Settings(_))));
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("ca.pem");
    for content in [None, Some(""), Some("no certificate")] {
        if let Some(content) = content {
            fs::write(&path, content)?;
        }
        let error = Mailer::new(&Config { ca_file: Some(path.clone()), ..given.clone() }).unwrap_err();
        assert!(matches!(error, Error::Settings(_)) && error.to_string().contains("ca.pem"), "{error:?}");
    }
    Ok(())
}

#[test]
fn an_address_that_the_server_does_not_know_how_to_write() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let mailer = Mailer::new(&open_config(server.address(), &certificates))?;
    let error = wait_for(mailer.send(&address("jörg@acme.example"), &reset())).unwrap_err();
    assert!(!error.is_temporary() && error.to_string().contains("SMTPUTF8"), "{error:?}");
    assert_eq!(server.letters()?, []);
    Ok(())
}
