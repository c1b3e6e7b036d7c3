-- The bytes that the repositories of each namespace have. What it was when the changes were last taken in; the row of the empty
-- name says that everything that was pushed before there was this table is counted.
CREATE TABLE namespace_usage (
    namespace TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What came and went since then: a row for each transaction that changed it, so that pushes do not wait for each other.
CREATE TABLE usage_changes (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
-- With what is summed up, so that a sum reads the index alone.
CREATE INDEX usage_changes_of_namespace ON usage_changes (namespace, bytes);
