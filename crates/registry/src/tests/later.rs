//! Letting time go by.

use std::time::Duration;

use entrepot_database::Durability;

use crate::{Error, Registry};

mod statements {
    entrepot_database::statements! {
        EARLIER_LINKS = "UPDATE repository_blobs SET due_at = due_at - $1, condemned_at = condemned_at - $1";
        EARLIER_MANIFESTS = "UPDATE loose_manifests SET since = since - $1, condemned_at = condemned_at - $1";
        EARLIER_TRASH = "UPDATE trash SET deleted_at = deleted_at - $1";
        EARLIER_SETTING = "UPDATE tags SET updated_at = updated_at - $1";
        EARLIER_PULLS = "UPDATE manifest_pulls SET pulled_at = pulled_at - $1";
        EARLIER_TAGS = "UPDATE tag_history SET changed_at = changed_at - $1";
    }
}

/// As if everything had happened so much earlier.
pub(super) async fn later(registry: &Registry, time: Duration) {
    let micros = i64::try_from(time.as_micros()).unwrap();
    let earlier = registry.database().write(Durability::Process, move |connection| {
        for statement in statements::STATEMENTS {
            connection.execute(statement, &[micros.into()])?;
        }
        Ok::<_, Error>(())
    });
    earlier.await.unwrap();
}
