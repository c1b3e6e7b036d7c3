//! Coming in with a browser: sessions and the second factor.

use std::time::SystemTime;

use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::{AccountOwner, Entry, NamespaceChange, Proof, RecoveryCode, Visit};

on_both_engines! {
    a_session_is_who_logged_in_until_it_ends,
    a_session_ends_within_a_second_elsewhere,
    the_password_alone_does_not_do_with_a_second_factor,
    every_code_is_good_once,
    a_password_is_good_for_five_codes,
    who_has_the_password_guesses_codes_no_faster_for_that,
    what_was_begun_before_a_new_password_is_worth_nothing,
    a_second_factor_is_taken_away_by_who_has_it_or_an_administrator,
    an_organization_may_ask_for_one,
}

/// Tokens of the next step are taken too, so that none of these tests has to wait for one.
pub(super) const NEXT: Duration = Duration::from_secs(30);

impl Fixture {
    async fn enter(&self, username: &str) -> Secret {
        self.enter_with(username, PASSWORD).await
    }

    async fn enter_with(&self, username: &str, password: &str) -> Secret {
        match self.access.log_in(username, password, &Visit::default()).await.unwrap() {
            Entry::In(session) => session,
            Entry::SecondFactor { .. } => panic!("{username} has a second factor"),
        }
    }

    async fn waits(&self, username: &str) -> Secret {
        self.waits_at(username, &Visit::default()).await
    }

    async fn waits_at(&self, username: &str, visit: &Visit) -> Secret {
        match self.access.log_in(username, PASSWORD, visit).await.unwrap() {
            Entry::SecondFactor { waiting } => waiting,
            Entry::In(_) => panic!("{username} has no second factor"),
        }
    }

    async fn proves(&self, waiting: &Secret, proof: Proof<'_>) -> Result<Secret, Error> {
        match self.access.pass_second_factor(waiting.reveal(), proof, &Visit::default()).await? {
            Entry::In(session) => Ok(session),
            Entry::SecondFactor { .. } => panic!("it was shown"),
        }
    }

    async fn browses(&self, session: &Secret) -> Result<Caller, Error> {
        self.access.identify(Shown::Session(session.reveal()), None).await
    }

    async fn own(&self, session: &Secret) -> Permit<AccountOwner> {
        let caller = self.browses(session).await.unwrap();
        let own = self.access.session_owner(&caller).unwrap().clone();
        self.access.permit_account(&caller, &own).await.unwrap()
    }

    /// Gives somebody with a password an authenticator, of which the code of now is used up.
    async fn authenticator(&self, username: &str) -> (Authenticator, Vec<RecoveryCode>) {
        let permit = self.own(&self.enter(username).await).await;
        let secret = self.access.begin_authenticator(&permit, None).await.unwrap();
        let authenticator = Authenticator(secret.uri("acme.example", username).unwrap());
        assert!(!self.access.second_factor(&permit).await.unwrap().authenticator, "it does not count yet");
        let wrong = self.access.confirm_authenticator(&permit, "000000x").await;
        assert!(matches!(wrong, Err(Error::Invalid { field: "code", .. })), "{wrong:?}");
        let codes = self.access.confirm_authenticator(&permit, &authenticator.code(Duration::ZERO)).await.unwrap();
        (authenticator, codes)
    }
}

/// What is on somebody's telephone.
pub(super) struct Authenticator(pub(super) String);

impl Authenticator {
    pub(super) fn code(&self, ahead: Duration) -> String {
        let totp = totp_rs::Totp::from_url(&self.0).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + ahead;
        totp.generate(now.as_secs()).to_string()
    }
}

async fn a_session_is_who_logged_in_until_it_ends(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    fixture.add("bob", Some(PASSWORD), false).await;
    for (username, password) in [("ann", "wrong horse battery"), ("nobody", PASSWORD)] {
        assert!(unauthenticated(fixture.access.log_in(username, password, &Visit::default()).await));
    }
    let (_, token) = fixture.personal_token("ann", token("admin", &[])).await;
    assert!(
        unauthenticated(fixture.access.log_in("ann", token.reveal(), &Visit::default()).await),
        "a token is no password"
    );

    let (first, second) = (fixture.enter("ann").await, fixture.enter("ann").await);
    assert_ne!(first.reveal(), second.reveal(), "each login has a secret of its own");
    assert_eq!(fixture.browses(&first).await.unwrap().principal().name().as_deref(), Some("ann"));
    let permit = fixture.own(&first).await;
    let sessions = fixture.access.sessions(&permit).await.unwrap();
    assert_eq!(sessions.len(), 2);
    let bob = fixture.own(&fixture.enter("bob").await).await;
    let others = fixture.access.end_one_session(&bob, &sessions[0].id).await;
    assert!(matches!(others, Err(Error::NotFound { .. })), "it is not bob's: {others:?}");

    fixture.access.end_other_sessions(&permit).await.unwrap();
    assert!(unauthenticated(fixture.browses(&second).await));
    let caller = fixture.browses(&first).await.unwrap();
    fixture.access.end_session(&caller).await.unwrap();
    assert!(unauthenticated(fixture.browses(&first).await));
    assert!(fixture.access.sessions(&permit).await.unwrap().is_empty());

    let third = fixture.enter("ann").await;
    fixture.access.set_password(&permit, "another horse battery").await.unwrap();
    assert!(unauthenticated(fixture.browses(&third).await), "a new password ends it");
    let fourth = fixture.enter("bob").await;
    fixture.access.set_disabled(&bob, true).await.unwrap();
    assert!(unauthenticated(fixture.browses(&fourth).await));
    assert!(unauthenticated(fixture.access.log_in("bob", PASSWORD, &Visit::default()).await));
    let shown_elsewhere = fixture.bears(fixture.enter_with("ann", "another horse battery").await.reveal()).await;
    assert!(unauthenticated(shown_elsewhere), "a session is no token");
}

async fn a_session_ends_within_a_second_elsewhere(place: Place) {
    let (here, elsewhere) = (open(&place, Anonymous::Nothing).await, open(&place, Anonymous::Nothing).await);
    here.add("ann", Some(PASSWORD), false).await;
    let session = here.enter("ann").await;
    elsewhere.browses(&session).await.unwrap();
    let caller = here.browses(&session).await.unwrap();
    here.access.end_session(&caller).await.unwrap();
    let last = until(async || unauthenticated(elsewhere.browses(&session).await)).await;
    assert!(last < Duration::from_secs(1), "{last:?}");
}

async fn the_password_alone_does_not_do_with_a_second_factor(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    fixture.logs_in("ann", PASSWORD).await.unwrap();
    let (_, token) = fixture.personal_token("ann", token("pull", &[])).await;
    let (authenticator, codes) = fixture.authenticator("ann").await;
    assert_eq!(codes.len(), 10);

    assert!(matches!(fixture.logs_in("ann", PASSWORD).await, Err(Error::SecondFactorAsked)));
    assert!(
        unauthenticated(fixture.logs_in("ann", "wrong horse battery").await),
        "that there is one nobody else hears"
    );
    fixture.logs_in("ann", token.reveal()).await.unwrap();

    let waiting = fixture.waits("ann").await;
    assert!(unauthenticated(fixture.browses(&waiting).await), "half way is not in");
    let session = fixture.proves(&waiting, Proof::of(&authenticator.code(NEXT))).await.unwrap();
    assert!(fixture.access.second_factor(&fixture.own(&session).await).await.unwrap().authenticator);
}

async fn every_code_is_good_once(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (authenticator, codes) = fixture.authenticator("ann").await;
    let used = authenticator.code(Duration::ZERO);
    assert!(fixture.proves(&fixture.waits("ann").await, Proof::of(&used)).await.is_err(), "it was shown to set it up");
    let code = authenticator.code(NEXT);
    let waiting = fixture.waits("ann").await;
    fixture.proves(&waiting, Proof::of(&code)).await.unwrap();
    assert!(fixture.proves(&fixture.waits("ann").await, Proof::of(&code)).await.is_err(), "a code is good once");
    let again = fixture.proves(&waiting, Proof::of(&codes[0].reveal())).await;
    assert!(unauthenticated(again), "so is what was waiting");

    let recovery = codes[0].reveal();
    // At the same time: one of them gets in.
    let (one, other) = (fixture.waits("ann").await, fixture.waits("ann").await);
    let (one, other) =
        tokio::join!(fixture.proves(&one, Proof::of(&recovery)), fixture.proves(&other, Proof::of(&recovery)));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let session = one.or(other).unwrap();
    let permit = fixture.own(&session).await;
    assert_eq!(fixture.access.second_factor(&permit).await.unwrap().recovery_codes, 9);

    let new = fixture.access.new_recovery_codes(&permit, Proof::of(&codes[1].reveal())).await.unwrap();
    let old = fixture.proves(&fixture.waits("ann").await, Proof::of(&codes[2].reveal())).await;
    assert!(matches!(old, Err(Error::Invalid { .. })), "new ones end the old: {old:?}");
    fixture.proves(&fixture.waits("ann").await, Proof::of(&new[0].reveal())).await.unwrap();
}

async fn a_password_is_good_for_five_codes(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (_, codes) = fixture.authenticator("ann").await;
    let waiting = fixture.waits("ann").await;
    for _ in 0..5 {
        let wrong = fixture.proves(&waiting, Proof::of("000000")).await;
        assert!(matches!(wrong, Err(Error::Invalid { field: "code", .. })), "{wrong:?}");
    }
    assert!(unauthenticated(fixture.proves(&waiting, Proof::of(&codes[0].reveal())).await), "also for a right one");
    let waiting = fixture.waits("ann").await;
    for _ in 0..5 {
        let _wrong = fixture.proves(&waiting, Proof::of("000000")).await;
    }
    let waiting = fixture.access.log_in("ann", PASSWORD, &Visit::default()).await;
    assert!(matches!(waiting, Err(Error::TooMany { .. })), "ten wrong ones slow the account, with new passwords too");
}

async fn what_was_begun_before_a_new_password_is_worth_nothing(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (authenticator, _) = fixture.authenticator("ann").await;
    let waiting = fixture.waits("ann").await;
    let permit = fixture.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    fixture.access.set_password(&permit, "another horse battery").await.unwrap();
    assert!(unauthenticated(fixture.proves(&waiting, Proof::of(&authenticator.code(NEXT))).await));
}

async fn a_second_factor_is_taken_away_by_who_has_it_or_an_administrator(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    for who in ["ann", "bob"] {
        fixture.add(who, Some(PASSWORD), false).await;
    }
    let (authenticator, codes) = fixture.authenticator("ann").await;
    let session = fixture.proves(&fixture.waits("ann").await, Proof::of(&codes[0].reveal())).await.unwrap();
    let permit = fixture.own(&session).await;
    for shown in [None, Some(Proof::of("000000"))] {
        let kept = fixture.access.remove_second_factor(&permit, shown).await;
        assert!(matches!(kept, Err(Error::Invalid { field: "code", .. })), "{kept:?}");
    }
    fixture.access.remove_second_factor(&permit, Some(Proof::of(&authenticator.code(NEXT)))).await.unwrap();
    fixture.logs_in("ann", PASSWORD).await.unwrap();

    fixture.authenticator("bob").await;
    let boss = fixture.administrator("boss").await;
    let lost = fixture.access.permit_account(&boss, &name("bob")).await.unwrap();
    fixture.access.remove_second_factor(&lost, None).await.unwrap();
    fixture.logs_in("bob", PASSWORD).await.unwrap();
    let with_a_token = fixture.personal("bob", token("admin", &[])).await;
    let own = fixture.access.permit_account(&with_a_token, &name("bob")).await.unwrap();
    let set_up = fixture.access.begin_authenticator(&own, None).await;
    assert!(matches!(set_up, Err(Error::Denied(_))), "who finds a token does not shut its owner out: {set_up:?}");
}

async fn an_organization_may_ask_for_one(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    for who in ["ann", "bob"] {
        fixture.add(who, Some(PASSWORD), false).await;
    }
    let acme = fixture.organization("acme", "ann").await;
    fixture.create("acme/app", Visibility::Private).await;
    fixture.access.set_member(&acme, &name("bob"), Membership::Member).await.unwrap();
    fixture.give(&acme, Subject::Account(name("bob")), "acme/*", Role::Write).await;
    let robot = fixture.robot(&acme, "deploy").await;
    fixture.give(&acme, Subject::Robot(name("deploy")), "acme/*", Role::Read).await;
    let ask = NamespaceChange { second_factor: Some(true), ..NamespaceChange::default() };

    let ann = fixture.browses(&fixture.enter("ann").await).await.unwrap();
    let owner = fixture.access.permit_organization(&ann, &name("acme")).await.unwrap();
    let without = fixture.access.change_organization(&owner, ask.clone()).await;
    assert!(matches!(without, Err(Error::Conflict(_))), "she would shut herself out: {without:?}");
    let (_, codes) = fixture.authenticator("ann").await;
    fixture.access.change_organization(&owner, ask).await.unwrap();

    let bob = fixture.browses(&fixture.enter("bob").await).await.unwrap();
    assert!(!fixture.may(&bob, Action::Push, "acme/app").await);
    let why = fixture.access.explain(&bob, Some("bob"), Action::Push, &repository("acme/app")).await.unwrap();
    assert!(why.remedies.iter().any(|remedy| remedy.contains("second factor")), "{:?}", why.remedies);
    assert!(fixture.may(&robot, Action::Pull, "acme/app").await, "robots have none to show");
    fixture.authenticator("bob").await;
    assert!(fixture.may(&bob, Action::Push, "acme/app").await, "he has his rights again");
    assert!(fixture.may(&ann, Action::Push, "acme/app").await);

    let session = fixture.proves(&fixture.waits("ann").await, Proof::of(&codes[0].reveal())).await.unwrap();
    let permit = fixture.own(&session).await;
    fixture.access.remove_second_factor(&permit, Some(Proof::of(&codes[1].reveal()))).await.unwrap();
    assert!(!fixture.may(&ann, Action::Pull, "acme/app").await);
    let owner = fixture.access.permit_organization(&ann, &name("acme")).await;
    assert!(matches!(owner, Err(Error::Denied(_))), "an owner without one does not govern: {owner:?}");
}

async fn who_has_the_password_guesses_codes_no_faster_for_that(place: Place) {
    let fixture = open(&place, Anonymous::Nothing).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let from = |address: String| Visit { address: Some(address.parse().unwrap()), ..Visit::default() };
    let home = from("192.0.2.1".to_owned());
    let (authenticator, codes) = fixture.authenticator("ann").await;
    let waiting = fixture.waits_at("ann", &home).await;
    fixture.access.pass_second_factor(waiting.reveal(), Proof::of(&codes[0].reveal()), &home).await.unwrap();

    // From many addresses, all of which show the right password first; then all codes at one time.
    let mut begun = Vec::new();
    for number in 1..=12 {
        let visit = from(format!("198.51.100.{number}"));
        begun.push((fixture.waits_at("ann", &visit).await, visit));
    }
    let guesses = begun.iter().flat_map(|one| std::iter::repeat_n(one, 5)).map(|(waiting, visit)| {
        let (access, waiting, visit) = (fixture.access.clone(), waiting.reveal().to_owned(), visit.clone());
        tokio::spawn(async move { access.pass_second_factor(&waiting, Proof::of("00000a"), &visit).await })
    });
    let mut looked_at = 0;
    for guess in guesses.collect::<Vec<_>>() {
        match guess.await.unwrap() {
            Err(Error::Invalid { .. }) => looked_at += 1,
            Err(Error::TooMany { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(looked_at <= 20, "{looked_at} of 60 guesses were looked at");

    let waiting = fixture.waits_at("ann", &home).await;
    let owner = fixture.access.pass_second_factor(waiting.reveal(), Proof::of(&authenticator.code(NEXT)), &home).await;
    assert!(matches!(owner, Ok(Entry::In(_))), "where she has come from before she is not held up: {owner:?}");
}
