//! Links that work once: who gets what by them, and that nobody gets it twice.

use entrepot_database::Durability;
use entrepot_test_engines::on_both_engines;

use super::invitations::letter_to;
use super::*;
use crate::account::{AccountChange, Newcomer, find as find_account};
use crate::link::{LinkKind, Matter, Purpose};
use crate::sign_up::SignUp;
use crate::{AuditFilter, Entry, Joining, Visit};

on_both_engines! {
    a_new_password_by_a_link,
    a_reset_ends_what_was_issued_before,
    of_two_who_use_a_link_one_wins,
    links_end,
    a_newer_link_ends_the_older,
    no_new_password_for_who_has_none_here,
    the_first_administrator_by_a_link,
    an_account_that_was_asked_for,
    who_makes_an_account_in_a_browser_is_logged_in_there,
    an_address_is_confirmed,
}

const NEW: &str = "battery staple horse";

/// A link as a letter would have it.
pub(super) async fn link(fixture: &Fixture, matter: Matter, lifetime: Duration) -> Secret {
    let secret = Secret::bare().unwrap();
    let kept = secret.clone();
    let done =
        fixture.access.0.database.write(Durability::Power, move |connection| matter.write(connection, &kept, lifetime));
    done.await.unwrap();
    secret
}

async fn row(fixture: &Fixture, text: &str) -> i64 {
    let name = name(text);
    fixture.access.0.database.read(move |connection| find_account(connection, &name)).await.unwrap().0
}

async fn reset_of(fixture: &Fixture, text: &str) -> Secret {
    let access = &fixture.access;
    let permit = access.permit_account(&Access::operator(), &name(text)).await.unwrap();
    access.reset_link(&access.permit_system(&Access::operator()).unwrap(), &permit).await.unwrap()
}

pub(super) fn gone<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::LinkGone))
}

fn newcomer(text: &str) -> Newcomer {
    Newcomer { name: name(text), password: PASSWORD.to_owned() }
}

async fn a_new_password_by_a_link(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.add("ann", Some(PASSWORD), false).await;
    let secret = reset_of(&fixture, "ann").await;
    let secret = secret.reveal();
    for _ in 0..3 {
        let seen = access.link(LinkKind::Reset, secret).await.unwrap();
        assert_eq!(seen.purpose, Purpose::Reset { account: name("ann") }, "to look uses nothing up");
    }
    for kind in LinkKind::ALL.iter().filter(|kind| **kind != LinkKind::Reset) {
        assert!(gone(access.link(*kind, secret).await), "{kind}");
    }
    assert!(gone(access.confirm_address(secret, None).await), "a link is for one thing");
    assert!(gone(access.set_up(secret, newcomer("root"), None, Joining::default()).await));
    assert!(matches!(
        access.reset_password(secret, "short", None).await,
        Err(Error::Invalid { field: "password", .. })
    ));
    assert_eq!(access.reset_password(secret, NEW, None).await.unwrap(), name("ann"));
    assert!(gone(access.reset_password(secret, "another new password", None).await), "it works once");
    assert!(gone(access.link(LinkKind::Reset, secret).await));
    assert!(unauthenticated(fixture.logs_in("ann", PASSWORD).await));
    fixture.logs_in("ann", NEW).await.unwrap();
    for text in ["", "x", &secret[1..], Secret::bare().unwrap().reveal()] {
        assert!(gone(access.reset_password(text, NEW, None).await));
    }
}

async fn a_reset_ends_what_was_issued_before(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let ann = fixture.logs_in("ann", PASSWORD).await.unwrap();
    let granted = fixture.granted(&ann, &[]).await;
    fixture.bears(&granted.token).await.unwrap();
    let visit = Visit::default();
    let Entry::In(session) = fixture.access.log_in("ann", PASSWORD, &visit).await.unwrap() else {
        panic!("no session")
    };
    let in_browser = async || fixture.access.identify(Shown::Session(session.reveal()), None).await;
    in_browser().await.unwrap();
    let secret = reset_of(&fixture, "ann").await;
    let other = reset_of(&fixture, "ann").await;
    assert!(gone(fixture.access.link(LinkKind::Reset, secret.reveal()).await));
    fixture.access.reset_password(other.reveal(), NEW, None).await.unwrap();
    assert!(unauthenticated(fixture.bears(&granted.token).await));
    assert!(unauthenticated(in_browser().await));
    // A password that is set otherwise ends links to a new one too.
    let secret = reset_of(&fixture, "ann").await;
    let permit = fixture.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    fixture.access.set_password(&permit, PASSWORD).await.unwrap();
    assert!(gone(fixture.access.reset_password(secret.reveal(), NEW, None).await));
    fixture.logs_in("ann", PASSWORD).await.unwrap();
}

async fn of_two_who_use_a_link_one_wins(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    one.add("ann", Some(PASSWORD), false).await;
    for round in 0..3 {
        let secret = reset_of(&one, "ann").await;
        let tries = [&one, &other, &one, &other].map(|fixture| {
            let (access, secret) = (fixture.access.clone(), secret.clone());
            tokio::spawn(async move { access.reset_password(secret.reveal(), NEW, None).await })
        });
        let mut done = 0;
        for tried in tries {
            match tried.await.unwrap() {
                Ok(_) => done += 1,
                Err(error) => assert!(matches!(error, Error::LinkGone), "{error}"),
            }
        }
        assert_eq!(done, 1, "round {round}");
    }
}

async fn links_end(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.add("ann", Some(PASSWORD), false).await;
    let matter = Matter::Reset { account: row(&fixture, "ann").await, name: name("ann") };
    let secret = link(&fixture, matter.clone(), Duration::ZERO).await;
    assert!(gone(access.link(LinkKind::Reset, secret.reveal()).await));
    assert!(gone(access.reset_password(secret.reveal(), NEW, None).await));
    let secret = link(&fixture, matter, Duration::from_millis(1500)).await;
    access.link(LinkKind::Reset, secret.reveal()).await.unwrap();
    until(async || gone(access.link(LinkKind::Reset, secret.reveal()).await)).await;
    assert!(gone(access.reset_password(secret.reveal(), NEW, None).await));
    fixture.logs_in("ann", PASSWORD).await.unwrap();
}

async fn a_newer_link_ends_the_older(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    fixture.account("ben").await;
    let (older, of_ben) = (reset_of(&fixture, "ann").await, reset_of(&fixture, "ben").await);
    let newer = reset_of(&fixture, "ann").await;
    assert!(gone(fixture.access.reset_password(older.reveal(), NEW, None).await));
    fixture.access.reset_password(newer.reveal(), NEW, None).await.unwrap();
    fixture.access.reset_password(of_ben.reveal(), NEW, None).await.unwrap();
}

async fn no_new_password_for_who_has_none_here(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.add("ann", Some(PASSWORD), false).await;
    let secret = reset_of(&fixture, "ann").await;
    let permit = access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    access.set_disabled(&permit, true).await.unwrap();
    assert!(gone(access.reset_password(secret.reveal(), NEW, None).await), "who is disabled stays it");
    let system = access.permit_system(&Access::operator()).unwrap();
    assert!(matches!(access.reset_link(&system, &permit).await, Err(Error::Conflict(_))));
    let without_letters = access.ask_for_reset("ann@acme.example", None).await;
    assert!(matches!(without_letters, Err(Error::Unconfigured(_))));
}

async fn the_first_administrator_by_a_link(place: Place) {
    let (fixture, replica) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let access = &fixture.access;
    let older = access.set_up_link().await.unwrap().unwrap();
    let secret = replica.access.set_up_link().await.unwrap().unwrap();
    assert!(
        gone(access.set_up(older.reveal(), newcomer("eve"), None, Joining::default()).await),
        "every start makes a new one"
    );
    let secret = secret.reveal();
    assert_eq!(access.link(LinkKind::SetUp, secret).await.unwrap().purpose, Purpose::SetUp);
    fixture.account("taken").await;
    assert!(matches!(
        access.set_up(secret, newcomer("taken"), None, Joining::default()).await,
        Err(Error::Exists { .. })
    ));
    assert!(matches!(
        access.set_up(secret, newcomer("root"), Some("no address"), Joining::default()).await,
        Err(Error::Invalid { .. })
    ));
    access.set_up(secret, newcomer("root"), Some("root@acme.example"), Joining::default()).await.unwrap();
    assert!(gone(access.set_up(secret, newcomer("eve"), None, Joining::default()).await));
    let root = fixture.logs_in("root", PASSWORD).await.unwrap();
    access.permit_system(&root).unwrap();
    assert!(access.set_up_link().await.unwrap().is_none(), "there is an administrator");
}

async fn who_makes_an_account_in_a_browser_is_logged_in_there(place: Place) {
    let mut options = Options::new(Anonymous::Nothing);
    options.sign_up = SignUp::Anybody;
    let fixture = open_with(&place, options).await;
    let access = &fixture.access;
    let visit = Visit { address: None, agent: "Testing Browser".to_owned() };
    let joining = || Joining::of_browser(&visit).unwrap();
    let set_up = access.set_up_link().await.unwrap().unwrap();
    let root = access.set_up(set_up.reveal(), newcomer("root"), None, joining()).await.unwrap();

    let password = access.0.passwords.hash(PASSWORD).await.unwrap();
    let asked = Matter::SignUp { name: name("owner"), email: "owner@acme.example".to_owned(), password };
    let secret = link(&fixture, asked, LinkKind::SignUp.lifetime()).await;
    let owner = access.finish_sign_up(secret.reveal(), joining()).await.unwrap();
    let acme = fixture.organization("acme", "owner").await;
    let secret = letter_to(&fixture, &acme, "ben@acme.example").await;
    let ben = access.join(secret.reveal(), newcomer("ben"), joining()).await.unwrap();

    let system = access.permit_system(&Access::operator()).unwrap();
    for (arrived, who) in [(root, "root"), (owner, "owner"), (ben, "ben")] {
        let session = arrived.session.unwrap();
        let caller = access.identify(Shown::Session(session.reveal()), None).await.unwrap();
        assert_eq!(access.session_owner(&caller).unwrap(), &name(who));
        let own = access.permit_account(&caller, &name(who)).await.unwrap();
        let sessions = access.sessions(&own).await.unwrap();
        assert_eq!(sessions.iter().map(|session| session.evidence.as_str()).collect::<Vec<_>>(), ["link"]);
        let filter = AuditFilter { actor: Some(who.to_owned()), ..AuditFilter::default() };
        let entries = access.audit_log(&system, filter).await.unwrap();
        assert!(entries.iter().any(|entry| entry.action == "login" && entry.detail == "link"), "{entries:?}");
    }

    let secret = letter_to(&fixture, &acme, "cas@acme.example").await;
    let cas = access.join(secret.reveal(), newcomer("cas"), Joining::of_program(None)).await.unwrap();
    assert!(cas.session.is_none(), "a program asks for no session");
    let own = access.permit_account(&Access::operator(), &cas.name).await.unwrap();
    assert!(access.sessions(&own).await.unwrap().is_empty());
}

async fn an_account_that_was_asked_for(place: Place) {
    let mut options = Options::new(Anonymous::Pull);
    options.sign_up = SignUp::Domains(vec!["acme.example".to_owned()]);
    let fixture = open_with(&place, options).await;
    let access = &fixture.access;
    let password = access.0.passwords.hash(PASSWORD).await.unwrap();
    let asked = |email: &str| Matter::SignUp { name: name("ann"), email: email.to_owned(), password: password.clone() };
    let mine = link(&fixture, asked("ann@acme.example"), LinkKind::SignUp.lifetime()).await;
    let theirs = link(&fixture, asked("eve@acme.example"), LinkKind::SignUp.lifetime()).await;
    let outside = link(&fixture, asked("ann@elsewhere.example"), LinkKind::SignUp.lifetime()).await;
    assert!(unauthenticated(fixture.logs_in("ann", PASSWORD).await), "there is no account yet");
    assert!(matches!(
        access.finish_sign_up(outside.reveal(), Joining::default()).await,
        Err(Error::Invalid { field: "email", .. })
    ));
    let closed = open(&place, Anonymous::Pull).await;
    assert!(matches!(closed.access.finish_sign_up(mine.reveal(), Joining::default()).await, Err(Error::Denied(_))));
    access.finish_sign_up(mine.reveal(), Joining::default()).await.unwrap();
    assert!(gone(access.finish_sign_up(mine.reveal(), Joining::default()).await));
    assert!(matches!(access.finish_sign_up(theirs.reveal(), Joining::default()).await, Err(Error::Exists { .. })));
    let ann = fixture.logs_in("ann", PASSWORD).await.unwrap();
    let account = access.account(&access.permit_account(&ann, &name("ann")).await.unwrap()).await.unwrap();
    assert_eq!((account.email.as_deref(), account.email_confirmed), (Some("ann@acme.example"), true));
    assert!(!account.administrator);
    let elsewhere = access.sign_up(newcomer("ben"), "ben@elsewhere.example", None).await;
    assert!(matches!(elsewhere, Err(Error::Invalid { field: "email", .. })));
    let without_letters = access.sign_up(newcomer("ben"), "ben@acme.example", None).await;
    assert!(matches!(without_letters, Err(Error::Unconfigured(_))));
}

async fn an_address_is_confirmed(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.account("ann").await;
    let permit = access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    let address = async |email: &str| {
        let change = AccountChange { email: Some(email.to_owned()), ..AccountChange::default() };
        access.change_account(&permit, change).await.unwrap()
    };
    let account = row(&fixture, "ann").await;
    let asked = |email: &str| Matter::Confirm { account, name: name("ann"), email: email.to_owned() };
    assert_eq!(address("Ann@ACME.example").await.email.as_deref(), Some("Ann@acme.example"));
    let secret = link(&fixture, asked("Ann@acme.example"), LinkKind::Confirm.lifetime()).await;
    let reset = reset_of(&fixture, "ann").await;
    assert!(!address("Ann@acme.example").await.email_confirmed);
    access.link(LinkKind::Confirm, secret.reveal()).await.unwrap();
    address("ann@b.example").await;
    assert!(gone(access.confirm_address(secret.reveal(), None).await), "the account has another address");
    assert!(gone(access.reset_password(reset.reveal(), NEW, None).await), "as what went to the old one ends");
    let late = link(&fixture, asked("Ann@acme.example"), LinkKind::Confirm.lifetime()).await;
    assert!(gone(access.confirm_address(late.reveal(), None).await));
    let secret = link(&fixture, asked("ann@b.example"), LinkKind::Confirm.lifetime()).await;
    assert_eq!(access.confirm_address(secret.reveal(), None).await.unwrap(), name("ann"));
    assert!(gone(access.confirm_address(secret.reveal(), None).await));
    assert!(access.account(&permit).await.unwrap().email_confirmed);
    assert!(address("ann@b.example").await.email_confirmed, "the same address stays confirmed");
    assert!(!address("ann@c.example").await.email_confirmed);
    assert!(matches!(access.send_confirmation(&permit).await, Err(Error::Unconfigured(_))));
}
