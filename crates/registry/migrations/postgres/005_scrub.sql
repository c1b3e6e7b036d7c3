-- Blobs whose bytes are not what their digest says, or are gone. Nobody gets one that is here; a push of the same bytes takes it out.
CREATE TABLE quarantine (
    digest TEXT COLLATE "C" PRIMARY KEY,
    reason TEXT NOT NULL,
    found_at BIGINT NOT NULL
);

-- Objects that hold what was found to be wrong. They belong to no blob any more, and are kept.
CREATE TABLE damaged_objects (
    key TEXT COLLATE "C" PRIMARY KEY,
    digest TEXT COLLATE "C" NOT NULL,
    -- Where its first byte stands in the blob.
    position BIGINT NOT NULL,
    size BIGINT NOT NULL
);

-- The scrub that is under way, or the last one.
CREATE TABLE scrubs (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- The digest of the last blob that was looked at.
    position TEXT COLLATE "C" NOT NULL,
    blobs BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    damaged BIGINT NOT NULL,
    repaired BIGINT NOT NULL,
    -- Whether somebody asked for another one.
    wanted BIGINT NOT NULL,
    -- A directory of backups that they named.
    repair_from TEXT
);
