//! Counting what is there: once for repositories from before it was counted, and for the doctor.

use std::collections::BTreeMap;

use entrepot_database::Connection;
use entrepot_oci::RepositoryName;

use crate::Error;

/// These walk through whole tables.
pub(crate) mod tables {
    entrepot_database::statements! {
        /// What repositories have, by name, and what is written down for namespaces; in one statement, so at one moment.
        WEIGHED = "SELECT r.name, CAST(1 AS BIGINT), CAST(SUM(b.size) AS BIGINT) FROM repository_blobs l
                JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.id = l.blob_id GROUP BY r.name
            UNION ALL SELECT r.name, CAST(1 AS BIGINT), CAST(SUM(m.size) AS BIGINT) FROM manifests m
                JOIN repositories r ON r.id = m.repository_id GROUP BY r.name
            UNION ALL SELECT u.namespace, CAST(0 AS BIGINT), CAST(SUM(u.bytes) AS BIGINT) FROM
                (SELECT namespace, bytes FROM namespace_usage UNION ALL SELECT namespace, bytes FROM usage_changes) u
                GROUP BY u.namespace";
        CLEAR_USAGE = "DELETE FROM namespace_usage";
        CLEAR_CHANGES = "DELETE FROM usage_changes";
        SET_USAGE = "INSERT INTO namespace_usage (namespace, bytes) VALUES ($1, $2)";
    }
}

/// What a namespace has, and what is written down of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    pub(crate) there: i64,
    pub(crate) written: i64,
}

/// The weight of every namespace.
pub(crate) fn weigh(connection: &Connection<'_>) -> Result<BTreeMap<String, Weight>, Error> {
    let mut weights = BTreeMap::<String, Weight>::new();
    connection.all(&tables::WEIGHED, &[], |row| {
        let (name, of_repository, bytes) = (row.text(0)?, row.integer(1)? != 0, row.integer(2)?);
        if of_repository {
            let name: RepositoryName = name
                .parse()
                .map_err(|_| Error::Damaged(format!("{name:?} stands where the name of a repository should")))?;
            weights.entry(name.namespace().to_owned()).or_default().there += bytes;
        } else {
            weights.entry(name.to_owned()).or_default().written += bytes;
        }
        Ok::<_, Error>(())
    })?;
    Ok(weights)
}

/// Counts everything and writes it down. The transaction sees one moment: the changes that it removes are those from before it,
/// and are in its sums; later ones are added to them.
pub(super) fn anew(connection: &Connection<'_>) -> Result<(), Error> {
    let weights = weigh(connection)?;
    connection.execute(&tables::CLEAR_USAGE, &[])?;
    connection.execute(&tables::CLEAR_CHANGES, &[])?;
    for (namespace, weight) in weights.iter().filter(|(namespace, _)| !namespace.is_empty()) {
        connection.execute(&tables::SET_USAGE, &[namespace.into(), weight.there.into()])?;
    }
    connection.execute(&tables::SET_USAGE, &["".into(), 0.into()])?;
    Ok(())
}
