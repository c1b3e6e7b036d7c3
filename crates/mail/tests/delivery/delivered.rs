//! Letters that arrive.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use entrepot_mail::{Config, Letter, Mailer, Security};
use entrepot_test_support::FaultProxy;
use entrepot_test_support::servers::{Smtp, SmtpSecurity};
use tokio::task::JoinSet;

use crate::certificates::Certificates;
use crate::setting::{LINK, address, config, open_config, reset, send, wait_for};

#[test]
fn over_starttls_with_a_password() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let mailer = Mailer::new(&config(server.address(), &certificates))?;
    wait_for(mailer.check())?;
    assert_eq!(server.letters()?, [], "a check sends nothing");
    wait_for(mailer.send(&address("ann@acme.example"), &reset()))?;

    let kept = server.wait_for_letter("ann@acme.example")?;
    assert_eq!((&*kept.from, &*kept.to), ("registry@acme.example", &["ann@acme.example".to_owned()][..]));
    assert!(kept.encrypted);
    assert_eq!(kept.user.as_deref(), Some(Smtp::USER));
    assert_eq!(kept.header("From"), Some("Acme Registry <registry@acme.example>"));
    assert_eq!(kept.header("To"), Some("ann@acme.example"));
    assert_eq!(kept.header("Subject"), Some("Reset your password for Acme Registry"));
    assert_eq!(kept.header("Auto-Submitted"), Some("auto-generated"));
    assert!(kept.header("Date").is_some());
    let id = kept.header("Message-ID").context("no Message-ID")?;
    assert!(id.starts_with('<') && id.ends_with("@registry.acme.example>"), "{id}");
    assert_eq!(kept.link(), Some(LINK));
    assert!(kept.text.starts_with("Hello ann,\n\nSomebody asked for a new password"), "{}", kept.text);
    assert!(kept.html.contains(&format!("<a href=\"{LINK}\">")), "{}", kept.html);
    Ok(())
}

#[test]
fn over_tls_from_the_start() -> Result<()> {
    let certificates = Certificates::of("localhost")?;
    let Some(server) = Smtp::start(SmtpSecurity::Tls(&certificates.server))? else { return Ok(()) };
    let config =
        Config { host: "localhost".to_owned(), security: Security::Tls, ..config(server.address(), &certificates) };
    send(&config, "ann@acme.example")?;
    let kept = server.wait_for_letter("ann@acme.example")?;
    assert!(kept.encrypted);
    assert_eq!(kept.user.as_deref(), Some(Smtp::USER));
    Ok(())
}

#[test]
fn in_the_open_on_this_machine() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let config = open_config(server.address(), &certificates);
    send(&config, "ann@acme.example")?;
    send(&Config { host: "localhost".to_owned(), ..config }, "ann@acme.example")?;
    let kept = server.wait_for_letters("ann@acme.example", 2)?;
    assert_eq!(kept.len(), 2);
    assert!(kept.iter().all(|letter| !letter.encrypted && letter.user.is_none()));
    assert_ne!(kept[0].header("Message-ID"), kept[1].header("Message-ID"));
    Ok(())
}

#[test]
fn names_and_addresses_from_everywhere() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let mut config = open_config(server.address(), &certificates);
    config.registry.name = "Büro für Kräne, \"Süd\"".parse()?;
    let mailer = Mailer::new(&config)?;
    let invitation = Letter::Invitation {
        inviter: "Jörg Ångström".parse()?,
        organization: "工場".parse()?,
        team: Some("bölcsek".parse()?),
        link: "https://registry.acme.example/invitations/abc".parse()?,
        good_for: Duration::from_hours(72),
    };
    wait_for(mailer.send(&address("ann@acme.example"), &invitation))?;
    let kept = server.wait_for_letter("ann@acme.example")?;
    assert!(kept.raw.is_ascii(), "a server need not take anything else");
    assert_eq!(kept.header("Subject"), Some("Invitation to 工場 on Büro für Kräne, \"Süd\""));
    let from = kept.header("From").context("no From")?;
    assert!(from.contains("Büro für Kräne") && from.ends_with(" <registry@acme.example>"), "{from}");
    let sentence = "Jörg Ångström invites you to the team bölcsek of the organization 工場 on Büro für Kräne, \"Süd\".";
    assert!(kept.text.contains(sentence), "{}", kept.text);
    assert!(kept.html.contains("Jörg Ångström invites you to the team bölcsek"), "{}", kept.html);
    Ok(())
}

#[test]
fn many_at_once() -> Result<()> {
    const LETTERS: usize = 12;
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::StartTls(&certificates.server))? else { return Ok(()) };
    let proxy = FaultProxy::start(server.address())?;
    let mailer = Mailer::new(&config(proxy.address(), &certificates))?;
    wait_for(async {
        let (to, letter) = (address("ann@acme.example"), reset());
        let mailer = Arc::new(mailer);
        let mut sending = JoinSet::new();
        for _ in 0..LETTERS {
            let (mailer, to, letter) = (mailer.clone(), to.clone(), letter.clone());
            sending.spawn(async move { mailer.send(&to, &letter).await });
        }
        sending.join_all().await.into_iter().collect::<Result<(), _>>()
    })?;
    assert_eq!(server.wait_for_letters("ann@acme.example", LETTERS)?.len(), LETTERS);
    assert_eq!(proxy.passed().connections, LETTERS as u64, "one for each letter");
    Ok(())
}
