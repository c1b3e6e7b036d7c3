//! Rules that let jobs in: who may make which.

use entrepot_test_engines::on_both_engines;

use super::*;
use crate::NewJobRule;

on_both_engines! {
    a_rule_is_within_its_namespace_and_bounded,
    a_provider_on_this_machine_takes_an_administrator,
}

const ISSUER: &str = "https://id.acme.example";

fn rule(issuer: &str, scopes: &str, repositories: &[&str]) -> NewJobRule {
    NewJobRule {
        label: "test".to_owned(),
        rule: NewJobRule::about(issuer, "registry.acme.example", [("repository", "acme/app")]).unwrap(),
        scopes: Scopes::from_words(scopes.split(' ')).unwrap(),
        repositories: repositories.iter().map(|text| pattern(text)).collect(),
    }
}

async fn a_rule_is_within_its_namespace_and_bounded(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let (access, acme) = (&fixture.access, fixture.organization("acme", "ann").await);
    let many = vec!["acme/app"; 51];
    let long = "x".repeat(9 * 1024);
    let claims = [("repository", "acme/app"), ("ref", long.as_str())];
    let too_long =
        NewJobRule::about(ISSUER, "x", claims).map(|about| NewJobRule { rule: about, ..rule(ISSUER, "pull", &[]) });
    let refused = [rule(ISSUER, "admin", &[]), rule(ISSUER, "pull", &["other/app"]), rule(ISSUER, "pull", &many)];
    for new in refused.into_iter().chain(too_long) {
        assert!(matches!(access.add_job_rule(&acme, new).await, Err(Error::Invalid { .. })));
    }
    for _ in 0..100 {
        access.add_job_rule(&acme, rule(ISSUER, "pull push", &["acme/*"])).await.unwrap();
    }
    let more = access.add_job_rule(&acme, rule(ISSUER, "pull", &[])).await;
    assert!(matches!(more, Err(Error::Conflict(_))), "{more:?}");
    let rules = access.job_rules(&acme).await.unwrap();
    assert_eq!(rules.len(), 100);
    access.remove_job_rule(&acme, &rules[0].id).await.unwrap();
    assert!(matches!(access.remove_job_rule(&acme, &rules[0].id).await, Err(Error::NotFound { .. })));
    access.add_job_rule(&acme, rule(ISSUER, "pull", &[])).await.unwrap();
    // Nobody removes another's.
    let other = fixture.organization("other", "ann").await;
    assert!(matches!(access.remove_job_rule(&other, &rules[1].id).await, Err(Error::NotFound { .. })));
}

async fn a_provider_on_this_machine_takes_an_administrator(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let (ann, root) = (fixture.person("ann").await, fixture.administrator("root").await);
    fixture.organization("acme", "ann").await;
    for loopback in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
        let owner = fixture.access.permit_namespace(&ann, "acme").await.unwrap();
        let denied = fixture.access.add_job_rule(&owner, rule(loopback, "pull", &[])).await;
        assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
        fixture.access.add_job_rule(&owner, rule(ISSUER, "pull", &[])).await.unwrap();
        let governs = fixture.access.permit_namespace(&root, "acme").await.unwrap();
        fixture.access.add_job_rule(&governs, rule(loopback, "pull", &[])).await.unwrap();
    }
}
