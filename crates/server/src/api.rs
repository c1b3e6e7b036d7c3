//! The JSON API. Handlers take a request apart, ask for a permit or a grant, make one call, and wrap its answer.
//!
//! Whoever asks shows it with `Authorization`. A repository's name has slashes, so it is always the rest of a path.

mod accounts;
mod audit;
mod collection;
mod document;
mod edit;
mod explain;
mod extract;
mod grants;
mod hub;
mod invitations;
mod job_rules;
mod keys;
mod links;
mod maintenance;
mod manifests;
mod me;
mod namespaces;
mod organizations;
mod page;
mod problem;
mod quota;
mod repositories;
mod robots;
mod routes;
mod second_factor;
mod sessions;
mod sizes;
mod tag_history;
mod teams;
mod tokens;
mod trash;
mod words;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use entrepot_access::{Access, Exhausted};
use entrepot_registry::Registry;
use entrepot_registry::gate::Gate;
use http::header::{self, HeaderValue};

pub(crate) use self::hub::serves as hub_serves;
pub(crate) use self::problem::Problem;
use self::routes::{Routes, doc};
use crate::client::Proxies;

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Api {
    /// What is in repositories, if the bytes are at hand.
    pub(crate) registry: Option<Registry>,
    pub(crate) gate: Gate<Access>,
    pub(crate) proxies: Proxies,
    pub(crate) asker: Asker,
}

/// Who is behind the requests of a router. It is a property of the router and of nothing in a request, so that none that comes over
/// the network can be taken for the operator's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asker {
    /// Whoever the request shows that it is from.
    Shown,
    /// Whoever has the data itself.
    Operator,
}

impl Api {
    fn access(&self) -> &Access {
        self.gate.policy()
    }

    fn registry(&self) -> Result<&Registry, Problem> {
        self.registry.as_ref().ok_or_else(Problem::without_content)
    }
}

/// The API and its documents.
pub(crate) fn router(api: Api) -> Router {
    let routes = hub_routes(routes());
    let documents = document::router(&routes);
    answering(routes, api).merge(documents)
}

/// What the API answers where there were too many requests.
pub(crate) fn exhausted(exhausted: &Exhausted) -> Response {
    Problem::from(exhausted).into_response()
}

/// The API alone.
pub(crate) fn router_without_documents(api: Api) -> Router {
    answering(routes(), api)
}

fn routes() -> Routes {
    jobs(undoing(content(tokens_and_robots(organizations_and_teams(invitations(links(people(Routes::default()))))))))
}

fn answering(routes: Routes, api: Api) -> Router {
    let nothing_here = || async { Problem::nothing_here() };
    routes
        .router
        .route("/api/{*rest}", any(nothing_here))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::map_response(private))
        .with_state(api)
}

/// Answers are for who asked, and are not kept unless they say so.
async fn private(mut response: Response) -> Response {
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn people(routes: Routes) -> Routes {
    use accounts::{AccountView, ChangeBody, NewAccountBody, OwnerBody, PasswordBody};
    routes
        .get("/api/v1/me", me::get, doc("Who you are, and what you showed may be used for.").gives::<me::Me>())
        .get("/api/v1/accounts", accounts::list, doc("People, by name; for administrators.").lists::<AccountView>())
        .post(
            "/api/v1/accounts",
            accounts::create,
            doc("Make an account; for administrators.").takes::<NewAccountBody>().makes::<AccountView>(),
        )
        .get("/api/v1/accounts/{account}", accounts::get, doc("Somebody; with an ETag.").gives::<AccountView>())
        .patch(
            "/api/v1/accounts/{account}",
            accounts::change,
            doc("Change somebody; takes If-Match.").takes::<ChangeBody>().gives::<AccountView>(),
        )
        .post(
            "/api/v1/accounts/{account}/password",
            accounts::password,
            doc("Set the password; what was issued for the old one ends.").takes::<PasswordBody>(),
        )
        .post(
            "/api/v1/accounts/{account}/disable",
            accounts::disable,
            doc("Take everything from somebody; nothing is removed."),
        )
        .post("/api/v1/accounts/{account}/enable", accounts::enable, doc("Give it back."))
        .get(
            "/api/v1/accounts/{account}/sessions",
            sessions::list,
            doc("Where somebody is logged in with a browser, youngest first.").lists_whole::<sessions::SessionView>(),
        )
        .delete("/api/v1/accounts/{account}/sessions", sessions::end_all, doc("Log somebody out of every browser."))
        .delete("/api/v1/accounts/{account}/sessions/{id}", sessions::end, doc("Log somebody out of one browser."))
        .get(
            "/api/v1/accounts/{account}/second-factor",
            second_factor::get,
            doc("Which second factor somebody has.").gives::<second_factor::SecondFactorView>(),
        )
        .post(
            "/api/v1/accounts/{account}/second-factor/remove",
            second_factor::remove,
            doc("Take the second factor away; who has it shows a code, administrators need none for others.")
                .takes::<second_factor::RemovalBody>(),
        )
        .put(
            "/api/v1/accounts/{account}/administrator",
            accounts::promote,
            doc("Let somebody govern the registry; for administrators."),
        )
        .delete(
            "/api/v1/accounts/{account}/administrator",
            accounts::demote,
            doc("Let somebody govern the registry no more; for administrators."),
        )
        .post(
            "/api/v1/accounts/{account}/to-organization",
            accounts::to_organization,
            doc("Make an organization out of an account; for administrators.").takes::<OwnerBody>(),
        )
}

fn links(routes: Routes) -> Routes {
    use links::{
        ForgottenBody, JoinBody, LinkView, LookBody, MadeLink, ResetBody, SecretBody, SetUpBody, SignUpBody, UsedLink,
    };
    routes
        .post(
            "/api/v1/sign-up",
            links::sign_up,
            doc("Ask for an account, where that is allowed; a letter has the link that makes it.")
                .takes::<SignUpBody>(),
        )
        .post(
            "/api/v1/reset",
            links::forgotten,
            doc("Ask for a letter with a link to a new password. The answer is the same for every address.")
                .takes::<ForgottenBody>(),
        )
        .post(
            "/api/v1/links/look",
            links::look,
            doc("What a link is for; that uses nothing up.").takes::<LookBody>().gives::<LinkView>(),
        )
        .post(
            "/api/v1/links/set-up",
            links::set_up,
            doc("Make the first administrator by a link.").takes::<SetUpBody>().makes::<UsedLink>(),
        )
        .post(
            "/api/v1/links/sign-up",
            links::finish_sign_up,
            doc("Make the account that was asked for by a link.").takes::<SecretBody>().makes::<UsedLink>(),
        )
        .post(
            "/api/v1/links/confirm",
            links::confirm,
            doc("Confirm an address by a link.").takes::<SecretBody>().gives::<UsedLink>(),
        )
        .post(
            "/api/v1/links/reset",
            links::reset,
            doc("Choose a new password by a link; what was issued for the old one ends.")
                .takes::<ResetBody>()
                .gives::<UsedLink>(),
        )
        .post(
            "/api/v1/links/join",
            links::join,
            doc("Make an account by the link of an invitation, and accept with it.")
                .takes::<JoinBody>()
                .makes::<UsedLink>(),
        )
        .post(
            "/api/v1/accounts/{account}/confirmation",
            links::send_confirmation,
            doc("Send a letter with a link that confirms the account's address."),
        )
        .post(
            "/api/v1/accounts/{account}/reset-link",
            links::reset_link,
            doc("Make a link to a new password, to be handed to somebody; for administrators.").makes::<MadeLink>(),
        )
}

fn invitations(routes: Routes) -> Routes {
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

fn organizations_and_teams(routes: Routes) -> Routes {
    use grants::{GrantBody, GrantView};
    use organizations::{ChangeBody, MemberView, MembershipBody, NewOrganizationBody, OrganizationView};
    use teams::{GroupBody, NewTeamBody, TeamMember, TeamView};
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
            doc("Who is in a team, by name.").lists::<TeamMember>(),
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

fn tokens_and_robots(routes: Routes) -> Routes {
    use grants::{GrantBody, GrantView};
    use robots::{NewRobotBody, RobotView};
    use tokens::{MadeToken, NewTokenBody, TokenView};
    routes
        .get(
            "/api/v1/accounts/{account}/tokens",
            tokens::of_person,
            doc("Somebody's tokens, oldest first.").lists::<TokenView>(),
        )
        .post(
            "/api/v1/accounts/{account}/tokens",
            tokens::create_personal,
            doc("Make a token that acts for a person; its secret is shown once.")
                .takes::<NewTokenBody>()
                .makes::<MadeToken>(),
        )
        .post(
            "/api/v1/accounts/{account}/tokens/{id}/rotate",
            tokens::rotate_personal,
            doc("Give a token a new secret; the old one ends at once.").makes::<MadeToken>(),
        )
        .delete("/api/v1/accounts/{account}/tokens/{id}", tokens::revoke_personal, doc("End a token."))
        .get(
            "/api/v1/organizations/{organization}/tokens",
            tokens::of_organization,
            doc("An organization's tokens, oldest first.").lists::<TokenView>(),
        )
        .post(
            "/api/v1/organizations/{organization}/tokens",
            tokens::create_organization,
            doc("Make a token that acts for an organization.").takes::<NewTokenBody>().makes::<MadeToken>(),
        )
        .post(
            "/api/v1/namespaces/{namespace}/tokens/{id}/rotate",
            tokens::rotate_owned,
            doc("Give a token of an organization or a robot a new secret.").makes::<MadeToken>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/tokens/{id}",
            tokens::revoke_owned,
            doc("End a token of an organization or a robot."),
        )
        .get("/api/v1/namespaces/{namespace}/robots", robots::list, doc("Robots, by name.").lists::<RobotView>())
        .post(
            "/api/v1/namespaces/{namespace}/robots",
            robots::create,
            doc("Make a robot. It can do nothing until it has a role and a token.")
                .takes::<NewRobotBody>()
                .makes::<RobotView>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/robots/{robot}",
            robots::remove,
            doc("Remove a robot, with its tokens and roles."),
        )
        .post("/api/v1/namespaces/{namespace}/robots/{robot}/disable", robots::disable, doc("Stop a robot."))
        .post("/api/v1/namespaces/{namespace}/robots/{robot}/enable", robots::enable, doc("Let a robot go on."))
        .get(
            "/api/v1/namespaces/{namespace}/robots/{robot}/tokens",
            tokens::of_robot,
            doc("A robot's tokens, oldest first.").lists_whole::<TokenView>(),
        )
        .post(
            "/api/v1/namespaces/{namespace}/robots/{robot}/tokens",
            tokens::create_robot,
            doc("Make a token for a robot.").takes::<NewTokenBody>().makes::<MadeToken>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/robots/{robot}/grants",
            grants::of_robot,
            doc("The roles of a robot.").lists_whole::<GrantView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/robots/{robot}/grants",
            grants::set_robot,
            doc("Give a robot a role.").takes::<GrantBody>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/robots/{robot}/grants",
            grants::remove_robot,
            doc("Take a role back.").query("pattern", "On which repositories."),
        )
        .get(
            "/api/v1/namespaces/{namespace}/people/{account}/grants",
            grants::of_person,
            doc("The roles that somebody has by themselves.").lists_whole::<GrantView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/people/{account}/grants",
            grants::set_person,
            doc("Give somebody a role, in the organization or not.").takes::<GrantBody>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/people/{account}/grants",
            grants::remove_person,
            doc("Take a role back.").query("pattern", "On which repositories."),
        )
}

fn jobs(routes: Routes) -> Routes {
    use job_rules::{JobRuleView, MadeJobRule, NewJobRuleBody, TokenBody, VerdictView};
    routes
        .get(
            "/api/v1/namespaces/{namespace}/job-rules",
            job_rules::list,
            doc("Rules that let jobs of a CI service in, oldest first.").lists_whole::<JobRuleView>(),
        )
        .post(
            "/api/v1/namespaces/{namespace}/job-rules",
            job_rules::create,
            doc("Let jobs in whose tokens claim what the rule says.").takes::<NewJobRuleBody>().makes::<MadeJobRule>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/job-rules/{rule}",
            job_rules::remove,
            doc("Remove a rule; jobs that came in by it are out within a second."),
        )
        .post(
            "/api/v1/namespaces/{namespace}/job-rules/test",
            job_rules::test,
            doc("What each rule says to a job's token, and why. The token is not kept, and nobody is logged in by it.")
                .takes::<TokenBody>()
                .lists_whole::<VerdictView>(),
        )
}

fn content(routes: Routes) -> Routes {
    use namespaces::{ImmutableBody, ImmutableView};
    use quota::{QuotaBody, QuotaView};
    use repositories::{ChangeBody, NewRepositoryBody, RepositoryView, TagView};
    routes
        .get(
            "/api/v1/namespaces/{namespace}/repositories",
            repositories::list,
            doc("The repositories that you may see, by name. A page may have fewer than there are.").lists::<RepositoryView>(),
        )
        .get(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::immutable,
            doc("Tags that neither move nor go.").lists_whole::<ImmutableView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::add_immutable,
            doc("Let tags neither move nor go.").takes::<ImmutableBody>(),
        )
        .delete(
            "/api/v1/namespaces/{namespace}/immutable-tags",
            namespaces::remove_immutable,
            doc("Let them move again.").query("repositories", "The pattern of repositories.").query("tags", "The pattern of tags."),
        )
        .get(
            "/api/v1/namespaces/{namespace}/quota",
            quota::get,
            doc("What a namespace may have, and what it has.").gives::<QuotaView>(),
        )
        .put(
            "/api/v1/namespaces/{namespace}/quota",
            quota::set,
            doc("Limit what a namespace may have; for administrators.").takes::<QuotaBody>(),
        )
        .post(
            "/api/v1/repositories",
            repositories::create,
            doc("Make a repository before anything is pushed to it.").takes::<NewRepositoryBody>().makes::<RepositoryView>(),
        )
        .get("/api/v1/repositories/{*name}", repositories::get, doc("A repository; with an ETag.").gives::<RepositoryView>())
        .patch(
            "/api/v1/repositories/{*name}",
            repositories::change,
            doc("Let everybody see it, or only those who were given a role; takes If-Match.")
                .takes::<ChangeBody>()
                .gives::<RepositoryView>(),
        )
        .get("/api/v1/tags/{*name}", repositories::tags, doc("The tags of a repository, by name.").lists::<TagView>())
        .get(
            "/api/v1/manifests/{reference}/{*name}",
            manifests::get,
            doc("A manifest, by tag or digest.").gives::<manifests::ManifestView>(),
        )
        .delete(
            "/api/v1/manifests/{reference}/{*name}",
            manifests::remove,
            doc("Delete a tag, or by digest a manifest with all its tags."),
        )
        .get(
            "/api/v1/access/explain",
            explain::get,
            doc("Why somebody may do something, or may not.")
                .gives::<explain::ExplanationView>()
                .query("as", "About whom: a person or a robot; empty for nobody, absent for you.")
                .query("action", "pull, push or delete.")
                .query("repository", "With which repository."),
        )
        .get(
            "/api/v1/audit",
            audit::list,
            doc("Who did what, youngest first; for administrators. All of it as JSON lines, if you accept application/x-ndjson.")
                .lists::<audit::EntryView>()
                .query("actor", "Of this person, robot or organization.")
                .query("target", "On this target; only looked at without an actor.")
                .query("since", "At or after this time (RFC 3339)."),
        )
        .post(
            "/api/v1/keys/rotate",
            keys::rotate,
            doc("Let a new key sign registry tokens; for administrators.").takes::<keys::Rotation>(),
        )
        .get(
            "/api/v1/maintenance",
            maintenance::get,
            doc("Whether the registry serves pulls alone; for administrators.").gives::<maintenance::MaintenanceView>(),
        )
        .put(
            "/api/v1/maintenance",
            maintenance::begin,
            doc("Refuse every push and other change, and say why; for administrators.")
                .takes::<maintenance::MaintenanceBody>()
                .gives::<maintenance::MaintenanceView>(),
        )
        .delete("/api/v1/maintenance", maintenance::end, doc("Let changes go on; for administrators."))
}

/// What was deleted, and what nothing needs.
fn undoing(routes: Routes) -> Routes {
    use collection::{CollectionView, ExplanationView};
    use tag_history::{ChangeView, RollBackBody, ShownView};
    use trash::{RestoredView, TrashView};
    routes
        .delete(
            "/api/v1/repositories/{*name}",
            trash::remove_repository,
            doc("Delete a repository with everything in it; it can be restored for a while."),
        )
        .get(
            "/api/v1/sizes/{*name}",
            sizes::get,
            doc("How many bytes a repository has, shares with others, and would give back.").gives::<sizes::SizesView>(),
        )
        .get(
            "/api/v1/trash/{*name}",
            trash::list,
            doc("What was deleted from a repository and can be restored, oldest first.").lists::<TrashView>(),
        )
        .post(
            "/api/v1/trash-entries/{entry}/{*name}",
            trash::restore,
            doc("Restore something that was deleted.").gives::<RestoredView>(),
        )
        .delete(
            "/api/v1/trash-entries/{entry}/{*name}",
            trash::empty,
            doc("Remove something for good that was deleted."),
        )
        .get(
            "/api/v1/tag-history/{tag}/{*name}",
            tag_history::list,
            doc("What a tag showed, latest first.").lists::<ChangeView>(),
        )
        .post(
            "/api/v1/tag-history/{tag}/{*name}",
            tag_history::roll_back,
            doc("Let a tag show again what it showed.").takes::<RollBackBody>().gives::<ShownView>(),
        )
        .get(
            "/api/v1/gc",
            collection::preview,
            doc("What a collection of garbage would do now, and why; for administrators.").gives::<CollectionView>(),
        )
        .post(
            "/api/v1/gc",
            collection::run,
            doc("Collect garbage now, and say what was done; null with 202 if that goes on. For administrators.")
                .gives::<CollectionView>(),
        )
        .get(
            "/api/v1/gc/explain/{digest}/{*name}",
            collection::explain,
            doc("Why a blob or a manifest is kept, or when it goes.").lists_whole::<ExplanationView>(),
        )
}

fn hub_routes(routes: Routes) -> Routes {
    let login = || doc("Log in, as tools for Docker Hub do.").takes::<hub::Login>().gives::<hub::LoggedIn>();
    let repositories = || doc("Repositories, as Docker Hub lists them.").gives::<hub::HubRepository>();
    let repository = || doc("A repository, as Docker Hub shows it.").gives::<hub::HubRepository>();
    let tags = || doc("Tags, as Docker Hub lists them.").gives::<hub::HubTag>();
    // Some tools end the path with a slash, and some do not.
    ["", "/"].into_iter().fold(routes, |routes, end| {
        routes
            .post(&format!("/v2/users/login{end}"), hub::login, login())
            .get(&format!("/v2/repositories/{{namespace}}{end}"), hub::repositories, repositories())
            .get(&format!("/v2/repositories/{{namespace}}/{{repository}}{end}"), hub::repository, repository())
            .get(&format!("/v2/repositories/{{namespace}}/{{repository}}/tags{end}"), hub::tags, tags())
    })
}
