//! Who comes into an organization by being asked.

use entrepot_test_engines::on_both_engines;

use super::links::{gone, link};
use super::*;
use crate::account::Newcomer;
use crate::invitation::{Invited, NewInvitation};
use crate::joining::Joining;
use crate::link::{Asked, LinkKind, Matter, To};
use crate::team::TeamMember;

on_both_engines! {
    an_account_is_asked,
    only_people_accept,
    a_link_lets_whoever_has_it_in_once,
    an_account_is_made_by_an_invitation,
    invitations_go_with_who_made_them,
}

fn to_account(text: &str, role: Membership) -> NewInvitation {
    NewInvitation { to: Invited::Account(name(text)), role, team: None }
}

/// The secret of a link that went to `email`.
pub(super) async fn letter_to(fixture: &Fixture, permit: &Permit<NamespaceOwner>, email: &str) -> Secret {
    let asked = Asked {
        organization: permit.on.id,
        organization_name: name("acme"),
        team: None,
        role: Membership::Member,
        to: To::Email(email.to_owned()),
        inviter: "owner".to_owned(),
    };
    link(fixture, Matter::Invitation(asked), LinkKind::Invitation.lifetime()).await
}

impl Fixture {
    async fn role_of(&self, account: &str) -> Option<Membership> {
        let permit = self.access.permit_member(&Access::operator(), &name("acme")).await.unwrap();
        let members = self.access.members(&permit, None, 100).await.unwrap();
        members.into_iter().find(|member| member.account == name(account)).map(|member| member.role)
    }
}

async fn an_account_is_asked(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.account("owner").await;
    let (ann, ben) = (fixture.person("ann").await, fixture.person("ben").await);
    let acme = fixture.organization("acme", "owner").await;
    access.create_team(&acme, &name("ops"), "").await.unwrap();
    let new = NewInvitation { team: Some(name("ops")), ..to_account("ann", Membership::Member) };
    let missing = NewInvitation { team: Some(name("ghosts")), ..new.clone() };
    assert!(matches!(access.invite(&acme, missing).await, Err(Error::NotFound { .. })));
    assert!(matches!(
        access.invite(&acme, to_account("nobody", Membership::Member)).await,
        Err(Error::NotFound { .. })
    ));
    assert!(matches!(access.invite(&acme, to_account("owner", Membership::Member)).await, Err(Error::Conflict(_))));
    let by_letter = NewInvitation { to: Invited::Email("ann@acme.example".to_owned()), ..new.clone() };
    assert!(
        matches!(access.invite(&acme, by_letter).await, Err(Error::Unconfigured(_))),
        "there is no way for letters"
    );

    let older = access.invite(&acme, new.clone()).await.unwrap();
    let made = access.invite(&acme, new.clone()).await.unwrap();
    assert!(access.accept_own_invitation(&ann, &older.id).await.is_err(), "a newer one took its place");
    assert_eq!(access.own_invitations(&ann, None, 10).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(access.own_invitations(&ben, None, 10).await.unwrap(), []);
    assert_eq!(access.invitations(&acme, None, 10).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(fixture.role_of("ann").await, None, "who is asked is not in it yet");
    assert!(matches!(access.accept_own_invitation(&ben, &made.id).await, Err(Error::NotFound { .. })));
    assert!(matches!(access.decline_invitation(&ben, &made.id).await, Err(Error::NotFound { .. })));
    access.accept_own_invitation(&ann, &made.id).await.unwrap();
    assert!(matches!(access.accept_own_invitation(&ann, &made.id).await, Err(Error::NotFound { .. })));
    assert_eq!(fixture.role_of("ann").await, Some(Membership::Member));
    let inside = access.permit_member(&ann, &name("acme")).await.unwrap();
    let ann = TeamMember { account: name("ann"), by_hand: true };
    assert_eq!(access.team_members(&inside, &name("ops"), None, 10).await.unwrap(), [ann]);

    let again = access.invite(&acme, to_account("ben", Membership::Owner)).await.unwrap();
    access.decline_invitation(&ben, &again.id).await.unwrap();
    let again = access.invite(&acme, to_account("ben", Membership::Owner)).await.unwrap();
    access.revoke_invitation(&acme, &again.id).await.unwrap();
    assert!(matches!(access.revoke_invitation(&acme, &again.id).await, Err(Error::NotFound { .. })));
    assert!(access.accept_own_invitation(&ben, &again.id).await.is_err());
    let again = access.invite(&acme, to_account("ben", Membership::Owner)).await.unwrap();
    fixture.organization("other", "ann").await;
    let other = fixture.owner_of("other").await;
    assert!(access.revoke_invitation(&other, &again.id).await.is_err(), "others' invitations are theirs");
    access.accept_own_invitation(&ben, &again.id).await.unwrap();
    assert_eq!(fixture.role_of("ben").await, Some(Membership::Owner));
}

async fn only_people_accept(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.account("owner").await;
    fixture.account("ann").await;
    let acme = fixture.organization("acme", "owner").await;
    let made = access.invite(&acme, to_account("ann", Membership::Member)).await.unwrap();
    let secret = letter_to(&fixture, &acme, "ann@acme.example").await;
    let limited = fixture.personal("ann", token("pull push", &[])).await;
    let robot = fixture.robot(&acme, "deploy").await;
    for caller in [&limited, &robot, &Access::operator()] {
        assert!(matches!(access.own_invitations(caller, None, 10).await, Err(Error::Denied(_))));
        assert!(matches!(access.accept_own_invitation(caller, &made.id).await, Err(Error::Denied(_))));
        assert!(matches!(access.accept_invitation(caller, secret.reveal()).await, Err(Error::Denied(_))));
    }
    let nobody = access.nobody(None);
    assert!(unauthenticated(access.accept_invitation(&nobody, secret.reveal()).await));
    assert_eq!(fixture.role_of("ann").await, None);
}

async fn a_link_lets_whoever_has_it_in_once(place: Place) {
    let (fixture, replica) = (open(&place, Anonymous::Pull).await, open(&place, Anonymous::Pull).await);
    fixture.account("owner").await;
    let acme = fixture.organization("acme", "owner").await;
    for round in 0..5 {
        let people = [format!("ann{round}"), format!("ben{round}")];
        let secret = letter_to(&fixture, &acme, "somebody@acme.example").await;
        let mut going = Vec::new();
        for (person, at) in people.iter().zip([&fixture, &replica]) {
            let caller = fixture.person(person).await;
            let (access, secret) = (at.access.clone(), secret.clone());
            going.push(tokio::spawn(async move { access.accept_invitation(&caller, secret.reveal()).await }));
        }
        let mut inside = 0;
        for going in going {
            match going.await.unwrap() {
                Ok(_) => inside += 1,
                Err(error) => assert!(matches!(error, Error::LinkGone), "{error}"),
            }
        }
        assert_eq!(inside, 1, "round {round}");
        let roles = [fixture.role_of(&people[0]).await, fixture.role_of(&people[1]).await];
        assert_eq!(roles.iter().flatten().count(), 1, "round {round}");
    }
    // Who is more already stays it.
    let owner = fixture.personal("owner", token("admin", &[])).await;
    let secret = letter_to(&fixture, &acme, "owner@acme.example").await;
    fixture.access.accept_invitation(&owner, secret.reveal()).await.unwrap();
    assert_eq!(fixture.role_of("owner").await, Some(Membership::Owner));
}

async fn an_account_is_made_by_an_invitation(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.account("owner").await;
    let acme = fixture.organization("acme", "owner").await;
    let newcomer = |text: &str| Newcomer { name: name(text), password: PASSWORD.to_owned() };
    let secret = letter_to(&fixture, &acme, "ann@acme.example").await;
    assert!(matches!(
        access.join(secret.reveal(), newcomer("owner"), Joining::default()).await,
        Err(Error::Exists { .. })
    ));
    access.join(secret.reveal(), newcomer("ann"), Joining::default()).await.unwrap();
    assert!(gone(access.join(secret.reveal(), newcomer("eve"), Joining::default()).await));
    let ann = fixture.logs_in("ann", PASSWORD).await.unwrap();
    let account = access.account(&access.permit_account(&ann, &name("ann")).await.unwrap()).await.unwrap();
    assert_eq!((account.email.as_deref(), account.email_confirmed), (Some("ann@acme.example"), true));
    assert_eq!(fixture.role_of("ann").await, Some(Membership::Member));

    let ben = fixture.account("ben").await;
    let id = access.permit_account(&Access::operator(), &ben).await.unwrap().on.id;
    let asked = Asked {
        organization: acme.on.id,
        organization_name: name("acme"),
        team: None,
        role: Membership::Member,
        to: To::Account(id, ben),
        inviter: "owner".to_owned(),
    };
    let secret = link(&fixture, Matter::Invitation(asked), LinkKind::Invitation.lifetime()).await;
    assert!(matches!(access.join(secret.reveal(), newcomer("eve"), Joining::default()).await, Err(Error::Conflict(_))));
    assert!(matches!(access.accept_invitation(&ann, secret.reveal()).await, Err(Error::Denied(_))), "it is not to her");
    let ben = fixture.personal("ben", token("admin", &[])).await;
    access.accept_invitation(&ben, secret.reveal()).await.unwrap();
    assert_eq!(fixture.role_of("ben").await, Some(Membership::Member));
}

async fn invitations_go_with_who_made_them(place: Place) {
    let fixture = open(&place, Anonymous::Pull).await;
    let access = &fixture.access;
    fixture.account("owner").await;
    let (boss, ann) = (fixture.person("boss").await, fixture.person("ann").await);
    let acme = fixture.organization("acme", "owner").await;
    for end in ["demoted", "removed"] {
        access.set_member(&acme, &name("boss"), Membership::Owner).await.unwrap();
        let as_boss = access.permit_organization(&boss, &name("acme")).await.unwrap();
        let made = access.invite(&as_boss, to_account("ann", Membership::Owner)).await.unwrap();
        assert_eq!(made.inviter, "boss");
        match end {
            "demoted" => access.set_member(&acme, &name("boss"), Membership::Member).await.unwrap(),
            _ => access.remove_member(&acme, &name("boss")).await.unwrap(),
        }
        assert!(matches!(access.accept_own_invitation(&ann, &made.id).await, Err(Error::NotFound { .. })), "{end}");
    }
    // Whoever is disabled brings nobody in either, nor does an administrator who is none any more.
    access.set_member(&acme, &name("boss"), Membership::Owner).await.unwrap();
    let as_boss = access.permit_organization(&boss, &name("acme")).await.unwrap();
    let made = access.invite(&as_boss, to_account("ann", Membership::Owner)).await.unwrap();
    let of_boss = access.permit_account(&Access::operator(), &name("boss")).await.unwrap();
    access.set_disabled(&of_boss, true).await.unwrap();
    assert!(gone(access.accept_own_invitation(&ann, &made.id).await));
    access.set_disabled(&of_boss, false).await.unwrap();
    let (root, governs) = (fixture.administrator("root").await, fixture.administrator("other").await);
    let as_root = access.permit_organization(&root, &name("acme")).await.unwrap();
    let made = access.invite(&as_root, to_account("ann", Membership::Owner)).await.unwrap();
    let of_root = access.permit_account(&governs, &name("root")).await.unwrap();
    access.set_administrator(&access.permit_system(&governs).unwrap(), &of_root, false).await.unwrap();
    assert!(gone(access.accept_own_invitation(&ann, &made.id).await));
    assert_eq!(fixture.role_of("ann").await, None);
    // What is asked for a team goes with the team.
    access.create_team(&acme, &name("ops"), "").await.unwrap();
    let new = NewInvitation { team: Some(name("ops")), ..to_account("ann", Membership::Member) };
    access.invite(&acme, new).await.unwrap();
    access.remove_team(&acme, &name("ops")).await.unwrap();
    assert_eq!(access.own_invitations(&ann, None, 10).await.unwrap(), []);
}
