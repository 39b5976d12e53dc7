-- Kept beside records, which have their hashes; unlike records they can be removed.
CREATE TABLE audit_texts (
    seq   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE audit_bodies (
    seq   INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_texts_no_update BEFORE UPDATE ON audit_texts
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_bodies_no_update BEFORE UPDATE ON audit_bodies
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;

-- What is asked and answered about approvals, which calls refer to.
CREATE TABLE audit_approvals (
    approval INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (approval, seq)
) STRICT, WITHOUT ROWID;

-- Group g has the records 256 g + 1 to 256 g + 256: the root of their Merkle
-- tree, and when the first and the last of them were made.
CREATE TABLE audit_groups (
    grp        INTEGER PRIMARY KEY,
    hash       BLOB NOT NULL,
    first_time INTEGER NOT NULL,
    last_time  INTEGER NOT NULL
) STRICT;
CREATE TRIGGER audit_groups_no_update BEFORE UPDATE ON audit_groups
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_groups_no_delete BEFORE DELETE ON audit_groups
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;

-- The index: which records there are, but for their times and words, and in
-- which groups each occurs. Shape 0 is what is of no other.
CREATE TABLE audit_shapes (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    user     INTEGER,
    agent    INTEGER,
    tool     TEXT,
    effect   TEXT,
    decision TEXT,
    reason   TEXT,
    status   TEXT
) STRICT;
CREATE TABLE audit_shape_groups (
    shape INTEGER NOT NULL,
    grp   INTEGER NOT NULL,
    PRIMARY KEY (shape, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    size      INTEGER PRIMARY KEY,
    signed_at INTEGER NOT NULL,
    note      TEXT NOT NULL
) STRICT;

-- Retention removes the oldest records, and says so in the trail, with `audit_first`.
DROP TRIGGER audit_no_delete;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN OLD.seq >= ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'audit_first'), 1)
BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;

-- One row.
CREATE TABLE audit_settings (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    settings TEXT NOT NULL,
    version  INTEGER NOT NULL
) STRICT;

-- What the records of a tool's calls keep.
CREATE TABLE recordings (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    tool       TEXT NOT NULL,
    clear      TEXT NOT NULL,
    bodies     INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (connection, tool)
) STRICT, WITHOUT ROWID;

-- Where records are sent as they are written, and how far each has got.
CREATE TABLE forwards (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL,
    target  TEXT NOT NULL,
    sent    INTEGER NOT NULL,
    sent_at INTEGER
) STRICT;
