//! The pages for people. Handlers take a form apart, ask for a permit, make one call, and show a page of what came of it.
//!
//! Whoever looks at a page is known by a cookie, and by nothing else. Nothing changes but by a form that this registry has shown to the
//! same browser.

mod assets;
mod cookie;
mod failure;
mod fields;
mod form;
mod link;
mod login;
mod next;
mod organizations;
mod page;
mod passkey;
mod picture;
mod posted;
mod reset;
mod section;
mod settings;
mod sign_up;
mod start;
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
    let pages = organizations(settings(entry(Router::new().route("/", get(start::show)))));
    pages.layer(axum::middleware::map_response(page::guard)).route("/assets/{file}", get(assets::show)).with_state(web)
}

/// How people come in.
fn entry(routes: Router<Web>) -> Router<Web> {
    routes
        .route("/login", get(login::ask).post(login::act))
        .route("/login/second-factor", post(login::second_factor))
        .route("/login/passkey", post(passkey::act))
        .route("/login/passkey/begin", post(passkey::begin))
        .route("/logout", post(login::out))
        .route("/sign-up", get(sign_up::ask).post(sign_up::act))
        .route("/reset", get(reset::ask).post(reset::act))
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
        .route("/settings/tokens/{id}/revoke", post(tokens::revoke))
}

fn organizations(routes: Router<Web>) -> Router<Web> {
    use organizations::{create, invitations, jobs, list, members, one, teams};
    routes
        .route("/organizations", get(list).post(create))
        .route("/organizations/{organization}", get(one))
        .route("/organizations/{organization}/members/{account}/role", post(members::set))
        .route("/organizations/{organization}/members/{account}/remove", post(members::remove))
        .route("/organizations/{organization}/invitations", post(invitations::create))
        .route("/organizations/{organization}/invitations/{id}/revoke", post(invitations::revoke))
        .route("/organizations/{organization}/teams", post(teams::create))
        .route("/organizations/{organization}/ci", get(jobs::ask).post(jobs::test))
}
