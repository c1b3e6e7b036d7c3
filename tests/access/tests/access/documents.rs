//! What the API says of itself.

use anyhow::Result;
use entrepot_test_harness::get;
use serde_json::Value;

use crate::world::{Shows, World};

#[test]
fn the_document_is_whole() -> Result<()> {
    let world = World::start()?;
    let answer = world.ask(&Shows::Nothing, get("/api/v1/openapi.json"))?.expect(200)?;
    let document = answer.json()?;
    assert_eq!(document["openapi"], "3.1.0");
    let mut missing = Vec::new();
    references(&document, &mut |reference| {
        let pointer = reference.trim_start_matches('#');
        if document.pointer(pointer).is_none() {
            missing.push(reference.to_owned());
        }
    });
    assert!(missing.is_empty(), "the document refers to what is not in it: {missing:?}");

    let operations = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    let operations: Vec<_> =
        operations.flat_map(|item| item.as_object().into_iter().flat_map(|item| item.values())).collect();
    let mut ids: Vec<_> = operations.iter().map(|operation| operation["operationId"].to_string()).collect();
    assert!(operations.len() > 60, "{} operations", operations.len());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), operations.len(), "two operations have one id");

    let page = world.ask(&Shows::Nothing, get("/api"))?.expect(200)?;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.required("content-security-policy")?.contains("default-src 'none'"));
    let text = page.text();
    assert!(!text.contains("<script") && !text.contains("https://"), "the page brings what it shows");
    for path in document["paths"].as_object().into_iter().flat_map(|paths| paths.keys()) {
        assert!(text.contains(path), "the page lacks {path}");
    }
    Ok(())
}

/// Calls `found` with every `$ref`.
fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str() {
                    Some(reference) if key == "$ref" => found(reference),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
