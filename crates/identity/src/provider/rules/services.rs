//! What the tokens of known services claim, for people who write rules.
//!
//! These lists explain and propose; a service may add claims at any time, and every text claim can be used in a rule. One thing
//! is decided by them: a rule for a service that anybody can use has to say whose jobs it is about.

/// A service whose jobs can ask for identity tokens.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// What it is called.
    pub name: &'static str,
    /// The issuer of the tokens of the public service. One that people run themselves has an issuer of its own.
    pub issuer: &'static str,
    /// The claims that say whose job it is. A branch, an environment or a workflow of the same name has everybody.
    pub owners: &'static [&'static str],
    /// The claims that rules are made of, the most useful first.
    pub claims: &'static [KnownClaim],
}

/// A claim of a service's tokens.
#[derive(Debug, Clone, Copy)]
pub struct KnownClaim {
    /// Its name.
    pub name: &'static str,
    /// A value that it may have.
    pub example: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// The services that are known.
pub const SERVICES: &[Service] = &[GITHUB_ACTIONS, GITLAB];

/// GitHub Actions. A job needs the permission `id-token: write`, and asks for an audience of its choice.
pub const GITHUB_ACTIONS: Service = Service {
    name: "GitHub Actions",
    issuer: "https://token.actions.githubusercontent.com",
    owners: &["repository", "repository_owner", "repository_id", "repository_owner_id", "workflow_ref", "sub"],
    claims: &[
        claim("repository", "acme/app", "the repository whose workflow runs"),
        claim("repository_owner", "acme", "its owner"),
        claim("repository_id", "74", "its id, which stays when it is renamed and is never given again"),
        claim("repository_owner_id", "65", "its owner's id, likewise"),
        claim("ref", "refs/heads/main", "the branch or tag that it runs for"),
        claim("ref_type", "branch", "branch or tag"),
        claim("environment", "production", "the environment that the job names; absent if it names none"),
        claim("workflow", "release", "the workflow's name, which anyone who writes a workflow chooses"),
        claim(
            "job_workflow_ref",
            "acme/ci/.github/workflows/push.yml@refs/heads/main",
            "the reusable workflow, if one is called",
        ),
        claim(
            "workflow_ref",
            "acme/app/.github/workflows/push.yml@refs/heads/main",
            "the workflow's file and its branch",
        ),
        claim("event_name", "push", "what started it: push, pull_request, workflow_dispatch, …"),
        claim("actor", "ann", "who started it"),
        claim("repository_visibility", "private", "public, internal or private"),
        claim("runner_environment", "github-hosted", "github-hosted or self-hosted"),
        claim("sub", "repo:acme/app:environment:production", "repository and environment, branch or event in one"),
    ],
};

/// GitLab, its own service or one that people run themselves. A job asks for a token with the keyword `id_tokens`.
pub const GITLAB: Service = Service {
    name: "GitLab",
    issuer: "https://gitlab.com",
    owners: &["project_path", "namespace_path", "project_id", "namespace_id", "sub"],
    claims: &[
        claim("project_path", "acme/app", "the project whose pipeline runs"),
        claim("namespace_path", "acme", "its group or user"),
        claim("project_id", "22", "its id, which stays when it is renamed"),
        claim("namespace_id", "72", "its group's id, likewise"),
        claim("ref", "main", "the branch or tag, without refs/heads/"),
        claim("ref_type", "branch", "branch or tag"),
        claim("ref_path", "refs/heads/main", "the same in full"),
        claim("ref_protected", "true", "whether the branch or tag is protected; a text"),
        claim("environment", "production", "the environment that the job names; absent if it names none"),
        claim("environment_protected", "true", "whether that is protected; a text"),
        claim("pipeline_source", "push", "what started it: push, web, schedule, merge_request_event, …"),
        claim(
            "ci_config_ref_uri",
            "gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main",
            "the file that defines the pipeline",
        ),
        claim("user_login", "ann", "who started it"),
        claim("runner_environment", "gitlab-hosted", "gitlab-hosted or self-hosted"),
        claim("sub", "project_path:acme/app:ref_type:branch:ref:main", "project and branch or tag in one"),
    ],
};

const fn claim(name: &'static str, example: &'static str, meaning: &'static str) -> KnownClaim {
    KnownClaim { name, example, meaning }
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::*;

    #[test]
    fn each_example_makes_a_rule() {
        for service in SERVICES {
            let examples = service.claims.iter().map(|claim| (claim.name, claim.example));
            let rule = Rule::new(service.issuer, "https://registry.acme.example", examples).unwrap();
            assert_eq!(rule.conditions().len(), service.claims.len(), "{}", service.name);
            assert!(service.owners.iter().all(|owner| rule.conditions().contains_key(*owner)), "{}", service.name);
        }
    }
}
