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
mod next;
mod page;
mod posted;
mod reset;
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
    Router::new()
        .route("/", get(start::show))
        .route("/invitations/{id}/accept", post(start::accept))
        .route("/invitations/{id}/decline", post(start::decline))
        .route("/sign-up", get(sign_up::ask).post(sign_up::act))
        .route("/reset", get(reset::ask).post(reset::act))
        .route("/link/{kind}/{secret}", get(link::ask).post(link::act))
        .layer(axum::middleware::map_response(page::guard))
        .route("/assets/{file}", get(assets::show))
        .with_state(web)
}
