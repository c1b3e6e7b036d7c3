//! Every route, for everybody, on a public repository, a private one, and one of another organization: who may, and how the
//! others are refused. A route of the server that is not in the table fails the test.

mod callers;
mod routes;
mod rules;

use anyhow::{Context as _, Result};
use entrepot_server::Endpoint;
use entrepot_test_harness::{Answer, get, request};
use serde_json::{Map, Value};

use self::callers::{CALLERS, Cast};
use self::routes::{GHOST, GHOST_ID, Line, distribution, hub_and_api, others};
use self::rules::Rule;
use crate::world::{Shows, World, with_json};

/// Something that a route is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) what: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) repository: &'static str,
    /// Whose account it is about.
    pub(crate) account: &'static str,
}

const PLACES: [Place; 3] = [
    Place { what: "public", namespace: "acme", repository: "public", account: "owner" },
    Place { what: "private", namespace: "acme", repository: "private", account: "owner" },
    Place { what: "other", namespace: "other", repository: "private", account: GHOST },
];

#[test]
fn everybody_on_every_route() -> Result<()> {
    let world = World::start()?;
    let cast = Cast::assemble(&world)?;
    let lines: Vec<Line> = hub_and_api().into_iter().chain(distribution()).chain(others()).collect();
    nothing_is_missing(&world, &lines)?;
    let mut wrong = Vec::new();
    for line in &lines {
        for (place, at) in PLACES.iter().enumerate() {
            let expected = line.rule.expected(place);
            assert_eq!(expected.len(), CALLERS.len(), "{:?} says something of each caller", line.rule);
            for (caller, expected) in CALLERS.iter().zip(expected.chars()) {
                let Some(shows) = cast.shows(caller) else { continue };
                let answer = ask(&world, shows, line, at)?;
                if !holds(expected, line.rule, &answer) {
                    let (method, path, what) = (line.method, line.concrete(at), at.what);
                    let (status, text) = (answer.status, answer.text());
                    wrong.push(format!("{caller} on {what}, {method} {path}: {status} is not {expected}: {text}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells of the table do not hold:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn ask(world: &World, shows: &Shows, line: &Line, at: &Place) -> Result<Answer> {
    let asked = request(line.method, line.concrete(at));
    world.ask(
        shows,
        match line.body {
            Some(body) => with_json(asked, &serde_json::from_str(&at.fill(body))?),
            None => asked,
        },
    )
}

/// Whether an answer is what a letter of the rules says: `+` may, `?` has to log in, `-` may not, `.` hears of nothing.
fn holds(expected: char, rule: Rule, answer: &Answer) -> bool {
    let text = answer.text();
    // What it would have been done to is not there, which only who may do it hears.
    let named = text.contains(GHOST) || text.contains(GHOST_ID);
    match expected {
        // What is not configured here (501) is said to who might do it.
        '+' => {
            !matches!(answer.status, 401 | 403 | 429 | 500 | 502..) && (answer.status != 404 || !rule.hides() || named)
        }
        '?' => answer.status == 401 && answer.header("www-authenticate").is_some(),
        '-' => answer.status == 403,
        '.' => answer.status == 404 && !named,
        _ => false,
    }
}

/// The routes of the API are those of its document; those of the distribution API are the endpoints that the server's own parser
/// knows.
fn nothing_is_missing(world: &World, lines: &[Line]) -> Result<()> {
    let document = world.ask(&Shows::Nothing, get("/api/v1/openapi.json"))?.expect(200)?.json()?;
    for (path, item) in document["paths"].as_object().context("no paths")? {
        for method in item.as_object().into_iter().flat_map(Map::keys).map(|method| method.to_uppercase()) {
            let found = lines.iter().any(|line| line.method == method && line.template == path);
            assert!(found, "{method} {path} is not in the table");
        }
    }
    for line in hub_and_api() {
        let known = &document["paths"][line.template][line.method.to_lowercase()];
        assert_ne!(*known, Value::Null, "{} {} is not in the document", line.method, line.template);
    }
    let labels = ["base", "catalog", "tags", "manifest", "blob", "uploads", "upload", "referrers"];
    let mut covered = Vec::new();
    for line in distribution() {
        let endpoint = Endpoint::parse(&line.concrete(&PLACES[0])).with_context(|| line.template.to_owned())?;
        covered.extend(methods(&endpoint).contains(&line.method).then(|| (endpoint.label(), line.method)));
    }
    for label in labels {
        let methods = covered.iter().filter(|(covered, _)| *covered == label).count();
        assert!(methods > 0, "the endpoint {label} is not in the table");
    }
    Ok(())
}

/// What an endpoint takes; a new one does not compile until it is said here.
fn methods(endpoint: &Endpoint) -> &'static [&'static str] {
    match endpoint {
        Endpoint::Base | Endpoint::Catalog | Endpoint::Tags(_) | Endpoint::Referrers(..) => &["GET"],
        Endpoint::Manifest(..) => &["GET", "PUT", "DELETE"],
        Endpoint::Blob(..) => &["GET", "DELETE"],
        Endpoint::Uploads(_) => &["POST"],
        Endpoint::Upload(..) => &["GET", "PATCH", "PUT", "DELETE"],
    }
}
