//! Lists of tags (end-8) and of repositories, page by page.

use anyhow::{Context as _, Result, ensure};
use entrepot_test_harness::content::{image, sha256};
use entrepot_test_harness::{Registry, check, get, put, row};
use serde_json::{Value, json};

/// A registry whose `acme/app` has these tags.
fn tagged(tags: &[&str]) -> Result<Registry> {
    let registry = Registry::start()?;
    registry.push_blob("acme/app", "{}")?;
    let content = image(b"{}", &[]).to_string();
    let tags: Vec<_> = tags.iter().map(|tag| format!("tag={tag}")).collect();
    for tags in tags.chunks(100) {
        let path = format!("/v2/acme/app/manifests/{}?{}", sha256(&content), tags.join("&"));
        registry
            .ask(&put(path).header("Content-Type", entrepot_test_harness::content::IMAGE).body(content.clone()))?
            .expect(201)?;
    }
    Ok(registry)
}

/// Follows `Link` headers from `start` and returns the length of every page and all entries under `key`.
fn follow(registry: &Registry, start: &str, key: &str) -> Result<(Vec<usize>, Vec<String>)> {
    let (mut pages, mut entries) = (Vec::new(), Vec::new());
    let mut next = Some(start.to_owned());
    while let Some(path) = next {
        ensure!(pages.len() < 100, "the pages go round in a circle");
        let answer = registry.ask(&get(&path))?.expect(200)?;
        let page = answer.json()?;
        let page = page[key].as_array().context("no list")?;
        pages.push(page.len());
        entries.extend(page.iter().filter_map(Value::as_str).map(str::to_owned));
        next = answer.header("link").map(next_path).transpose()?;
    }
    Ok((pages, entries))
}

/// The target of `<…>; rel="next"`.
fn next_path(link: &str) -> Result<String> {
    let target = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let (path, rest) = target.with_context(|| format!("Link: {link}"))?;
    ensure!(rest.contains("rel=\"next\""), "Link: {link}");
    Ok(path.to_owned())
}

#[test]
fn tags() -> Result<()> {
    let registry = tagged(&["b", "a", "C", "_", "1.0", "a-1", "a.1"])?;
    let all = json!(["1.0", "C", "_", "a", "a-1", "a.1", "b"]);
    let list = |query: &str| get(format!("/v2/acme/app/tags/list{query}"));
    let rows = [
        row("all, in byte order", list(""), 200)
            .with("content-type", "application/json")
            .json("/name", "acme/app")
            .json("/tags", all.clone())
            .without("link"),
        row("the first two", list("?n=2"), 200)
            .json("/tags", json!(["1.0", "C"]))
            .with("link", "</v2/acme/app/tags/list?last=C&n=2>; rel=\"next\""),
        row("the next two", list("?last=C&n=2"), 200)
            .json("/tags", json!(["_", "a"]))
            .with("link", "</v2/acme/app/tags/list?last=a&n=2>; rel=\"next\""),
        row("just the rest", list("?n=3&last=a"), 200).json("/tags", json!(["a-1", "a.1", "b"])).without("link"),
        row("after a tag that is not there", list("?last=a-"), 200).json("/tags", json!(["a-1", "a.1", "b"])),
        row("after the end", list("?last=zzz"), 200).json("/tags", json!([])).without("link"),
        row("none", list("?n=0"), 200).json("/tags", json!([])).without("link"),
        row("as many as there are", list("?n=7"), 200).json("/tags", all.clone()).without("link"),
        row("more than there are", list("?n=1000000"), 200).json("/tags", all).without("link"),
        row("n is no number", list("?n=many"), 400).error("PAGINATION_NUMBER_INVALID").says("many"),
        row("n is negative", list("?n=-1"), 400).error("PAGINATION_NUMBER_INVALID"),
        row("of no repository", get("/v2/acme/none/tags/list"), 404).error("NAME_UNKNOWN"),
    ];
    check(&registry, rows)
}

#[test]
fn tags_to_the_end() -> Result<()> {
    let tags: Vec<_> = (0..250).map(|n| format!("v{n:03}")).collect();
    let registry = tagged(&tags.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (n, pages) in [(100, vec![100, 100, 50]), (125, vec![125, 125]), (249, vec![249, 1]), (250, vec![250])] {
        let found = follow(&registry, &format!("/v2/acme/app/tags/list?n={n}"), "tags")?;
        ensure!(found == (pages.clone(), tags.clone()), "n={n}: pages of {:?} instead of {pages:?}", found.0);
    }
    Ok(())
}

#[test]
fn repositories() -> Result<()> {
    let registry = Registry::start()?;
    let empty = row("nothing yet", get("/v2/_catalog"), 200).json("/repositories", json!([])).without("link");
    check(&registry, [empty])?;
    let names: Vec<_> = (0..25).map(|n| format!("acme/r{n:02}")).collect();
    for name in names.iter().rev() {
        registry.push_blob(name, "{}")?;
    }
    let rows = [
        row("all", get("/v2/_catalog"), 200).json("/repositories", json!(names)).without("link"),
        row("the first two", get("/v2/_catalog?n=2"), 200)
            .json("/repositories", json!(["acme/r00", "acme/r01"]))
            .with("link", "</v2/_catalog?last=acme%2Fr01&n=2>; rel=\"next\""),
        row("after one", get("/v2/_catalog?n=2&last=acme/r22"), 200)
            .json("/repositories", json!(["acme/r23", "acme/r24"]))
            .without("link"),
        row("none", get("/v2/_catalog?n=0"), 200).json("/repositories", json!([])),
        row("n is no number", get("/v2/_catalog?n=x"), 400).error("PAGINATION_NUMBER_INVALID"),
    ];
    check(&registry, rows)?;
    let found = follow(&registry, "/v2/_catalog?n=10", "repositories")?;
    ensure!(found == (vec![10, 10, 5], names), "{found:?}");
    Ok(())
}
