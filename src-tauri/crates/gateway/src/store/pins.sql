-- The definition of each tool as it was when it was first granted, or as an admin last accepted it:
-- its RFC 8785 form and the SHA-256 of that. No row: it was never granted.
CREATE TABLE pins (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    tool       TEXT NOT NULL,
    digest     BLOB NOT NULL,
    definition TEXT NOT NULL,
    pinned_at  INTEGER NOT NULL,
    -- Who accepted it; none: it was pinned when it was granted.
    pinned_by  INTEGER REFERENCES users,
    -- What it was found to be instead, and since when; for people, who is
    -- refused is told by what is listed now.
    changed    BLOB,
    changed_at INTEGER,
    PRIMARY KEY (connection, tool)
) STRICT, WITHOUT ROWID;
