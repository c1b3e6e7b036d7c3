//! The routes of Docker Hub that other tools use.

use super::{Routes, doc};
use crate::api::hub;

pub(in crate::api) fn add(routes: Routes) -> Routes {
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
