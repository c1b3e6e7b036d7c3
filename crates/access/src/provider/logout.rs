//! A provider that says that somebody has logged out there: their sessions here end too. What they may do, and the tokens that they have
//! made, stays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use entrepot_database::{Connection, Durability, Row, Timestamp};
use entrepot_identity::provider::LoggedOut;

use super::Door;
use super::arrival::of_provider;
use crate::audit::AuditEntry;
use crate::elsewhere::by_subject;
use crate::memory::changed;
use crate::name::Name;
use crate::rules::stored;
use crate::session::later;
use crate::{Access, Error, tables};

/// How far the provider's clock may be behind. What began later stays: a token that is shown again ends nothing that came after it.
const LEEWAY: Duration = Duration::from_secs(60);

impl Access {
    /// Ends the sessions of somebody who has logged out at the provider `name`, as its token says.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such provider; [`Error::Invalid`] with what is wrong with the token; [`Error::Unavailable`] if the
    /// provider's keys cannot be had.
    pub async fn end_provider_sessions(&self, name: &str, token: &str) -> Result<(), Error> {
        let door = Arc::clone(self.0.doors.find(name)?);
        let out = door.login.logged_out(token, SystemTime::now()).await.map_err(|refused| {
            tracing::warn!(provider = door.source, %refused, "a logout of a provider was refused");
            match refused.is_temporary() {
                true => Error::Unavailable(refused.to_string()),
                false => Error::invalid("logout_token", refused),
            }
        })?;
        let ended = self.0.database.write(Durability::Power, move |connection| {
            let ended = end(connection, &door, &out)?;
            for (id, name) in &ended {
                let caller = of_provider(&door.source, *id, name, None);
                AuditEntry::new(&caller, "session.end_by_provider", name.as_str(), true, "").write(connection)?;
            }
            if !ended.is_empty() {
                changed(connection)?;
            }
            Ok::<_, Error>(!ended.is_empty())
        });
        if ended.await? { self.noticed().await } else { Ok(()) }
    }
}

/// Ends what it is about, and says whose that was. Nobody may have been there: then they are out already.
fn end(connection: &Connection<'_>, door: &Door, out: &LoggedOut) -> Result<BTreeMap<i64, Name>, Error> {
    let seconds = out.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let until = later(Timestamp::from_micros(0), seconds + LEEWAY);
    let mut ended = BTreeMap::new();
    if let Some(session) = &out.session {
        let parameters = [session.into(), until.into(), (&door.source).into()];
        let owner = |row: &Row<'_>| Ok::<_, Error>((row.integer(0)?, stored(row.text(1)?)?));
        ended.extend(connection.all(&tables::REMOVE_PROVIDER_SESSIONS, &parameters, owner)?);
    }
    // Who it names without a session is out everywhere; with one that nobody has here, only where it may be that one: it tells us of some
    // and not of others, and those that it told us of by another name go on.
    let everywhere = if out.session.is_some() {
        &tables::REMOVE_EARLIER_SESSIONS_NOT_TOLD_OF
    } else {
        &tables::REMOVE_EARLIER_SESSIONS
    };
    if ended.is_empty()
        && let Some(subject) = &out.subject
        && let Some(known) = by_subject(connection, &door.source, subject)?
        && connection.execute(everywhere, &[known.id.into(), until.into()])? > 0
    {
        ended.insert(known.id, known.name);
    }
    Ok(ended)
}
