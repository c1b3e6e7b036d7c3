//! What an authenticator says of itself and signs (WebAuthn, section 6.1).

use minicbor::Decoder;

use super::public_key::PublicKey;
use super::relying_party::RelyingParty;

/// The hash of the site, a byte of flags, the counter.
const HEAD: usize = 32 + 1 + 4;
/// What kind of authenticator it is. Anybody can say anything there, so it is not looked at.
const KIND: usize = 16;
/// Longest name of a credential (WebAuthn, section 4).
pub(super) const MAX_CREDENTIAL: usize = 1023;

/// The parts of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthenticatorData<'a> {
    flags: u8,
    /// How often it has signed; 0 if it does not count.
    pub(super) counter: u32,
    rest: &'a [u8],
}

/// A credential that was just made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attested<'a> {
    pub(super) credential: &'a [u8],
    /// A key of COSE that we can verify with.
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    const PRESENT: u8 = 1;
    const VERIFIED: u8 = 1 << 2;
    const MAY_BE_BACKED_UP: u8 = 1 << 3;
    const IS_BACKED_UP: u8 = 1 << 4;
    const HAS_CREDENTIAL: u8 = 1 << 6;
    const HAS_EXTENSIONS: u8 = 1 << 7;

    /// Of an authenticator that was used for `party`, by somebody who touched it.
    pub(super) fn parse(bytes: &'a [u8], party: &RelyingParty) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (site, head) = head.split_at_checked(32)?;
        let (flags, counter) = head.split_first()?;
        let data = Self { flags: *flags, counter: u32::from_be_bytes(counter.try_into().ok()?), rest };
        let whole = data.has(Self::HAS_CREDENTIAL | Self::HAS_EXTENSIONS) || rest.is_empty();
        let sound = data.has(Self::MAY_BE_BACKED_UP) || !data.has(Self::IS_BACKED_UP);
        (site == party.id_hash() && data.has(Self::PRESENT) && whole && sound).then_some(data)
    }

    /// Whether it has one of these flags.
    fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    /// Whether it knows who touched it, by a PIN or a finger.
    pub(super) fn is_verified(&self) -> bool {
        self.has(Self::VERIFIED)
    }

    /// Whether the passkey is not on this one device alone.
    pub(super) fn is_backed_up(&self) -> bool {
        self.has(Self::IS_BACKED_UP)
    }

    /// The credential that was made.
    pub(super) fn attested(&self) -> Option<Attested<'a>> {
        if !self.has(Self::HAS_CREDENTIAL) {
            return None;
        }
        let (_, rest) = self.rest.split_at_checked(KIND)?;
        let (length, rest) = rest.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
        let (credential, rest) = rest.split_at_checked(length)?;
        let mut decoder = Decoder::new(rest);
        PublicKey::read(&mut decoder)?;
        let (public_key, after) = rest.split_at_checked(decoder.position())?;
        let fits = (1..=MAX_CREDENTIAL).contains(&length) && (after.is_empty() || self.has(Self::HAS_EXTENSIONS));
        fits.then_some(Attested { credential, public_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party() -> RelyingParty {
        RelyingParty::of(&"http://localhost:5000".parse().unwrap()).unwrap()
    }

    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        [&party().id_hash()[..], &[flags], &7_u32.to_be_bytes(), rest].concat()
    }

    #[test]
    fn flags_say_what_was_done() {
        let party = party();
        let read = |flags| data(flags, b"");
        let present = read(0b01);
        let parsed = AuthenticatorData::parse(&present, &party).unwrap();
        assert_eq!((parsed.counter, parsed.is_verified(), parsed.is_backed_up()), (7, false, false));
        let all = read(0b1_1101);
        let parsed = AuthenticatorData::parse(&all, &party).unwrap();
        assert!(parsed.is_verified() && parsed.is_backed_up() && parsed.attested().is_none());
        for (flags, why) in
            [(0b00, "nobody touched it"), (0b100, "nobody touched it"), (0b1_0001, "it cannot be backed up")]
        {
            assert_eq!(AuthenticatorData::parse(&read(flags), &party), None, "{why}");
        }
        assert_eq!(AuthenticatorData::parse(&present[..36], &party), None);
        assert_eq!(AuthenticatorData::parse(&data(0b01, b"x"), &party), None, "there is more than it says");
        let elsewhere = RelyingParty::of(&"https://registry.acme.example".parse().unwrap()).unwrap();
        assert_eq!(AuthenticatorData::parse(&present, &elsewhere), None);
    }

    #[test]
    fn a_credential_stands_after_the_head() {
        // An Ed25519 key: 1: 1, 3: -8, -1: 6, -2: 32 bytes.
        let point = [0x58; 1].iter().chain(&[32]).chain(&[7; 32]).copied().collect::<Vec<u8>>();
        let key = [&[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21][..], &point].concat();
        let made = |length: u16, credential: &[u8], after: &[u8]| {
            [&[0; 16][..], &length.to_be_bytes(), credential, &key, after].concat()
        };
        let read = |flags: u8, rest: &[u8]| {
            let bytes = data(flags, rest);
            let attested = AuthenticatorData::parse(&bytes, &party()).and_then(|data| data.attested());
            attested.map(|attested| (attested.credential.to_vec(), attested.public_key.to_vec()))
        };
        assert_eq!(read(0x41, &made(3, b"abc", b"")), Some((b"abc".to_vec(), key.clone())));
        assert_eq!(read(0xc1, &made(3, b"abc", b"\xa0")), Some((b"abc".to_vec(), key.clone())));
        for (flags, rest, why) in [
            (0x41, made(3, b"abc", b"\xa0"), "there is more than it says"),
            (0x41, made(0, b"", b""), "it has no name"),
            (0x41, made(4, b"abc", b""), "it is shorter than it says"),
            (0x41, made(1024, &[7; 1024], b""), "its name is too long"),
            (0x41, vec![0; 17], "there is no credential"),
            (0x01, Vec::new(), "it says that there is none"),
        ] {
            assert_eq!(read(flags, &rest), None, "{why}");
        }
    }
}
