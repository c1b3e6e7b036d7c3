//! People, organizations and teams: who stays when others go.

use entrepot_database::Durability;
use entrepot_registry::gate::Action;
use entrepot_test_engines::on_both_engines;

use super::*;
use crate::team::TeamMember;

on_both_engines! {
    the_last_administrator_stays,
    the_last_owner_stays,
    two_administrators_cannot_both_go,
    names_are_taken_once,
    an_account_turns_into_an_organization,
    what_somebody_was_given_goes_with_their_membership,
    a_roster_has_the_first_people_of_each_team,
    a_file_of_bcrypt_hashes_lets_its_people_in,
}

async fn the_last_administrator_stays(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let root = fixture.administrator("root").await;
    let access = &fixture.access;
    let system = access.permit_system(&root).unwrap();
    let own = access.permit_account(&root, &name("root")).await.unwrap();
    assert!(matches!(access.set_administrator(&system, &own, false).await, Err(Error::Conflict(_))));
    assert!(matches!(access.set_disabled(&own, true).await, Err(Error::Conflict(_))));
    fixture.account("boss").await;
    let boss = access.permit_account(&root, &name("boss")).await.unwrap();
    assert!(matches!(access.turn_into_organization(&own, &boss).await, Err(Error::Conflict(_))));
    access.set_administrator(&system, &boss, true).await.unwrap();
    access.set_disabled(&boss, true).await.unwrap();
    let only = access.set_administrator(&system, &own, false).await;
    assert!(matches!(only, Err(Error::Conflict(_))), "who is disabled governs nothing");
    access.set_disabled(&boss, false).await.unwrap();
    access.set_administrator(&system, &own, false).await.unwrap();
    assert!(access.permit_system(&fixture.personal("root", token("admin", &[])).await).is_err());
}

async fn a_roster_has_the_first_people_of_each_team(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    for who in ["ann", "bob", "cas"] {
        fixture.account(who).await;
    }
    let acme = fixture.organization("acme", "ann").await;
    fixture.organization("other", "ann").await;
    for (team, people) in [("a", vec!["bob"]), ("b", vec![]), ("c", vec!["cas", "ann", "bob"])] {
        access.create_team(&acme, &name(team), "").await.unwrap();
        for person in people {
            access.add_team_member(&acme, &name(team), &name(person)).await.unwrap();
        }
    }
    let inside = access.permit_member(&Access::operator(), &name("acme")).await.unwrap();
    let rosters = async |last: Option<&str>, limit| {
        let found = access.rosters(&inside, last.map(str::to_owned), limit, 2).await.unwrap();
        let line = |people: &[Name]| people.iter().map(Name::as_str).collect::<Vec<_>>().join(" ");
        found.iter().map(|roster| format!("{}: {}", roster.team.name, line(&roster.people))).collect::<Vec<_>>()
    };
    assert_eq!(rosters(None, 10).await, ["a: bob", "b: ", "c: ann bob"]);
    assert_eq!(rosters(Some("a"), 1).await, ["b: "]);
    assert!(rosters(Some("c"), 10).await.is_empty());

    // One person by hand and by a group: one line, and they stay by the group when an owner takes them out.
    let in_team = async || access.team_members(&inside, &name("a"), None, 10).await.unwrap();
    let (team, bob) = (name("a"), name("bob"));
    let (organization, by_group) = (acme.on.id, (team.clone(), bob.clone()));
    let written = access.0.database.write(Durability::Power, move |connection| {
        let team = crate::team::find(connection, organization, &by_group.0)?;
        let (person, _) = crate::account::find(connection, &by_group.1)?;
        crate::team::add_member(connection, organization, team, person, "ldap")
    });
    written.await.unwrap();
    assert_eq!(in_team().await, [TeamMember { account: bob.clone(), by_hand: true }]);
    access.remove_team_member(&acme, &team, &bob).await.unwrap();
    assert_eq!(in_team().await, [TeamMember { account: bob.clone(), by_hand: false }]);
    assert_eq!(rosters(None, 1).await, ["a: bob"]);
}

async fn two_administrators_cannot_both_go(place: Place) {
    let (one, other) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    one.administrator("root").await;
    for round in 0..5 {
        let second = format!("second{round}");
        one.add(&second, None, true).await;
        let going = [(&one, "root"), (&other, second.as_str())].map(|(fixture, who)| {
            let (access, who) = (fixture.access.clone(), name(who));
            tokio::spawn(async move {
                let permit = access.permit_account(&Access::operator(), &who).await.unwrap();
                access.set_disabled(&permit, true).await.is_ok()
            })
        });
        let mut gone = 0;
        for going in going {
            gone += usize::from(going.await.unwrap());
        }
        assert_eq!(gone, 1, "round {round}");
        for who in ["root", &second] {
            let permit = one.access.permit_account(&Access::operator(), &name(who)).await.unwrap();
            one.access.set_disabled(&permit, false).await.unwrap();
        }
        let (system, permit) = (
            one.access.permit_system(&Access::operator()).unwrap(),
            one.access.permit_account(&Access::operator(), &name(&second)).await.unwrap(),
        );
        one.access.set_administrator(&system, &permit, false).await.unwrap();
    }
}

async fn the_last_owner_stays(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    for who in ["ann", "bob"] {
        fixture.account(who).await;
    }
    let acme = fixture.organization("acme", "ann").await;
    assert!(matches!(access.remove_member(&acme, &name("ann")).await, Err(Error::Conflict(_))));
    assert!(matches!(access.set_member(&acme, &name("ann"), Membership::Member).await, Err(Error::Conflict(_))));
    assert!(matches!(access.remove_member(&acme, &name("bob")).await, Err(Error::NotFound { .. })));
    access.set_member(&acme, &name("bob"), Membership::Owner).await.unwrap();
    access.remove_member(&acme, &name("ann")).await.unwrap();
    let members =
        access.members(&access.permit_member(&Access::operator(), &name("acme")).await.unwrap(), None, 10).await;
    assert_eq!(members.unwrap().iter().map(|one| one.account.as_str().to_owned()).collect::<Vec<_>>(), ["bob"]);
}

async fn names_are_taken_once(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("ann").await;
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    let again = NewAccount { name: name("ann"), email: None, password: None, administrator: false };
    assert!(matches!(fixture.access.create_account(&system, again).await, Err(Error::Exists { .. })));
    let organization = fixture.access.create_organization(&Access::operator(), &name("ann"), &name("ann")).await;
    assert!(matches!(organization, Err(Error::Exists { .. })));
    for email in
        ["ann", "@acme.example", "ann@", "a b@acme.example", "ann@acme@example", "ann@acme.example\r\nBcc: x@y"]
    {
        let new = NewAccount { name: name("bob"), email: Some(email.to_owned()), password: None, administrator: false };
        let made = fixture.access.create_account(&system, new).await;
        assert!(matches!(made, Err(Error::Invalid { field: "email", .. })), "{email}");
    }
    let acme = fixture.organization("acme", "ann").await;
    fixture.access.create_team(&acme, &name("devs"), "").await.unwrap();
    assert!(matches!(fixture.access.create_team(&acme, &name("devs"), "").await, Err(Error::Exists { .. })));
    for reach in ["*", "acme*", "ann/*", "other/app"] {
        let given = fixture.access.set_grant(&acme, Subject::Team(name("devs")), pattern(reach), Role::Read).await;
        assert!(matches!(given, Err(Error::Invalid { field: "pattern", .. })), "{reach}");
    }
}

async fn an_account_turns_into_an_organization(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.add("acme", Some(PASSWORD), false).await;
    let boss = fixture.person("boss").await;
    let acme = fixture.logs_in("acme", PASSWORD).await.unwrap();
    assert_eq!(fixture.rights(&acme, "acme/app").await, "all");
    let issued = fixture.granted(&acme, &["repository:acme/app:pull"]).await.token;
    let (_, personal) = fixture.personal_token("acme", token("pull", &[])).await;
    let permit = async |text| fixture.access.permit_account(&Access::operator(), &name(text)).await.unwrap();
    let own = fixture.access.turn_into_organization(&permit("acme").await, &permit("acme").await).await;
    assert!(matches!(own, Err(Error::Conflict(_))));
    fixture.access.turn_into_organization(&permit("acme").await, &permit("boss").await).await.unwrap();
    assert!(unauthenticated(fixture.logs_in("acme", PASSWORD).await));
    assert!(unauthenticated(fixture.bears(&issued).await) && unauthenticated(fixture.shows(&personal).await));
    assert_eq!(fixture.rights(&boss, "acme/app").await, "all");
    let acme = fixture.access.permit_organization(&boss, &name("acme")).await.unwrap();
    fixture.access.create_team(&acme, &name("devs"), "").await.unwrap();
}

async fn what_somebody_was_given_goes_with_their_membership(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    fixture.account("boss").await;
    let ann = fixture.person("ann").await;
    let acme = fixture.organization("acme", "boss").await;
    fixture.access.create_team(&acme, &name("devs"), "").await.unwrap();
    fixture.access.add_team_member(&acme, &name("devs"), &name("ann")).await.unwrap();
    fixture.give(&acme, Subject::Team(name("devs")), "acme/*", Role::Write).await;
    fixture.give(&acme, Subject::Account(name("ann")), "acme/app", Role::Admin).await;
    assert!(fixture.may(&ann, Action::Push, "acme/app").await);
    fixture.access.remove_member(&acme, &name("ann")).await.unwrap();
    assert_eq!(fixture.rights(&ann, "acme/app").await, "nothing");
    // Back in the organization, they are in no team that they were in before.
    fixture.access.set_member(&acme, &name("ann"), Membership::Member).await.unwrap();
    assert_eq!(fixture.rights(&ann, "acme/app").await, "nothing");
    fixture.access.remove_team(&acme, &name("devs")).await.unwrap();
    assert!(fixture.access.add_team_member(&acme, &name("devs"), &name("ann")).await.is_err());
}

async fn a_file_of_bcrypt_hashes_lets_its_people_in(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let system = fixture.access.permit_system(&Access::operator()).unwrap();
    let hash = bcrypt::hash(PASSWORD, 4).unwrap().replacen("$2b$", "$2y$", 1);
    let new = |password: NewPassword| NewAccount {
        name: name("ann"),
        email: None,
        password: Some(password),
        administrator: false,
    };
    let plain = fixture.access.create_account(&system, new(NewPassword::Bcrypt(PASSWORD.to_owned()))).await;
    assert!(matches!(plain, Err(Error::Invalid { field: "password", .. })));
    let short = fixture.access.create_account(&system, new(NewPassword::Chosen("short".to_owned()))).await;
    assert!(matches!(short, Err(Error::Invalid { field: "password", .. })));
    fixture.access.create_account(&system, new(NewPassword::Bcrypt(hash))).await.unwrap();
    fixture.logs_in("ann", PASSWORD).await.unwrap();
    assert!(unauthenticated(fixture.logs_in("ann", "battery horse correct").await));
}
