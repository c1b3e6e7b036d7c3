//! The log of who did what.

use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::AuditFilter;

on_both_engines! {
    what_changes_rules_is_written_with_the_change,
    what_is_done_and_refused_is_written_soon,
    logins_are_written_with_where_they_came_from,
    old_entries_go_and_young_ones_stay,
    of_several_processes_one_removes_what_is_too_old,
}

async fn log(fixture: &Fixture, filter: AuditFilter) -> Vec<crate::AuditEntry> {
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    fixture.access.audit_log(&system, filter).await.unwrap()
}

async fn what_changes_rules_is_written_with_the_change(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let root = fixture.administrator("root").await;
    fixture.account("ann").await;
    let access = &fixture.access;
    access.create_organization(&root, &name("acme"), &name("root")).await.unwrap();
    let acme = access.permit_namespace(&root, "acme").await.unwrap();
    access.create_team(&acme, &name("devs"), "").await.unwrap();
    fixture.give(&acme, Subject::Team(name("devs")), "acme/*", Role::Write).await;
    // What is not done leaves no entry.
    access.create_team(&acme, &name("devs"), "").await.unwrap_err();
    access.remove_member(&acme, &name("ann")).await.unwrap_err();
    let entries = log(&fixture, AuditFilter { actor: Some("root".to_owned()), ..Default::default() }).await;
    let told: Vec<_> = entries.iter().map(|one| (one.action.as_str(), one.target.as_str(), one.allowed)).collect();
    assert_eq!(
        told,
        [("grant.set", "acme", true), ("team.create", "acme/devs", true), ("organization.create", "acme", true)]
    );
    assert_eq!(entries[0].detail, "team devs: write on acme/*");
    assert!(entries[0].credential.starts_with("token "), "{:?}", entries[0]);
    let older = AuditFilter { target: Some("acme/devs".to_owned()), limit: Some(1), ..Default::default() };
    assert_eq!(log(&fixture, older).await.len(), 1);
    let before = AuditFilter { before: Some(entries[2].id.clone()), ..Default::default() };
    assert!(log(&fixture, before).await.iter().all(|one| one.actor == "(operator)"));
    let secrets = log(&fixture, AuditFilter::default()).await;
    assert!(secrets.iter().all(|one| !format!("{one:?}").contains("ept_")), "no secret is in the log");
}

async fn what_is_done_and_refused_is_written_soon(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let ann = fixture.person("ann").await;
    fixture.account("bob").await;
    let from = crate::Caller::new(ann.who.clone(), Some("192.0.2.1".parse().unwrap()));
    for number in 0..1000 {
        fixture.access.audit_done(&from, "push", &format!("ann/app:{number}"));
    }
    assert!(!fixture.may(&from, Action::Push, "bob/app").await);
    assert!(
        !fixture.may(&fixture.access.nobody(None), Action::Push, "bob/app").await,
        "who did not log in is not written"
    );
    let filter = AuditFilter { target: Some("bob/app".to_owned()), ..Default::default() };
    until(async || !log(&fixture, filter.clone()).await.is_empty()).await;
    let refused = log(&fixture, filter).await;
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].actor.as_str(), refused[0].action.as_str(), refused[0].allowed), ("ann", "push", false));
    assert_eq!(refused[0].address, "192.0.2.1");
    for number in [0, 999] {
        let filter = AuditFilter { target: Some(format!("ann/app:{number}")), ..Default::default() };
        assert_eq!(log(&fixture, filter).await.len(), 1, "{number}");
    }
    // At the end what waits is written too.
    fixture.attending.abort();
    while !fixture.attending.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    fixture.access.audit_done(&from, "push", "ann/last");
    fixture.access.finish().await;
    assert_eq!(log(&fixture, AuditFilter { target: Some("ann/last".to_owned()), ..Default::default() }).await.len(), 1);
}

async fn logins_are_written_with_where_they_came_from(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("ann", Some(PASSWORD), false).await;
    for password in ["wrong", PASSWORD, PASSWORD] {
        let shown = Shown::Basic { username: "ann", password };
        let _ = fixture.access.identify(shown, Some("192.0.2.1".parse().unwrap())).await;
    }
    let filter = AuditFilter { target: Some("ann".to_owned()), ..Default::default() };
    until(async || log(&fixture, filter.clone()).await.len() == 3).await;
    let told: Vec<_> = log(&fixture, filter).await;
    let told: Vec<_> = told.iter().map(|one| (one.action.as_str(), one.actor.as_str(), one.allowed)).collect();
    assert_eq!(told, [("login", "ann", true), ("login", "", false), ("account.create", "(operator)", true)]);
}

async fn old_entries_go_and_young_ones_stay(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let between = entrepot_database::Timestamp::now();
    tokio::time::sleep(Duration::from_millis(2)).await;
    fixture.account("bob").await;
    assert_eq!(fixture.access.forget_audit(between).await.unwrap(), 1);
    assert_eq!(
        log(&fixture, AuditFilter::default()).await.iter().map(|one| one.target.clone()).collect::<Vec<_>>(),
        ["bob"]
    );
    assert_eq!(fixture.access.forget_audit(between).await.unwrap(), 0);
}

async fn of_several_processes_one_removes_what_is_too_old(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    for number in 0..3 {
        one.account(&format!("old-{number}")).await;
    }
    let kept = Duration::from_secs(3);
    tokio::time::sleep(kept).await;
    one.account("young").await;
    let both =
        async { tokio::join!(one.access.forget_audit_regularly(kept), other.access.forget_audit_regularly(kept)) };
    let gone = until(async || {
        let left = log(&one, AuditFilter::default()).await;
        left.iter().all(|entry| !entry.target.starts_with("old-"))
    });
    tokio::select! {
        ((), ()) = both => {}
        _ = gone => {}
    }
    let again = one.access.0.database.run_job("forget-audit", kept, async { Ok::<_, Error>(()) }).await.unwrap();
    assert!(again.is_none(), "one has done it, so it is not due");
    let left = log(&one, AuditFilter::default()).await;
    assert_eq!(left.iter().map(|entry| entry.target.as_str()).collect::<Vec<_>>(), ["young"]);
}
