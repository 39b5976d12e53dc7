-- Sessions of the gateway's own pages open nothing else.
ALTER TABLE sessions ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;

-- Access tokens, of agents that signed in, expire and are for one endpoint.
ALTER TABLE tokens ADD COLUMN audience TEXT;
ALTER TABLE tokens ADD COLUMN expires_at INTEGER;

-- Programs that registered themselves (RFC 7591).
CREATE TABLE clients (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    redirects  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The last time somebody was signed in with it.
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

-- How an agent got in that was not given its sub-token by a person.
CREATE TABLE sign_ins (
    agent    INTEGER PRIMARY KEY REFERENCES agents,
    client   TEXT NOT NULL,
    name     TEXT NOT NULL,
    host     TEXT NOT NULL,
    known    INTEGER NOT NULL,
    audience TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- Used ones stay until they expire, so that a second use is told apart.
CREATE TABLE refresh_tokens (
    hash       BLOB PRIMARY KEY,
    agent      INTEGER NOT NULL REFERENCES agents,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_agent ON refresh_tokens (agent);
