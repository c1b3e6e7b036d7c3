//! The configuration, as the real binary reads, refuses and prints it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// One run of `entrepot config …` in a directory of its own, with nothing in its environment.
struct Run {
    directory: TempDir,
    command: Command,
}

impl Run {
    fn of(action: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.current_dir(directory.path()).env_clear().args(["config", action]);
        Self { directory, command }
    }

    /// Writes `registry.toml` and names it with `--config`.
    fn file(self, text: &str) -> Self {
        self.with("registry.toml", text).flags(&["--config", "registry.toml"])
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn flags(mut self, flags: &[&str]) -> Self {
        self.command.args(flags);
        self
    }

    fn environment(mut self, variables: &[(&str, &str)]) -> Self {
        self.command.envs(variables.iter().copied());
        self
    }

    fn output(mut self) -> Output {
        self.command.output().unwrap()
    }

    /// Standard output of a run that must succeed without a word on standard error.
    fn prints(self) -> String {
        let output = self.output();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The mistakes of a run that must fail for them alone.
    fn mistakes(self) -> Vec<String> {
        let output = self.output();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty());
        let mut lines = text.lines();
        let heading = lines.next().unwrap();
        let mistakes: Vec<String> = lines.map(|line| line.trim_start().to_owned()).collect();
        let count = match mistakes.len() {
            1 => "a mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        assert_eq!(heading, format!("entrepot: the configuration has {count}:"));
        mistakes
    }

    /// The one mistake of a run that must fail for it.
    fn mistake(self) -> String {
        let mut mistakes = self.mistakes();
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        mistakes.remove(0)
    }
}

/// The line of `config show` that sets `name`.
fn line<'a>(shown: &'a str, name: &str) -> &'a str {
    shown.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap()
}

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

#[test]
fn each_wrong_value_in_a_file_is_named_with_its_line_and_what_is_allowed() {
    for (text, expected) in [
        ("data_dir = 5", "registry.toml:1: data_dir must be a path, not 5: write it in quotes"),
        ("data_dir = ''", "registry.toml:1: data_dir must be a path, not ''"),
        (
            "\n[limits]\nidle_timeout = \"90\"",
            "registry.toml:3: limits.idle_timeout must be a duration such as 30s, 5m, 1h30m or 7d, from 100ms to 1d, not \"90\"",
        ),
        (
            "uploads.expire_after = \"366d\"",
            "registry.toml:1: uploads.expire_after must be a duration such as 30s, 5m, 1h30m or 7d, from 1s to 365d, not \"366d\"",
        ),
        (
            "registry.max_manifest_bytes = 4194304",
            "registry.toml:1: registry.max_manifest_bytes must be a size such as 512KiB, 10MiB, 4GiB or 1000B, from 4MiB to 64MiB, not 4194304: write it in quotes",
        ),
        (
            "limits.max_blob_bytes = \"0\"",
            "registry.toml:1: limits.max_blob_bytes must be a size such as 512KiB, 10MiB, 4GiB or 1000B, or off for no limit, not \"0\"",
        ),
        (
            "limits.max_connections = 0",
            "registry.toml:1: limits.max_connections must be a whole number, from 1 to 1000000, not 0",
        ),
        (
            "limits.max_connections = 99999999999999999999",
            "registry.toml:1: limits.max_connections must be a whole number, from 1 to 1000000, not 99999999999999999999",
        ),
        (
            "registry.delete = \"true\"",
            "registry.toml:1: registry.delete must be true or false, not \"true\": write it without quotes",
        ),
        ("registry.delete = 1.5", "registry.toml:1: registry.delete must be true or false, not 1.5"),
        ("access.anonymous = \"all\"", "registry.toml:1: access.anonymous must be push, pull or none, not \"all\""),
        ("log.format = [\"json\"]", "registry.toml:1: log.format must be auto, text or json, not a list or a section"),
        ("log = \"debug\"", "registry.toml:1: log is a section: write [log], and its keys on the lines after it"),
        ("[[log]]", "registry.toml:1: log is a section: write [log], and its keys on the lines after it"),
    ] {
        assert_eq!(Run::of("check").file(text).mistake(), expected);
    }
    let level = Run::of("check").file("log.level = \"inof\"").mistake();
    assert!(level.ends_with("not \"inof\": \"inof\" is no level"), "{level}");
}

#[test]
fn unknown_names_are_mistakes_that_name_the_nearest() {
    for (text, expected) in [
        ("lisen = \"x\"", "registry.toml:1: unknown key lisen; did you mean listen?"),
        ("[limits]\ndata_dir = \"x\"", "registry.toml:2: unknown key limits.data_dir; did you mean data_dir?"),
        ("[server]\nlisten = \"x\"", "registry.toml:2: unknown key server.listen; did you mean listen?"),
        ("[limit]\nidle_timeout = 1\ngrace = 2", "registry.toml:1: unknown section limit; did you mean limits?"),
        (
            "\"limits.idle_timeout\" = \"1m\"",
            "registry.toml:1: unknown key \"limits.idle_timeout\"; did you mean limits.idle_timeout?",
        ),
    ] {
        assert_eq!(Run::of("check").file(text).mistake(), expected);
    }
    let far = Run::of("check").file("[zzz]").mistake();
    assert!(far.starts_with("registry.toml:1: unknown section zzz; the nearest known is "), "{far}");
    assert_eq!(
        Run::of("check").environment(&[("ENTREPOT_LIMITS_IDLE_TIMOUT", "1m")]).mistake(),
        "environment variable ENTREPOT_LIMITS_IDLE_TIMOUT: no setting has this name; did you mean ENTREPOT_LIMITS_IDLE_TIMEOUT?"
    );
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

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_of_whoever_named_it() {
    let missing = "the configuration file \"nothing.toml\" cannot be read: No such file or directory (os error 2)";
    let flags = ["--config", "nothing.toml", "--listen", "0.0.0.0:5000"];
    assert_eq!(Run::of("check").flags(&flags).mistake(), format!("flag --config: {missing}"));
    let named = [("ENTREPOT_CONFIG", "nothing.toml")];
    assert_eq!(
        Run::of("check").environment(&named).mistake(),
        format!("environment variable ENTREPOT_CONFIG: {missing}")
    );
}

#[test]
fn every_error_of_syntax_is_named_with_its_line() {
    let mistakes = Run::of("check").file("data_dir = \n[limits\nlog.access = true\n").mistakes();
    assert!(mistakes.len() >= 2, "{mistakes:#?}");
    assert!(mistakes[0].starts_with("registry.toml:1: this is no TOML: "), "{mistakes:#?}");
    assert!(mistakes[1].starts_with("registry.toml:2: this is no TOML: "), "{mistakes:#?}");
    let twice = Run::of("check").file("data_dir = \"a\"\ndata_dir = \"b\"").mistake();
    assert!(twice.starts_with("registry.toml:2: this is no TOML: duplicate key"), "{twice}");
}

#[test]
fn mistakes_of_all_sources_are_reported_together_in_order() {
    let mistakes = Run::of("check")
        .file("[log]\nacces = true\n[limits]\nheader_timeout = 30\n")
        .environment(&[("ENTREPOT_REGISTRY_DELETE", "1"), ("ENTREPOT_UPLOADS_EXPIRE", "1d")])
        .flags(&["--listen", ":5000", "--log-format", "xml"])
        .mistakes();
    let places: Vec<&str> = mistakes.iter().map(|mistake| mistake.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(
        places,
        [
            "registry.toml:2",
            "registry.toml:4",
            "environment variable ENTREPOT_REGISTRY_DELETE",
            "environment variable ENTREPOT_UPLOADS_EXPIRE",
            "flag --listen",
            "flag --log-format",
        ]
    );
}

#[test]
fn a_stronger_source_does_not_hide_a_wrong_value() {
    let mistake = Run::of("check").file("log.format = \"xml\"").flags(&["--log-format", "json"]).mistake();
    assert!(mistake.starts_with("registry.toml:1: log.format must be"), "{mistake}");
}

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
fn the_reference_page_is_the_one_in_docs_and_covers_every_key() {
    let reference = Run::of("reference").prints();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = fs::read_to_string(docs).unwrap();
    assert!(page == reference, "write it anew: cargo run -- config reference > docs/configuration.md");

    // The reference has the sections with names of their own once; here one is called name.
    let shown = Run::of("show").environment(&[
        ("ENTREPOT_HTTP_PUBLIC_URL", "https://registry.acme.example"),
        ("ENTREPOT_OIDC_NAME_ISSUER", "https://id.acme.example"),
        ("ENTREPOT_OIDC_NAME_CLIENT_ID", "registry"),
        ("ENTREPOT_OIDC_NAME_ALLOW_EVERYBODY", "true"),
    ]);
    let shown = shown.prints().replace("[oidc.name]", "[oidc.NAME]");
    let mut section = String::new();
    let mut keys = 0;
    for line in shown.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some(name) = line.trim_start_matches("# ").split(' ').next().filter(|name| !name.is_empty()) {
            let key = format!("{section}{name}");
            assert!(reference.contains(&format!("\n### `{key}`\n")), "{key}");
            let variable = format!("ENTREPOT_{}", key.replace('.', "_").to_uppercase());
            assert!(reference.contains(&format!("- Also: `{variable}`")), "{variable}");
            keys += 1;
        }
    }
    assert_eq!(reference.matches("\n### `").count(), keys);
}

#[test]
fn help_names_the_key_and_the_variable_of_each_flag() {
    let help = Run::of("check").flags(&["--help"]).prints();
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for (flag, key, variable) in [
        ("--listen <ADDRESS>", "listen", "ENTREPOT_LISTEN"),
        ("--data-dir <DIRECTORY>", "data_dir", "ENTREPOT_DATA_DIR"),
        ("--tls-cert <FILE>", "tls.cert", "ENTREPOT_TLS_CERT"),
        ("--tls-key <FILE>", "tls.key", "ENTREPOT_TLS_KEY"),
        ("--access-anonymous <ACTION>", "access.anonymous", "ENTREPOT_ACCESS_ANONYMOUS"),
        ("--log-level <LEVEL>", "log.level", "ENTREPOT_LOG_LEVEL"),
        ("--log-format <FORMAT>", "log.format", "ENTREPOT_LOG_FORMAT"),
    ] {
        assert!(help.contains(flag), "{flag}: {help}");
        assert!(help.contains(&format!("[key: {key}] [environment: {variable}]")), "{key}: {help}");
    }
    assert!(help.contains("[environment: ENTREPOT_CONFIG]"), "{help}");
}

#[test]
fn the_database_s_password_is_never_shown() {
    let url = "postgres://ann:s3cret@db.example:5432/entrepot?sslmode=require";
    let shown = "postgres://ann@db.example:5432/entrepot?sslmode=require";
    let in_file = Run::of("show").file(&format!("[database]\nurl = \"{url}\"\n")).prints();
    assert_eq!(line(&in_file, "url"), format!("url = \"{shown}\" # registry.toml:2"));
    let in_environment = Run::of("show").environment(&[("ENTREPOT_DATABASE_URL", url)]).prints();
    assert_eq!(line(&in_environment, "url"), format!("url = \"{shown}\" # environment variable ENTREPOT_DATABASE_URL"));
    let apart = Run::of("show")
        .with("password", "s3cret\n")
        .environment(&[("ENTREPOT_DATABASE_URL", shown), ("ENTREPOT_DATABASE_PASSWORD_FILE", "password")])
        .prints();
    let usual = Run::of("show").environment(&[("ENTREPOT_DATABASE_URL", shown), ("PGPASSWORD", "s3cret")]).prints();
    for page in [in_file, in_environment, apart, usual] {
        assert!(!page.contains("s3cret"), "{page}");
        // What is shown, a file with it means the same but for the password.
        assert!(Run::of("show").with("password", "").file(&page).prints().contains(shown));
    }
    for wrong in
        ["postgre://ann:s3cret@db/entrepot", "postgres://ann:s3cret@db", "postgres://ann:s3cret@db/a?sslmode=s3cret"]
    {
        let in_file = Run::of("check").file(&format!("[database]\nurl = \"{wrong}\"\n")).mistake();
        let in_environment = Run::of("check").environment(&[("ENTREPOT_DATABASE_URL", wrong)]).mistake();
        for mistake in [in_file, in_environment] {
            assert!(mistake.contains("database.url must be an address such as postgres://"), "{mistake}");
            assert!(!mistake.contains("cret"), "{mistake}");
        }
    }
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
fn providers_have_sections_with_names_of_their_own() {
    let url = "http.public_url = \"https://registry.acme.example\"\n";
    let acme = "[oidc.acme]\nissuer = \"https://id.acme.example\"\nclient_id = \"registry\"\nallowed_groups = [\"staff\", \"/a/b\"]\n";
    let shown = Run::of("show")
        .with("secret", "s3cret\n")
        .file(&format!("{url}{acme}client_secret = \"s3cret\"\n\n[oidc]\nca_file = \"ca.pem\"\n"))
        .environment(&[
            ("ENTREPOT_OIDC_ACME_RECHECK_INTERVAL", "5m"),
            ("ENTREPOT_OIDC_PARTNER2_ISSUER", "https://id.partner.example/"),
            ("ENTREPOT_OIDC_PARTNER2_CLIENT_ID", "entrepot"),
            ("ENTREPOT_OIDC_PARTNER2_CLIENT_SECRET_FILE", "secret"),
            ("ENTREPOT_OIDC_PARTNER2_ALLOWED_DOMAINS", "partner.example"),
        ])
        .prints();
    assert!(!shown.contains("s3cret"), "{shown}");
    let (_, providers) = shown.split_once("\n[oidc.acme]\n").unwrap();
    let (acme_shown, partner) = providers.split_once("\n[oidc.partner2]\n").unwrap();
    assert_eq!(line(acme_shown, "issuer"), "issuer = \"https://id.acme.example\" # registry.toml:3");
    assert_eq!(line(acme_shown, "allowed_groups"), "allowed_groups = [\"staff\", \"/a/b\"] # registry.toml:5");
    assert!(acme_shown.contains("# client_secret is set, and not shown # registry.toml:6\n"), "{acme_shown}");
    let interval = "recheck_interval = \"5m\" # environment variable ENTREPOT_OIDC_ACME_RECHECK_INTERVAL";
    assert_eq!(line(acme_shown, "recheck_interval"), interval);
    assert_eq!(line(partner, "recheck_interval"), "recheck_interval = \"15m\" # default");
    assert!(partner.contains("# label is not set\n"), "{partner}");

    for (text, expected) in [
        (
            acme.to_owned(),
            "registry.toml:2: [oidc.acme] needs http.public_url: the provider sends people back to it".to_owned(),
        ),
        (format!("{url}[oidc.acme]\nallow_everybody = true\nissuer = \"https://id.acme.example\""), {
            "registry.toml:4: [oidc.acme] needs oidc.acme.client_id".to_owned()
        }),
        (format!("{url}{acme}allow_everybody = true"), {
            "registry.toml:3: [oidc.acme] lets in some people and everybody: which is right?".to_owned()
        }),
        (
            format!("{url}{acme}allowed_domains = \"acme.example\""),
            "registry.toml:6: oidc.acme.allowed_domains must be a list of texts such as [\"developers\", \"/acme/ops\"], not \
             \"acme.example\": write it as a list, in square brackets"
                .to_owned(),
        ),
        (format!("{url}{acme}client_auth = \"none\""), {
            "registry.toml:6: oidc.acme.client_auth must be basic or post, not \"none\"".to_owned()
        }),
        (format!("{url}{acme}isuer = \"x\""), {
            "registry.toml:6: unknown key oidc.acme.isuer; did you mean oidc.acme.issuer?".to_owned()
        }),
        (format!("{url}{}", acme.replace("https:", "http:")), {
            "registry.toml:3: oidc.acme.issuer: an issuer has to be https; http is only for loopback".to_owned()
        }),
        (format!("{url}{acme}client_secret_file = \"gone\""), {
            "registry.toml:6: oidc.acme.client_secret_file = \"gone\" cannot be read: No such file or directory (os error 2)"
                .to_owned()
        }),
        (
            format!("{url}[oidc.Acme-2]\nissuer = \"x\""),
            "registry.toml:2: oidc.Acme-2 cannot be called so: the name of a provider is up to 32 characters of a-z and 0-9, the \
             first a letter"
                .to_owned(),
        ),
        ("oidc.acme = 5".to_owned(), {
            "registry.toml:1: oidc.acme is a section: write [oidc.acme], and its keys on the lines after it".to_owned()
        }),
    ] {
        assert_eq!(Run::of("check").file(&text).mistake(), expected, "{text}");
    }
    let mistakes = Run::of("check").file(&format!("{url}[oidc.acme]\n")).mistakes();
    assert_eq!(
        mistakes,
        [
            "[oidc.acme] lets nobody in: set allowed_groups, allowed_domains or allow_everybody = true",
            "[oidc.acme] needs oidc.acme.client_id",
            "[oidc.acme] needs oidc.acme.issuer",
        ]
    );
    let unknown = Run::of("check").environment(&[("ENTREPOT_OIDC_ACME_COLOUR", "red")]).mistake();
    assert!(unknown.contains("no setting has this name"), "{unknown}");
}
