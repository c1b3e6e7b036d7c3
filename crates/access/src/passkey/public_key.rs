//! The public half of a passkey, as authenticators write it: a key of COSE (RFC 9052, section 7; RFC 9053).

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use minicbor::Decoder;
use minicbor::data::Type;

/// What we can verify: ES256, EdDSA and RS256. The last is all that some Windows machines have.
pub(super) const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
/// Kinds of keys and curves, by their numbers in COSE.
const OCTET_KEY_PAIR: i64 = 1;
const ELLIPTIC_CURVE: i64 = 2;
const RSA: i64 = 3;
const P256: i64 = 1;
const CURVE_ED25519: i64 = 6;
/// More entries than any of these keys has.
const MAX_ENTRIES: u64 = 16;
/// Of the number whose length is that of an RSA key, in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// A key that verifies.
pub(super) enum PublicKey {
    Curve(ParsedPublicKey),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
}

/// The entries of a key, of whatever kind.
#[derive(Default)]
struct Entries<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    /// By their numbers: -1, -2 and -3.
    values: [Option<&'a [u8]>; 3],
}

impl<'a> Entries<'a> {
    fn read(decoder: &mut Decoder<'a>) -> Option<Self> {
        let mut entries = Self::default();
        let count = decoder.map().ok()??;
        if count > MAX_ENTRIES {
            return None;
        }
        for _ in 0..count {
            let number = decoder.i64().ok()?;
            match (number, decoder.datatype().ok()?) {
                (1, _) => entries.kind = Some(decoder.i64().ok()?),
                (3, _) => entries.algorithm = Some(decoder.i64().ok()?),
                (-3..=-1, Type::Bytes) => {
                    let index = usize::try_from(-1 - number).ok()?;
                    *entries.values.get_mut(index)? = Some(decoder.bytes().ok()?);
                }
                (-1, _) => entries.curve = Some(decoder.i64().ok()?),
                _ => decoder.skip().ok()?,
            }
        }
        Some(entries)
    }

    fn key(&self) -> Option<PublicKey> {
        match (self.kind?, self.algorithm?, self.curve, self.values) {
            (ELLIPTIC_CURVE, ES256, Some(P256), [None, Some(x), Some(y)]) if x.len() == 32 && y.len() == 32 => {
                // An uncompressed point (SEC 1, section 2.3.3); the library looks whether it is on the curve.
                let point = [&[4], x, y].concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok().map(PublicKey::Curve)
            }
            (OCTET_KEY_PAIR, EDDSA, Some(CURVE_ED25519), [None, Some(x), None]) => {
                ParsedPublicKey::new(&ED25519, x).ok().map(PublicKey::Curve)
            }
            (RSA, RS256, None, [Some(n), Some(e), None]) if RSA_BYTES.contains(&n.len()) => {
                Some(PublicKey::Rsa(RsaPublicKeyComponents { n: n.to_vec(), e: e.to_vec() }))
            }
            _ => None,
        }
    }
}

impl PublicKey {
    /// The key that stands next, if it is one that we can verify with.
    pub(super) fn read(decoder: &mut Decoder<'_>) -> Option<Self> {
        Entries::read(decoder)?.key()
    }

    /// The key of bytes that were kept.
    pub(super) fn from_kept(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut Decoder::new(bytes))
    }

    /// Whether its other half has signed `message`.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Curve(key) => key.verify_sig(message, signature).is_ok(),
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    };
    use minicbor::Encoder;

    use super::*;

    /// A key of COSE: its kind, its algorithm, and the rest.
    fn key(kind: i64, algorithm: i64, curve: Option<i64>, values: &[(i64, &[u8])]) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        let entries = 2 + u64::from(curve.is_some()) + values.len() as u64;
        encoder.map(entries).unwrap().i64(1).unwrap().i64(kind).unwrap().i64(3).unwrap().i64(algorithm).unwrap();
        if let Some(curve) = curve {
            encoder.i64(-1).unwrap().i64(curve).unwrap();
        }
        for (number, value) in values {
            encoder.i64(*number).unwrap().bytes(value).unwrap();
        }
        encoder.into_writer()
    }

    fn verifies(cose: &[u8], signature: &[u8]) {
        let key = PublicKey::from_kept(cose).unwrap();
        assert!(key.has_signed(b"said", signature));
        assert!(!key.has_signed(b"not said", signature));
        assert!(!key.has_signed(b"said", &signature[1..]));
        assert!(!key.has_signed(b"said", b""));
    }

    #[test]
    fn keys_of_every_kind_verify() {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let point = pair.public_key().as_ref();
        let cose = key(2, -7, Some(1), &[(-2, &point[1..33]), (-3, &point[33..])]);
        verifies(&cose, pair.sign(&random, b"said").unwrap().as_ref());

        let pair = Ed25519KeyPair::generate().unwrap();
        let cose = key(1, -8, Some(6), &[(-2, pair.public_key().as_ref())]);
        verifies(&cose, pair.sign(b"said").as_ref());

        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &random, b"said", &mut signature).unwrap();
        verifies(&key(3, -257, None, &[(-1, &n), (-2, &e)]), &signature);
    }

    #[test]
    fn what_is_no_key() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let right = key(2, -7, Some(1), &[(-2, x), (-3, y)]);
        assert!(PublicKey::from_kept(&right).is_some());
        for wrong in [
            key(2, -7, Some(1), &[(-2, y), (-3, x)]),
            key(2, -7, Some(1), &[(-2, x)]),
            key(2, -7, Some(2), &[(-2, x), (-3, y)]),
            key(2, -7, None, &[(-2, x), (-3, y)]),
            key(1, -7, Some(1), &[(-2, x), (-3, y)]),
            key(2, -8, Some(1), &[(-2, x), (-3, y)]),
            key(2, -35, Some(1), &[(-2, x), (-3, y)]),
            key(2, -7, Some(1), &[(-2, &x[1..]), (-3, y)]),
            key(1, -8, Some(6), &[(-2, &x[1..])]),
            key(3, -257, None, &[(-1, x), (-2, &[1, 0, 1])]),
            key(3, -257, None, &[(-1, &[7; 1024]), (-2, &[1, 0, 1])]),
            right[..right.len() - 1].to_vec(),
            vec![0xbf],
            vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            vec![0x80],
            Vec::new(),
        ] {
            assert!(PublicKey::from_kept(&wrong).is_none(), "{wrong:?}");
        }
    }
}
