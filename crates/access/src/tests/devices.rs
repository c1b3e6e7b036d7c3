//! Logging in a program that has no browser.

use std::net::IpAddr;

use entrepot_database::{Durability, Statement, Timestamp};
use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::{
    AccountOwner, AuditFilter, DeviceCodes, DeviceLogin, DevicePoll, Entry, NewDevice, TokenKind, UserCode, Visit,
};

on_both_engines! {
    a_program_that_is_allowed_gets_one_token,
    a_program_that_is_denied_gets_none,
    of_two_that_ask_at_one_time_one_gets_it,
    who_asks_too_fast_waits_longer,
    codes_of_others_are_not_found_by_guessing,
    who_makes_up_a_code_has_nothing_written,
    only_somebody_in_a_browser_lets_it_in,
    what_was_allowed_before_a_new_password_is_worth_nothing,
    what_a_program_says_of_itself_is_what_people_can_read,
    so_many_begin_from_one_address,
    what_has_ended_is_said_for_a_while_and_then_forgotten,
    a_login_is_ended_by_who_has_it,
}

/// Lets a program's time be over.
const END: Statement = {
    let text = "UPDATE devices SET expires_at = $1 WHERE hash = $2";
    Statement::new("END", text, text)
};

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn laptop() -> NewDevice {
    NewDevice { client: "entrepot".to_owned(), label: "laptop".to_owned() }
}

impl Fixture {
    async fn waits_for_browser(&self) -> DeviceCodes {
        self.access.device_request(laptop(), address("192.0.2.1")).await.unwrap()
    }

    /// What somebody may do in a browser who has a password.
    pub(super) async fn in_browser(&self, username: &str, from: &str) -> Permit<AccountOwner> {
        let visit = Visit { address: address(from), agent: String::new() };
        let Entry::In(session) = self.access.log_in(username, PASSWORD, &visit).await.unwrap() else {
            panic!("{username} has a second factor")
        };
        let caller = self.access.identify(Shown::Session(session.reveal()), address(from)).await.unwrap();
        self.access.permit_account(&caller, &name(username)).await.unwrap()
    }

    async fn polls(&self, codes: &DeviceCodes) -> DevicePoll {
        self.access.poll_device(codes.device_code.reveal(), "entrepot", address("192.0.2.1")).await.unwrap()
    }

    /// The token that is to be had.
    async fn gets(&self, codes: &DeviceCodes) -> DeviceLogin {
        match self.polls(codes).await {
            DevicePoll::In(login) => login,
            other => panic!("{other:?}"),
        }
    }
}

async fn a_program_that_is_allowed_gets_one_token(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (codes, ann) = (fixture.waits_for_browser().await, fixture.in_browser("ann", "198.51.100.1").await);
    let device = fixture.access.waiting_device(&ann, &codes.user_code).await.unwrap();
    assert_eq!((device.name().as_str(), device.address.as_str()), ("entrepot on laptop", "192.0.2.1"));
    assert_eq!(device.expires_at, device.created_at.plus(codes.lifetime));
    fixture.access.approve_device(&ann, &codes.user_code).await.unwrap();
    let unknown = fixture.access.waiting_device(&ann, &codes.user_code).await;
    assert!(matches!(unknown, Err(Error::Invalid { field: "code", .. })), "it waits no more");

    let login = fixture.gets(&codes).await;
    assert_eq!((login.account.as_str(), login.scopes.to_words().as_str()), ("ann", "pull push delete"));
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Unknown), "a code is good once");
    let caller = fixture.logs_in("ann", login.token.reveal()).await.unwrap();
    for action in [Action::Pull, Action::Push, Action::Delete] {
        assert!(fixture.may(&caller, action, "ann/app").await);
    }
    assert!(fixture.access.permit_account(&caller, &name("ann")).await.is_err(), "it changes no account");
    let listed = fixture.access.personal_tokens(&ann, None, 10).await.unwrap();
    assert_eq!((listed.len(), listed[0].kind, listed[0].label.as_str()), (1, TokenKind::Device, "entrepot on laptop"));
    assert_eq!(listed[0].expires_at, Some(listed[0].created_at.plus(login.lifetime)));
    fixture.access.revoke_personal_token(&ann, &listed[0].id).await.unwrap();
    assert!(unauthenticated(fixture.shows(&login.token).await));

    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    let filter = AuditFilter { actor: Some("ann".to_owned()), ..AuditFilter::default() };
    let log = fixture.access.audit_log(&system, filter).await.unwrap();
    let told: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.address.as_str())).collect();
    assert!(told.contains(&("device.approve", "198.51.100.1")) && told.contains(&("login", "192.0.2.1")), "{told:?}");
}

async fn a_program_that_is_denied_gets_none(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (codes, ann) = (fixture.waits_for_browser().await, fixture.in_browser("ann", "198.51.100.1").await);
    fixture.access.deny_device(&ann, &codes.user_code).await.unwrap();
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Denied));
    assert!(fixture.access.approve_device(&ann, &codes.user_code).await.is_err(), "the first who decides does");
    assert!(fixture.access.personal_tokens(&ann, None, 10).await.unwrap().is_empty());
}

async fn of_two_that_ask_at_one_time_one_gets_it(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let ann = fixture.in_browser("ann", "198.51.100.1").await;
    for _ in 0..5 {
        let codes = fixture.waits_for_browser().await;
        fixture.access.approve_device(&ann, &codes.user_code).await.unwrap();
        let polls = (0..8).map(|_| {
            let (access, code) = (fixture.access.clone(), codes.device_code.reveal().to_owned());
            tokio::spawn(async move { access.poll_device(&code, "entrepot", None).await })
        });
        let mut given = 0;
        for poll in polls.collect::<Vec<_>>() {
            match poll.await.unwrap().unwrap() {
                DevicePoll::In(_) => given += 1,
                DevicePoll::Unknown | DevicePoll::TooFast => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(given, 1);
    }
    assert_eq!(fixture.access.personal_tokens(&ann, None, 10).await.unwrap().len(), 5);
}

async fn who_asks_too_fast_waits_longer(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (codes, ann) = (fixture.waits_for_browser().await, fixture.in_browser("ann", "198.51.100.1").await);
    assert_eq!(codes.pause, Duration::from_secs(5));
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Waiting));
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::TooFast));
    fixture.access.approve_device(&ann, &codes.user_code).await.unwrap();
    // The pause of five seconds would be over, that of ten is not.
    tokio::time::sleep(Duration::from_millis(5200)).await;
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::TooFast));
    let other = fixture.waits_for_browser().await;
    assert!(matches!(fixture.polls(&other).await, DevicePoll::Waiting), "others do not wait for it");
    let guess = fixture.access.poll_device(codes.device_code.reveal(), "docker", None).await.unwrap();
    assert!(matches!(guess, DevicePoll::Unknown), "the code of another program");
    let unknown = fixture.access.poll_device("unknown", "entrepot", None).await.unwrap();
    assert!(matches!(unknown, DevicePoll::Unknown));
}

async fn codes_of_others_are_not_found_by_guessing(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    fixture.add("eve", Some(PASSWORD), false).await;
    let codes = fixture.waits_for_browser().await;
    let wrong: UserCode = "BBBB-BBBB".parse().unwrap();
    let guess = async |permit: &Permit<AccountOwner>| fixture.access.waiting_device(permit, &wrong).await.map(drop);
    let eve = fixture.in_browser("eve", "198.51.100.1").await;
    for _ in 0..10 {
        assert!(matches!(guess(&eve).await, Err(Error::Invalid { field: "code", .. })));
    }
    assert!(matches!(guess(&eve).await, Err(Error::TooMany { .. })));
    let right = fixture.access.approve_device(&eve, &codes.user_code).await;
    assert!(matches!(right, Err(Error::TooMany { .. })), "the right one is not looked at either");
    let elsewhere = fixture.in_browser("eve", "203.0.113.1").await;
    assert!(matches!(guess(&elsewhere).await, Err(Error::TooMany { .. })), "nor from where else she logs in");
    let neighbour = fixture.in_browser("ann", "198.51.100.1").await;
    assert!(matches!(guess(&neighbour).await, Err(Error::TooMany { .. })), "nor by another at her address");
    // Elsewhere others come in, and as often as they like if they are right.
    let ann = fixture.in_browser("ann", "192.0.2.7").await;
    for _ in 0..15 {
        fixture.access.waiting_device(&ann, &codes.user_code).await.unwrap();
    }
}

async fn who_makes_up_a_code_has_nothing_written(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let (codes, late) = (fixture.waits_for_browser().await, fixture.waits_for_browser().await);
    let hash = late.device_code.hash();
    let ended = fixture.access.0.database.write(Durability::Power, move |connection| {
        connection.execute(&END, &[Timestamp::now().into(), hash.as_slice().into()])
    });
    assert_eq!(ended.await.unwrap(), 1);
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    fixture.access.begin_maintenance(&system, None).await.unwrap();
    // Now whatever has to write something cannot.
    let polls = async |code: &str, client| fixture.access.poll_device(code, client, address("192.0.2.1")).await;
    let theirs = codes.device_code.reveal();
    assert!(matches!(polls("made up", "entrepot").await, Ok(DevicePoll::Unknown)));
    assert!(matches!(polls(theirs, "another").await, Ok(DevicePoll::Unknown)));
    assert!(matches!(polls(late.device_code.reveal(), "entrepot").await, Ok(DevicePoll::Expired)));
    assert!(matches!(polls(theirs, "entrepot").await, Err(Error::Database(_))));
    fixture.access.end_maintenance(&system).await.unwrap();
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Waiting));
}

async fn only_somebody_in_a_browser_lets_it_in(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let root = fixture.administrator("root").await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let codes = fixture.waits_for_browser().await;
    // With a token, or for somebody else.
    for (caller, whose) in [(&root, "root"), (&root, "ann"), (&Access::operator(), "ann")] {
        let permit = fixture.access.permit_account(caller, &name(whose)).await.unwrap();
        for decided in [
            fixture.access.approve_device(&permit, &codes.user_code).await,
            fixture.access.deny_device(&permit, &codes.user_code).await,
        ] {
            assert!(matches!(decided, Err(Error::Denied(_))), "{whose}: {decided:?}");
        }
    }
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Waiting));
}

async fn what_was_allowed_before_a_new_password_is_worth_nothing(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (first, second) = (fixture.waits_for_browser().await, fixture.waits_for_browser().await);
    let ann = fixture.in_browser("ann", "198.51.100.1").await;
    for codes in [&first, &second] {
        fixture.access.approve_device(&ann, &codes.user_code).await.unwrap();
    }
    let login = fixture.gets(&first).await;
    fixture.access.set_password(&ann, "another password").await.unwrap();
    assert!(matches!(fixture.polls(&second).await, DevicePoll::Denied));
    assert!(unauthenticated(fixture.shows(&login.token).await));
    // Who is stopped gets nothing either.
    fixture.add("bob", Some(PASSWORD), false).await;
    let codes = fixture.waits_for_browser().await;
    let bob = fixture.in_browser("bob", "198.51.100.2").await;
    fixture.access.approve_device(&bob, &codes.user_code).await.unwrap();
    fixture.access.set_disabled(&bob, true).await.unwrap();
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Denied));
}

async fn what_a_program_says_of_itself_is_what_people_can_read(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let long = "x".repeat(101);
    for (client, label, field) in [
        ("", "laptop", Some("client_id")),
        ("two words", "", Some("client_id")),
        (long.as_str(), "", Some("client_id")),
        ("entrepot", "a\nb", Some("label")),
        ("entrepot", "\u{202e}potpal", Some("label")),
        ("entrepot", long.as_str(), Some("label")),
        ("entrepot", "Jörgs Läptop (büro), 3rd", None),
        ("acme-ci_1.0", "", None),
    ] {
        let new = NewDevice { client: client.to_owned(), label: label.to_owned() };
        let refused = match fixture.access.device_request(new, None).await {
            Ok(_) => None,
            Err(Error::Invalid { field, .. }) => Some(field),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(refused, field, "{client} {label}");
    }
}

async fn so_many_begin_from_one_address(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    for _ in 0..20 {
        fixture.waits_for_browser().await;
    }
    let more = fixture.access.device_request(laptop(), address("192.0.2.1")).await;
    assert!(matches!(more, Err(Error::TooMany { .. })));
    fixture.access.device_request(laptop(), address("192.0.2.2")).await.unwrap();
}

async fn what_has_ended_is_said_for_a_while_and_then_forgotten(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (codes, ann) = (fixture.waits_for_browser().await, fixture.in_browser("ann", "198.51.100.1").await);
    let age = async |hash: [u8; 32], age: Duration| {
        let database = fixture.access.0.database.clone();
        let aged = database.write(Durability::Process, move |connection| {
            let end = Timestamp::now().minus(age);
            connection.execute(&END, &[end.into(), (&hash[..]).into()])
        });
        assert_eq!(aged.await.unwrap(), 1);
    };
    age(codes.device_code.hash(), Duration::from_secs(1)).await;
    assert!(fixture.access.approve_device(&ann, &codes.user_code).await.is_err(), "it is too late");
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Expired));
    age(codes.device_code.hash(), Duration::from_hours(2)).await;
    fixture.waits_for_browser().await;
    assert!(matches!(fixture.polls(&codes).await, DevicePoll::Unknown), "its row went when another came");
}

async fn a_login_is_ended_by_who_has_it(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (codes, ann) = (fixture.waits_for_browser().await, fixture.in_browser("ann", "198.51.100.1").await);
    fixture.access.approve_device(&ann, &codes.user_code).await.unwrap();
    let device = fixture.gets(&codes).await.token;
    fixture.shows(&device).await.unwrap();
    let caller = fixture.logs_in("ann", PASSWORD).await.unwrap();
    let offline = Service { offline: true, ..Service::default() };
    let login = fixture.access.grant_token(&caller, offline).await.unwrap().login.unwrap();
    let (_, personal) = fixture.personal_token("ann", token("pull", &[])).await;
    for gone in [&device, &login] {
        fixture.access.log_out(gone.reveal(), None).await.unwrap();
        fixture.access.log_out(gone.reveal(), None).await.unwrap();
    }
    fixture.access.log_out("ept_never", None).await.unwrap();
    assert!(unauthenticated(fixture.shows(&device).await));
    assert!(unauthenticated(fixture.access.resume_login(login.reveal(), None).await));
    let kept = fixture.access.log_out(personal.reveal(), None).await;
    assert!(matches!(kept, Err(Error::Denied(_))));
    fixture.shows(&personal).await.unwrap();
}
