//! A passkey of software: it has a real key, and says what a test wants.

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Somebody has touched the authenticator.
pub const PRESENT: u8 = 1;
/// It knows who.
pub const VERIFIED: u8 = 1 << 2;
/// There is a credential in what it says.
const HAS_CREDENTIAL: u8 = 1 << 6;

/// A passkey with a P-256 key.
#[derive(Debug)]
pub struct SoftPasskey {
    key: EcdsaKeyPair,
    credential: Vec<u8>,
    /// What a test may change of what it says.
    pub words: Words,
}

/// What a browser and an authenticator say, beside what they were asked.
#[derive(Clone, Debug)]
pub struct Words {
    /// Which page the browser says has asked.
    pub origin: String,
    /// Which site the authenticator says it was used for.
    pub site: String,
    /// What has happened to it.
    pub flags: u8,
    /// How often it has signed; it is not counted on by itself.
    pub counter: u32,
    /// Whose it is.
    pub user: Option<Vec<u8>>,
    /// What it signs in place of the challenge that it was given.
    pub challenge: Option<String>,
}

impl SoftPasskey {
    /// Makes one as a page of `origin` tells the browser, and gives what the browser answers.
    ///
    /// # Errors
    /// The options are none.
    pub fn make(options: &str, origin: &str) -> Result<(Self, String)> {
        let options: Value = serde_json::from_str(options)?;
        let user = URL_SAFE_NO_PAD.decode(text(&options["user"]["id"])?)?;
        let credential = Sha256::digest(text(&options["challenge"])?).to_vec();
        let words = Words {
            origin: origin.to_owned(),
            site: text(&options["rp"]["id"])?.to_owned(),
            flags: PRESENT | VERIFIED,
            counter: 0,
            user: Some(user),
            challenge: None,
        };
        let passkey = Self { key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?, credential, words };
        let answer = passkey.made(&options)?;
        Ok((passkey, answer))
    }

    /// What the browser answers for it when it was just made, as these options say.
    ///
    /// # Errors
    /// The options are none.
    pub fn made_for(&self, options: &str) -> Result<String> {
        self.made(&serde_json::from_str(options)?)
    }

    fn made(&self, options: &Value) -> Result<String> {
        let client_data = self.client_data("webauthn.create", options)?;
        let data = self.authenticator_data(HAS_CREDENTIAL, &self.attested()?);
        let length = u16::try_from(data.len())?.to_be_bytes();
        let object = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59", &length[..], &data].concat();
        let response = json!({ "clientDataJSON": encode(client_data), "attestationObject": encode(object) });
        Ok(json!({ "id": encode(&self.credential), "response": response }).to_string())
    }

    /// What the browser answers when it is told to ask for it.
    ///
    /// # Errors
    /// The options are none.
    pub fn show(&self, options: &str) -> Result<String> {
        let client_data = self.client_data("webauthn.get", &serde_json::from_str(options)?)?;
        let data = self.authenticator_data(0, b"");
        let message = [&data[..], &Sha256::digest(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &message)?;
        let response = json!({
            "clientDataJSON": encode(client_data),
            "authenticatorData": encode(data),
            "signature": encode(signature),
            "userHandle": self.words.user.as_ref().map(encode),
        });
        Ok(json!({ "id": encode(&self.credential), "response": response }).to_string())
    }

    /// Lets it say that it is another one, which it has no key of.
    pub fn pretend(&mut self, other: &Self) {
        self.credential.clone_from(&other.credential);
        self.words.user.clone_from(&other.words.user);
    }

    fn client_data(&self, kind: &str, options: &Value) -> Result<Vec<u8>> {
        let challenge = self.words.challenge.as_deref().map_or_else(|| text(&options["challenge"]), Ok)?;
        let said = json!({ "type": kind, "challenge": challenge, "origin": self.words.origin, "crossOrigin": false });
        Ok(said.to_string().into_bytes())
    }

    fn authenticator_data(&self, flags: u8, rest: &[u8]) -> Vec<u8> {
        let site = Sha256::digest(self.words.site.as_bytes());
        [&site[..], &[self.words.flags | flags], &self.words.counter.to_be_bytes(), rest].concat()
    }

    fn attested(&self) -> Result<Vec<u8>> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..).context("no point")?.split_at(32);
        let length = u16::try_from(self.credential.len())?.to_be_bytes();
        // An elliptic-curve key of COSE for ES256 on P-256.
        let key = [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20", x, b"\x22\x58\x20", y].concat();
        Ok([&[0; 16][..], &length, &self.credential, &key].concat())
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}
