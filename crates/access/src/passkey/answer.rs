//! What a browser sends of a passkey: of one that was just made, or of one that shows itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minicbor::Decoder;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use sha2::{Digest, Sha256};

use super::authenticator_data::{AuthenticatorData, MAX_CREDENTIAL};
use super::client_data::{Ceremony, challenge};
use super::public_key::PublicKey;
use super::relying_party::RelyingParty;
use crate::secret::SecretHash;

/// Longest answer, in bytes.
const MAX: usize = 32 * 1024;

/// Bytes, as browsers write them in JSON (WebAuthn, section 5.1).
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        URL_SAFE_NO_PAD.decode(text).map(Self).map_err(D::Error::custom)
    }
}

#[derive(Deserialize)]
struct Answer<R> {
    id: Bytes,
    response: R,
}

fn parse<R: for<'de> Deserialize<'de>>(text: &str) -> Option<Answer<R>> {
    let answer: Answer<R> = (text.len() <= MAX).then(|| serde_json::from_str(text).ok()).flatten()?;
    (1..=MAX_CREDENTIAL).contains(&answer.id.0.len()).then_some(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    attestation_object: Bytes,
}

/// A passkey that was just made.
#[derive(Clone)]
pub(super) struct Made {
    /// What it was made for.
    pub(super) challenge: SecretHash,
    pub(super) credential: Vec<u8>,
    /// A key of COSE.
    pub(super) public_key: Vec<u8>,
    pub(super) counter: u32,
    pub(super) backed_up: bool,
}

impl Made {
    /// What a browser answered, if it is one for `party` (WebAuthn, section 7.1). What vouches for the authenticator was not asked for, and
    /// is not looked at.
    pub(super) fn read(text: &str, party: &RelyingParty) -> Option<Self> {
        let Answer { id, response: Attestation { client_data, attestation_object } } = parse(text)?;
        let challenge = challenge(&client_data.0, Ceremony::Create, party)?;
        let data = AuthenticatorData::parse(authenticator_data(&attestation_object.0)?, party)?;
        let attested = data.attested().filter(|attested| attested.credential == id.0)?;
        Some(Self {
            challenge,
            credential: id.0,
            public_key: attested.public_key.to_vec(),
            counter: data.counter,
            backed_up: data.is_backed_up(),
        })
    }
}

/// What the authenticator said, out of an attestation (WebAuthn, section 6.5.4).
fn authenticator_data(attestation: &[u8]) -> Option<&[u8]> {
    let mut decoder = Decoder::new(attestation);
    let mut found = None;
    for _ in 0..decoder.map().ok()?? {
        match decoder.str().ok()? {
            "authData" => found = Some(decoder.bytes().ok()?),
            _ => decoder.skip().ok()?,
        }
    }
    found
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Assertion {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    authenticator_data: Bytes,
    signature: Bytes,
    user_handle: Option<Bytes>,
}

/// A passkey that shows itself. Whether it is right has still to be seen.
#[derive(Clone)]
pub(crate) struct Shown {
    credential: Vec<u8>,
    assertion: Assertion,
}

/// What a passkey has said that was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) counter: u32,
    pub(super) backed_up: bool,
    /// Whether it knows who touched it.
    pub(super) verified: bool,
}

impl Shown {
    /// What a browser answered.
    pub(super) fn parse(text: &str) -> Option<Self> {
        parse(text).map(|answer| Self { credential: answer.id.0, assertion: answer.response })
    }

    pub(super) fn credential(&self) -> &[u8] {
        &self.credential
    }

    /// What it answers, if a page of `party` has asked.
    pub(super) fn challenge(&self, party: &RelyingParty) -> Option<SecretHash> {
        challenge(&self.assertion.client_data.0, Ceremony::Get, party)
    }

    /// Whose it says it is; authenticators may leave that out where they were told which passkey to use.
    pub(super) fn user_handle(&self) -> Option<&[u8]> {
        self.assertion.user_handle.as_ref().map(|handle| handle.0.as_slice())
    }

    /// What it says, if it was signed with the other half of this key (WebAuthn, section 7.2).
    pub(super) fn verify(&self, party: &RelyingParty, public_key: &[u8]) -> Option<Said> {
        let Assertion { client_data, authenticator_data, signature, .. } = &self.assertion;
        let data = AuthenticatorData::parse(&authenticator_data.0, party)?;
        let message = [&authenticator_data.0[..], &Sha256::digest(&client_data.0)].concat();
        PublicKey::from_kept(public_key)?.has_signed(&message, &signature.0).then_some(Said {
            counter: data.counter,
            backed_up: data.is_backed_up(),
            verified: data.is_verified(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_are_none() {
        let party = RelyingParty::of(&"http://localhost:5000".parse().unwrap()).unwrap();
        let long = format!(r#"{{"id":"{}"}}"#, "A".repeat(MAX));
        for text in
            ["", "null", "{}", r#"{"id":"YWJj"}"#, r#"{"id":"","response":{}}"#, r#"{"id":"not base 64"}"#, &long]
        {
            assert!(Made::read(text, &party).is_none() && Shown::parse(text).is_none(), "{text:.80}");
        }
        for hostile in [
            &b""[..],
            b"\xa1",
            b"\xbf\xff",
            b"\xa1\x68authData\x5f",
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            &[0x9f; 4096],
        ] {
            assert_eq!(authenticator_data(hostile), None, "{hostile:?}");
        }
        assert_eq!(authenticator_data(b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x41x"), Some(&b"x"[..]));
    }
}
