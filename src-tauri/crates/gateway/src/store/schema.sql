CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_keys (
    generation  INTEGER PRIMARY KEY,
    by_master   BLOB NOT NULL,
    by_recovery BLOB NOT NULL
) STRICT;

-- Removed people and agents stay as rows, so that the audit trail can name them.
CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL COLLATE NOCASE,
    admin      INTEGER NOT NULL,
    password   TEXT,
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX users_name ON users (name) WHERE removed_at IS NULL;

CREATE TABLE teams (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE memberships (
    user INTEGER NOT NULL REFERENCES users,
    team INTEGER NOT NULL REFERENCES teams,
    PRIMARY KEY (user, team)
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user         INTEGER NOT NULL REFERENCES users,
    name         TEXT NOT NULL COLLATE NOCASE,
    scope        TEXT NOT NULL,
    expires_at   INTEGER,
    uses         INTEGER NOT NULL DEFAULT 0,
    last_used_at INTEGER,
    version      INTEGER NOT NULL DEFAULT 1,
    created_at   INTEGER NOT NULL,
    removed_at   INTEGER
) STRICT;
CREATE UNIQUE INDEX agents_name ON agents (user, name) WHERE removed_at IS NULL;

-- SHA-256 of each token ever issued; revoked ones stay, so that their use is told apart.
CREATE TABLE tokens (
    hash       BLOB PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES users,
    agent      INTEGER REFERENCES agents,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY,
    user       INTEGER NOT NULL REFERENCES users,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL UNIQUE,
    transport  TEXT NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE credentials (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    sealed     BLOB NOT NULL,
    PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

-- The last list of tools that each connection gave, so that tools stay listed while it is down.
CREATE TABLE tools (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (connection, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user       INTEGER REFERENCES users,
    team       INTEGER REFERENCES teams,
    agent      INTEGER REFERENCES agents,
    tool       TEXT NOT NULL,
    effect     TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    CHECK ((user IS NOT NULL) + (team IS NOT NULL) + (agent IS NOT NULL) = 1)
) STRICT;
CREATE UNIQUE INDEX grants_rule ON grants (ifnull(user, 0), ifnull(team, 0), ifnull(agent, 0), tool);

-- Canonical record bytes (RFC 8785), appended by one writer.
CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY,
    call   BLOB,
    record TEXT NOT NULL
) STRICT;
CREATE INDEX audit_call ON audit (call) WHERE call IS NOT NULL;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
