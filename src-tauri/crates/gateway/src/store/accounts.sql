-- Who signs in to the system behind a connection: 'team' (one account for
-- all), 'user' (one for each person), or nobody.
ALTER TABLE connections ADD COLUMN sign_in TEXT CHECK (sign_in IN ('team', 'user'));

-- What the gateway is to the authorization server of a connection. Its issuer
-- is not known before the first sign-in if an admin gave the client.
CREATE TABLE account_clients (
    connection   INTEGER PRIMARY KEY REFERENCES connections ON DELETE CASCADE,
    issuer       TEXT,
    client_id    TEXT NOT NULL,
    -- Sealed.
    secret       BLOB,
    method       TEXT,
    -- Where it was registered for; NULL: an admin gave it.
    redirect_uri TEXT
) STRICT;

-- Ids are never used again: sessions with upstreams are told apart by them.
CREATE TABLE accounts (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    connection     INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    -- NULL: the team's.
    user           INTEGER REFERENCES users,
    -- Counts up with each new set of tokens.
    version        INTEGER NOT NULL DEFAULT 1,
    -- Why the person has to sign in again; NULL: no need.
    ended          TEXT,
    issuer         TEXT NOT NULL,
    token_endpoint TEXT NOT NULL,
    resource       TEXT NOT NULL,
    -- Asked for, and asked for by the upstream since; separated by spaces.
    scopes         TEXT NOT NULL,
    wanted         TEXT NOT NULL DEFAULT '',
    -- Sealed.
    access         BLOB NOT NULL,
    refresh        BLOB,
    issued_at      INTEGER NOT NULL,
    expires_at     INTEGER,
    connected_at   INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_owner ON accounts (connection, ifnull(user, 0));

-- Rounds in which an upstream asked for more; they outlive the account.
CREATE TABLE account_rounds (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    -- 0: the team's.
    user       INTEGER NOT NULL,
    rounds     INTEGER NOT NULL,
    since      INTEGER NOT NULL,
    PRIMARY KEY (connection, user)
) STRICT, WITHOUT ROWID;
