-- Which tags of which repositories are kept; the others of these tags go. One rule for each pair of patterns.
CREATE TABLE retention_rules (
    namespace TEXT NOT NULL,
    repositories TEXT NOT NULL,
    tags TEXT NOT NULL,
    -- So many that were set last.
    keep_last INTEGER,
    -- Those that were set, or whose manifest was pulled, in so many days.
    younger_than INTEGER,
    pulled_within INTEGER,
    PRIMARY KEY (namespace, repositories, tags)
) STRICT, WITHOUT ROWID;

-- When manifests were last pulled, to the minute.
CREATE TABLE manifest_pulls (
    manifest_id INTEGER PRIMARY KEY REFERENCES manifests (id) ON DELETE CASCADE,
    pulled_at INTEGER NOT NULL
) STRICT;
