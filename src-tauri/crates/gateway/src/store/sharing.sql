-- The address for other machines; one row, or none while nothing was set.
CREATE TABLE sharing (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,
    version  INTEGER NOT NULL
) STRICT;

-- SHA-256 of each invite's secret; those that are over stay to be listed.
CREATE TABLE invites (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB NOT NULL UNIQUE,
    user       INTEGER NOT NULL REFERENCES users,
    by         INTEGER NOT NULL REFERENCES users,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX invites_user ON invites (user);
