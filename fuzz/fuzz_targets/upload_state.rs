//! A stored hash state either is refused or goes on as a hash; one that we wrote goes on where it was.
#![no_main]

use entrepot_oci::{Algorithm, Digest, Hasher};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, u16, Vec<u8>)| {
    let (long, cut, bytes) = input;
    if let Ok(mut hasher) = Hasher::from_bytes(&bytes) {
        hasher.update(b"more");
        let _any = hasher.finish();
    }
    let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
    let (before, after) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let mut hasher = Hasher::new(algorithm);
    hasher.update(before);
    let mut hasher = Hasher::from_bytes(&hasher.to_bytes()).expect("our own state");
    hasher.update(after);
    assert_eq!(hasher.finish(), Digest::of(algorithm, &bytes));
});
