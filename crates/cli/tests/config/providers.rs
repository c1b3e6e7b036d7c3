//! The providers at which people log in.

use crate::{Run, line};

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
