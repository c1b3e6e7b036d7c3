//! Rows that name rows which are not there. Over PostgreSQL no foreign key forbids most of them.

use entrepot_database::{Connection, Statement, Trouble, Verdict};

use crate::Error;

pub(super) const SUBJECT: &str = "what rows name is there";
pub(super) const TABLES: &[&str] = &[
    "repositories",
    "blobs",
    "repository_blobs",
    "manifests",
    "manifest_blobs",
    "manifest_children",
    "tags",
    "uploads",
    "objects",
    "loose_manifests",
    "absent_targets",
    "trash_tags",
];

/// These walk through whole tables: for the doctor alone.
pub(crate) mod tables {
    entrepot_database::statements! {
        LINKS_OF_NO_REPOSITORY = "SELECT COUNT(*) FROM repository_blobs t
            WHERE NOT EXISTS (SELECT 1 FROM repositories p WHERE p.id = t.repository_id)";
        LINKS_TO_NO_BLOB = "SELECT COUNT(*) FROM repository_blobs t
            WHERE NOT EXISTS (SELECT 1 FROM blobs p WHERE p.id = t.blob_id)";
        MANIFESTS_OF_NO_REPOSITORY = "SELECT COUNT(*) FROM manifests t
            WHERE NOT EXISTS (SELECT 1 FROM repositories p WHERE p.id = t.repository_id)";
        BLOBS_OF_NO_MANIFEST = "SELECT COUNT(*) FROM manifest_blobs t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        MANIFESTS_WITHOUT_BLOB = "SELECT COUNT(*) FROM manifest_blobs t
            WHERE NOT EXISTS (SELECT 1 FROM blobs p WHERE p.id = t.blob_id)";
        CHILDREN_OF_NO_MANIFEST = "SELECT COUNT(*) FROM manifest_children t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        MANIFESTS_WITHOUT_CHILD = "SELECT COUNT(*) FROM manifest_children t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.child_id)";
        TAGS_OF_NO_REPOSITORY = "SELECT COUNT(*) FROM tags t
            WHERE NOT EXISTS (SELECT 1 FROM repositories p WHERE p.id = t.repository_id)";
        TAGS_OF_NO_MANIFEST = "SELECT COUNT(*) FROM tags t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        LOOSE_THAT_ARE_GONE = "SELECT COUNT(*) FROM loose_manifests t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        EXPECTED_BY_NO_MANIFEST = "SELECT COUNT(*) FROM absent_targets t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        TRASH_OF_NO_MANIFEST = "SELECT COUNT(*) FROM trash_tags t
            WHERE NOT EXISTS (SELECT 1 FROM manifests p WHERE p.id = t.manifest_id)";
        PARTS_OF_NO_UPLOAD = "SELECT COUNT(*) FROM objects t WHERE t.upload IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM uploads p WHERE p.id = t.upload)";
        PARTS_OF_NO_BLOB = "SELECT COUNT(*) FROM objects t WHERE t.blob_id IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM blobs p WHERE p.id = t.blob_id)";
    }
}

/// A column that names rows of another table by their `id`.
struct Reference {
    table: &'static str,
    column: &'static str,
    parent: &'static str,
    /// How many name none.
    hanging: Statement,
    /// What users notice of such a row.
    effect: &'static str,
}

const REFERENCES: &[Reference] = &[
    Reference {
        table: "repository_blobs",
        column: "repository_id",
        parent: "repositories",
        hanging: tables::LINKS_OF_NO_REPOSITORY,
        effect: "their blobs are never purged",
    },
    Reference {
        table: "repository_blobs",
        column: "blob_id",
        parent: "blobs",
        hanging: tables::LINKS_TO_NO_BLOB,
        effect: "nobody notices them",
    },
    Reference {
        table: "manifests",
        column: "repository_id",
        parent: "repositories",
        hanging: tables::MANIFESTS_OF_NO_REPOSITORY,
        effect: "nobody can pull them",
    },
    Reference {
        table: "manifest_blobs",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::BLOBS_OF_NO_MANIFEST,
        effect: "nobody notices them",
    },
    Reference {
        table: "manifest_blobs",
        column: "blob_id",
        parent: "blobs",
        hanging: tables::MANIFESTS_WITHOUT_BLOB,
        effect: "the images of these layers cannot be pulled until they are pushed again",
    },
    Reference {
        table: "manifest_children",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::CHILDREN_OF_NO_MANIFEST,
        effect: "nobody notices them",
    },
    Reference {
        table: "manifest_children",
        column: "child_id",
        parent: "manifests",
        hanging: tables::MANIFESTS_WITHOUT_CHILD,
        effect: "these platforms of an image cannot be pulled until they are pushed again",
    },
    Reference {
        table: "tags",
        column: "repository_id",
        parent: "repositories",
        hanging: tables::TAGS_OF_NO_REPOSITORY,
        effect: "nobody can pull them",
    },
    Reference {
        table: "tags",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::TAGS_OF_NO_MANIFEST,
        effect: "they are listed, and cannot be pulled until they are pushed again",
    },
    Reference {
        table: "loose_manifests",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::LOOSE_THAT_ARE_GONE,
        effect: "nobody notices them",
    },
    Reference {
        table: "absent_targets",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::EXPECTED_BY_NO_MANIFEST,
        effect: "nobody notices them",
    },
    Reference {
        table: "trash_tags",
        column: "manifest_id",
        parent: "manifests",
        hanging: tables::TRASH_OF_NO_MANIFEST,
        effect: "these tags are listed in the trash and cannot be restored",
    },
    Reference {
        table: "objects",
        column: "upload",
        parent: "uploads",
        hanging: tables::PARTS_OF_NO_UPLOAD,
        effect: "the purge does not find these bytes",
    },
    Reference {
        table: "objects",
        column: "blob_id",
        parent: "blobs",
        hanging: tables::PARTS_OF_NO_BLOB,
        effect: "the purge does not find these bytes",
    },
];

pub(crate) fn verdict(connection: &Connection<'_>) -> Result<Verdict, Error> {
    let mut troubles = Vec::new();
    for reference in REFERENCES {
        let count =
            connection.first(&reference.hanging, &[], |row| Ok::<_, Error>(row.integer(0)?))?.unwrap_or_default();
        if count > 0 {
            troubles.push(reference.trouble(count));
        }
    }
    Ok(troubles.into_iter().collect())
}

impl Reference {
    fn trouble(&self, count: i64) -> Trouble {
        let Self { table, column, parent, effect, .. } = self;
        let condition = format!("NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.id = {table}.{column})");
        let remove = match *table {
            // To nobody's they become garbage, which the purge takes with its bytes.
            "objects" => format!("UPDATE objects SET {column} = NULL WHERE {column} IS NOT NULL AND {condition}"),
            _ => format!("DELETE FROM {table} WHERE {condition}"),
        };
        Trouble::new(
            format!("in {table}, {count} rows name by {column} what is not in {parent}: {effect}"),
            format!("restore a back-up if much is lost; otherwise stop the registry, and: {remove}"),
        )
    }
}
