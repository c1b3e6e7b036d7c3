//! The keys that sign registry tokens: Ed25519, in the database, so that every process takes what any other has signed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entrepot_database::{Connection, Database, Durability, Timestamp};
use jsonwebtoken::{DecodingKey, EncodingKey};
use parking_lot::RwLock;
use serde::Serialize;
use uuid::Uuid;

use crate::memory::{Generation, Memory, changed};
use crate::registry_token::{LEEWAY, LIFETIME};
use crate::{Error, tables};

/// The keys of one generation of the rules.
pub(crate) struct KeySet {
    generation: Generation,
    /// Signs; with its id.
    pub(crate) signer: (String, EncodingKey),
    /// Verify, by id.
    pub(crate) verifiers: HashMap<String, DecodingKey>,
    public: Vec<PublicKey>,
}

/// A public key as a JWK (RFC 8037, section 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicKey {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
}

/// Keeps the keys in memory for as long as the rules are known not to have changed.
#[derive(Default)]
pub(crate) struct Keys(RwLock<Option<Arc<KeySet>>>);

impl Keys {
    /// The keys as they are now. The first process over a database makes the first.
    pub(crate) async fn get(&self, memory: &Memory, database: &Database) -> Result<Arc<KeySet>, Error> {
        if let Some(current) = memory.current()
            && let Some(keys) = &*self.0.read()
            && keys.generation == current
        {
            return Ok(Arc::clone(keys));
        }
        let keys = match database.read(load).await? {
            Some(keys) => keys,
            None => {
                let first = new_key()?;
                let made = database.write(Durability::Power, move |connection| {
                    if load(connection)?.is_none() {
                        add(connection, &first)?;
                    }
                    load(connection)
                });
                made.await?.ok_or_else(|| Error::Internal("there is no key to sign tokens with".to_owned()))?
            }
        };
        let keys = Arc::new(keys);
        *self.0.write() = Some(Arc::clone(&keys));
        Ok(keys)
    }
}

impl KeySet {
    /// The public keys, for `/jwks.json`.
    pub(crate) fn public(&self) -> Vec<PublicKey> {
        self.public.clone()
    }
}

/// A key that is not in the database yet.
pub(crate) struct NewKey {
    id: String,
    private: Vec<u8>,
}

/// Makes a key.
pub(crate) fn new_key() -> Result<NewKey, Error> {
    let failed = |_| Error::Internal("cannot make a key".to_owned());
    let pair = Ed25519KeyPair::generate().map_err(failed)?;
    let private = pair.to_pkcs8().map_err(failed)?;
    Ok(NewKey { id: Uuid::now_v7().to_string(), private: private.as_ref().to_vec() })
}

fn add(connection: &Connection<'_>, key: &NewKey) -> Result<(), Error> {
    let now = Timestamp::now();
    let parameters = [(&key.id).into(), (&key.private[..]).into(), now.into(), now.into()];
    connection.execute(&tables::ADD_SIGNING_KEY, &parameters)?;
    Ok(())
}

/// Lets `key` sign from now on. The others verify what they have signed for as long as that is good, or, after a theft, no more.
pub(crate) fn rotate(connection: &Connection<'_>, key: &NewKey, at_once: bool) -> Result<(), Error> {
    let now = Timestamp::now();
    let rest = if at_once { Duration::ZERO } else { LIFETIME + 2 * LEEWAY };
    add(connection, key)?;
    connection.execute(&tables::END_SIGNING_KEYS, &[now.plus(rest).into(), (&key.id).into()])?;
    connection.execute(&tables::REMOVE_SIGNING_KEYS, &[now.into()])?;
    Ok(changed(connection)?)
}

fn load(connection: &Connection<'_>) -> Result<Option<KeySet>, Error> {
    let generation = Memory::of(connection)?;
    let now = Timestamp::now();
    let rows = connection.all(&tables::SIGNING_KEYS, &[], |row| {
        let until = row.optional_integer(3)?.map(Timestamp::from_micros);
        Ok::<_, Error>((row.text(0)?.to_owned(), row.blob(1)?.to_vec(), until))
    })?;
    let mut keys = KeySet {
        generation,
        signer: (String::new(), EncodingKey::from_ed_der(&[])),
        verifiers: HashMap::new(),
        public: Vec::new(),
    };
    for (id, private, until) in rows {
        if until.is_some_and(|until| until <= now) {
            continue;
        }
        let pair = Ed25519KeyPair::from_pkcs8(&private).map_err(|_| Error::damaged(&id))?;
        let public = pair.public_key().as_ref();
        keys.verifiers.insert(id.clone(), DecodingKey::from_ed_der(public));
        let x = URL_SAFE_NO_PAD.encode(public);
        keys.public.push(PublicKey { kty: "OKP", crv: "Ed25519", alg: "EdDSA", usage: "sig", kid: id.clone(), x });
        // The last of those without an end is the youngest.
        if until.is_none() {
            keys.signer = (id, EncodingKey::from_ed_der(&private));
        }
    }
    Ok((!keys.signer.0.is_empty()).then_some(keys))
}
