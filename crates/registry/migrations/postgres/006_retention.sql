-- Which tags of which repositories are kept; the others of these tags go. One rule for each pair of patterns.
CREATE TABLE retention_rules (
    namespace TEXT COLLATE "C" NOT NULL,
    repositories TEXT COLLATE "C" NOT NULL,
    tags TEXT COLLATE "C" NOT NULL,
    -- So many that were set last.
    keep_last BIGINT,
    -- Those that were set, or whose manifest was pulled, in so many days.
    younger_than BIGINT,
    pulled_within BIGINT,
    PRIMARY KEY (namespace, repositories, tags)
);

-- When manifests were last pulled, to the minute. No foreign key names manifests, as in the tables before.
CREATE TABLE manifest_pulls (
    manifest_id BIGINT PRIMARY KEY,
    pulled_at BIGINT NOT NULL
);
