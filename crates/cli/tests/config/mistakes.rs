//! How mistakes are reported.

use crate::Run;

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
