//! The reference page and the help.

use std::fs;
use std::path::Path;

use crate::Run;

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
