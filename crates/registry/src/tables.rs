//! The tables of the distribution core and every statement that touches them.
//!
//! ```text
//! repositories ─┬─ repository_blobs ── blobs              (a link: this repository has this blob)
//!               ├─ manifests ─┬─ manifest_blobs ── blobs   (what a manifest names)
//!               │             └─ manifest_children
//!               └─ tags ── manifests
//! uploads                                                 (sessions that are not finished)
//!
//! loose_manifests ── manifests    absent_targets ── manifests    dropped_blobs (what may have become garbage, see `collect`)
//! trash ─┬─ repositories, manifests                       (what can be brought back)
//!        └─ trash_tags ── manifests
//! tag_history                                             (what tags showed)
//! retention_rules                                         (which tags are kept, see `retention`)
//! manifest_pulls ── manifests                             (when they were last pulled, see `pulls`)
//!
//! objects ── blobs, or ── uploads, or nothing             (the parts in an object store, see `parts`)
//! writers                                                 (processes that may have left objects without a row)
//!
//! namespace_usage, usage_changes                          (bytes of all repositories of a namespace, see `usage`)
//!
//! quarantine, damaged_objects, scrubs                     (what was found damaged, see `quarantine` and `scrub`)
//! ```

use entrepot_database::{Compatibility, Migration, Room, Table};

/// The tables of this crate.
pub const ROOM: Room = Room {
    name: "registry",
    migrations: &[
        Migration {
            name: "distribution",
            sqlite: include_str!("../migrations/sqlite/001_distribution.sql"),
            postgres: include_str!("../migrations/postgres/001_distribution.sql"),
            compatibility: Compatibility::Breaking,
        },
        Migration {
            name: "objects",
            sqlite: include_str!("../migrations/sqlite/002_objects.sql"),
            postgres: include_str!("../migrations/postgres/002_objects.sql"),
            compatibility: Compatibility::Additive,
        },
        Migration {
            name: "usage",
            sqlite: include_str!("../migrations/sqlite/003_usage.sql"),
            postgres: include_str!("../migrations/postgres/003_usage.sql"),
            // What a version that does not count pushes would never be counted.
            compatibility: Compatibility::Breaking,
        },
        Migration {
            name: "collection",
            sqlite: include_str!("../migrations/sqlite/004_collection.sql"),
            postgres: include_str!("../migrations/postgres/004_collection.sql"),
            // What a version pushes or deletes that does not know these tables would never be looked at.
            compatibility: Compatibility::Breaking,
        },
        Migration {
            name: "scrub",
            sqlite: include_str!("../migrations/sqlite/005_scrub.sql"),
            postgres: include_str!("../migrations/postgres/005_scrub.sql"),
            // A version that does not know of damaged objects would take them for nobody's.
            compatibility: Compatibility::Breaking,
        },
        Migration {
            name: "retention",
            sqlite: include_str!("../migrations/sqlite/006_retention.sql"),
            postgres: include_str!("../migrations/postgres/006_retention.sql"),
            compatibility: Compatibility::Additive,
        },
    ],
    tables: &[
        Table { name: "repositories", key: &["id"] },
        Table { name: "blobs", key: &["id"] },
        Table { name: "repository_blobs", key: &["repository_id", "blob_id"] },
        Table { name: "manifests", key: &["id"] },
        Table { name: "manifest_blobs", key: &["manifest_id", "blob_id"] },
        Table { name: "manifest_children", key: &["manifest_id", "child_id"] },
        Table { name: "tags", key: &["repository_id", "name"] },
        Table { name: "uploads", key: &["id"] },
        Table { name: "objects", key: &["key"] },
        Table { name: "writers", key: &["id"] },
        Table { name: "namespace_usage", key: &["namespace"] },
        Table { name: "usage_changes", key: &["id"] },
        Table { name: "loose_manifests", key: &["manifest_id"] },
        Table { name: "absent_targets", key: &["repository_id", "digest", "manifest_id"] },
        Table { name: "dropped_blobs", key: &["digest"] },
        Table { name: "trash", key: &["id"] },
        Table { name: "trash_tags", key: &["trash_id", "name"] },
        Table { name: "tag_history", key: &["id"] },
        Table { name: "quarantine", key: &["digest"] },
        Table { name: "damaged_objects", key: &["key"] },
        Table { name: "scrubs", key: &["id"] },
        Table { name: "retention_rules", key: &["namespace", "repositories", "tags"] },
        Table { name: "manifest_pulls", key: &["manifest_id"] },
    ],
};

// What is mostly not there yet is added first (`ON CONFLICT DO NOTHING`) and looked up only if it was there: over PostgreSQL
// a look for what is not there conflicts with everybody who adds something near it.
entrepot_database::statements! {
    REPOSITORY = "SELECT id FROM repositories WHERE name = $1 AND trash_id IS NULL";
    ADD_REPOSITORY = "INSERT INTO repositories (name, created_at) VALUES ($1, $2) RETURNING id";
    CATALOG = "SELECT name FROM repositories WHERE trash_id IS NULL AND name > $1 ORDER BY name LIMIT $2";

    BLOB = "SELECT id, size FROM blobs WHERE digest = $1";
    ADD_BLOB = "INSERT INTO blobs (digest, size, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id";
    LINK_BLOB = "INSERT INTO repository_blobs (repository_id, blob_id, due_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    /// Over PostgreSQL this also makes whoever removes the link meanwhile, and this transaction, see each other.
    WANT_BLOB = "UPDATE repository_blobs SET due_at = $1, condemned_at = NULL
        WHERE repository_id = $2 AND blob_id = $3 AND due_at IS NOT NULL";
    UNLINK_BLOB = "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2";
    /// One whose bytes are damaged is as good as none.
    BLOB_IN_REPOSITORY = "SELECT b.id, b.size FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id
        WHERE b.digest = $1 AND l.repository_id = $2 AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.digest = b.digest)";
    BLOB_BY_NAMES = "SELECT b.size, o.key, o.size, l.condemned_at FROM repositories r JOIN blobs b ON b.digest = $1
        JOIN repository_blobs l ON l.repository_id = r.id AND l.blob_id = b.id
        LEFT JOIN objects o ON o.blob_id = b.id WHERE r.name = $2 AND r.trash_id IS NULL ORDER BY o.position";
    HOLDERS_OF_BLOB = "SELECT r.name FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id
        JOIN repositories r ON r.id = l.repository_id AND r.trash_id IS NULL WHERE b.digest = $1 LIMIT $2";
    USER_OF_BLOB = "SELECT m.digest FROM manifest_blobs u JOIN manifests m ON m.id = u.manifest_id
        WHERE u.blob_id = $1 AND u.repository_id = $2 AND m.trash_id IS NULL LIMIT 1";
    /// A manifest in the trash needs its blobs even if they were deleted from the repository.
    FORGET_UNLINKED_BLOB = "DELETE FROM blobs WHERE digest = $1
        AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.blob_id = blobs.id)
        AND NOT EXISTS (SELECT 1 FROM manifest_blobs u WHERE u.blob_id = blobs.id)";
    /// Writes the row also if it is there: over PostgreSQL whoever removes it meanwhile has to look again.
    DROP_BLOB = "INSERT INTO dropped_blobs (digest) VALUES ($1) ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest";
    DROPPED_BLOBS = "SELECT digest FROM dropped_blobs WHERE digest > $1 ORDER BY digest LIMIT $2";
    FORGET_DROPPED_BLOB = "DELETE FROM dropped_blobs WHERE digest = $1";

    ADD_UPLOAD = "INSERT INTO uploads (id, repository, size, state, started_at, active_at) VALUES ($1, $2, 0, $3, $4, $4)";
    UPLOAD = "SELECT size, state FROM uploads WHERE id = $1 AND repository = $2";
    UPLOAD_SIZE = "SELECT size FROM uploads WHERE id = $1";
    ADVANCE_UPLOAD = "UPDATE uploads SET size = $1, state = $2, active_at = $3 WHERE id = $4 AND state = $5";
    END_UPLOAD = "DELETE FROM uploads WHERE id = $1 AND state = $2";
    REMOVE_UPLOAD = "DELETE FROM uploads WHERE id = $1";
    STALE_UPLOADS = sqlite "SELECT id FROM uploads WHERE active_at < $1 ORDER BY active_at LIMIT $2"
        postgres "SELECT id FROM uploads WHERE started_at < $1 AND active_at < $1 ORDER BY started_at LIMIT $2";
    REMOVE_STALE_UPLOAD = "DELETE FROM uploads WHERE id = $1 AND active_at < $2";

    ADD_PART = "INSERT INTO objects (key, upload, blob_id, position, size) VALUES ($1, $2, $3, $4, $5)";
    PARTS_OF_UPLOAD = "SELECT key, size FROM objects WHERE upload = $1 ORDER BY position";
    FIRST_BLOB = "SELECT id FROM blobs WHERE size > 0
        AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.digest = blobs.digest) ORDER BY id LIMIT 1";
    ANY_PART_OF_BLOB = "SELECT 1 FROM objects WHERE blob_id IS NOT NULL LIMIT 1";
    PARTS_OF_BLOB = "SELECT key, size FROM objects WHERE blob_id = $1 ORDER BY position";
    BLOB_HAS_PART = "SELECT 1 FROM objects WHERE blob_id = $1 LIMIT 1";
    GIVE_PARTS_TO_BLOB = "UPDATE objects SET upload = NULL, blob_id = $1 WHERE upload = $2";
    ADOPT_STRAY = "INSERT INTO objects (key, position, size) VALUES ($1, 0, 0) ON CONFLICT DO NOTHING";
    KEYS_BETWEEN = "SELECT key FROM objects WHERE key >= $1 AND key <= $2
        UNION ALL SELECT key FROM damaged_objects WHERE key >= $1 AND key <= $2";
    GARBAGE = "SELECT key, size FROM objects WHERE upload IS NULL AND blob_id IS NULL ORDER BY key LIMIT $1";
    FORGET_GARBAGE = "DELETE FROM objects WHERE key = $1 AND upload IS NULL AND blob_id IS NULL";

    ADD_WRITER = "INSERT INTO writers (id) VALUES ($1)";
    WRITERS = "SELECT id, ended_at FROM writers";
    END_WRITER = "UPDATE writers SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL";
    REMOVE_WRITER = "DELETE FROM writers WHERE id = $1";

    MANIFEST_BY_DIGEST = "SELECT m.digest, m.media_type, m.content, m.subject, o.condemned_at FROM repositories r
        JOIN manifests m ON m.repository_id = r.id AND m.digest = $1 AND m.trash_id IS NULL
        LEFT JOIN loose_manifests o ON o.manifest_id = m.id WHERE r.name = $2 AND r.trash_id IS NULL";
    MANIFEST_BY_TAG = "SELECT m.digest, m.media_type, m.content, m.subject FROM repositories r
        JOIN tags t ON t.repository_id = r.id AND t.name = $1 JOIN manifests m ON m.id = t.manifest_id WHERE r.name = $2
        AND r.trash_id IS NULL";
    MANIFEST_ID = "SELECT id, size FROM manifests WHERE repository_id = $1 AND digest = $2 AND trash_id IS NULL";
    MANIFEST_ANYWHERE = "SELECT id, trash_id FROM manifests WHERE repository_id = $1 AND digest = $2";
    ADD_MANIFEST = "INSERT INTO manifests
        (repository_id, digest, media_type, artifact_type, subject, size, annotations, content, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id";
    SET_MANIFEST_TYPE = "UPDATE manifests SET media_type = $1, artifact_type = $2 WHERE id = $3
        AND (media_type <> $1 OR artifact_type IS DISTINCT FROM $2)";
    REMOVE_MANIFEST = "DELETE FROM manifests WHERE id = $1";
    REMOVE_MANIFEST_BLOBS = "DELETE FROM manifest_blobs WHERE manifest_id = $1";
    REMOVE_MANIFEST_CHILDREN = "DELETE FROM manifest_children WHERE manifest_id = $1";
    ADD_MANIFEST_BLOB = "INSERT INTO manifest_blobs (manifest_id, blob_id, repository_id) VALUES ($1, $2, $3)
        ON CONFLICT DO NOTHING";
    ADD_MANIFEST_CHILD = "INSERT INTO manifest_children (manifest_id, child_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    PARENT_OF_MANIFEST = "SELECT m.digest FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
        WHERE c.child_id = $1 AND c.manifest_id <> $1 AND m.trash_id IS NULL LIMIT 1";
    REFERRERS = "SELECT digest, media_type, size, artifact_type, annotations FROM manifests
        WHERE repository_id = $1 AND subject = $2 AND digest > $3 AND trash_id IS NULL ORDER BY digest LIMIT $4";
    REFERRERS_OF_TYPE = "SELECT digest, media_type, size, artifact_type, annotations FROM manifests
        WHERE repository_id = $1 AND subject = $2 AND digest > $3 AND artifact_type = $4 AND trash_id IS NULL
        ORDER BY digest LIMIT $5";

    TAG_TARGET = "SELECT m.digest, m.id FROM tags t JOIN manifests m ON m.id = t.manifest_id
        WHERE t.repository_id = $1 AND t.name = $2";
    ADD_TAG = "INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    MOVE_TAG = "UPDATE tags SET manifest_id = $1, updated_at = $2 WHERE repository_id = $3 AND name = $4";
    REMOVE_TAG = "DELETE FROM tags WHERE repository_id = $1 AND name = $2 RETURNING manifest_id";
    TAGS = "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    TAG_ENTRIES = "SELECT t.name, m.digest, m.media_type, m.size, t.updated_at FROM tags t
        JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3";
    REMOVE_TAGS_OF_MANIFEST = "DELETE FROM tags WHERE manifest_id = $1";
    TAGS_OF_MANIFEST = "SELECT name FROM tags WHERE manifest_id = $1";

    /// What a manifest needs, and what keeps one.
    BLOBS_OF_MANIFEST = "SELECT b.id, b.digest FROM manifest_blobs u JOIN blobs b ON b.id = u.blob_id WHERE u.manifest_id = $1";
    CHILDREN_OF_MANIFEST = "SELECT child_id FROM manifest_children WHERE manifest_id = $1 AND child_id <> $1";
    ANY_PARENT = "SELECT m.digest, m.trash_id FROM manifest_children c JOIN manifests m ON m.id = c.manifest_id
        WHERE c.child_id = $1 AND c.manifest_id <> $1 LIMIT 1";
    ANY_USER_OF_BLOB = "SELECT m.digest, m.trash_id FROM manifest_blobs u JOIN manifests m ON m.id = u.manifest_id
        WHERE u.blob_id = $1 AND u.repository_id = $2 LIMIT 1";
    REFERRER_IDS = "SELECT id FROM manifests WHERE repository_id = $1 AND subject = $2";
    SUBJECT_OF_MANIFEST = "SELECT subject FROM manifests WHERE id = $1";
    MANIFEST_BETWEEN = "SELECT digest, trash_id FROM manifests WHERE repository_id = $1 AND digest >= $2 AND digest < $3
        ORDER BY digest LIMIT 1";
    TAGS_BETWEEN = "SELECT name, manifest_id FROM tags WHERE repository_id = $1 AND name >= $2 AND name < $3 ORDER BY name";
    TRASH_TAG_OF_MANIFEST = "SELECT name FROM trash_tags WHERE manifest_id = $1 LIMIT 1";
    REMOVE_TRASH_TAGS_OF_MANIFEST = "DELETE FROM trash_tags WHERE manifest_id = $1";

    /// What may have become garbage.
    MAKE_LINK_DUE = "UPDATE repository_blobs SET due_at = $1, condemned_at = NULL WHERE repository_id = $2 AND blob_id = $3";
    DUE_LINKS = "SELECT l.repository_id, r.name, l.blob_id, b.digest, b.size FROM repository_blobs l
        JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.id = l.blob_id
        WHERE l.due_at <= $1 ORDER BY l.due_at LIMIT $2";
    DUE_LINK = "SELECT condemned_at FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2 AND due_at <= $3";
    LINK_STATE = "SELECT b.id, l.due_at, l.condemned_at FROM blobs b JOIN repository_blobs l ON l.blob_id = b.id
        WHERE b.digest = $1 AND l.repository_id = $2";
    NEED_LINK = "UPDATE repository_blobs SET due_at = NULL, condemned_at = NULL WHERE repository_id = $1 AND blob_id = $2";
    CONDEMN_LINK = "UPDATE repository_blobs SET condemned_at = $1, due_at = $2 WHERE repository_id = $3 AND blob_id = $4";
    LOOSEN = "INSERT INTO loose_manifests (manifest_id, since, orphaned) VALUES ($1, $2, 0)
        ON CONFLICT (manifest_id) DO UPDATE SET since = excluded.since, orphaned = 0, condemned_at = NULL";
    ORPHAN = "INSERT INTO loose_manifests (manifest_id, since, orphaned) VALUES ($1, $2, 1)
        ON CONFLICT (manifest_id) DO UPDATE SET since = excluded.since, orphaned = 1, condemned_at = NULL";
    REVIVE_MANIFEST = "UPDATE loose_manifests SET since = $1, condemned_at = NULL WHERE condemned_at IS NOT NULL
        AND manifest_id = (SELECT id FROM manifests WHERE repository_id = $2 AND digest = $3)";
    LOOSE_DUE = "SELECT o.manifest_id, m.repository_id, r.name, m.digest, m.size FROM loose_manifests o
        JOIN manifests m ON m.id = o.manifest_id JOIN repositories r ON r.id = m.repository_id
        WHERE o.condemned_at IS NULL AND o.since <= $1 ORDER BY o.since LIMIT $2";
    ORPHANS_DUE = "SELECT o.manifest_id, m.repository_id, r.name, m.digest, m.size FROM loose_manifests o
        JOIN manifests m ON m.id = o.manifest_id JOIN repositories r ON r.id = m.repository_id
        WHERE o.condemned_at IS NULL AND o.orphaned = 1 AND o.since <= $1 ORDER BY o.since LIMIT $2";
    CONDEMNED_DUE = "SELECT o.manifest_id, m.repository_id, r.name, m.digest, m.size FROM loose_manifests o
        JOIN manifests m ON m.id = o.manifest_id JOIN repositories r ON r.id = m.repository_id
        WHERE o.condemned_at <= $1 ORDER BY o.condemned_at LIMIT $2";
    LOOSE = "SELECT o.since, o.orphaned, o.condemned_at, m.trash_id FROM loose_manifests o
        JOIN manifests m ON m.id = o.manifest_id WHERE o.manifest_id = $1";
    NEED_MANIFEST = "DELETE FROM loose_manifests WHERE manifest_id = $1";
    CONDEMN_MANIFEST = "UPDATE loose_manifests SET condemned_at = $1 WHERE manifest_id = $2";
    ADD_ABSENT = "INSERT INTO absent_targets (repository_id, digest, manifest_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    EXPECTING = "SELECT m.digest, m.trash_id FROM absent_targets a JOIN manifests m ON m.id = a.manifest_id
        WHERE a.repository_id = $1 AND a.digest = $2 LIMIT 1";
    ABSENT_OF_MANIFEST = "SELECT digest FROM absent_targets WHERE manifest_id = $1";
    REMOVE_ABSENT = "DELETE FROM absent_targets WHERE manifest_id = $1";

    ADD_TO_TRASH = "INSERT INTO trash (id, repository_id, repository, kind, name, deleted_at, deleted_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    ADD_TAG_TO_TRASH = "INSERT INTO trash_tags (trash_id, name, manifest_id) VALUES ($1, $2, $3)";
    PUT_MANIFEST_IN_TRASH = "UPDATE manifests SET trash_id = $1 WHERE id = $2";
    PUT_REPOSITORY_IN_TRASH = "UPDATE repositories SET trash_id = $1 WHERE id = $2";
    TAKE_MANIFEST_OUT = "UPDATE manifests SET trash_id = NULL WHERE id = $1 AND trash_id IS NOT NULL";
    TAKE_REPOSITORY_OUT = "UPDATE repositories SET trash_id = NULL WHERE id = $1";
    /// Not what is in a repository that is itself in the trash.
    TRASH_ENTRY = "SELECT t.id, t.repository_id, t.repository, t.kind, t.name, t.deleted_at, t.deleted_by FROM trash t
        JOIN repositories r ON r.id = t.repository_id AND (r.trash_id IS NULL OR r.trash_id = t.id) WHERE t.id = $1";
    TRASH_OF_REPOSITORY = "SELECT t.id, t.repository_id, t.repository, t.kind, t.name, t.deleted_at, t.deleted_by FROM trash t
        JOIN repositories r ON r.id = t.repository_id AND (r.trash_id IS NULL OR r.trash_id = t.id)
        WHERE t.repository = $1 AND t.id > $2 ORDER BY t.id LIMIT $3";
    IN_TRASH = "SELECT 1 FROM trash WHERE id = $1";
    EXPIRED_TRASH = "SELECT id, repository_id, repository, kind, name, deleted_at, deleted_by FROM trash
        WHERE deleted_at <= $1 ORDER BY deleted_at, id LIMIT $2";
    TAGS_IN_TRASH = "SELECT name, manifest_id FROM trash_tags WHERE trash_id = $1 ORDER BY name LIMIT $2";
    REMOVE_TAGS_IN_TRASH = "DELETE FROM trash_tags WHERE trash_id = $1";
    REMOVE_FROM_TRASH = "DELETE FROM trash WHERE id = $1";
    REMOVE_TRASH_WITHIN = "DELETE FROM trash WHERE repository_id = $1 AND id <> $2";
    MANIFESTS_IN_TRASH = "SELECT id, digest, size FROM manifests WHERE trash_id = $1";
    MANIFESTS_OF_REPOSITORY = "SELECT id, digest, size FROM manifests WHERE repository_id = $1 LIMIT $2";
    LINKS_OF_REPOSITORY = "SELECT b.id, b.digest, b.size FROM repository_blobs l JOIN blobs b ON b.id = l.blob_id
        WHERE l.repository_id = $1 LIMIT $2";
    REMOVE_PARENTS = "DELETE FROM manifest_children WHERE child_id = $1";
    REMOVE_REPOSITORY = "DELETE FROM repositories WHERE id = $1";
    DIGEST_OF_MANIFEST = "SELECT digest FROM manifests WHERE id = $1";
    SIZES_OF_BLOBS = "SELECT b.id, b.size FROM manifest_blobs u JOIN blobs b ON b.id = u.blob_id WHERE u.manifest_id = $1";

    ADD_TO_HISTORY = "INSERT INTO tag_history (repository_id, name, digest, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5)";
    HISTORY_OF_TAG = "SELECT h.id, h.digest, h.changed_at, h.changed_by, m.id, m.trash_id FROM tag_history h
        LEFT JOIN manifests m ON m.repository_id = h.repository_id AND m.digest = h.digest
        WHERE h.repository_id = $1 AND h.name = $2 AND h.id < $3 ORDER BY h.id DESC LIMIT $4";
    FORGET_OLD_HISTORY = "DELETE FROM tag_history WHERE id IN
        (SELECT id FROM tag_history WHERE changed_at <= $1 ORDER BY changed_at LIMIT $2)";
    FORGET_HISTORY_OF = "DELETE FROM tag_history WHERE id IN
        (SELECT id FROM tag_history WHERE repository_id = $1 ORDER BY name, id LIMIT $2)";

    NEXT_RETENTION_NAMESPACE = "SELECT namespace FROM retention_rules WHERE namespace > $1 ORDER BY namespace LIMIT 1";
    RETENTION_RULES = "SELECT repositories, tags, keep_last, younger_than, pulled_within FROM retention_rules
        WHERE namespace = $1 ORDER BY repositories, tags";
    SET_RETENTION_RULE = "INSERT INTO retention_rules (namespace, repositories, tags, keep_last, younger_than, pulled_within)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (namespace, repositories, tags) DO UPDATE
        SET keep_last = excluded.keep_last, younger_than = excluded.younger_than, pulled_within = excluded.pulled_within";
    REMOVE_RETENTION_RULE = "DELETE FROM retention_rules WHERE namespace = $1 AND repositories = $2 AND tags = $3";
    TAGS_TO_RETAIN = "SELECT t.name, m.id, m.digest, m.size, t.updated_at, p.pulled_at FROM tags t
        JOIN manifests m ON m.id = t.manifest_id LEFT JOIN manifest_pulls p ON p.manifest_id = m.id
        WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3";
    TAG_AS_SEEN = "SELECT 1 FROM tags WHERE repository_id = $1 AND name = $2 AND manifest_id = $3 AND updated_at = $4";
    /// A replica that writes later may have seen an earlier pull.
    SET_PULLED = "INSERT INTO manifest_pulls (manifest_id, pulled_at)
        SELECT m.id, CAST($1 AS BIGINT) FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = $2
        WHERE r.name = $3 AND r.trash_id IS NULL
        ON CONFLICT (manifest_id) DO UPDATE SET pulled_at = excluded.pulled_at
        WHERE manifest_pulls.pulled_at < excluded.pulled_at";
    PULLED_AT = "SELECT pulled_at FROM manifest_pulls WHERE manifest_id = $1";
    FORGET_PULL = "DELETE FROM manifest_pulls WHERE manifest_id = $1";

    USAGE = "SELECT COALESCE((SELECT bytes FROM namespace_usage WHERE namespace = $1), 0)
        + COALESCE(CAST(SUM(c.bytes) AS BIGINT), 0), COUNT(*) FROM usage_changes c WHERE c.namespace = $1";
    ADD_USAGE = "INSERT INTO namespace_usage (namespace, bytes) VALUES ($1, $2)
        ON CONFLICT (namespace) DO UPDATE SET bytes = namespace_usage.bytes + excluded.bytes";
    USAGE_COUNTED = "SELECT 1 FROM namespace_usage WHERE namespace = ''";
    ADD_USAGE_CHANGE = "INSERT INTO usage_changes (namespace, bytes) VALUES ($1, $2)";
    ANY_USAGE_CHANGE = "SELECT 1 FROM usage_changes LIMIT 1";
    /// Who takes some is not in the way of another who does.
    TAKE_USAGE_CHANGES = sqlite "DELETE FROM usage_changes
            WHERE id IN (SELECT id FROM usage_changes ORDER BY id LIMIT $1) RETURNING namespace, bytes"
        postgres "DELETE FROM usage_changes
            WHERE id IN (SELECT id FROM usage_changes ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING namespace, bytes";
}
