//! What lets machines in: tokens, robots, rules for jobs; and roles that somebody has by themselves.

use super::{Routes, doc};
use crate::api::{grants, job_rules, robots, tokens};

pub(in crate::api) fn tokens_and_robots(routes: Routes) -> Routes {
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

pub(in crate::api) fn jobs(routes: Routes) -> Routes {
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
