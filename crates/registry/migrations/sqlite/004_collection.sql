-- What may have become garbage is written down when it may have, in the transaction that did it; so it need not be looked for.
-- For links of blobs that is the column due_at of repository_blobs.

-- Manifests that may have nothing any more that keeps them: no tag, no index, no subject.
CREATE TABLE loose_manifests (
    manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    since INTEGER NOT NULL,
    -- Whether what it belonged to went, its index or its subject: then it goes too, even if untagged manifests are kept.
    orphaned INTEGER NOT NULL,
    -- Since when it is known that nothing keeps it.
    condemned_at INTEGER
) STRICT;
CREATE INDEX loose_manifests_by_age ON loose_manifests (since) WHERE condemned_at IS NULL;
CREATE INDEX loose_manifests_orphaned ON loose_manifests (since) WHERE condemned_at IS NULL AND orphaned = 1;
CREATE INDEX loose_manifests_condemned ON loose_manifests (condemned_at) WHERE condemned_at IS NOT NULL;

-- What manifests name that the repository did not have when they were pushed. Should it come, it is needed.
CREATE TABLE absent_targets (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    PRIMARY KEY (repository_id, digest, manifest_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX absent_targets_of_manifest ON absent_targets (manifest_id);

-- Blobs that perhaps no repository has any more. A row stays until the bytes are gone, or it is known that somebody has them.
CREATE TABLE dropped_blobs (
    digest TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What was deleted and can be brought back: a tag, a manifest with its tags, or a repository with everything.
CREATE TABLE trash (
    id TEXT PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    -- Its name, which stays findable when the repository itself is in the trash.
    repository TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The tag, or the digest of the manifest.
    name TEXT,
    deleted_at INTEGER NOT NULL,
    deleted_by TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX trash_by_age ON trash (deleted_at, id);
CREATE INDEX trash_of_repository ON trash (repository, id);
CREATE INDEX trash_within ON trash (repository_id, id);

-- The tags in it, and what they showed. A manifest that one shows is kept.
CREATE TABLE trash_tags (
    trash_id TEXT NOT NULL REFERENCES trash (id),
    name TEXT NOT NULL,
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    PRIMARY KEY (trash_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX trash_tags_of_manifest ON trash_tags (manifest_id);

-- What each tag showed, from when on, and by whom it was set or deleted.
CREATE TABLE tag_history (
    id INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    name TEXT NOT NULL,
    -- NULL: it was deleted.
    digest TEXT,
    changed_at INTEGER NOT NULL,
    changed_by TEXT
) STRICT;
CREATE INDEX tag_history_of_tag ON tag_history (repository_id, name, id);
CREATE INDEX tag_history_by_age ON tag_history (changed_at);
