-- While one of these has not ended, nobody takes bytes away that rows named when it began. Who made it renews it.
CREATE TABLE holds (
    id TEXT COLLATE "C" PRIMARY KEY,
    held_until BIGINT NOT NULL
);
CREATE INDEX holds_by_end ON holds (held_until);
