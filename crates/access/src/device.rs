//! Logging in a program that has no browser (RFC 8628): it asks for two codes, shows the short one to its user, who allows it in a
//! browser in which they are logged in, and asks with the long one until they have.
//!
//! The program says itself what it is called. So whoever allows it is shown what is known beside that: from where it asks, and since
//! when.

mod code;
mod poll;

use std::net::IpAddr;
use std::time::Duration;

use entrepot_database::{Connection, Durability, Row, Timestamp};
use uuid::Uuid;

pub use self::code::{InvalidUserCode, UserCode};
pub use self::poll::{DeviceLogin, DevicePoll};
use crate::audit::AuditEntry;
use crate::bucket::{Buckets, Pace};
use crate::guessing::Guessing;
use crate::permit::{AccountOwner, Permit};
use crate::role::Scopes;
use crate::secret::Secret;
use crate::{Access, Error, tables};

/// How long somebody has to allow it.
const WAITS: Duration = Duration::from_secs(600);
/// How long it is remembered after that, so that the program hears that it was too late.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How long the program waits between two questions, at first.
const PAUSE: Duration = Duration::from_secs(5);
/// Programs that may wait at one time. A guess finds one of them with a chance of less than one in two millions.
const MOST: i64 = 10_000;
/// How many may begin from one address.
const FROM_ONE: Pace = Pace { burst: 20.0, refill: Duration::from_secs(15) };
/// Codes that are made before it is given up: that one is there already is as rare as a right guess.
const TRIES: usize = 5;
/// Longest name of a program and of where it runs, in characters.
const MAX_CLIENT: usize = 64;
const MAX_LABEL: usize = 100;
/// For how long the token is good that it gets: as long as what docker gets in place of a password.
const LIFETIME: Duration = Duration::from_hours(24 * 90);

/// Holds back who asks too much. Each process counts for itself.
pub(crate) struct Devices {
    begun: Buckets<IpAddr>,
    /// Guesses at codes of others. Here nobody is known: who guesses at codes does it with an account of their own.
    guesses: Guessing,
}

impl Devices {
    pub(crate) fn new() -> Self {
        Self { begun: Buckets::new(FROM_ONE), guesses: Guessing::new() }
    }
}

/// A program that wants to be logged in.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// What it is called, as programs are (`client_id`).
    pub client: String,
    /// Where it runs, for people; may be empty.
    pub label: String,
}

impl NewDevice {
    /// What people can read, and nothing that turns it around.
    fn checked(&self) -> Result<(), Error> {
        let in_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.client.is_empty() || self.client.len() > MAX_CLIENT || !self.client.chars().all(in_name) {
            return Err(Error::invalid("client_id", format!("it has to be 1 to {MAX_CLIENT} of A-Z a-z 0-9 . _ -")));
        }
        let readable = |c: char| c.is_alphanumeric() || c.is_ascii_punctuation() || c == ' ';
        if self.label.chars().count() > MAX_LABEL || !self.label.chars().all(readable) {
            let why = format!("it has to be {MAX_LABEL} letters, digits and signs at most");
            return Err(Error::invalid("label", why));
        }
        Ok(())
    }
}

/// What a program gets that begins to wait.
#[derive(Debug)]
pub struct DeviceCodes {
    /// With which it asks.
    pub device_code: Secret,
    /// What its user types.
    pub user_code: UserCode,
    /// How long it is worth asking.
    pub lifetime: Duration,
    /// How long it has to wait between two questions.
    pub pause: Duration,
}

/// A program that waits, as whoever has its code may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it calls itself.
    pub client: String,
    /// Where it says that it runs.
    pub label: String,
    /// From where it asks.
    pub address: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when somebody may allow it.
    pub expires_at: Timestamp,
}

impl Device {
    /// What it may do that is allowed.
    pub const SCOPES: Scopes = Scopes::CONTENT;
    /// And for how long.
    pub const LIFETIME: Duration = LIFETIME;

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let text = |column| row.text(column).map(str::to_owned);
        let time = |column| row.integer(column).map(Timestamp::from_micros);
        Ok(Self { client: text(0)?, label: text(1)?, address: text(2)?, created_at: time(3)?, expires_at: time(4)? })
    }

    /// By which people know it.
    pub fn name(&self) -> String {
        if self.label.is_empty() { self.client.clone() } else { format!("{} on {}", self.client, self.label) }
    }
}

impl Access {
    /// Lets a program wait for somebody who logs it in.
    ///
    /// # Errors
    /// [`Error::Invalid`]; [`Error::TooMany`] if too many wait, or came from this address.
    pub async fn device_request(&self, new: NewDevice, address: Option<IpAddr>) -> Result<DeviceCodes, Error> {
        new.checked()?;
        self.0.devices.begun.take_from(address)?;
        for _ in 0..TRIES {
            let (device_code, user_code) = (Secret::bare()?, UserCode::new()?);
            if self.add_device(&new, address, &device_code, &user_code).await? {
                return Ok(DeviceCodes { device_code, user_code, lifetime: WAITS, pause: PAUSE });
            }
        }
        Err(Error::Internal("no code for a program was free".to_owned()))
    }

    /// Adds its row, if the short code is free. Those that nobody asks about any more go.
    async fn add_device(
        &self,
        new: &NewDevice,
        address: Option<IpAddr>,
        device_code: &Secret,
        user_code: &UserCode,
    ) -> Result<bool, Error> {
        let (new, hash, code) = (new.clone(), device_code.hash(), user_code.hash());
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        let written = self.0.database.write(Durability::Power, move |connection| {
            let now = Timestamp::now();
            connection.execute(&tables::REMOVE_EXPIRED_DEVICES, &[now.minus(REMEMBERED).into()])?;
            let waiting = connection.first(&tables::WAITING_DEVICES, &[now.into()], |row| row.integer(0))?;
            if waiting.unwrap_or_default() >= MOST {
                return Err(Error::TooMany { after: PAUSE });
            }
            let id = Uuid::now_v7().to_string();
            let parameters = [
                (&id).into(),
                (&hash[..]).into(),
                (&code[..]).into(),
                (&new.client).into(),
                (&new.label).into(),
                (&address).into(),
                (PAUSE.as_micros() as i64).into(),
                now.into(),
                now.plus(WAITS).into(),
            ];
            Ok(connection.execute(&tables::ADD_DEVICE, &parameters)? > 0)
        });
        written.await
    }

    /// The program that waits with this code.
    ///
    /// # Errors
    /// [`Error::Invalid`] if none does, or not any more; [`Error::TooMany`] after too many guesses.
    pub async fn waiting_device(&self, permit: &Permit<AccountOwner>, code: &UserCode) -> Result<Device, Error> {
        self.guess_device(permit)?;
        let hash = code.hash();
        let found = self.0.database.read(move |connection| {
            connection.first(&tables::WAITING_DEVICE, &[(&hash[..]).into(), Timestamp::now().into()], Device::read)
        });
        self.guessed_device(permit, found.await?)
    }

    /// Lets the program that waits with this code have a token of whoever looks at it, which it gets when it asks the next time.
    ///
    /// # Errors
    /// As [`Access::waiting_device`]; [`Error::Denied`] for everybody but a person in a browser.
    pub async fn approve_device(&self, permit: &Permit<AccountOwner>, code: &UserCode) -> Result<Device, Error> {
        self.decide_device(permit, code, true).await
    }

    /// Turns away the program that waits with this code.
    ///
    /// # Errors
    /// As [`Access::approve_device`].
    pub async fn deny_device(&self, permit: &Permit<AccountOwner>, code: &UserCode) -> Result<Device, Error> {
        self.decide_device(permit, code, false).await
    }

    async fn decide_device(
        &self,
        permit: &Permit<AccountOwner>,
        code: &UserCode,
        allowed: bool,
    ) -> Result<Device, Error> {
        // A token is not to buy another that lasts longer, and nobody is logged in by somebody else.
        if self.session_owner(permit.caller()).ok() != Some(&permit.on.name) {
            return Err(Error::Denied("only somebody who is logged in with a browser may do this".to_owned()));
        }
        self.guess_device(permit)?;
        let (hash, account, caller) = (code.hash(), permit.on.id, permit.caller().clone());
        let owner = permit.on.name.to_string();
        let decided = self.0.database.write(Durability::Power, move |connection| {
            let device = decide(connection, &hash, account, allowed)?;
            if let Some(device) = &device {
                let action = if allowed { "device.approve" } else { "device.deny" };
                let detail = format!("{} from {}", device.name(), device.address);
                AuditEntry::new(&caller, action, &owner, true, &detail).write(connection)?;
            }
            Ok::<_, Error>(device)
        });
        self.guessed_device(permit, decided.await?)
    }

    /// Counts every look as a guess, so that it holds for those that come at one time too.
    fn guess_device(&self, permit: &Permit<AccountOwner>) -> Result<(), Error> {
        let (account, address) = (Some(&permit.on.name), permit.caller().address());
        self.0.devices.guesses.admit(account, address)?;
        self.0.devices.guesses.wrong(account, address);
        Ok(())
    }

    fn guessed_device(&self, permit: &Permit<AccountOwner>, found: Option<Device>) -> Result<Device, Error> {
        let (account, address) = (Some(&permit.on.name), permit.caller().address());
        match found {
            Some(device) => {
                self.0.devices.guesses.forgive(account, address);
                Ok(device)
            }
            None => {
                self.audit_denied(permit.caller(), "device.look", permit.on.name.as_str());
                Err(Error::invalid("code", "nothing waits with this code, or it has taken too long: begin again there"))
            }
        }
    }
}

/// Of two who decide the first one does.
fn decide(connection: &Connection<'_>, code: &[u8], account: i64, allowed: bool) -> Result<Option<Device>, Error> {
    let parameters = [i64::from(allowed).into(), account.into(), Timestamp::now().into(), code.into()];
    connection.first(&tables::DECIDE_DEVICE, &parameters, Device::read)
}
