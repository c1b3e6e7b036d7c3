-- Blobs whose bytes are not what their digest says, or are gone. Nobody gets one that is here; a push of the same bytes takes it out.
CREATE TABLE quarantine (
    digest TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    found_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Objects that hold what was found to be wrong. They belong to no blob any more, and are kept.
CREATE TABLE damaged_objects (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    -- Where its first byte stands in the blob.
    position INTEGER NOT NULL,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The scrub that is under way, or the last one.
CREATE TABLE scrubs (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- The digest of the last blob that was looked at.
    position TEXT NOT NULL,
    blobs INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    repaired INTEGER NOT NULL,
    -- Whether somebody asked for another one.
    wanted INTEGER NOT NULL,
    -- A directory of backups that they named.
    repair_from TEXT
) STRICT;
