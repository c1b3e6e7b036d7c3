//! The program asks whether somebody has allowed it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use uuid::Uuid;

use super::{Device, LIFETIME, PAUSE};
use crate::audit::AuditEntry;
use crate::caller::{Caller, Credential, Limit, Principal, Who};
use crate::holder::{TokenKind, account};
use crate::name::Name;
use crate::role::Scopes;
use crate::secret::{Secret, SecretHash};
use crate::token::{NewToken, Owner, add};
use crate::{Access, Error, tables};

/// What is not yet too fast: on their way two questions may come closer together.
const JITTER: Duration = Duration::from_secs(1);
/// Nobody has to wait longer than this between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a program hears.
#[derive(Debug)]
pub enum DevicePoll {
    /// Nobody has decided yet.
    Waiting,
    /// It asks too fast: from now on it has to wait five seconds more each time.
    TooFast,
    /// Somebody has turned it away, or whoever allowed it may not log in any more.
    Denied,
    /// Nobody has decided in time.
    Expired,
    /// There is no such code, it was another program's, or it has been used.
    Unknown,
    /// It is in.
    In(DeviceLogin),
}

/// What a program gets that was allowed.
#[derive(Debug)]
pub struct DeviceLogin {
    /// Whose token it is.
    pub account: Name,
    /// What it shows from now on.
    pub token: Secret,
    /// What that may be used for.
    pub scopes: Scopes,
    /// For how long.
    pub lifetime: Duration,
}

/// How far its row is.
struct Kept {
    client: String,
    /// What somebody has decided.
    allowed: Option<bool>,
    pause: Duration,
    next_at: Timestamp,
    expires_at: Timestamp,
}

impl Kept {
    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            client: row.text(0)?.to_owned(),
            allowed: row.optional_integer(1)?.map(|allowed| allowed != 0),
            pause: Duration::from_micros(row.integer(2)?.unsigned_abs()),
            next_at: Timestamp::from_micros(row.integer(3)?),
            expires_at: Timestamp::from_micros(row.integer(4)?),
        })
    }
}

/// Whom a row that was taken lets in, and since when it is allowed.
struct Taken {
    account: i64,
    decided_at: Timestamp,
    device: Device,
}

impl Access {
    /// What there is for the program `client` that shows this code, asking from `address`. A token is given once: of two that ask at one
    /// time one gets it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn poll_device(
        &self,
        device_code: &str,
        client: &str,
        address: Option<IpAddr>,
    ) -> Result<DevicePoll, Error> {
        let (hash, asking) = (Secret::hash_of(device_code), client.to_owned());
        let program = asking.clone();
        // What anybody can make up is not worth a transaction that writes.
        let found = self.0.database.read(move |connection| find(connection, &hash, &program));
        if let Err(answer) = found.await? {
            return Ok(answer);
        }
        // Nothing is lost with it but a pause.
        let heard = self.0.database.write(Durability::Process, move |connection| hear(connection, &hash, &asking));
        match heard.await? {
            Some(answer) => Ok(answer),
            None => self.let_device_in(hash, address).await,
        }
    }

    /// Gives the token to a program that was allowed.
    async fn let_device_in(&self, hash: SecretHash, address: Option<IpAddr>) -> Result<DevicePoll, Error> {
        let (secret, id) = (Secret::token()?, Uuid::now_v7().to_string());
        let kept = secret.hash();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let Some(taken) = take(connection, &hash)? else { return Ok(Err(DevicePoll::Unknown)) };
            // A new password ends what was allowed before.
            let found = account(connection, taken.account)?.filter(|(_, since)| *since <= taken.decided_at);
            let Some((Principal::Account { id: owner, name, administrator }, _)) = found else {
                return Ok(Err(DevicePoll::Denied));
            };
            connection.execute(&tables::REMOVE_EXPIRED_TOKENS, &[Timestamp::now().into()])?;
            let label = taken.device.name();
            let new = NewToken { label, scopes: Device::SCOPES, repositories: Vec::new(), lifetime: Some(LIFETIME) };
            let holder = Owner { kind: TokenKind::Device, namespace: owner, robot: None };
            add(connection, &id, &kept, holder, &new)?;
            let principal = Principal::Account { id: owner, name: name.clone(), administrator };
            let caller = holding(principal, &id, address);
            AuditEntry::new(&caller, "login", name.as_str(), true, &new.label).write(connection)?;
            Ok::<_, Error>(Ok(name))
        });
        Ok(match written.await? {
            Ok(account) => {
                DevicePoll::In(DeviceLogin { account, token: secret, scopes: Device::SCOPES, lifetime: LIFETIME })
            }
            Err(answer) => answer,
        })
    }
}

/// What there is for this program, or what it hears if that is nothing.
fn find(connection: &Connection<'_>, hash: &[u8], client: &str) -> Result<Result<Kept, DevicePoll>, Error> {
    let kept = connection.first(&tables::DEVICE, &[hash.into()], Kept::read)?;
    Ok(match kept.filter(|kept| kept.client == client) {
        None => Err(DevicePoll::Unknown),
        Some(kept) if kept.expires_at <= Timestamp::now() => Err(DevicePoll::Expired),
        Some(kept) => Ok(kept),
    })
}

/// What is to be said without a token; `None` if there is one to be had. When it may ask again is written down.
fn hear(connection: &Connection<'_>, hash: &[u8], client: &str) -> Result<Option<DevicePoll>, Error> {
    let kept = match find(connection, hash, client)? {
        Ok(kept) => kept,
        Err(answer) => return Ok(Some(answer)),
    };
    let now = Timestamp::now();
    let too_fast = now < kept.next_at.minus(JITTER);
    let pause = if too_fast { (kept.pause + PAUSE).min(LONGEST_PAUSE) } else { kept.pause };
    let parameters = [(pause.as_micros() as i64).into(), now.plus(pause).into(), hash.into()];
    connection.execute(&tables::SET_DEVICE_POLLED, &parameters)?;
    Ok(match kept.allowed {
        _ if too_fast => Some(DevicePoll::TooFast),
        None => Some(DevicePoll::Waiting),
        Some(false) => Some(DevicePoll::Denied),
        Some(true) => None,
    })
}

/// Uses up what was allowed, if nobody was faster.
fn take(connection: &Connection<'_>, hash: &[u8]) -> Result<Option<Taken>, Error> {
    connection.first(&tables::TAKE_DEVICE, &[hash.into(), Timestamp::now().into()], |row| {
        let device = Device::read(row)?;
        Ok(Taken { account: row.integer(5)?, decided_at: Timestamp::from_micros(row.integer(6)?), device })
    })
}

/// Whoever has the token with this id, for the log of who did what.
fn holding(principal: Principal, token: &str, address: Option<IpAddr>) -> Caller {
    let who = Who {
        principal,
        credential: Credential::Token(token.to_owned()),
        limit: Limit::NONE,
        valid_from: None,
        valid_until: None,
    };
    Caller::new(Arc::new(who), address)
}
