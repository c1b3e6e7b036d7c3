//! Any body with any type either is refused or keeps what the registry promises of a manifest.
#![no_main]

use entrepot_oci::{Manifest, ManifestKind, media_type};
use libfuzzer_sys::fuzz_target;

// The first line is the `Content-Type`, the rest the body.
fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|b| *b == b'\n').unwrap_or(0);
    let (header, body) = input.split_at(cut);
    let header = std::str::from_utf8(header).ok().filter(|text| !text.is_empty());
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let Ok(manifest) = Manifest::parse(header, body) else { return };
    assert!(media_type::is_manifest_type(&manifest.media_type));
    assert_ne!(ManifestKind::of(&manifest.media_type), ManifestKind::Schema1);
    // `IgnoredAny`, because an unpaired surrogate in a field that nobody reads is valid JSON (RFC 8259, section 8.2).
    serde_json::from_slice::<serde::de::IgnoredAny>(body).expect("what is accepted is JSON");
    if let Some(annotations) = &manifest.annotations {
        serde_json::from_str::<serde::de::IgnoredAny>(annotations).expect("annotations are JSON");
        assert!(annotations.starts_with('{'));
    }
    match ManifestKind::of(&manifest.media_type) {
        ManifestKind::Image => assert!(!manifest.blobs.is_empty() && manifest.children.is_empty()),
        ManifestKind::Index => assert!(manifest.blobs.is_empty()),
        ManifestKind::Schema1 | ManifestKind::Other => {}
    }
});
