//! The lines of the table. Whoever may do what a line asks for finds that it is not there, is there already, or makes no
//! difference, so that the lines can be walked by everybody in any order.

use super::Place;
use super::rules::Rule;

/// What nobody has made.
pub(crate) const GHOST: &str = "ghost";
/// The id of a token that nobody has made.
pub(crate) const GHOST_ID: &str = "01980000-0000-7000-8000-000000000000";
/// A rule that nobody may make, whoever they are.
const RULE: &str = r#"{"issuer":"https://id.acme.example","audience":"x","claims":{"sub":"x"},"scopes":["admin"]}"#;
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A route, and what decides about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    pub(crate) method: &'static str,
    pub(crate) template: &'static str,
    /// What follows the path.
    query: &'static str,
    /// The account that it is about is one that is not there.
    ghost: bool,
    pub(crate) body: Option<&'static str>,
    pub(crate) rule: Rule,
}

impl Line {
    /// The path in a place.
    pub(crate) fn concrete(&self, at: &Place) -> String {
        let template = if self.ghost { self.template.replace("{account}", GHOST) } else { self.template.to_owned() };
        at.fill(&format!("{template}{}", self.query))
    }

    const fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    const fn body(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    const fn ghost(self) -> Self {
        Self { ghost: true, ..self }
    }
}

impl Place {
    /// Text with what is in braces replaced.
    pub(crate) fn fill(&self, text: &str) -> String {
        let name = format!("{}/{}", self.namespace, self.repository);
        let visibility = if self.what == "public" { "public" } else { "private" };
        [
            ("{account}", self.account),
            ("{organization}", self.namespace),
            ("{namespace}", self.namespace),
            ("{team}", GHOST),
            ("{robot}", GHOST),
            ("{id}", GHOST_ID),
            ("{rule}", GHOST_ID),
            ("{reference}", GHOST),
            ("{tag}", GHOST),
            ("{entry}", GHOST_ID),
            ("{repository}", self.repository),
            ("{digest}", DIGEST),
            ("{name}", &name),
            ("{visibility}", visibility),
        ]
        .iter()
        .fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    }
}

const fn line(method: &'static str, template: &'static str, rule: Rule) -> Line {
    Line { method, template, query: "", ghost: false, body: None, rule }
}

/// What is in the document.
#[rustfmt::skip]
pub(crate) fn hub_and_api() -> Vec<Line> {
    use Rule::{Account, Always, Delete, Found, Inside, Open, Owned, Person, Pull, Push, See, Settings, Somebody, System};
    vec![
        line("GET", "/api/v1/me", Open),
        line("GET", "/api/v1/accounts", System),
        line("POST", "/api/v1/accounts", System).body(r#"{"name":"root"}"#),
        line("GET", "/api/v1/accounts/{account}", Account),
        line("PATCH", "/api/v1/accounts/{account}", Account).body(r#"{"display_name":"Somebody"}"#),
        line("POST", "/api/v1/accounts/{account}/password", Account).body(r#"{"password":"correct horse battery staple"}"#),
        line("POST", "/api/v1/accounts/{account}/disable", System).ghost(),
        line("POST", "/api/v1/accounts/{account}/enable", Account),
        line("PUT", "/api/v1/accounts/{account}/administrator", System).ghost(),
        line("DELETE", "/api/v1/accounts/{account}/administrator", System).ghost(),
        line("POST", "/api/v1/accounts/{account}/to-organization", System).ghost().body(r#"{"owner":"root"}"#),
        line("GET", "/api/v1/accounts/{account}/tokens", Account),
        line("POST", "/api/v1/accounts/{account}/tokens", Account).body(r#"{"scopes":["pull"]}"#),
        line("POST", "/api/v1/accounts/{account}/tokens/{id}/rotate", Account),
        line("DELETE", "/api/v1/accounts/{account}/tokens/{id}", Account),
        line("GET", "/api/v1/accounts/{account}/sessions", Account),
        line("DELETE", "/api/v1/accounts/{account}/sessions", Account),
        line("DELETE", "/api/v1/accounts/{account}/sessions/{id}", Account),
        line("GET", "/api/v1/accounts/{account}/second-factor", Account),
        line("POST", "/api/v1/accounts/{account}/second-factor/remove", Account).body("{}"),

        // What is for everybody who has a link; nobody has one here.
        line("POST", "/api/v1/sign-up", Always).body(r#"{"name":"ghost","email":"nobody","password":"correct horse"}"#),
        line("POST", "/api/v1/reset", Always).body(r#"{"email":"nobody"}"#),
        line("POST", "/api/v1/links/look", Always).body(r#"{"kind":"reset","secret":"ghost"}"#),
        line("POST", "/api/v1/links/set-up", Always).body(r#"{"secret":"ghost","name":"ghost","password":"correct horse"}"#),
        line("POST", "/api/v1/links/sign-up", Always).body(r#"{"secret":"ghost"}"#),
        line("POST", "/api/v1/links/confirm", Always).body(r#"{"secret":"ghost"}"#),
        line("POST", "/api/v1/links/reset", Always).body(r#"{"secret":"ghost","password":"correct horse"}"#),
        line("POST", "/api/v1/links/join", Always).body(r#"{"secret":"ghost","name":"ghost","password":"correct horse"}"#),
        line("POST", "/api/v1/links/accept", Person).body(r#"{"secret":"ghost"}"#),
        line("POST", "/api/v1/accounts/{account}/confirmation", Account),
        line("POST", "/api/v1/accounts/{account}/reset-link", System).ghost(),
        line("GET", "/api/v1/invitations", Person),
        line("POST", "/api/v1/invitations/{id}/accept", Person),
        line("DELETE", "/api/v1/invitations/{id}", Person),
        line("GET", "/api/v1/organizations/{organization}/invitations", Owned),
        line("POST", "/api/v1/organizations/{organization}/invitations", Owned).body(r#"{"account":"{account}"}"#),
        line("DELETE", "/api/v1/organizations/{organization}/invitations/{id}", Owned),

        line("GET", "/api/v1/organizations", Somebody),
        line("POST", "/api/v1/organizations", Found).body(r#"{"name":"{organization}"}"#),
        line("GET", "/api/v1/organizations/{organization}", Inside),
        line("PATCH", "/api/v1/organizations/{organization}", Owned).body(r#"{"display_name":"All of us"}"#),
        line("GET", "/api/v1/organizations/{organization}/members", Inside),
        line("PUT", "/api/v1/organizations/{organization}/members/{account}", Owned).body(r#"{"role":"owner"}"#),
        line("DELETE", "/api/v1/organizations/{organization}/members/{account}", Owned),
        line("GET", "/api/v1/organizations/{organization}/teams", Inside),
        line("POST", "/api/v1/organizations/{organization}/teams", Owned).body(r#"{"name":"readers"}"#),
        line("DELETE", "/api/v1/organizations/{organization}/teams/{team}", Owned),
        line("GET", "/api/v1/organizations/{organization}/teams/{team}/members", Inside),
        line("PUT", "/api/v1/organizations/{organization}/teams/{team}/members/{account}", Owned),
        line("DELETE", "/api/v1/organizations/{organization}/teams/{team}/members/{account}", Owned),
        line("GET", "/api/v1/organizations/{organization}/teams/{team}/groups", Inside),
        line("PUT", "/api/v1/organizations/{organization}/teams/{team}/groups", Owned).body(r#"{"source":"ldap","name":"all"}"#),
        line("DELETE", "/api/v1/organizations/{organization}/teams/{team}/groups", Owned).query("?source=ldap&name=all"),
        line("GET", "/api/v1/organizations/{organization}/teams/{team}/grants", Owned),
        line("PUT", "/api/v1/organizations/{organization}/teams/{team}/grants", Owned).body(r#"{"pattern":"{namespace}/x","role":"read"}"#),
        line("DELETE", "/api/v1/organizations/{organization}/teams/{team}/grants", Owned).query("?pattern={namespace}/x"),
        line("GET", "/api/v1/organizations/{organization}/tokens", Owned),
        line("POST", "/api/v1/organizations/{organization}/tokens", Owned).body(r#"{"scopes":["pull"]}"#),

        line("POST", "/api/v1/namespaces/{namespace}/tokens/{id}/rotate", Owned),
        line("DELETE", "/api/v1/namespaces/{namespace}/tokens/{id}", Owned),
        line("GET", "/api/v1/namespaces/{namespace}/robots", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/robots", Owned).body(r#"{"name":"deploy"}"#),
        line("DELETE", "/api/v1/namespaces/{namespace}/robots/{robot}", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/robots/{robot}/disable", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/robots/{robot}/enable", Owned),
        line("GET", "/api/v1/namespaces/{namespace}/robots/{robot}/tokens", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/robots/{robot}/tokens", Owned).body(r#"{"scopes":["pull"]}"#),
        line("GET", "/api/v1/namespaces/{namespace}/robots/{robot}/grants", Owned),
        line("PUT", "/api/v1/namespaces/{namespace}/robots/{robot}/grants", Owned).body(r#"{"pattern":"{namespace}/x","role":"read"}"#),
        line("DELETE", "/api/v1/namespaces/{namespace}/robots/{robot}/grants", Owned).query("?pattern={namespace}/x"),
        line("GET", "/api/v1/namespaces/{namespace}/people/{account}/grants", Owned),
        line("PUT", "/api/v1/namespaces/{namespace}/people/{account}/grants", Owned).body(r#"{"pattern":"{namespace}/x","role":"read"}"#),
        line("DELETE", "/api/v1/namespaces/{namespace}/people/{account}/grants", Owned).query("?pattern={namespace}/x"),
        line("GET", "/api/v1/namespaces/{namespace}/repositories", Open),
        line("GET", "/api/v1/namespaces/{namespace}/immutable-tags", Owned),
        line("PUT", "/api/v1/namespaces/{namespace}/immutable-tags", Owned).body(r#"{"repositories":"{namespace}/x","tags":"v*"}"#),
        line("DELETE", "/api/v1/namespaces/{namespace}/immutable-tags", Owned).query("?repositories={namespace}/x&tags=v*"),
        line("GET", "/api/v1/namespaces/{namespace}/retention", Owned),
        line("PUT", "/api/v1/namespaces/{namespace}/retention", Owned).body(r#"{"repositories":"{namespace}/x","tags":"v*","keep_last":1}"#),
        line("DELETE", "/api/v1/namespaces/{namespace}/retention", Owned).query("?repositories={namespace}/x&tags=v*"),
        line("GET", "/api/v1/namespaces/{namespace}/retention/preview", Owned),
        line("GET", "/api/v1/namespaces/{namespace}/job-rules", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/job-rules", Owned).body(RULE),
        line("DELETE", "/api/v1/namespaces/{namespace}/job-rules/{rule}", Owned),
        line("POST", "/api/v1/namespaces/{namespace}/job-rules/test", Owned).body(r#"{"token":"none"}"#),
        line("GET", "/api/v1/namespaces/{namespace}/quota", Owned),
        line("PUT", "/api/v1/namespaces/{namespace}/quota", System)
            .body(r#"{"max_bytes":null,"max_repositories":null}"#),

        line("POST", "/api/v1/repositories", Settings).body(r#"{"name":"{name}"}"#),
        line("GET", "/api/v1/repositories/{name}", See),
        line("PATCH", "/api/v1/repositories/{name}", Settings).body(r#"{"visibility":"{visibility}"}"#),
        line("GET", "/api/v1/tags/{name}", Pull),
        line("GET", "/api/v1/manifests/{reference}/{name}", Pull),
        line("DELETE", "/api/v1/manifests/{reference}/{name}", Delete),
        line("DELETE", "/api/v1/repositories/{name}", Delete),
        line("GET", "/api/v1/sizes/{name}", Delete),
        line("GET", "/api/v1/sizes", System),
        line("GET", "/api/v1/namespaces/{namespace}/sizes", Owned),
        line("GET", "/api/v1/namespaces/{namespace}/sizes/total", Owned),
        line("GET", "/api/v1/trash/{name}", Delete),
        line("POST", "/api/v1/trash-entries/{entry}/{name}", Delete),
        line("DELETE", "/api/v1/trash-entries/{entry}/{name}", Delete),
        line("GET", "/api/v1/tag-history/{tag}/{name}", Pull),
        line("POST", "/api/v1/tag-history/{tag}/{name}", Push).body("{}"),
        line("GET", "/api/v1/gc", System),
        line("POST", "/api/v1/gc", System),
        line("GET", "/api/v1/gc/explain/{digest}", System),
        line("GET", "/api/v1/gc/explain/{digest}/{name}", Pull),

        line("GET", "/api/v1/access/explain", Open).query("?action=pull&repository={name}"),
        line("GET", "/api/v1/audit", System),
        line("POST", "/api/v1/keys/rotate", System).body("{}"),
        line("GET", "/api/v1/maintenance", System),
        // A message of two lines, which is not taken: others go on walking the table.
        line("PUT", "/api/v1/maintenance", System).body(r#"{"message":"a\nb"}"#),
        line("DELETE", "/api/v1/maintenance", System),

        line("POST", "/v2/users/login", Always).body(r#"{"username":"owner","password":"correct horse battery staple"}"#),
        line("GET", "/v2/repositories/{namespace}", Open),
        line("GET", "/v2/repositories/{namespace}/{repository}", See),
        line("GET", "/v2/repositories/{namespace}/{repository}/tags", Pull),
    ]
}

/// The distribution API.
#[rustfmt::skip]
pub(crate) fn distribution() -> Vec<Line> {
    use Rule::{Catalog, Delete, Pull, Push, Somebody};
    vec![
        line("GET", "/v2/", Somebody),
        line("GET", "/v2/_catalog", Catalog),
        line("GET", "/v2/{name}/tags/list", Pull),
        line("GET", "/v2/{name}/manifests/{reference}", Pull),
        line("PUT", "/v2/{name}/manifests/{reference}", Push).body("{}"),
        line("DELETE", "/v2/{name}/manifests/{reference}", Delete),
        line("GET", "/v2/{name}/blobs/{digest}", Pull),
        line("DELETE", "/v2/{name}/blobs/{digest}", Delete),
        line("POST", "/v2/{name}/blobs/uploads/", Push),
        line("GET", "/v2/{name}/blobs/uploads/{id}", Push),
        line("PATCH", "/v2/{name}/blobs/uploads/{id}", Push),
        line("PUT", "/v2/{name}/blobs/uploads/{id}", Push),
        line("DELETE", "/v2/{name}/blobs/uploads/{id}", Push),
        line("GET", "/v2/{name}/referrers/{digest}", Pull),
    ]
}

/// What is neither.
pub(crate) fn others() -> Vec<Line> {
    use Rule::{Always, Open};
    vec![
        line("GET", "/token", Open).query("?scope=repository:{name}:pull"),
        // Without what has to be in them; to have it is all that counts.
        line("POST", "/token", Always),
        line("POST", "/token/revoke", Always),
        line("POST", "/device/code", Always),
        line("GET", "/.well-known/oauth-authorization-server", Always),
        line("GET", "/.well-known/jwks.json", Always),
        line("POST", "/login/oidc/{provider}/logout", Always),
        line("GET", "/healthz", Always),
        line("GET", "/readyz", Always),
        line("GET", "/metrics", Always),
        line("GET", "/api", Always),
        line("GET", "/api/v1/openapi.json", Always),
    ]
}
