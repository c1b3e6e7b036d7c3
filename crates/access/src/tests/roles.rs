//! Which rule gives whom what.

use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::Reason;

on_both_engines! {
    every_rule_gives_its_role_and_no_more,
    what_anybody_may_do_is_what_the_configuration_says,
    the_library_is_the_administrators,
    who_lacks_a_role_hears_the_same_whether_or_not_there_is_a_repository,
    the_list_of_repositories_has_no_private_names,
    an_explanation_names_the_rule_and_what_would_help,
}

async fn every_rule_gives_its_role_and_no_more(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    let ann = fixture.person("ann").await;
    let (owner, member, reader, writer) = (
        fixture.person("owner").await,
        fixture.person("member").await,
        fixture.person("reader").await,
        fixture.person("writer").await,
    );
    let (guest, stranger, root) =
        (fixture.person("guest").await, fixture.person("stranger").await, fixture.administrator("root").await);
    let acme = fixture.organization("acme", "owner").await;
    access.set_member(&acme, &name("member"), Membership::Member).await.unwrap();
    for (team, who, role) in [("readers", "reader", Role::Read), ("writers", "writer", Role::Write)] {
        access.create_team(&acme, &name(team), "").await.unwrap();
        access.add_team_member(&acme, &name(team), &name(who)).await.unwrap();
        fixture.give(&acme, Subject::Team(name(team)), "acme/app*", role).await;
    }
    fixture.give(&acme, Subject::Account(name("guest")), "acme/app", Role::Write).await;
    let robot = fixture.robot(&acme, "deploy").await;
    fixture.give(&acme, Subject::Robot(name("deploy")), "acme/app", Role::Write).await;
    let (_, secret) = access.create_organization_token(&acme, token("pull push delete", &[])).await.unwrap();
    let organization = fixture.shows(&secret).await.unwrap();
    for (on, visibility) in
        [("acme/app", Visibility::Private), ("acme/open", Visibility::Public), ("ann/own", Visibility::Private)]
    {
        fixture.create(on, visibility).await;
    }
    let nobody = access.nobody(None);
    for (who, caller, app, app2, open, own) in [
        ("nobody", &nobody, "nothing", "nothing", "pull", "nothing"),
        ("stranger", &stranger, "nothing", "nothing", "pull", "nothing"),
        ("ann", &ann, "nothing", "nothing", "pull", "all"),
        ("owner", &owner, "all", "all", "all", "nothing"),
        ("member", &member, "nothing", "nothing", "pull", "nothing"),
        ("reader", &reader, "pull", "pull", "pull", "nothing"),
        ("writer", &writer, "all", "all", "pull", "nothing"),
        ("guest", &guest, "all", "nothing", "pull", "nothing"),
        ("robot", &robot, "all", "nothing", "pull", "nothing"),
        ("organization", &organization, "all", "all", "all", "nothing"),
        ("root", &root, "all", "all", "all", "all"),
        ("operator", &Access::operator(), "all", "all", "all", "all"),
    ] {
        for (on, rights) in [("acme/app", app), ("acme/app2", app2), ("acme/open", open), ("ann/own", own)] {
            assert_eq!(fixture.rights(caller, on).await, rights, "{who} on {on}");
        }
    }
    for (who, caller, may) in [
        ("owner", &owner, true),
        ("root", &root, true),
        ("writer", &writer, false),
        ("organization without the scope admin", &organization, false),
        ("nobody", &nobody, false),
    ] {
        assert_eq!(access.permit_namespace(caller, "acme").await.is_ok(), may, "{who}");
        assert_eq!(access.permit_repository(caller, &repository("acme/app")).await.is_ok(), may, "{who}");
    }
    fixture.give(&acme, Subject::Account(name("guest")), "acme/app", Role::Admin).await;
    access.permit_repository(&guest, &repository("acme/app")).await.unwrap();
    assert!(access.permit_namespace(&guest, "acme").await.is_err(), "a role on a repository is none on the namespace");
    assert!(access.permit_account(&owner, &name("member")).await.is_err(), "an owner does not own people");
}

async fn what_anybody_may_do_is_what_the_configuration_says(place: Place) {
    for (anonymous, public, unowned) in [
        (Anonymous::Nothing, "nothing", "nothing"),
        (Anonymous::Pull, "pull", "nothing"),
        (Anonymous::Push, "pull", "all"),
    ] {
        let fixture = open(&place, anonymous).await;
        if anonymous == Anonymous::Nothing {
            fixture.account("ann").await;
            fixture.create("ann/open", Visibility::Public).await;
            fixture.create("ann/own", Visibility::Private).await;
        }
        let nobody = fixture.access.nobody(None);
        assert_eq!(fixture.rights(&nobody, "ann/open").await, public, "{anonymous:?}");
        assert_eq!(fixture.rights(&nobody, "ann/own").await, "nothing", "{anonymous:?}");
        assert_eq!(fixture.rights(&nobody, "unowned/app").await, unowned, "{anonymous:?}");
        assert_eq!(fixture.rights(&nobody, "hello-world").await, unowned, "{anonymous:?}");
        assert_eq!(fixture.access.decide_catalog(&nobody).is_ok(), anonymous != Anonymous::Nothing);
        assert!(unauthenticated(fixture.access.permit_system(&nobody)));
    }
}

async fn the_library_is_the_administrators(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let (ann, root) = (fixture.person("ann").await, fixture.administrator("root").await);
    assert!(fixture.access.permit_namespace(&ann, "library").await.is_err());
    let library = fixture.access.permit_namespace(&root, "library").await.unwrap();
    assert_eq!(fixture.rights(&root, "hello-world").await, "all");
    assert_eq!(fixture.rights(&ann, "hello-world").await, "pull", "what is in the library is public");
    fixture.give(&library, Subject::Account(name("ann")), "hello-*", Role::Write).await;
    assert_eq!(fixture.rights(&ann, "hello-world").await, "all");
    assert!(fixture.access.create_robot(&library, &name("bot"), "").await.is_err());
    assert!(fixture.access.robots(&library, None, 10).await.unwrap().is_empty());
    assert!(
        fixture.access.set_grant(&library, Subject::Account(name("ann")), pattern("acme/*"), Role::Read).await.is_err()
    );
}

async fn who_lacks_a_role_hears_the_same_whether_or_not_there_is_a_repository(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let stranger = fixture.person("stranger").await;
    fixture.create("ann/there", Visibility::Private).await;
    for action in [Action::Pull, Action::Push, Action::Delete] {
        let mut said = Vec::new();
        for on in ["ann/there", "ann/not-there", "nobody/there"] {
            let error = fixture.access.decide(&stranger, action, &repository(on)).await.unwrap_err();
            said.push(error.to_string().replace(on, "it"));
        }
        assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
    }
    for on in ["ann/there", "ann/not-there"] {
        assert!(matches!(
            fixture.access.repository(&stranger, &repository(on)).await,
            Err(Error::NotFound { what: "repository", .. })
        ));
        let error = fixture.access.permit_repository(&stranger, &repository(on)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{on} does not exist, or you lack the role admin"));
    }
    for organization in ["ann", "nobody"] {
        let error = fixture.access.permit_member(&stranger, &name(organization)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("there is no organization {organization}"));
        let error = fixture.access.permit_namespace(&stranger, organization).await.unwrap_err();
        assert_eq!(error.to_string(), format!("only owners of {organization} may do this"));
    }
}

async fn the_list_of_repositories_has_no_private_names(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let (ann, root) = (fixture.person("ann").await, fixture.administrator("root").await);
    fixture.account("bob").await;
    let all = ["ann/open", "ann/own", "bob/open", "bob/own"];
    for on in all {
        let visibility = if on.ends_with("own") { Visibility::Private } else { Visibility::Public };
        fixture.create(on, visibility).await;
    }
    let narrow = fixture.personal("ann", token("pull", &["ann/*"])).await;
    let pushing = fixture.personal("ann", token("push", &[])).await;
    let catalog = fixture.granted(&narrow, &["registry:catalog:*"]).await;
    let through = fixture.bears(&catalog.token).await.unwrap();
    for (who, caller, seen) in [
        ("nobody", &fixture.access.nobody(None), &["ann/open", "bob/open"][..]),
        ("ann", &ann, &["ann/open", "ann/own", "bob/open"]),
        ("root", &root, &all),
        ("a token for ann's repositories", &narrow, &["ann/open", "ann/own"]),
        ("a registry token that it was given", &through, &["ann/open", "ann/own"]),
        ("a token that may not pull", &pushing, &[]),
    ] {
        let names = all.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(fixture.access.visible(caller, names).await.unwrap(), seen, "{who}");
    }
    let (listed, _) = fixture.access.repositories(&fixture.access.nobody(None), "bob", None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["bob/open"]);
    assert!(fixture.access.decide_catalog(&pushing).is_err());
}

async fn an_explanation_names_the_rule_and_what_would_help(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let (ann, root) = (fixture.person("ann").await, fixture.administrator("root").await);
    fixture.account("bob").await;
    let acme = fixture.organization("acme", "bob").await;
    fixture.create("acme/app", Visibility::Private).await;
    let ask = async |caller: &Caller, who: Option<&str>, action| {
        fixture.access.explain(caller, who, action, &repository("acme/app")).await
    };
    let denied = ask(&root, Some("ann"), Action::Push).await.unwrap();
    assert!(!denied.allowed && denied.reasons.is_empty() && denied.needed == Role::Write);
    assert!(denied.remedies.iter().any(|text| text.contains("entrepot repo grant acme/app ann write")), "{denied:?}");
    fixture.give(&acme, Subject::Account(name("ann")), "acme/*", Role::Write).await;
    let allowed = ask(&ann, Some("ann"), Action::Push).await.unwrap();
    assert!(allowed.allowed && allowed.remedies.is_empty());
    assert_eq!(allowed.reasons, [Reason::Direct { pattern: pattern("acme/*"), role: Role::Write }]);
    assert!(matches!(ask(&ann, Some("bob"), Action::Pull).await, Err(Error::Denied(_))));
    assert!(!ask(&root, None, Action::Pull).await.unwrap().allowed);
    assert_eq!(ask(&root, Some("bob"), Action::Push).await.unwrap().reasons, [Reason::Owner("acme".to_owned())]);
    assert!(matches!(ask(&root, Some("carl"), Action::Push).await, Err(Error::NotFound { .. })));
    fixture.robot(&acme, "deploy").await;
    let robot = ask(&root, Some("acme+deploy"), Action::Pull).await.unwrap();
    assert!(!robot.allowed && robot.remedies.iter().any(|text| text.contains("entrepot robot grant acme deploy")));
}
