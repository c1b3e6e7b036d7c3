//! What is taken away is gone: at once in the process that takes it, and within a second in every other over the same database.

use entrepot_registry::gate::Action;
use entrepot_test_engines::{on_both_engines, options};
use entrepot_test_support::{Fault, FaultProxy};

use super::*;

on_both_engines! {
    what_is_taken_away_is_gone_at_once_here_and_within_a_second_elsewhere,
    a_new_secret_ends_what_was_issued_for_the_old,
    a_process_that_lost_its_database_refuses,
}

/// How long another process may go on believing.
const A_SECOND: Duration = Duration::from_secs(1);

/// One of the ways to take something away, with a caller who loses by it.
struct Way {
    what: &'static str,
    /// What the caller shows: a token, or a name and a password.
    shown: (Option<&'static str>, String),
    on: &'static str,
}

async fn caller(access: &Access, way: &Way) -> Result<Caller, Error> {
    match &way.shown {
        (Some(username), password) => access.identify(Shown::Basic { username, password }, None).await,
        (None, token) => access.identify(Shown::Bearer(token), None).await,
    }
}

/// Whether what the way shows still pulls.
async fn pulls(access: &Access, way: &Way) -> bool {
    match caller(access, way).await {
        Ok(caller) => access.decide(&caller, Action::Pull, &repository(way.on)).await.is_ok(),
        Err(Error::Unauthenticated) => false,
        Err(error) => panic!("{}: {error}", way.what),
    }
}

async fn what_is_taken_away_is_gone_at_once_here_and_within_a_second_elsewhere(place: Place) {
    let (here, elsewhere) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    let access = &here.access;
    here.account("boss").await;
    let acme = here.organization("acme", "boss").await;
    access.create_team(&acme, &name("readers"), "").await.unwrap();
    here.give(&acme, Subject::Team(name("readers")), "acme/*", Role::Read).await;
    for on in ["acme/app", "ann/own", "carl/own"] {
        if on != "acme/app" {
            here.add(on.split('/').next().unwrap(), Some(PASSWORD), false).await;
        }
        here.create(on, Visibility::Private).await;
    }
    for who in ["bob", "dora", "emil"] {
        here.account(who).await;
        access.add_team_member(&acme, &name("readers"), &name(who)).await.unwrap();
    }
    let everything = || token("pull push delete admin", &[]);
    access.create_robot(&acme, &name("deploy"), "").await.unwrap();
    here.give(&acme, Subject::Robot(name("deploy")), "acme/app", Role::Read).await;
    let (_, robot) = access.create_robot_token(&acme, &name("deploy"), everything()).await.unwrap();
    let (organization_id, organization) = access.create_organization_token(&acme, everything()).await.unwrap();
    let (ann_id, ann) = here.personal_token("ann", everything()).await;
    let registry =
        async |caller: &Caller, on: &str| here.granted(caller, &[&format!("repository:{on}:pull")]).await.token;
    let by_token = |secret: &Secret| (None, secret.reveal().to_owned());
    let mut ways = vec![
        Way { what: "a revoked token", shown: by_token(&ann), on: "ann/own" },
        Way {
            what: "a registry token for a revoked token",
            shown: (None, registry(&here.shows(&ann).await.unwrap(), "ann/own").await),
            on: "ann/own",
        },
        Way { what: "an old password", shown: (Some("ann"), PASSWORD.to_owned()), on: "ann/own" },
        Way {
            what: "a registry token for an old password",
            shown: (None, registry(&here.logs_in("ann", PASSWORD).await.unwrap(), "ann/own").await),
            on: "ann/own",
        },
        Way { what: "a disabled account", shown: (Some("carl"), PASSWORD.to_owned()), on: "carl/own" },
        Way { what: "a disabled robot", shown: by_token(&robot), on: "acme/app" },
        Way { what: "an organization's revoked token", shown: by_token(&organization), on: "acme/app" },
    ];
    for (who, what) in
        [("bob", "out of the team"), ("dora", "out of the organization"), ("emil", "without the team's role")]
    {
        ways.push(Way { what, shown: by_token(&here.personal_token(who, everything()).await.1), on: "acme/app" });
    }
    for way in &ways {
        assert!(pulls(access, way).await && pulls(&elsewhere.access, way).await, "{} pulls before", way.what);
        assert!(pulls(&elsewhere.access, way).await, "{} pulls from memory", way.what);
    }
    let account = async |text: &str| access.permit_account(&Access::operator(), &name(text)).await.unwrap();
    for way in &ways {
        match way.what {
            "a revoked token" | "a registry token for a revoked token" => {
                let _ = access.revoke_personal_token(&account("ann").await, &ann_id).await;
            }
            "an old password" | "a registry token for an old password" => {
                access.set_password(&account("ann").await, "another password").await.unwrap();
            }
            "a disabled account" => access.set_disabled(&account("carl").await, true).await.unwrap(),
            "a disabled robot" => access.set_robot_disabled(&acme, &name("deploy"), true).await.unwrap(),
            "an organization's revoked token" => {
                access.revoke_namespace_token(&acme, &organization_id).await.unwrap();
            }
            "out of the team" => access.remove_team_member(&acme, &name("readers"), &name("bob")).await.unwrap(),
            "out of the organization" => access.remove_member(&acme, &name("dora")).await.unwrap(),
            "without the team's role" => {
                access.remove_grant(&acme, Subject::Team(name("readers")), pattern("acme/*")).await.unwrap();
            }
            other => panic!("{other}"),
        }
        assert!(!pulls(access, way).await, "{} pulls here after", way.what);
        let took = until(async || !pulls(&elsewhere.access, way).await).await;
        assert!(took < A_SECOND, "{} pulls elsewhere for {took:?}", way.what);
    }
    // What a disabled person's robot may do ends too.
    let carl = here.owner_of("carl").await;
    access.create_robot(&carl, &name("bot"), "").await.unwrap();
    let (_, bot) = access.create_robot_token(&carl, &name("bot"), everything()).await.unwrap();
    assert!(unauthenticated(here.shows(&bot).await));
    access.set_disabled(&account("carl").await, false).await.unwrap();
    here.shows(&bot).await.unwrap();
}

async fn a_new_secret_ends_what_was_issued_for_the_old(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let (id, old) = fixture.personal_token("ann", token("pull", &[])).await;
    let issued = fixture.granted(&fixture.shows(&old).await.unwrap(), &["repository:ann/app:pull"]).await.token;
    fixture.bears(&issued).await.unwrap();
    let permit = fixture.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
    let new = fixture.access.rotate_personal_token(&permit, &id).await.unwrap();
    assert!(unauthenticated(fixture.shows(&old).await) && unauthenticated(fixture.bears(&issued).await));
    fixture.shows(&new).await.unwrap();
    fixture.account("bob").await;
    let other = fixture.access.permit_account(&Access::operator(), &name("bob")).await.unwrap();
    assert!(matches!(fixture.access.rotate_personal_token(&other, &id).await, Err(Error::NotFound { .. })));
    assert!(matches!(fixture.access.revoke_personal_token(&other, &id).await, Err(Error::NotFound { .. })));
}

/// What it remembers it cannot confirm, so within a second it has to ask, and cannot.
async fn a_process_that_lost_its_database_refuses(place: Place) {
    let Place::Postgres { server, url } = &place else { return };
    let here = open(&place, Anonymous::Pull).await;
    here.account("ann").await;
    let (id, secret) = here.personal_token("ann", token("pull", &[])).await;
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into()).unwrap();
    let through = url.replace(&format!(":{}", server.port()), &format!(":{}", proxy.address().port()));
    assert_ne!(&through, url);
    let database = entrepot_database::Database::connect(options(&through).unwrap(), &[ROOM]).await.unwrap();
    let access = Access::new(Options::new(Anonymous::Pull), database).unwrap();
    let attended = access.clone();
    let _cut_off = Fixture { access: access.clone(), attending: tokio::spawn(async move { attended.attend().await }) };
    let shown = Shown::Bearer(secret.reveal());
    let caller = access.identify(shown, None).await.unwrap();
    access.decide(&caller, Action::Pull, &repository("ann/app")).await.unwrap();

    for fault in [Fault::Cut, Fault::BlackHole] {
        proxy.set(fault);
        let permit = here.access.permit_account(&Access::operator(), &name("ann")).await.unwrap();
        let _ = here.access.revoke_personal_token(&permit, &id).await;
        tokio::time::sleep(A_SECOND).await;
        for attempt in [
            tokio::time::timeout(A_SECOND, access.identify(shown, None)).await.map(|known| known.map(drop)),
            tokio::time::timeout(A_SECOND, access.decide(&caller, Action::Pull, &repository("ann/app")))
                .await
                .map(|decided| decided.map(drop)),
        ] {
            assert!(!matches!(attempt, Ok(Ok(()))), "{fault:?}: it still believes");
        }
    }
    proxy.set(Fault::None);
    until(async || unauthenticated(access.identify(shown, None).await)).await;
}
