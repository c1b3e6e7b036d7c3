//! The pages for people. Handlers take a form apart, ask for a permit, make one call, and show a page of what came of it.
//!
//! Whoever looks at a page is known by a cookie, and by nothing else. Nothing changes but by a form that this registry has shown to the
//! same browser.

mod assets;
mod cookie;
mod device;
mod failure;
mod fields;
mod form;
mod link;
mod login;
mod next;
mod organizations;
mod page;
mod part;
mod passkey;
mod picture;
mod posted;
mod provider;
mod reset;
mod section;
mod settings;
mod sign_up;
mod start;
mod token;
mod visitor;

use axum::Router;
use axum::routing::{get, post};
use entrepot_access::Access;

use crate::client::Proxies;

/// What every page needs.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) access: Access,
    pub(crate) proxies: Proxies,
}

/// All pages.
pub(crate) fn router(web: Web) -> Router {
    let start = Router::new().route("/", get(start::show));
    let pages = [entry, settings, organizations, teams, robots].into_iter().fold(start, |pages, more| more(pages));
    pages.layer(axum::middleware::map_response(page::guard)).route("/assets/{file}", get(assets::show)).with_state(web)
}

/// How people come in.
fn entry(routes: Router<Web>) -> Router<Web> {
    routes
        .route("/login", get(login::ask).post(login::act))
        .route("/login/second-factor", post(login::second_factor))
        .route("/login/oidc/{provider}", get(provider::begin))
        .route("/login/oidc/{provider}/callback", get(provider::finish))
        .route("/login/passkey", post(passkey::act))
        .route("/login/passkey/begin", post(passkey::begin))
        .route("/logout", post(login::out))
        .route("/sign-up", get(sign_up::ask).post(sign_up::act))
        .route("/reset", get(reset::ask).post(reset::act))
        .route("/device", get(device::ask).post(device::act))
        .route("/device/approve", post(device::approve))
        .route("/device/deny", post(device::deny))
        .route("/link/{kind}/{secret}", get(link::ask).post(link::act))
        .route("/invitations/{id}/accept", post(start::accept))
        .route("/invitations/{id}/decline", post(start::decline))
}

fn settings(routes: Router<Web>) -> Router<Web> {
    use settings::{passkeys, password, profile, second_factor, sessions, tokens};
    routes
        .route("/settings", get(profile::ask).post(profile::change))
        .route("/settings/email", post(profile::email))
        .route("/settings/confirmation", post(profile::confirmation))
        .route("/settings/password", get(password::ask).post(password::act))
        .route("/settings/second-factor", get(second_factor::ask))
        .route("/settings/second-factor/begin", post(second_factor::begin))
        .route("/settings/second-factor/confirm", post(second_factor::confirm))
        .route("/settings/second-factor/codes", post(second_factor::codes))
        .route("/settings/second-factor/remove", post(second_factor::remove))
        .route("/settings/second-factor/app/remove", post(second_factor::remove_app))
        .route("/settings/second-factor/passkeys", post(passkeys::add))
        .route("/settings/second-factor/passkeys/begin", post(passkeys::begin))
        .route("/settings/second-factor/passkeys/remove", post(passkeys::remove))
        .route("/settings/sessions", get(sessions::ask))
        .route("/settings/sessions/end-others", post(sessions::end_others))
        .route("/settings/sessions/{id}/end", post(sessions::end))
        .route("/settings/tokens", get(tokens::ask).post(tokens::create))
        .route("/settings/tokens/{id}/rotate", post(tokens::rotate))
        .route("/settings/tokens/{id}/revoke", post(tokens::revoke))
}

fn organizations(routes: Router<Web>) -> Router<Web> {
    use organizations::{create, invitations, jobs, list, members, one, tokens};
    routes
        .route("/organizations", get(list).post(create))
        .route("/organizations/{organization}", get(one))
        .route("/organizations/{organization}/members/{account}/role", post(members::set))
        .route("/organizations/{organization}/members/{account}/remove", post(members::remove))
        .route("/organizations/{organization}/invitations", post(invitations::create))
        .route("/organizations/{organization}/invitations/{id}/revoke", post(invitations::revoke))
        .route("/organizations/{organization}/tokens", get(tokens::ask).post(tokens::create))
        .route("/organizations/{organization}/tokens/{id}/rotate", post(tokens::rotate))
        .route("/organizations/{organization}/tokens/{id}/revoke", post(tokens::revoke))
        .route("/organizations/{organization}/ci", get(jobs::ask).post(jobs::test))
}

fn teams(routes: Router<Web>) -> Router<Web> {
    use organizations::{team, teams};
    routes
        .route("/organizations/{organization}/teams", get(teams::list).post(teams::create))
        .route("/organizations/{organization}/teams/{team}", get(team::one))
        .route("/organizations/{organization}/teams/{team}/remove", post(team::remove))
        .route("/organizations/{organization}/teams/{team}/members", post(team::add_member))
        .route("/organizations/{organization}/teams/{team}/members/{account}/remove", post(team::remove_member))
        .route("/organizations/{organization}/teams/{team}/roles", post(team::set_role))
        .route("/organizations/{organization}/teams/{team}/roles/remove", post(team::remove_role))
}

fn robots(routes: Router<Web>) -> Router<Web> {
    use organizations::{robot, robots};
    routes
        .route("/organizations/{organization}/robots", get(robots::list).post(robots::create))
        .route("/organizations/{organization}/robots/{robot}", get(robot::one))
        .route("/organizations/{organization}/robots/{robot}/disable", post(robot::disable))
        .route("/organizations/{organization}/robots/{robot}/enable", post(robot::enable))
        .route("/organizations/{organization}/robots/{robot}/remove", post(robot::remove))
        .route("/organizations/{organization}/robots/{robot}/tokens", post(robot::create_token))
        .route("/organizations/{organization}/robots/{robot}/tokens/{id}/rotate", post(robot::rotate_token))
        .route("/organizations/{organization}/robots/{robot}/tokens/{id}/revoke", post(robot::revoke_token))
        .route("/organizations/{organization}/robots/{robot}/roles", post(robot::set_role))
        .route("/organizations/{organization}/robots/{robot}/roles/remove", post(robot::remove_role))
}
