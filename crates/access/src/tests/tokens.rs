//! What a token leaves of what its owner may do, and for how long.

use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::{On, TokenKind};

on_both_engines! {
    a_token_is_good_for_its_scopes_and_patterns_alone,
    a_registry_token_is_good_for_what_it_says_and_its_holder_may,
    a_token_belongs_to_the_name_it_is_shown_with,
    an_expired_token_ends_in_a_warm_cache_too,
    a_login_is_good_at_the_token_service_and_nowhere_else,
    so_many_scopes_and_no_more,
    the_use_of_a_token_and_of_a_password_is_written_down,
}

async fn a_token_is_good_for_its_scopes_and_patterns_alone(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("root", None, true).await;
    // Of pull, push and delete; the registry and its owner's account; the repository's settings.
    for (scopes, patterns, actions, governs, settings) in [
        ("pull", &[][..], [true, false, false], false, false),
        ("push", &[], [false, true, false], false, false),
        ("delete", &[], [false, false, true], false, false),
        ("pull push", &[], [true, true, false], false, false),
        ("admin", &[], [false, false, false], true, true),
        ("pull push delete admin", &[], [true, true, true], true, true),
        ("pull push delete admin", &["root/app"], [true, true, true], false, true),
        ("pull push delete admin", &["root/*"], [true, true, true], false, true),
        ("pull push delete admin", &["root/other", "acme/*"], [false, false, false], false, false),
    ] {
        let caller = fixture.personal("root", token(scopes, patterns)).await;
        for (action, may) in [Action::Pull, Action::Push, Action::Delete].into_iter().zip(actions) {
            assert_eq!(fixture.may(&caller, action, "root/app").await, may, "{scopes} {patterns:?} {action:?}");
        }
        assert_eq!(fixture.access.permit_system(&caller).is_ok(), governs, "{scopes} {patterns:?}");
        assert_eq!(
            fixture.access.permit_account(&caller, &name("root")).await.is_ok(),
            governs,
            "{scopes} {patterns:?}"
        );
        let permit = fixture.access.permit_repository(&caller, &repository("root/app")).await;
        assert_eq!(permit.is_ok(), settings, "{scopes} {patterns:?}");
    }
}

async fn a_registry_token_is_good_for_what_it_says_and_its_holder_may(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let ann = fixture.person("ann").await;
    fixture.account("bob").await;
    fixture.create("bob/open", Visibility::Public).await;
    fixture.create("bob/own", Visibility::Private).await;
    let asked =
        ["repository:ann/app:pull,push", "repository:bob/open:pull,push", "repository:bob/own:pull,push,delete"];
    let granted = fixture.granted(&ann, &asked).await;
    let got: Vec<_> = granted
        .access
        .iter()
        .map(|access| match &access.on {
            On::Repository(name) => (name.as_str().to_owned(), access.actions.len()),
            On::Catalog => panic!("nobody asked for it"),
        })
        .collect();
    assert_eq!(got, [("ann/app".to_owned(), 2), ("bob/open".to_owned(), 1), ("bob/own".to_owned(), 0)]);
    let caller = fixture.bears(&granted.token).await.unwrap();
    assert_eq!(caller.principal(), ann.principal());
    assert!(caller.is_limited());
    for (action, on, may) in [
        (Action::Pull, "ann/app", true),
        (Action::Push, "ann/app", true),
        (Action::Delete, "ann/app", false),
        (Action::Pull, "ann/other", false),
        (Action::Pull, "bob/open", true),
        (Action::Push, "bob/open", false),
        (Action::Pull, "bob/own", false),
    ] {
        assert_eq!(fixture.may(&caller, action, on).await, may, "{action:?} {on}");
    }
    assert!(fixture.access.permit_account(&caller, &name("ann")).await.is_err(), "it is for repositories alone");
    assert!(fixture.access.decide_catalog(&caller).is_err());
    assert!(unauthenticated(fixture.access.grant_token(&caller, Service::default()).await), "it buys no other");

    let nobody = fixture.granted(&fixture.access.nobody(None), &["repository:bob/open:pull,push"]).await;
    let nobody = fixture.bears(&nobody.token).await.unwrap();
    assert!(nobody.is_anonymous() && fixture.may(&nobody, Action::Pull, "bob/open").await);
    assert!(!fixture.may(&nobody, Action::Push, "bob/open").await);
    // What the holder loses the token loses.
    let owner = fixture.access.permit_repository(&Access::operator(), &repository("bob/open")).await.unwrap();
    fixture.access.set_visibility(&owner, Visibility::Private).await.unwrap();
    assert!(
        !fixture.may(&nobody, Action::Pull, "bob/open").await && !fixture.may(&caller, Action::Pull, "bob/open").await
    );
}

async fn a_token_belongs_to_the_name_it_is_shown_with(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    fixture.account("bob").await;
    let (_, secret) = fixture.personal_token("ann", token("pull", &[])).await;
    fixture.logs_in("ann", secret.reveal()).await.unwrap();
    for other in ["bob", "", "Ann", "ann+bot", "carl"] {
        assert!(unauthenticated(fixture.logs_in(other, secret.reveal()).await), "{other}");
    }
    assert!(unauthenticated(fixture.bears(&format!("{}x", secret.reveal())).await));
    assert!(unauthenticated(fixture.bears("ept_").await));
    let acme = fixture.organization("acme", "ann").await;
    let robot = fixture.robot(&acme, "deploy").await;
    assert_eq!(robot.principal().name().as_deref(), Some("acme+deploy"));
    let new = token("pull", &[]);
    let (_, secret) = fixture.access.create_robot_token(&acme, &name("deploy"), new).await.unwrap();
    fixture.logs_in("acme+deploy", secret.reveal()).await.unwrap();
    assert!(unauthenticated(fixture.logs_in("acme", secret.reveal()).await));
}

async fn an_expired_token_ends_in_a_warm_cache_too(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let new = NewToken { lifetime: Some(Duration::from_millis(700)), ..token("pull", &[]) };
    let (_, secret) = fixture.personal_token("ann", new).await;
    let caller = fixture.shows(&secret).await.unwrap();
    let registry_token = fixture.granted(&caller, &["repository:ann/app:pull"]).await.token;
    fixture.bears(&registry_token).await.unwrap();
    tokio::time::sleep(Duration::from_millis(750)).await;
    assert!(unauthenticated(fixture.shows(&secret).await));
    assert!(unauthenticated(fixture.bears(&registry_token).await), "nor is what was issued for it");
}

async fn a_login_is_good_at_the_token_service_and_nowhere_else(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let ann = fixture.logs_in("ann", PASSWORD).await.unwrap();
    let ask = Service { offline: true, client: "docker\r\nX: y".to_owned(), ..Service::default() };
    let login = fixture.access.grant_token(&ann, ask.clone()).await.unwrap().login.unwrap();
    assert!(unauthenticated(fixture.shows(&login).await));
    assert!(unauthenticated(fixture.logs_in("ann", login.reveal()).await));
    let resumed = fixture.access.resume_login(login.reveal(), None).await.unwrap();
    assert_eq!(resumed.principal(), ann.principal());
    assert!(fixture.access.grant_token(&resumed, ask.clone()).await.unwrap().login.is_none(), "a login gives no other");
    let (_, secret) = fixture.personal_token("ann", token("pull", &[])).await;
    assert!(unauthenticated(fixture.access.resume_login(secret.reveal(), None).await));
    let through = fixture.granted(&resumed, &["repository:ann/app:push"]).await.token;
    assert!(fixture.may(&fixture.bears(&through).await.unwrap(), Action::Push, "ann/app").await);

    let permit = fixture.access.permit_account(&ann, &name("ann")).await.unwrap();
    let listed = fixture.access.personal_tokens(&permit, None, 10).await.unwrap();
    let login_row = listed.iter().find(|token| token.kind == TokenKind::Login).unwrap();
    assert_eq!(login_row.label, "dockerX: y");
    fixture.access.set_password(&permit, "another password").await.unwrap();
    assert!(unauthenticated(fixture.access.resume_login(login.reveal(), None).await));
    assert!(unauthenticated(fixture.bears(&through).await));
    // Who showed the old password just before cannot stay logged in with it.
    assert!(unauthenticated(fixture.access.grant_token(&ann, ask).await));
}

async fn so_many_scopes_and_no_more(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let ann = fixture.person("ann").await;
    let scopes = |count: usize| Service {
        scopes: (0..count).map(|number| format!("repository:ann/app{number}:pull").parse().unwrap()).collect(),
        ..Service::default()
    };
    assert_eq!(fixture.access.grant_token(&ann, scopes(64)).await.unwrap().access.len(), 64);
    assert!(matches!(fixture.access.grant_token(&ann, scopes(65)).await, Err(Error::Invalid { field: "scope", .. })));
}

async fn the_use_of_a_token_and_of_a_password_is_written_down(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    let (_, secret) = fixture.personal_token("ann", token("pull admin", &[])).await;
    let permit = fixture.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    assert_eq!(fixture.access.personal_tokens(&permit, None, 10).await.unwrap()[0].used_at, None);
    fixture.shows(&secret).await.unwrap();
    fixture.logs_in("ann", PASSWORD).await.unwrap();
    until(async || {
        let tokens = fixture.access.personal_tokens(&permit, None, 10).await.unwrap();
        tokens[0].used_at.is_some() && fixture.access.account(&permit).await.unwrap().logged_in_at.is_some()
    })
    .await;
}
