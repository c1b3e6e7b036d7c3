-- Processes that are alive, or were when they were last heard of.
CREATE TABLE replicas (
    id TEXT COLLATE "C" PRIMARY KEY,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
);
CREATE INDEX replicas_by_sight ON replicas (seen_at);

-- While there is a row, writes are refused for its reason.
CREATE TABLE maintenance (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    reason TEXT NOT NULL
);
