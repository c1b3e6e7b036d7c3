use std::os::unix::fs::PermissionsExt;

use super::*;

const REGISTRY: &str = "localhost:5000";

fn place() -> (tempfile::TempDir, Logins) {
    let directory = tempfile::tempdir().unwrap();
    let logins = Logins::of_docker(&directory.path().join("docker"));
    (directory, logins)
}

fn ann() -> Kept {
    Kept::password("ann".to_owned(), "landed:and-stored".to_owned())
}

fn write(logins: &Logins, text: &str) {
    fs::create_dir_all(logins.path.parent().unwrap()).unwrap();
    fs::write(&logins.path, text).unwrap();
}

#[test]
fn a_login_is_found_where_docker_left_it() {
    let (_directory, logins) = place();
    assert_eq!(logins.in_file(REGISTRY).unwrap(), None);
    let auth = STANDARD.encode("ann:landed:and-stored");
    let content = format!(
        r#"{{"auths":{{"localhost:5000":{{"auth":"{auth}"}},"kept.acme.example":{{}},
            "token.acme.example":{{"auth":"{auth}","identitytoken":"x"}}}},"credsStore":"pass"}}"#
    );
    write(&logins, &content);
    assert_eq!(logins.in_file(REGISTRY).unwrap(), Some(ann()));
    assert_eq!(logins.in_file(REGISTRY).unwrap().unwrap().pair(), Some(("ann", "landed:and-stored")));
    for registry in ["localhost", "kept.acme.example"] {
        assert_eq!(logins.in_file(registry).unwrap(), None, "{registry}");
    }
    let token = logins.in_file("token.acme.example").unwrap().unwrap();
    assert_eq!((token.pair(), token.secret()), (None, "x"));
    write(&logins, r#"{"auths":"secret"}"#);
    let error = logins.in_file("localhost").unwrap_err().to_string();
    assert!(error.ends_with("config.json: line 1 is not as docker writes it"), "{error}");
}

#[test]
fn a_login_is_kept_for_its_owner_alone_and_taken_away_again() {
    let (_directory, logins) = place();
    assert_eq!(logins.keep(REGISTRY, &ann()).unwrap(), logins.path.display().to_string());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&logins.path), mode(logins.path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(logins.in_file(REGISTRY).unwrap(), Some(ann()));
    assert!(logins.has(REGISTRY) && !logins.has("registry.acme.example"));
    let identity = Kept::identity("ann".to_owned(), "ept_x".to_owned());
    logins.keep(REGISTRY, &identity).unwrap();
    let text = fs::read_to_string(&logins.path).unwrap();
    assert!(text.contains(r#""identitytoken": "ept_x""#) && text.contains(&STANDARD.encode("ann:")), "{text}");
    assert_eq!(logins.forget(REGISTRY).unwrap(), Some(identity));
    assert_eq!(logins.forget(REGISTRY).unwrap(), None);
    assert_eq!(fs::read_to_string(&logins.path).unwrap(), "{\n\t\"auths\": {}\n}");
    // One that others could read is not left so.
    fs::set_permissions(&logins.path, fs::Permissions::from_mode(0o644)).unwrap();
    logins.keep(REGISTRY, &ann()).unwrap();
    assert_eq!(mode(&logins.path), 0o600);
    assert_eq!(fs::read_dir(logins.path.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");
}

#[test]
fn what_is_not_a_login_stays_and_what_makes_no_sense_is_not_overwritten() {
    let (directory, logins) = place();
    let before = "{\n\t\"psFormat\": \"x\",\n\t\"HttpHeaders\": { \"X\": \"1\" },\n\t\"number\": 1e2\n}";
    let real = directory.path().join("elsewhere.json");
    fs::write(&real, before).unwrap();
    fs::create_dir(logins.path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, &logins.path).unwrap();
    logins.keep(REGISTRY, &ann()).unwrap();
    let text = fs::read_to_string(&real).unwrap();
    assert!(text.starts_with(before.trim_end_matches("\n}")), "{text}");
    assert!(fs::symlink_metadata(&logins.path).unwrap().is_symlink(), "a link stays one");
    for broken in ["{", "[]", r#"{"auths":7}"#, r#"{"auths":{"localhost:5000":"x"}}"#, r#"{"credsStore":7}"#] {
        fs::write(&real, broken).unwrap();
        assert!(matches!(logins.forget(REGISTRY), Err(Error::File { .. })), "{broken}");
        assert_eq!(fs::read_to_string(&real).unwrap(), broken);
    }
    fs::write(&real, r#"{"auths":7}"#).unwrap();
    assert!(matches!(logins.keep(REGISTRY, &ann()), Err(Error::File { .. })));
    assert_eq!(fs::read_to_string(&real).unwrap(), r#"{"auths":7}"#);
}

#[test]
fn a_keeper_of_logins_has_a_plain_name() {
    let (_directory, logins) = place();
    for name in ["../evil", "/bin/sh", "a b", "a\\nb", "a;b"] {
        write(&logins, &format!(r#"{{"credsStore":"{name}"}}"#));
        for refused in [logins.keep(REGISTRY, &ann()).map(drop), logins.forget(REGISTRY).map(drop)] {
            assert!(matches!(refused, Err(Error::File { .. })), "{name}");
        }
    }
    write(&logins, r#"{"credHelpers":{"localhost:5000":"of-acme-that-nobody-has"}}"#);
    let error = logins.keep(REGISTRY, &ann()).unwrap_err().to_string();
    assert!(error.starts_with("docker-credential-of-acme-that-nobody-has: "), "{error}");
    assert!(!fs::read_to_string(&logins.path).unwrap().contains("auth"), "and the login is nowhere else");
}
