-- The objects of an object store that we know of. The bytes of a blob, or of an unfinished upload, are those of its objects
-- in the order of their positions. One that belongs to neither is garbage: its bytes go first, then its row.
CREATE TABLE objects (
    -- <id of the process that wrote it>/<id of its own>
    key TEXT PRIMARY KEY,
    upload TEXT REFERENCES uploads (id) ON DELETE SET NULL,
    blob_id INTEGER REFERENCES blobs (id) ON DELETE SET NULL,
    -- Where its first byte stands in the blob or upload.
    position INTEGER NOT NULL,
    size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX objects_of_blob ON objects (blob_id) WHERE blob_id IS NOT NULL;
CREATE INDEX objects_of_upload ON objects (upload) WHERE upload IS NOT NULL;
CREATE INDEX objects_of_nobody ON objects (key) WHERE upload IS NULL AND blob_id IS NULL;

-- The processes that wrote, or may have written, objects which have no row. When one has been dead for long enough, and what it
-- left was looked for, its row goes.
CREATE TABLE writers (
    id TEXT PRIMARY KEY,
    -- When it was first found dead.
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
