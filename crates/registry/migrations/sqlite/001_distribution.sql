-- Digests are text (algorithm:hex), times are microseconds since 1970 UTC, sizes are bytes.

CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The entry of the trash in which it is.
    trash_id TEXT
) STRICT;
CREATE UNIQUE INDEX repositories_by_name ON repositories (name) WHERE trash_id IS NULL;

-- A row says that the bytes are in the blob store, synced and verified.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE repository_blobs (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    blob_id INTEGER NOT NULL REFERENCES blobs (id),
    -- When it is looked at whether a manifest needs it; NULL if one did when that was last looked at.
    due_at INTEGER,
    -- Since when it is known that none needs it.
    condemned_at INTEGER,
    PRIMARY KEY (repository_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_blobs_of_blob ON repository_blobs (blob_id);
CREATE INDEX repository_blobs_due ON repository_blobs (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    artifact_type TEXT,
    subject TEXT,
    size INTEGER NOT NULL,
    annotations TEXT,
    created_at INTEGER NOT NULL,
    -- The entry of the trash in which it is: then clients do not see it.
    trash_id TEXT,
    -- Last, so that reading the columns before it does not walk its pages.
    content BLOB NOT NULL,
    UNIQUE (repository_id, digest)
) STRICT;
CREATE INDEX manifests_of_subject ON manifests (repository_id, subject, digest) WHERE subject IS NOT NULL;
CREATE INDEX manifests_in_trash ON manifests (trash_id) WHERE trash_id IS NOT NULL;

CREATE TABLE manifest_blobs (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    blob_id INTEGER NOT NULL REFERENCES blobs (id),
    -- That of the manifest, so that one look finds out whether a repository needs a blob.
    repository_id INTEGER NOT NULL,
    PRIMARY KEY (manifest_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_blobs_of_blob ON manifest_blobs (blob_id, repository_id);

CREATE TABLE manifest_children (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    child_id INTEGER NOT NULL REFERENCES manifests (id),
    PRIMARY KEY (manifest_id, child_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_children_of_child ON manifest_children (child_id);

CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_of_manifest ON tags (manifest_id);

-- A session may begin before its repository has anything in it, so it names the repository.
CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    repository TEXT NOT NULL,
    -- Bytes that are synced, and the state of the hash over them.
    size INTEGER NOT NULL,
    state BLOB NOT NULL,
    started_at INTEGER NOT NULL,
    active_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_by_activity ON uploads (active_at);
