//! Repositories as the rules know them: how they begin, how many there may be, and which tags stay.

use std::num::NonZeroU32;

use entrepot_registry::gate::Action;
use entrepot_registry::{Conditions, RetentionRule};
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::{ImmutableTags, Quota, frozen_tags};

on_both_engines! {
    a_repository_begins_with_the_first_push_as_its_namespace_has_it,
    a_namespace_has_as_many_repositories_as_it_may_and_no_more,
    tags_that_do_not_move,
    rules_of_retention_stay_within_their_namespace,
    retention_knows_which_tags_do_not_move,
    repositories_from_before_there_were_rules_are_public,
}

async fn a_repository_begins_with_the_first_push_as_its_namespace_has_it(place: Place) {
    let fixture = open(&place, Anonymous::Push).await;
    let ann = fixture.person("ann").await;
    let found = async |on: &str| fixture.access.repository(&Access::operator(), &repository(on)).await;
    assert!(fixture.access.may(&ann, Action::Push, &repository("ann/app")).await.unwrap());
    assert!(fixture.may(&ann, Action::Pull, "ann/app").await);
    assert!(found("ann/app").await.is_err(), "nothing begins with a question or a pull");
    assert!(fixture.may(&ann, Action::Push, "ann/app").await);
    let begun = found("ann/app").await.unwrap();
    assert_eq!((begun.visibility, begun.created_by.as_str()), (Visibility::Private, "ann"));
    let permit = fixture.access.permit_account(&ann, &name("ann")).await.unwrap();
    let change = crate::AccountChange { default_visibility: Some(Visibility::Public), ..Default::default() };
    fixture.access.change_account(&permit, change).await.unwrap();
    assert!(fixture.may(&ann, Action::Push, "ann/second").await);
    assert_eq!(found("ann/second").await.unwrap().visibility, Visibility::Public);
    assert_eq!(found("ann/app").await.unwrap().visibility, Visibility::Private, "what is there stays as it is");
    let nobody = fixture.access.nobody(None);
    assert!(fixture.may(&nobody, Action::Push, "unowned/app").await);
    assert_eq!(found("unowned/app").await.unwrap().visibility, Visibility::Public);
    let own = fixture.access.permit_repository(&ann, &repository("ann/app")).await.unwrap();
    assert!(matches!(fixture.access.create_repository(&own, None).await, Err(Error::Exists { .. })));
}

async fn a_namespace_has_as_many_repositories_as_it_may_and_no_more(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let ann = one.person("ann").await;
    let (system, owner) = (one.access.permit_system(&Access::operator()).unwrap(), one.owner_of("ann").await);
    one.access.set_quota(&system, &owner, Quota { max_repositories: Some(5), ..Quota::default() }).await.unwrap();
    let pushes = (0..20).map(|number| {
        let access = if number % 2 == 0 { one.access.clone() } else { other.access.clone() };
        let ann = ann.clone();
        tokio::spawn(async move {
            access.decide(&ann, Action::Push, &repository(&format!("ann/app{number}"))).await.map(drop)
        })
    });
    let mut begun = 0;
    for push in pushes.collect::<Vec<_>>() {
        match push.await.unwrap() {
            Ok(()) => begun += 1,
            Err(Error::QuotaReached { namespace, .. }) => assert_eq!(namespace, "ann"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(begun, 5);
    let (there, _) = one.access.repositories(&ann, "ann", None, 100).await.unwrap();
    assert_eq!(there.len(), 5);
    assert!(one.may(&ann, Action::Push, there[0].name.as_str()).await, "what is there may be pushed to");
    one.access.set_quota(&system, &owner, Quota::default()).await.unwrap();
    assert!(one.may(&ann, Action::Push, "ann/one-more").await);
}

async fn tags_that_do_not_move(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let ann = fixture.person("ann").await;
    let owner = fixture.owner_of("ann").await;
    let rule = |on: &str, tags: &str| ImmutableTags { repositories: pattern(on), tags: pattern(tags) };
    fixture.access.set_immutable(&owner, rule("ann/app", "v*"), true).await.unwrap();
    let frozen = async |on: &str, tag: &str| {
        let terms = fixture.access.decide(&ann, Action::Push, &repository(on)).await.unwrap();
        terms.freezes(&tag.parse().unwrap())
    };
    for (on, tag, stays) in [("ann/app", "v1", true), ("ann/app", "latest", false), ("ann/other", "v1", false)] {
        assert_eq!(frozen(on, tag).await, stays, "{on}:{tag}");
    }
    assert!(matches!(
        fixture.access.set_immutable(&owner, rule("bob/*", "v*"), true).await,
        Err(Error::Invalid { field: "pattern", .. })
    ));
    assert_eq!(fixture.access.immutable(&owner).await.unwrap(), [rule("ann/app", "v*")]);
    fixture.access.set_immutable(&owner, rule("ann/app", "v*"), false).await.unwrap();
    assert!(!frozen("ann/app", "v1").await);
    let gone = fixture.access.set_immutable(&owner, rule("ann/app", "v*"), false).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })));
}

async fn rules_of_retention_stay_within_their_namespace(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let _ann = fixture.person("ann").await;
    let owner = fixture.owner_of("ann").await;
    let keeps = |last| Conditions::new(NonZeroU32::new(last), None, None).unwrap();
    let rule = |on: &str, last| RetentionRule { repositories: pattern(on), tags: pattern("pr-*"), keeps: keeps(last) };
    assert!(matches!(
        fixture.access.set_retention(&owner, rule("bob/*", 1)).await,
        Err(Error::Invalid { field: "pattern", .. })
    ));
    for last in [1, 2] {
        fixture.access.set_retention(&owner, rule("ann/*", last)).await.unwrap();
        assert_eq!(fixture.access.retention(&owner).await.unwrap(), [rule("ann/*", last)], "the later one replaces it");
    }
    let remove = || fixture.access.remove_retention(&owner, pattern("ann/*"), pattern("pr-*"));
    remove().await.unwrap();
    assert!(matches!(remove().await, Err(Error::NotFound { .. })));
    for number in 0..100 {
        fixture.access.set_retention(&owner, rule(&format!("ann/{number}"), 1)).await.unwrap();
    }
    assert!(matches!(
        fixture.access.set_retention(&owner, rule("ann/more", 1)).await,
        Err(Error::Invalid { field: "retention", .. })
    ));
}

async fn retention_knows_which_tags_do_not_move(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let _ann = fixture.person("ann").await;
    let owner = fixture.owner_of("ann").await;
    let immutable = ImmutableTags { repositories: pattern("ann/app"), tags: pattern("v*") };
    fixture.access.set_immutable(&owner, immutable, true).await.unwrap();
    for (on, tag, stays) in
        [("ann/app", "v1", true), ("ann/app", "latest", false), ("ann/other", "v1", false), ("bob/app", "v1", false)]
    {
        let name = repository(on);
        let asked = fixture.access.0.database.read(move |connection| frozen_tags(connection, &name));
        assert_eq!(asked.await.unwrap().freezes(&tag.parse().unwrap()), stays, "{on}:{tag}");
    }
}

async fn repositories_from_before_there_were_rules_are_public(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let all: Vec<String> = ["acme/app", "hello-world", "team/deep/app"].map(str::to_owned).into();
    let pages = |last: Option<String>| {
        let rest = all.iter().filter(|name| last.as_ref().is_none_or(|last| *name > last));
        let page: Vec<_> = rest.take(2).cloned().collect();
        async move { Ok::<_, Error>(page) }
    };
    fixture.access.adopt(pages).await.unwrap();
    let nobody = fixture.access.nobody(None);
    for on in &all {
        assert_eq!(fixture.rights(&nobody, on).await, "pull", "{on}");
    }
    // Once: what is made private later stays so.
    let permit = fixture.access.permit_repository(&Access::operator(), &repository("acme/app")).await.unwrap();
    fixture.access.set_visibility(&permit, Visibility::Private).await.unwrap();
    let asked = std::sync::atomic::AtomicBool::new(false);
    let again = |_| {
        asked.store(true, std::sync::atomic::Ordering::Relaxed);
        async { Ok::<_, Error>(Vec::new()) }
    };
    fixture.access.adopt(again).await.unwrap();
    assert!(!asked.into_inner());
    assert_eq!(fixture.rights(&nobody, "acme/app").await, "nothing");
}
