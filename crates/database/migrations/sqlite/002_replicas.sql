-- Processes that are alive, or were when they were last heard of.
CREATE TABLE replicas (
    id TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX replicas_by_sight ON replicas (seen_at);

-- While there is a row, writes are refused for its reason.
CREATE TABLE maintenance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    reason TEXT NOT NULL
) STRICT;
