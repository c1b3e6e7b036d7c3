-- The last move of this database's data from or to another one.
CREATE TABLE moves (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- Of the move; both databases have it.
    name TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('from', 'to')),
    state TEXT NOT NULL CHECK (state IN ('copying', 'finishing', 'done')),
    -- Where the other database is, without a password.
    peer TEXT NOT NULL
) STRICT;
