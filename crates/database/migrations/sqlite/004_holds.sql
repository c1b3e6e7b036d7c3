-- While one of these has not ended, nobody takes bytes away that rows named when it began. Who made it renews it.
CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    held_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holds_by_end ON holds (held_until);
