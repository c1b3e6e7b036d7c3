//! The page: every route by its part of the API, what it takes and answers, and every kind of problem.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::api::problem::KINDS;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
     code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}h2{margin-top:2.5rem}h3{margin-bottom:.2rem}\
     table{border-collapse:collapse;margin:.4rem 0}td,th{padding:.1rem .8rem .1rem 0;text-align:left;vertical-align:top}\
     summary{cursor:pointer}@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}a{color:#8ab4f8}}";

/// The page over an OpenAPI document.
pub(super) fn page(document: &Value) -> String {
    let mut html = String::new();
    let about = escape(text(&document["info"]["description"]));
    let _infallible = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Entrepot API</title><style>{STYLE}</style><h1>Entrepot API</h1><p>{about}</p>\
         <p>The same for programs: <a href=\"/api/v1/openapi.json\">openapi.json</a></p>"
    );
    for (tag, operations) in by_tag(document) {
        let _infallible = write!(html, "<h2 id=\"{0}\">{0}</h2>", escape(tag));
        for (method, path, operation) in operations {
            html.push_str(&route(method, path, operation));
        }
    }
    html.push_str(&problems());
    html.push_str(&schemas(document));
    html.push_str("</html>");
    html
}

type Operations<'a> = Vec<(&'a str, &'a str, &'a Value)>;

fn by_tag(document: &Value) -> BTreeMap<&str, Operations<'_>> {
    let mut tags = BTreeMap::<_, Operations<'_>>::new();
    for (path, item) in object(&document["paths"]) {
        for (method, operation) in object(item) {
            tags.entry(text(&operation["tags"][0])).or_default().push((method, path, operation));
        }
    }
    tags
}

fn route(method: &str, path: &str, operation: &Value) -> String {
    let method = method.to_uppercase();
    let mut html = format!("<h3><code>{method} {}</code></h3><p>{}", escape(path), escape(text(&operation["summary"])));
    if let Some(body) = named(&operation["requestBody"]["content"]["application/json"]["schema"]) {
        html.push_str(&format!(" Takes {}.", link(body)));
    }
    for (status, response) in object(&operation["responses"]).filter(|(status, _)| *status != "default") {
        let schema = &response["content"]["application/json"]["schema"];
        let one = named(schema).map(link);
        let many = named(&schema["properties"]["items"]["items"]).map(|name| format!("a page of {}", link(name)));
        html.push_str(&format!(" Answers {status} {}.", one.or(many).unwrap_or_default()).replace(" .", "."));
    }
    html.push_str("</p>");
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    html.push_str(&table(
        parameters
            .iter()
            .map(|parameter| (text(&parameter["name"]).to_owned(), text(&parameter["description"]).to_owned())),
    ));
    html
}

fn problems() -> String {
    let mut html = "<h2>Problems</h2><table>".to_owned();
    for kind in KINDS {
        let (anchor, title, status) = (kind.anchor, escape(kind.title), kind.status.as_u16());
        html.push_str(&format!("<tr id=\"{anchor}\"><td>{status}<td><code>/api#{anchor}</code><td>{title}"));
    }
    html.push_str("</table>");
    html
}

fn schemas(document: &Value) -> String {
    let mut html = "<h2>Bodies and answers</h2>".to_owned();
    for (name, schema) in object(&document["components"]["schemas"]) {
        html.push_str(&format!("<h3 id=\"schema-{0}\"><code>{0}</code></h3>", escape(name)));
        html.push_str(&format!("<p>{}</p>", escape(text(&schema["description"]))));
        html.push_str(&table(
            object(&schema["properties"])
                .map(|(name, property)| (name.to_owned(), text(&property["description"]).to_owned())),
        ));
    }
    html
}

fn table(rows: impl Iterator<Item = (String, String)>) -> String {
    let rows: String =
        rows.map(|(name, what)| format!("<tr><td><code>{}</code><td>{}", escape(&name), escape(&what))).collect();
    if rows.is_empty() { rows } else { format!("<table>{rows}</table>") }
}

fn link(name: &str) -> String {
    format!("<a href=\"#schema-{0}\">{0}</a>", escape(name))
}

/// The name of the schema that is referred to.
fn named(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn object(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
