//! What goes wrong elsewhere is said in a sentence, and no token goes where it could be read.

use std::net::TcpListener;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use entrepot_test_harness::{delete, post};
use entrepot_test_support::{Entrepot, Start, TlsFiles};
use serde_json::json;

use crate::place::{PASSWORD, Place, Printed, ROOT, json_to};

/// A command that was not done: its exit code, and the one sentence that it printed.
fn refused(printed: &Printed, code: i32, sentence: &str) -> Result<()> {
    ensure!(printed.code == Some(code) && printed.output.is_empty(), "{printed:?}");
    ensure!(printed.errors.contains(sentence), "{printed:?} does not say {sentence}");
    Ok(())
}

#[test]
fn what_is_shown_decides() -> Result<()> {
    let place = Place::start()?;
    place.beside("user create ben --password-file {files}/password")?;
    let tokens = format!("/api/v1/accounts/{ROOT}/tokens");
    let short = json!({ "scopes": ["admin"], "lifetime_seconds": 1 });
    let expired = place.made(json_to(post(tokens.as_str()), &short).basic(ROOT, PASSWORD))?;
    let revoked = place.token(ROOT)?;
    let listed = place.elsewhere(&revoked, &format!("token list --user {ROOT} --json"))?;
    let last: serde_json::Value = serde_json::from_str(listed.output.lines().last().unwrap_or_default())?;
    let path = format!("{tokens}/{}", last["id"].as_str().unwrap_or_default());
    place.registry.ask(&delete(path).basic(ROOT, PASSWORD))?.expect(204)?;
    sleep(Duration::from_millis(1100));

    let wrong = "entrepot: the user name or the password or token is wrong, or no longer valid\n";
    for token in [expired.as_str(), revoked.as_str(), "ept_of-nobody"] {
        let printed = place.elsewhere(token, "user list")?;
        refused(&printed, 1, wrong)?;
        ensure!(!printed.errors.contains(token), "{printed:?}");
        refused(&place.elsewhere(token, "access explain pull acme/app")?, 2, wrong)?;
    }
    for token in ["", "two words"] {
        let sentence = "cannot take the token from ENTREPOT_TOKEN: it has no token: one line without spaces is needed";
        refused(&place.elsewhere(token, "user list")?, 1, sentence)?;
    }
    let nothing = place.command(&format!("user list --server {}", place.url()?)).output()?;
    refused(&Printed::of(nothing)?, 1, "wants to know who asks: put a token into ENTREPOT_TOKEN, or name its file")?;

    // Ben has a token, but not the right.
    let ben = place.token("ben")?;
    refused(&place.elsewhere(&ben, "user list")?, 1, "entrepot: only administrators may do this\n")?;
    refused(&place.elsewhere(&ben, "user disable root")?, 1, "only root and administrators may do this")?;
    ensure!(place.elsewhere(&ben, "org create acme --owner ben")?.code == Some(0));
    ensure!(place.elsewhere(&ben, "org list --mine")?.output.starts_with("NAME  DISPLAY NAME"), "no list");
    // Nobody's token sets a password of its owner.
    let own = "user password ben --password-file {files}/other-password";
    refused(&place.elsewhere(&ben, own)?, 1, "current_password is not acceptable")?;
    let shown = place.elsewhere(&ben, &format!("{own} --current-password-file {{files}}/password"))?;
    ensure!(shown.output == "ben has a new password\n", "{shown:?}");
    // A provider on the registry's own machine could be used to find out what else answers there.
    let loopback = "ci add ben --issuer http://127.0.0.1:1 --audience x --claim sub=x";
    let ben = place.elsewhere(&place.token(ROOT)?, "token create --user ben --scope admin")?.output;
    refused(&place.elsewhere(ben.trim(), loopback)?, 1, "only administrators may name a provider on the registry's own")
}

#[test]
fn a_token_comes_from_a_file_or_from_docker() -> Result<()> {
    let place = Place::start()?;
    let (token, url) = (place.token(ROOT)?, place.url()?);
    std::fs::write(place.file("token"), format!("{token}\n"))?;
    let list = format!("user list --server {url}");
    let of_file = place.command(&format!("{list} --token-file {{files}}/token")).output()?;
    ensure!(Printed::of(of_file)?.output.contains(ROOT), "no list with a file");
    let missing = place.command(&format!("{list} --token-file {{files}}/nowhere")).output()?;
    refused(&Printed::of(missing)?, 1, "nowhere: No such file")?;

    // What docker login leaves.
    std::fs::create_dir(place.file(".docker"))?;
    let auth = STANDARD.encode(format!("{ROOT}:{PASSWORD}"));
    let config = json!({ "auths": { place.registry.address()?.to_string(): { "auth": auth } } });
    std::fs::write(place.file(".docker/config.json"), config.to_string())?;
    let of_docker = Printed::of(place.command(&list).output()?)?;
    ensure!(of_docker.output.contains(ROOT), "{of_docker:?}");
    // What is named counts before what is found.
    let named = place.command(&list).env("ENTREPOT_TOKEN", "ept_of-nobody").output()?;
    refused(&Printed::of(named)?, 1, "is wrong, or no longer valid")
}

#[test]
fn tokens_do_not_go_where_they_can_be_read() -> Result<()> {
    let place = Place::start()?;
    for (line, sentence) in [
        ("user list --server http://registry.acme.example", "over plain HTTP whoever is on the way reads the token"),
        ("user list --server registry.acme.example", "it has to be a URL such as https://registry.acme.example"),
        ("user list --server https://ann:secret@registry.acme.example", "without user, path or query"),
        ("user list --token ept_x --server https://registry.acme.example", "unexpected argument '--token'"),
        ("user list --server https://registry.acme.example --data-dir x", "cannot be used with"),
        ("user list --token-file x", "--server"),
    ] {
        refused(&Printed::of(place.command(line).output()?)?, 2, sentence)?;
    }
    let token = place.token(ROOT)?;
    let import = place.elsewhere(&token, "user import-htpasswd {files}/password")?;
    refused(&import, 1, "this works on the registry's own machine only")
}

#[test]
fn a_server_that_is_away_or_another_is_said_to_be() -> Result<()> {
    let place = Place::start()?;
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let away = place.command(&format!("org list --server http://{free}")).env("ENTREPOT_TOKEN", "ept_x").output()?;
    refused(&Printed::of(away)?, 1, &format!("entrepot: http://{free} cannot be reached: "))?;
    // One that leads elsewhere with the token.
    let other = answering("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")?;
    let moved = place.command(&format!("org list --server http://{other}")).env("ENTREPOT_TOKEN", "ept_x").output()?;
    refused(&Printed::of(moved)?, 1, "does not answer as a registry does: it sends elsewhere")?;
    for page in ["<html>", r#"{"items":[],"next":"//127.0.0.1:1/x"}"#] {
        let other = answering(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len()))?;
        let line = format!("org list --server http://{other}");
        let odd = place.command(&line).env("ENTREPOT_TOKEN", "ept_x").output()?;
        refused(&Printed::of(odd)?, 1, "does not answer as a registry does")?;
    }
    Ok(())
}

/// Somebody who gives one answer, whatever is asked.
fn answering(answer: &str) -> Result<std::net::SocketAddr> {
    use std::io::{Read as _, Write as _};
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, answer) = (listener.local_addr()?, answer.to_owned());
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let _asked = stream.read(&mut [0; 4096])?;
        stream.write_all(answer.as_bytes())
    });
    Ok(address)
}

#[test]
fn a_certificate_is_checked() -> Result<()> {
    let place = Place::start()?;
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let files = TlsFiles { cert: place.file("cert.pem"), key: place.file("key.pem") };
    std::fs::write(&files.cert, made.cert.pem())?;
    std::fs::write(&files.key, made.signing_key.serialize_pem())?;
    let directory = tempfile::tempdir()?;
    let binary = Path::new(env!("CARGO_BIN_EXE_entrepot"));
    let server = Entrepot::start(&Start { binary, directory: directory.path(), settings: &[], tls: Some(&files) })?;
    let data = directory.path().join("data");
    let beside =
        |line: &str| -> Result<Printed> { Printed::of(place.command(line).arg("--data-dir").arg(&data).output()?) };
    ensure!(beside("user create ann --admin --password-file {files}/password")?.code == Some(0));
    let token = beside("token create --user ann --scope admin")?.output;
    let list = format!("user list --server https://{}", server.address());
    let elsewhere = |line: &str| -> Result<Printed> {
        Printed::of(place.command(line).env("ENTREPOT_TOKEN", token.trim()).output()?)
    };
    let trusted = elsewhere(&format!("{list} --ca-file {{files}}/cert.pem"))?;
    ensure!(trusted.output.contains("ann"), "{trusted:?}");
    refused(&elsewhere(&list)?, 1, "cannot be reached: ")?;
    refused(&elsewhere(&format!("{list} --ca-file {{files}}/password"))?, 1, "there is no certificate in it")?;
    refused(&elsewhere(&format!("{list} --ca-file {{files}}/nowhere"))?, 1, "nowhere: No such file")
}
