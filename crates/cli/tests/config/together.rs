//! Settings that have to fit each other.

use crate::{Run, line};

#[test]
fn beyond_loopback_everybody_logs_in_to_push() {
    for address in ["0.0.0.0:5000", "[::]:5000", "192.0.2.1:5000"] {
        let shown = Run::of("show").flags(&["--listen", address]).prints();
        assert_eq!(line(&shown, "anonymous"), r#"anonymous = "none" # default"#);
        for anonymous in ["pull", "none"] {
            Run::of("check").flags(&["--listen", address, "--access-anonymous", anonymous]).prints();
        }
        assert_eq!(
            Run::of("check").flags(&["--listen", address, "--access-anonymous", "push"]).mistake(),
            format!(
                "flag --access-anonymous: entrepot listens on {address}, which other machines can reach, and access.anonymous = \
                 \"push\" would let everybody there overwrite and delete: set it to \"pull\" or \"none\" and give accounts to \
                 those who push (entrepot user create NAME --admin makes the first), or listen on 127.0.0.1:5000"
            )
        );
    }
    for address in ["127.0.0.1:0", "127.0.0.2:5000", "[::1]:0", "localhost:5000"] {
        let shown = Run::of("show").flags(&["--listen", address]).prints();
        assert_eq!(line(&shown, "anonymous"), r#"anonymous = "push" # default"#);
    }
}

#[test]
fn tls_takes_two_readable_files() {
    assert_eq!(
        Run::of("check").with("cert.pem", "").file("\ntls.cert = \"cert.pem\"").mistake(),
        "registry.toml:2: tls.cert is set and tls.key is not: TLS needs both, plain HTTP neither"
    );
    assert_eq!(
        Run::of("check").with("key.pem", "").flags(&["--tls-key", "key.pem"]).mistake(),
        "flag --tls-key: tls.key is set and tls.cert is not: TLS needs both, plain HTTP neither"
    );
    assert_eq!(
        Run::of("check").flags(&["--tls-key", "key.pem", "--tls-cert", "."]).mistakes(),
        [
            "flag --tls-cert: tls.cert = \".\" cannot be read: is a directory",
            "flag --tls-key: tls.key = \"key.pem\" cannot be read: No such file or directory (os error 2)",
        ]
    );
    let files = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    Run::of("check").with("cert.pem", "").with("key.pem", "").flags(&files).prints();
}

#[test]
fn settings_of_a_server_need_a_server_and_one_password() {
    let lacks = Run::of("check").with("ca.pem", "").environment(&[("ENTREPOT_DATABASE_CA_FILE", "ca.pem")]).mistake();
    assert!(lacks.contains("database.ca_file is set and database.url is not"), "{lacks}");
    let two =
        [("ENTREPOT_DATABASE_URL", "postgres://ann:a@db/entrepot"), ("ENTREPOT_DATABASE_PASSWORD_FILE", "password")];
    let two = Run::of("check").with("password", "b").environment(&two).mistake();
    assert!(two.contains("database.url has a password, and database.password_file names another"), "{two}");
    let gone = [("ENTREPOT_DATABASE_URL", "postgres://ann@db/entrepot"), ("ENTREPOT_DATABASE_PASSWORD_FILE", "gone")];
    let gone = Run::of("check").environment(&gone).mistake();
    assert!(gone.contains("database.password_file = \"gone\" cannot be read"), "{gone}");
}
