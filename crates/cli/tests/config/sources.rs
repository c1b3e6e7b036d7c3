//! Where a setting can stand, and which place counts.

use crate::{Run, line};

#[test]
fn nothing_set_is_valid() {
    assert_eq!(Run::of("check").prints(), "configuration is valid\n");
    let shown = Run::of("show").prints();
    assert_eq!(line(&shown, "listen"), r#"listen = "127.0.0.1:5000" # default"#);
    assert_eq!(line(&shown, "anonymous"), r#"anonymous = "push" # default"#);
    assert_eq!(line(&shown, "max_blob_bytes"), r#"max_blob_bytes = "off" # default"#);
    assert!(shown.contains("# cert is not set\n"), "{shown}");
}

#[test]
fn no_file_is_looked_for() {
    Run::of("check").with("entrepot.toml", "colour = 1").prints();
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let run = || Run::of("show").file("listen = \"127.0.0.1:1\"\n\n[log]\nlevel = \"debug\"\nformat = \"json\"\n");
    let variables = [("ENTREPOT_LISTEN", "127.0.0.1:2"), ("ENTREPOT_LOG_LEVEL", "warn")];

    let shown = run().prints();
    assert_eq!(line(&shown, "listen"), r#"listen = "127.0.0.1:1" # registry.toml:1"#);
    let shown = run().environment(&variables).prints();
    assert_eq!(line(&shown, "listen"), r#"listen = "127.0.0.1:2" # environment variable ENTREPOT_LISTEN"#);
    let shown = run().environment(&variables).flags(&["--listen", "127.0.0.1:3"]).prints();
    assert_eq!(line(&shown, "listen"), r#"listen = "127.0.0.1:3" # flag --listen"#);
    assert_eq!(line(&shown, "level"), r#"level = "warn" # environment variable ENTREPOT_LOG_LEVEL"#);
    assert_eq!(line(&shown, "format"), r#"format = "json" # registry.toml:5"#);
    assert_eq!(line(&shown, "data_dir"), r#"data_dir = "./entrepot-data" # default"#);
}

#[test]
fn the_file_can_be_named_by_the_environment_and_a_flag_wins() {
    let run = || Run::of("show").with("one.toml", "data_dir = \"one\"").with("two.toml", "data_dir = \"two\"");
    let named = [("ENTREPOT_CONFIG", "one.toml")];
    assert_eq!(line(&run().environment(&named).prints(), "data_dir"), "data_dir = \"one\" # one.toml:1");
    let both = run().environment(&named).flags(&["--config", "two.toml"]).prints();
    assert_eq!(line(&both, "data_dir"), "data_dir = \"two\" # two.toml:1");
}

#[test]
fn what_show_prints_means_the_same_as_a_file() {
    let values = |shown: &str| -> Vec<String> {
        shown.lines().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
    };
    let odd = Run::of("show")
        .with("cert.pem", "")
        .with("key \"1\" é.pem", "")
        .flags(&["--listen", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key \"1\" é.pem"])
        .flags(&["--access-anonymous", "pull", "--log-level", "info,hyper=off"])
        .environment(&[
            ("ENTREPOT_LIMITS_IDLE_TIMEOUT", "90m"),
            ("ENTREPOT_LIMITS_MAX_BLOB_BYTES", "50GiB"),
            ("ENTREPOT_LIMITS_MAX_CONNECTIONS", "7"),
            ("ENTREPOT_REGISTRY_DELETE", "false"),
        ]);
    for run in [Run::of("show"), odd] {
        let first = run.prints();
        let again = Run::of("show").with("cert.pem", "").with("key \"1\" é.pem", "").file(&first).prints();
        assert_eq!(values(&again), values(&first));
        assert!(!again.contains("# default"), "each value is from the file:\n{again}");
    }
}

#[test]
fn dotted_keys_and_every_integer_of_toml_are_read() {
    let shown = Run::of("show").file("limits.max_connections = 0x1_000\nlog.access = false").prints();
    assert_eq!(line(&shown, "max_connections"), "max_connections = 4096 # registry.toml:1");
    assert_eq!(line(&shown, "access"), "access = false # registry.toml:2");
}

/// Groups of which people have to be in one: half a name is another group.
#[test]
fn an_entry_of_a_list_may_have_commas() {
    let acme = "http.public_url = \"https://registry.acme.example\"\n\
                [oidc.acme]\nissuer = \"https://id.acme.example\"\nclient_id = \"registry\"\n";
    let groups = "allowed_groups = [\"Sales, EMEA\", \"CN=Ops,OU=Groups,DC=acme,DC=example\"]";
    let shown = Run::of("show").file(&format!("{acme}{groups}\n")).prints();
    assert_eq!(line(&shown, "allowed_groups"), format!("{groups} # registry.toml:5"));
    let variable = "ENTREPOT_OIDC_ACME_ALLOWED_GROUPS";
    let shown = Run::of("show").file(acme).environment(&[(variable, "Sales, EMEA")]).prints();
    let two = format!("allowed_groups = [\"Sales\", \"EMEA\"] # environment variable {variable}");
    assert_eq!(line(&shown, "allowed_groups"), two);
    let wrong = Run::of("check").file("rate.exempt = [\"10.0.0.0/8,fd00::/8\"]").mistake();
    assert!(wrong.ends_with("\"10.0.0.0/8,fd00::/8\" is none"), "{wrong}");
}

#[test]
fn variables_that_container_platforms_make_for_a_service_are_passed_over() {
    Run::of("check")
        .environment(&[
            ("ENTREPOT_SERVICE_HOST", "10.0.0.11"),
            ("ENTREPOT_SERVICE_PORT", "5000"),
            ("ENTREPOT_SERVICE_PORT_HTTP", "5000"),
            ("ENTREPOT_PORT", "tcp://10.0.0.11:5000"),
            ("ENTREPOT_PORT_5000_TCP", "tcp://10.0.0.11:5000"),
            ("ENTREPOT_PORT_5000_TCP_PROTO", "tcp"),
            ("ENTREPOT_DB_PORT_5432_TCP_ADDR", "10.0.0.12"),
        ])
        .prints();
    let port = Run::of("check").environment(&[("ENTREPOT_PORT", "5000")]).mistake();
    assert!(port.starts_with("environment variable ENTREPOT_PORT: no setting has this name"), "{port}");
}
