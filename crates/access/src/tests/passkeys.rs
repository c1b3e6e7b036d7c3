//! Passkeys: made, shown, forged and taken away.

use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;
use entrepot_test_support::passkey::{PRESENT, SoftPasskey};

use super::entry::{Authenticator, NEXT};
use super::*;
use crate::{AccountOwner, AuditFilter, Entry, Evidence, NamespaceChange, Proof, RecoveryCode, Visit};

on_both_engines! {
    a_passkey_is_a_second_factor,
    a_passkey_lets_in_by_itself,
    what_is_forged_is_refused,
    a_counter_that_goes_back_is_refused_and_written_down,
    whoever_changes_passkeys_shows_something_once_more,
    passkeys_and_an_authenticator_are_one_second_factor,
    an_authenticator_that_was_begun_before_a_passkey_is_worth_nothing,
    browsers_at_one_address_are_told_to_ask_so_often,
    a_passkey_counts_for_organizations,
    a_registry_without_a_name_has_no_passkeys,
}

const ORIGIN: &str = "https://registry.acme.example";
/// What a browser's forms have.
const BROWSER: &str = "browser";

async fn begun(place: &Place) -> Fixture {
    let options = Options { public_url: Some(ORIGIN.parse().unwrap()), ..Options::new(Anonymous::Nothing) };
    let fixture = open_with(place, options).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    fixture
}

impl Fixture {
    async fn session(&self, username: &str) -> (Caller, Permit<AccountOwner>) {
        let Entry::In(session) = self.access.log_in(username, PASSWORD, &Visit::default()).await.unwrap() else {
            panic!("{username} has a second factor")
        };
        self.in_session(&session).await
    }

    async fn in_session(&self, session: &Secret) -> (Caller, Permit<AccountOwner>) {
        let caller = self.access.identify(Shown::Session(session.reveal()), None).await.unwrap();
        let own = self.access.session_owner(&caller).unwrap().clone();
        let permit = self.access.permit_account(&caller, &own).await.unwrap();
        (caller, permit)
    }

    /// The first passkey of somebody with a password.
    async fn passkey(&self, permit: &Permit<AccountOwner>) -> (SoftPasskey, Vec<RecoveryCode>) {
        let options = self.access.begin_passkey(permit, PASSWORD, None).await.unwrap();
        let (passkey, answer) = SoftPasskey::make(options.as_json(), ORIGIN).unwrap();
        let codes = self.access.add_passkey(permit, "laptop", &answer).await.unwrap();
        (passkey, codes)
    }

    async fn half_way(&self, username: &str) -> (Secret, Option<crate::PasskeyOptions>) {
        let Entry::SecondFactor { waiting } = self.access.log_in(username, PASSWORD, &Visit::default()).await.unwrap()
        else {
            panic!("{username} has no second factor")
        };
        let asked = self.access.ask_passkey_after_password(waiting.reveal(), None).await.unwrap();
        (waiting, asked)
    }

    async fn comes_in(&self, passkey: &SoftPasskey) -> Result<Secret, Error> {
        let options = self.access.ask_passkey(BROWSER, None).await.unwrap();
        self.shows_alone(BROWSER, &passkey.show(options.as_json()).unwrap()).await
    }

    async fn shows_alone(&self, browser: &str, answer: &str) -> Result<Secret, Error> {
        self.access.log_in_with_passkey(browser, answer, &Visit::default()).await
    }

    async fn shows_after_password(&self, waiting: &Secret, answer: &str) -> Result<Entry, Error> {
        self.access.pass_second_factor(waiting.reveal(), Proof::Passkey(answer), &Visit::default()).await
    }
}

fn is_wrong<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Invalid { field: "passkey", .. }))
}

async fn a_passkey_is_a_second_factor(place: Place) {
    let fixture = begun(&place).await;
    fixture.logs_in("ann", PASSWORD).await.unwrap();
    let (_, permit) = fixture.session("ann").await;
    let (passkey, codes) = fixture.passkey(&permit).await;
    assert_eq!(codes.len(), 10, "recovery codes are made with the first");
    let [kept] = &fixture.access.passkeys(&permit).await.unwrap()[..] else { panic!("there is one") };
    assert_eq!((kept.label.as_str(), kept.backed_up, kept.used_at), ("laptop", false, None));

    assert!(matches!(fixture.logs_in("ann", PASSWORD).await, Err(Error::SecondFactorAsked)));
    let (waiting, asked) = fixture.half_way("ann").await;
    let answer = passkey.show(asked.unwrap().as_json()).unwrap();
    let Ok(Entry::In(session)) = fixture.shows_after_password(&waiting, &answer).await else { panic!("it is right") };
    let (_, permit) = fixture.in_session(&session).await;
    assert!(fixture.access.passkeys(&permit).await.unwrap()[0].used_at.is_some());
    let sessions = fixture.access.sessions(&permit).await.unwrap();
    assert_eq!(sessions[0].evidence, Evidence::SecondFactor);

    // A recovery code is there for when it is lost.
    let (waiting, _) = fixture.half_way("ann").await;
    let code = codes[0].reveal();
    fixture.access.pass_second_factor(waiting.reveal(), Proof::of(&code), &Visit::default()).await.unwrap();
}

async fn a_passkey_lets_in_by_itself(place: Place) {
    let fixture = begun(&place).await;
    let (_, permit) = fixture.session("ann").await;
    let (mut passkey, _) = fixture.passkey(&permit).await;
    let session = fixture.comes_in(&passkey).await.unwrap();
    let (caller, permit) = fixture.in_session(&session).await;
    assert_eq!(caller.principal().name().as_deref(), Some("ann"));
    assert_eq!(fixture.access.sessions(&permit).await.unwrap()[0].evidence, Evidence::Passkey);

    passkey.words.flags = PRESENT;
    assert!(unauthenticated(fixture.comes_in(&passkey).await), "it does not know who has touched it");
    // Beside the password it need not.
    let (waiting, asked) = fixture.half_way("ann").await;
    let answer = passkey.show(asked.unwrap().as_json()).unwrap();
    fixture.shows_after_password(&waiting, &answer).await.unwrap();

    passkey.words.flags = PRESENT | entrepot_test_support::passkey::VERIFIED;
    passkey.words.user = None;
    assert!(unauthenticated(fixture.comes_in(&passkey).await), "it does not say whose it is");
    passkey.words.user = Some(vec![7; 32]);
    assert!(unauthenticated(fixture.comes_in(&passkey).await), "it is somebody else's");
}

async fn what_is_forged_is_refused(place: Place) {
    let fixture = begun(&place).await;
    fixture.add("mallory", Some(PASSWORD), false).await;
    let (_, permit) = fixture.session("ann").await;
    let (passkey, _) = fixture.passkey(&permit).await;
    let (_, of_mallory) = fixture.session("mallory").await;
    let (mut other, _) = fixture.passkey(&of_mallory).await;

    // A challenge is good once, for one browser, for one purpose.
    let options = fixture.access.ask_passkey(BROWSER, None).await.unwrap();
    let answer = passkey.show(options.as_json()).unwrap();
    assert!(unauthenticated(fixture.shows_alone("another browser", &answer).await));
    fixture.shows_alone(BROWSER, &answer).await.unwrap();
    assert!(unauthenticated(fixture.shows_alone(BROWSER, &answer).await), "it was answered");
    let options = fixture.access.ask_passkey(BROWSER, None).await.unwrap();
    let answer = passkey.show(options.as_json()).unwrap();
    // At the same time: one of them gets in.
    let (first, second) = tokio::join!(fixture.shows_alone(BROWSER, &answer), fixture.shows_alone(BROWSER, &answer));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let (waiting, asked) = fixture.half_way("ann").await;
    let after_password = passkey.show(asked.unwrap().as_json()).unwrap();
    assert!(unauthenticated(fixture.shows_alone(BROWSER, &after_password).await), "it was for something else");
    let options = fixture.access.ask_passkey(BROWSER, None).await.unwrap();
    let alone = passkey.show(options.as_json()).unwrap();
    assert!(is_wrong(fixture.shows_after_password(&waiting, &alone).await), "it was for something else");

    // Mallory, who knows ann's password, shows a passkey of her own, and one that says it is ann's.
    let (waiting, asked) = fixture.half_way("ann").await;
    let asked = asked.unwrap();
    assert!(is_wrong(fixture.shows_after_password(&waiting, &other.show(asked.as_json()).unwrap()).await));
    other.pretend(&passkey);
    let asked = fixture.access.ask_passkey_after_password(waiting.reveal(), None).await.unwrap().unwrap();
    assert!(is_wrong(fixture.shows_after_password(&waiting, &other.show(asked.as_json()).unwrap()).await));
    assert!(unauthenticated(fixture.comes_in(&other).await));

    // What other sites get out of ann.
    let (mut origin, _) = fixture.passkey_of_bob("https://registry.acme.example.evil.example").await;
    assert!(unauthenticated(fixture.comes_in(&origin).await), "another page has asked");
    origin.words.origin = ORIGIN.to_owned();
    origin.words.site = "evil.example".to_owned();
    assert!(unauthenticated(fixture.comes_in(&origin).await), "it was made for another site");
    origin.words.site = "registry.acme.example".to_owned();
    origin.words.challenge = Some("A".repeat(43));
    assert!(unauthenticated(fixture.comes_in(&origin).await), "nobody has asked for that");
    origin.words.challenge = None;
    origin.words.flags = 0;
    assert!(unauthenticated(fixture.comes_in(&origin).await), "nobody has touched it");
    for text in ["", "null", "{}", r#"{"id":"AAAA","response":{}}"#] {
        assert!(unauthenticated(fixture.shows_alone(BROWSER, text).await), "{text}");
    }
}

impl Fixture {
    /// A passkey of bob's, which from now on another page asks for.
    async fn passkey_of_bob(&self, origin: &str) -> (SoftPasskey, Vec<RecoveryCode>) {
        self.add("bob", Some(PASSWORD), false).await;
        let (_, permit) = self.session("bob").await;
        let (mut passkey, codes) = self.passkey(&permit).await;
        self.comes_in(&passkey).await.unwrap();
        passkey.words.origin = origin.to_owned();
        (passkey, codes)
    }
}

async fn a_counter_that_goes_back_is_refused_and_written_down(place: Place) {
    let fixture = begun(&place).await;
    let (_, permit) = fixture.session("ann").await;
    let (mut passkey, _) = fixture.passkey(&permit).await;
    for (counter, may) in [(0, true), (0, true), (5, true), (5, false), (4, false), (0, false), (6, true)] {
        passkey.words.counter = counter;
        assert_eq!(fixture.comes_in(&passkey).await.is_ok(), may, "{counter}");
    }
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    let filter = AuditFilter { target: Some("ann".to_owned()), ..AuditFilter::default() };
    let entries = fixture.access.audit_log(&system, filter).await.unwrap();
    let refused = entries.iter().filter(|entry| entry.action == "login" && !entry.allowed);
    let details: Vec<_> = refused.map(|entry| entry.detail.as_str()).collect();
    assert_eq!(details.len(), 3, "{details:?}");
    assert!(details.iter().all(|detail| detail.contains("counter went back")), "{details:?}");
}

async fn whoever_changes_passkeys_shows_something_once_more(place: Place) {
    let fixture = begun(&place).await;
    let (_, permit) = fixture.session("ann").await;
    let wrong = fixture.access.begin_passkey(&permit, "wrong horse battery", None).await;
    assert!(matches!(wrong, Err(Error::Invalid { field: "current_password", .. })), "{wrong:?}");
    let with_a_token = fixture.personal("ann", token("admin", &[])).await;
    let by_token = fixture.access.permit_account(&with_a_token, &name("ann")).await.unwrap();
    let set_up = fixture.access.begin_passkey(&by_token, PASSWORD, None).await;
    assert!(matches!(set_up, Err(Error::Denied(_))), "{set_up:?}");

    // What was begun in one session is not finished in another, and not twice.
    let (_, elsewhere) = fixture.session("ann").await;
    let options = fixture.access.begin_passkey(&permit, PASSWORD, None).await.unwrap();
    let (passkey, answer) = SoftPasskey::make(options.as_json(), ORIGIN).unwrap();
    assert!(is_wrong(fixture.access.add_passkey(&elsewhere, "laptop", &answer).await));
    fixture.access.add_passkey(&permit, "laptop", &answer).await.unwrap();
    assert!(is_wrong(fixture.access.add_passkey(&permit, "laptop", &answer).await));

    // From now on the password does not do.
    let alone = fixture.access.begin_passkey(&permit, PASSWORD, None).await;
    assert!(matches!(alone, Err(Error::Invalid { field: "code", .. })), "{alone:?}");
    let asked = fixture.access.ask_passkey_again(&permit).await.unwrap().unwrap();
    let answer = passkey.show(asked.as_json()).unwrap();
    let options = fixture.access.begin_passkey(&permit, "", Some(Proof::Passkey(&answer))).await.unwrap();
    let again = fixture.access.begin_passkey(&permit, "", Some(Proof::Passkey(&answer))).await;
    assert!(is_wrong(again), "what was shown is good once");
    assert!(options.as_json().contains("excludeCredentials"));
    let there = fixture.access.add_passkey(&permit, "again", &passkey.made_for(options.as_json()).unwrap()).await;
    assert!(matches!(there, Err(Error::Exists { .. })), "{there:?}");

    let [kept] = &fixture.access.passkeys(&permit).await.unwrap()[..] else { panic!("there is one") };
    for shown in [None, Some(Proof::of("000000"))] {
        let refused = fixture.access.remove_passkey(&permit, &kept.id, shown).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "code", .. })), "{refused:?}");
    }
    let asked = fixture.access.ask_passkey_again(&permit).await.unwrap().unwrap();
    let answer = passkey.show(asked.as_json()).unwrap();
    fixture.access.remove_passkey(&permit, &kept.id, Some(Proof::Passkey(&answer))).await.unwrap();
    assert!(unauthenticated(fixture.comes_in(&passkey).await), "it is taken away");
    fixture.logs_in("ann", PASSWORD).await.unwrap();
    assert_eq!(fixture.access.second_factor(&permit).await.unwrap().recovery_codes, 0, "the codes have gone with it");
}

async fn passkeys_and_an_authenticator_are_one_second_factor(place: Place) {
    let fixture = begun(&place).await;
    let (_, permit) = fixture.session("ann").await;
    let (passkey, codes) = fixture.passkey(&permit).await;
    let without = fixture.access.begin_authenticator(&permit, None).await;
    assert!(matches!(without, Err(Error::Invalid { field: "code", .. })), "{without:?}");
    // Nor does it matter that there was no passkey yet when somebody looked.
    let late = fixture.access.begin_second_factor(&permit, None, |_, _| Ok(())).await;
    assert!(matches!(late, Err(Error::Invalid { field: "code", .. })), "{late:?}");
    let shown = codes[0].reveal();
    let secret = fixture.access.begin_authenticator(&permit, Some(Proof::of(&shown))).await.unwrap();
    let authenticator = Authenticator(secret.uri("acme", "ann").unwrap());
    let new = fixture.access.confirm_authenticator(&permit, &authenticator.code(Duration::ZERO)).await.unwrap();
    assert!(new.is_empty(), "the recovery codes that were there go on");
    let factor = fixture.access.second_factor(&permit).await.unwrap();
    assert_eq!((factor.authenticator, factor.passkeys, factor.recovery_codes), (true, 1, 9));

    fixture.access.remove_authenticator(&permit, Some(Proof::of(&authenticator.code(NEXT)))).await.unwrap();
    let factor = fixture.access.second_factor(&permit).await.unwrap();
    assert_eq!((factor.authenticator, factor.passkeys, factor.recovery_codes), (false, 1, 9));
    fixture.comes_in(&passkey).await.unwrap();

    // Whoever has lost everything is helped by an administrator.
    let boss = fixture.administrator("boss").await;
    let lost = fixture.access.permit_account(&boss, &name("ann")).await.unwrap();
    fixture.access.remove_second_factor(&lost, None).await.unwrap();
    let factor = fixture.access.second_factor(&permit).await.unwrap();
    assert!(!factor.is_on() && factor.recovery_codes == 0);
    assert!(unauthenticated(fixture.comes_in(&passkey).await));
    fixture.logs_in("ann", PASSWORD).await.unwrap();
}

async fn an_authenticator_that_was_begun_before_a_passkey_is_worth_nothing(place: Place) {
    let fixture = begun(&place).await;
    let (_, found) = fixture.session("ann").await;
    let secret = fixture.access.begin_authenticator(&found, None).await.unwrap();
    let (_, permit) = fixture.session("ann").await;
    fixture.passkey(&permit).await;

    // Whoever has found the other browser of hers adds their own telephone to it.
    let code = Authenticator(secret.uri("acme", "ann").unwrap()).code(Duration::ZERO);
    let added = fixture.access.confirm_authenticator(&found, &code).await;
    assert!(matches!(added, Err(Error::Conflict(_))), "nobody has shown the passkey: {added:?}");
    assert!(!fixture.access.second_factor(&permit).await.unwrap().authenticator);
}

async fn browsers_at_one_address_are_told_to_ask_so_often(place: Place) {
    let fixture = begun(&place).await;
    let permit = fixture.in_browser("ann", "198.51.100.1").await;
    fixture.passkey(&permit).await;
    let (waiting, _) = fixture.half_way("ann").await;
    let after_password = async |from: &str| {
        fixture.access.ask_passkey_after_password(waiting.reveal(), from.parse().ok()).await.map(drop)
    };
    assert!(ends(async || fixture.access.ask_passkey_again(&permit).await.map(drop)).await, "in a session");
    assert!(ends(async || after_password("198.51.100.1").await).await, "after the password");
    after_password("192.0.2.1").await.unwrap();
}

/// Whether there is an end to how often this may be done.
async fn ends(mut ask: impl AsyncFnMut() -> Result<(), Error>) -> bool {
    for _ in 0..300 {
        match ask().await {
            Err(Error::TooMany { .. }) => return true,
            other => other.unwrap(),
        }
    }
    false
}

async fn a_passkey_counts_for_organizations(place: Place) {
    let fixture = begun(&place).await;
    fixture.organization("acme", "ann").await;
    fixture.create("acme/app", Visibility::Private).await;
    let (caller, permit) = fixture.session("ann").await;
    fixture.passkey(&permit).await;
    let owner = fixture.access.permit_organization(&caller, &name("acme")).await.unwrap();
    let ask = NamespaceChange { second_factor: Some(true), ..NamespaceChange::default() };
    fixture.access.change_organization(&owner, ask).await.unwrap();
    assert!(fixture.may(&caller, Action::Push, "acme/app").await);
    let operator = fixture.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    fixture.access.remove_second_factor(&operator, None).await.unwrap();
    assert!(!fixture.may(&caller, Action::Pull, "acme/app").await);
}

async fn a_registry_without_a_name_has_no_passkeys(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    assert!(!fixture.access.has_passkeys());
    let (_, permit) = fixture.session("ann").await;
    let asked = fixture.access.ask_passkey(BROWSER, None).await;
    assert!(matches!(asked, Err(Error::Unconfigured(_))), "{asked:?}");
    let begun = fixture.access.begin_passkey(&permit, PASSWORD, None).await;
    assert!(matches!(begun, Err(Error::Unconfigured(_))), "{begun:?}");
    let shown = fixture.access.log_in_with_passkey(BROWSER, "{}", &Visit::default()).await;
    assert!(matches!(shown, Err(Error::Unconfigured(_))), "{shown:?}");
}
