//! Where clients are sent to log in: nobody but the client itself, or a proxy that is trusted, chooses that.

use anyhow::{Result, ensure};
use entrepot_test_harness::{Answer, get};

use crate::{PRIVATE, Scene, with};

/// The challenge for a request with these lines in its head.
fn challenge(scene: &Scene, lines: &str) -> Result<(Answer, String)> {
    let mut connection = scene.registry.connect()?;
    connection.send(format!("GET /v2/{PRIVATE}/manifests/v1 HTTP/1.1\r\n{lines}Connection: close\r\n\r\n"))?;
    let answer = connection.answer("GET")?;
    let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
    Ok((answer, challenge))
}

fn realm(challenge: &str) -> &str {
    challenge.strip_prefix("Bearer realm=\"").and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

#[test]
fn the_realm_is_where_the_client_came_to() -> Result<()> {
    let scene = Scene::start()?;
    for (lines, wanted) in [
        ("Host: registry.acme.example\r\n", "http://registry.acme.example/token"),
        ("Host: localhost:5000\r\n", "http://localhost:5000/token"),
        ("Host: [::1]:5000\r\n", "http://[::1]:5000/token"),
        ("Host: a.example\r\nX-Forwarded-Host: evil.example\r\n", "http://a.example/token"),
        ("Host: a.example\r\nX-Forwarded-Proto: https\r\n", "http://a.example/token"),
        ("Host: a.example\r\nX-Forwarded-Proto: javascript\r\n", "http://a.example/token"),
        ("Host: a.example\r\nForwarded: host=evil.example;proto=https\r\n", "http://a.example/token"),
        (
            "Host: a.example\r\nX-Original-URL: http://evil.example/\r\nX-Forwarded-Prefix: /evil\r\n",
            "http://a.example/token",
        ),
    ] {
        let (answer, challenge) = challenge(&scene, lines)?;
        answer.expect(401)?;
        ensure!(realm(&challenge) == wanted, "{lines:?}: {challenge}");
    }
    Ok(())
}

#[test]
fn a_host_that_no_url_can_have_goes_nowhere() -> Result<()> {
    let scene = Scene::start()?;
    for host in [
        "evil.example\",scope=\"repository:x:*",
        "a.example/evil",
        "user@evil.example",
        "a.example?x",
        "a.example#x",
        "a.example\\evil",
        "a b",
        "",
        "\u{e9}vil.example",
        "a.example,evil.example",
        "a.example\tevil",
    ] {
        let lines = format!("Host: {host}\r\n");
        let Ok((answer, challenge)) = challenge(&scene, &lines) else { continue };
        // hyper refuses some of them by itself.
        if answer.status == 400 {
            continue;
        }
        ensure!(realm(&challenge) == "http://localhost/token", "{host:?}: {} {challenge}", answer.status);
        ensure!(!challenge.contains("evil"), "{host:?}: {challenge}");
    }
    Ok(())
}

#[test]
fn a_trusted_proxy_says_whether_the_client_speaks_https() -> Result<()> {
    let scene = Scene::with(&[("ENTREPOT_HTTP_TRUSTED_PROXIES", "127.0.0.1")])?;
    for (proto, scheme) in
        [("https", "https"), ("HTTPS", "https"), ("http", "http"), ("https\", x=\"", "http"), ("", "http")]
    {
        let (answer, challenge) = challenge(&scene, &format!("Host: a.example\r\nX-Forwarded-Proto: {proto}\r\n"))?;
        answer.expect(401)?;
        ensure!(realm(&challenge) == format!("{scheme}://a.example/token"), "{proto}: {challenge}");
    }
    Ok(())
}

#[test]
fn nothing_that_a_client_sends_becomes_a_header() -> Result<()> {
    let scene = Scene::start()?;
    let evil = "%0d%0aX-Evil:%201%0d%0a%0d%0a";
    for path in [
        format!("/v2/ann/secret{evil}/manifests/v1"),
        format!("/v2/{PRIVATE}/manifests/v1{evil}"),
        format!("/v2/{PRIVATE}/tags/list?n=1&last={evil}"),
        format!("/v2/_catalog?n=1&last={evil}"),
        format!("/v2/mallory/app/blobs/uploads/?mount={evil}&from={evil}"),
        format!("/token?service={evil}&scope=repository:ann/x{evil}:pull&client_id={evil}&account={evil}"),
    ] {
        for request in [get(&path), entrepot_test_harness::post(&path)] {
            for authorization in [None, Some(crate::basic("mallory", entrepot_test_people::PASSWORD))] {
                let request = match authorization {
                    None => request.clone(),
                    Some(authorization) => with(request.clone(), &authorization),
                };
                let answer = scene.ask(&request)?;
                ensure!(answer.header("x-evil").is_none(), "{path}");
                ensure!(answer.status < 500, "{path}: {}", answer.status);
            }
        }
    }
    Ok(())
}

#[test]
fn no_answer_sends_credentials_elsewhere() -> Result<()> {
    let scene = Scene::start()?;
    let ann = crate::basic("ann", entrepot_test_people::PASSWORD);
    for path in [
        "/token?service=entrepot&redirect_uri=http://evil.example/&realm=http://evil.example/",
        "/token?service=evil.example&scope=repository:ann/secret:pull",
        "//evil.example/token",
        "/v2//evil.example/x/manifests/v1",
    ] {
        let answer = scene.ask(&with(get(path), &ann))?;
        ensure!(!(300..400).contains(&answer.status), "{path}: {}", answer.status);
        ensure!(
            answer.header("location").is_none() && !answer.text().contains("evil.example/\""),
            "{path}: {}",
            answer.text()
        );
    }
    Ok(())
}
