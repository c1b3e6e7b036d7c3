//! Organizations, their teams, and who is asked into them.

use super::{Routes, doc};
use crate::api::{grants, invitations, links, organizations, teams};

pub(in crate::api) fn organizations_and_teams(routes: Routes) -> Routes {
    use grants::{GrantBody, GrantView};
    use organizations::{ChangeBody, MemberView, MembershipBody, NewOrganizationBody, OrganizationView};
    use teams::{GroupBody, NewTeamBody, TeamMemberView, TeamView};
    routes
        .get(
            "/api/v1/organizations",
            organizations::list,
            doc("Your organizations, by name.")
                .lists::<OrganizationView>()
                .query("all", "true: everybody's, for administrators."),
        )
        .post(
            "/api/v1/organizations",
            organizations::create,
            doc("Make an organization.").takes::<NewOrganizationBody>().makes::<OrganizationView>(),
        )
        .get(
            "/api/v1/organizations/{organization}",
            organizations::get,
            doc("An organization, for who is in it; with an ETag.").gives::<OrganizationView>(),
        )
        .patch(
            "/api/v1/organizations/{organization}",
            organizations::change,
            doc("Change an organization; takes If-Match.").takes::<ChangeBody>().gives::<OrganizationView>(),
        )
        .get(
            "/api/v1/organizations/{organization}/members",
            organizations::members,
            doc("Who is in it, by name.").lists::<MemberView>(),
        )
        .put(
            "/api/v1/organizations/{organization}/members/{account}",
            organizations::set_member,
            doc("Make somebody an owner or a member.").takes::<MembershipBody>(),
        )
        .delete(
            "/api/v1/organizations/{organization}/members/{account}",
            organizations::remove_member,
            doc("Take somebody out of it and of its teams."),
        )
        .get("/api/v1/organizations/{organization}/teams", teams::list, doc("Teams, by name.").lists::<TeamView>())
        .post(
            "/api/v1/organizations/{organization}/teams",
            teams::create,
            doc("Make a team.").takes::<NewTeamBody>().makes::<TeamView>(),
        )
        .delete(
            "/api/v1/organizations/{organization}/teams/{team}",
            teams::remove,
            doc("Remove a team, with what it was given."),
        )
        .get(
            "/api/v1/organizations/{organization}/teams/{team}/members",
            teams::members,
            doc("Who is in a team, by name.").lists::<TeamMemberView>(),
        )
        .put(
            "/api/v1/organizations/{organization}/teams/{team}/members/{account}",
            teams::add_member,
            doc("Put somebody into a team, and with that into the organization."),
        )
        .delete(
            "/api/v1/organizations/{organization}/teams/{team}/members/{account}",
            teams::remove_member,
            doc("Take somebody out of a team."),
        )
        .get(
            "/api/v1/organizations/{organization}/teams/{team}/groups",
            teams::groups,
            doc("Groups elsewhere whose members are in the team.").lists_whole::<GroupBody>(),
        )
        .put(
            "/api/v1/organizations/{organization}/teams/{team}/groups",
            teams::add_group,
            doc("Let the members of a group elsewhere be in the team.").takes::<GroupBody>(),
        )
        .delete(
            "/api/v1/organizations/{organization}/teams/{team}/groups",
            teams::remove_group,
            doc("Let them be in it no more.")
                .query("source", "Where the group is.")
                .query("name", "What it is called there."),
        )
        .get(
            "/api/v1/organizations/{organization}/teams/{team}/grants",
            grants::of_team,
            doc("The roles of a team.").lists_whole::<GrantView>(),
        )
        .put(
            "/api/v1/organizations/{organization}/teams/{team}/grants",
            grants::set_team,
            doc("Give a team a role.").takes::<GrantBody>(),
        )
        .delete(
            "/api/v1/organizations/{organization}/teams/{team}/grants",
            grants::remove_team,
            doc("Take a role back.").query("pattern", "On which repositories."),
        )
}

pub(in crate::api) fn invitations(routes: Routes) -> Routes {
    use invitations::{InvitationView, NewInvitationBody};
    routes
        .get(
            "/api/v1/organizations/{organization}/invitations",
            invitations::list,
            doc("The invitations that stand, oldest first.").lists::<InvitationView>(),
        )
        .post(
            "/api/v1/organizations/{organization}/invitations",
            invitations::create,
            doc("Ask an account, or whoever gets letters to an address, into an organization.")
                .takes::<NewInvitationBody>()
                .makes::<InvitationView>(),
        )
        .delete(
            "/api/v1/organizations/{organization}/invitations/{id}",
            invitations::revoke,
            doc("Take an invitation back."),
        )
        .get(
            "/api/v1/invitations",
            invitations::own,
            doc("The invitations to your own account, oldest first.").lists::<InvitationView>(),
        )
        .post(
            "/api/v1/invitations/{id}/accept",
            invitations::accept_own,
            doc("Accept an invitation to your own account.").gives::<InvitationView>(),
        )
        .delete("/api/v1/invitations/{id}", invitations::decline, doc("Decline an invitation to your own account."))
        .post(
            "/api/v1/links/accept",
            invitations::accept,
            doc("Accept the invitation of a link, as yourself.").takes::<links::SecretBody>().gives::<InvitationView>(),
        )
}
