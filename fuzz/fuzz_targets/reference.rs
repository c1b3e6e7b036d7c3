//! What parses as a name, tag, digest or reference is written exactly as it was read, and keeps to its alphabet.
#![no_main]

use entrepot_oci::{Digest, MAX_REPOSITORY_NAME, MAX_TAG, Reference, RepositoryName, Tag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(name) = text.parse::<RepositoryName>() {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= MAX_REPOSITORY_NAME && !text.starts_with('/') && !text.contains("//"));
        assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b)));
    }
    if let Ok(tag) = text.parse::<Tag>() {
        assert_eq!(tag.as_str(), text);
        assert!(text.len() <= MAX_TAG && !text.contains(['/', ':', '@']));
    }
    if let Ok(digest) = text.parse::<Digest>() {
        assert_eq!(digest.to_string(), text);
        assert!(digest.referrers_tag().as_str().len() <= MAX_TAG);
    }
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string(), text);
    }
});
