-- Times are microseconds since 1970 UTC, by the server's clock.

CREATE TABLE jobs (
    name TEXT COLLATE "C" PRIMARY KEY,
    due_at BIGINT NOT NULL,
    lease TEXT COLLATE "C",
    lease_until BIGINT NOT NULL DEFAULT 0
);
