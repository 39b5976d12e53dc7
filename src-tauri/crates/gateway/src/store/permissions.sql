ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('admin', 'auditor', 'member'));
UPDATE users SET role = 'admin' WHERE admin;
ALTER TABLE users DROP COLUMN admin;
ALTER TABLE users ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

ALTER TABLE agents ADD COLUMN max_uses INTEGER;
-- Calls forwarded, counted with their intents where there is a max_uses.
ALTER TABLE agents ADD COLUMN forwarded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN client_timeout INTEGER NOT NULL DEFAULT 60;
ALTER TABLE agents ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

ALTER TABLE connections ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

CREATE TABLE grants_2 (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user       INTEGER REFERENCES users,
    team       INTEGER REFERENCES teams,
    agent      INTEGER REFERENCES agents,
    tool       TEXT NOT NULL,
    effect     TEXT NOT NULL CHECK (effect IN ('allow', 'ask', 'deny')),
    condition  TEXT,
    expires_at INTEGER,
    rate       TEXT,
    version    INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    CHECK ((user IS NOT NULL) + (team IS NOT NULL) + (agent IS NOT NULL) = 1)
) STRICT;
-- Ids are never used again: the trail names grants by them.
INSERT INTO sqlite_sequence (name, seq) SELECT 'grants_2', seq FROM sqlite_sequence WHERE name = 'grants';
INSERT INTO grants_2 (id, user, team, agent, tool, effect, version, created_at, changed_at)
    SELECT id, user, team, agent, tool, effect, version, created_at, created_at FROM grants;
DROP TABLE grants;
ALTER TABLE grants_2 RENAME TO grants;
CREATE UNIQUE INDEX grants_rule ON grants
    (ifnull(user, 0), ifnull(team, 0), ifnull(agent, 0), tool, ifnull(condition, ''));

-- What admins said of tools; a row without an effect is one that was taken back.
CREATE TABLE tool_effects (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    tool       TEXT NOT NULL,
    effect     TEXT CHECK (effect IN ('read', 'write', 'destructive')),
    version    INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (connection, tool)
) STRICT, WITHOUT ROWID;

-- When each tool was first listed; unlike `tools` it forgets nothing while the connection stays.
CREATE TABLE seen_tools (
    connection INTEGER NOT NULL REFERENCES connections ON DELETE CASCADE,
    tool       TEXT NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (connection, tool)
) STRICT, WITHOUT ROWID;
-- What was listed before there was this table is as old as its connection.
INSERT OR IGNORE INTO seen_tools (connection, tool, seen_at)
    SELECT c.id, t.definition ->> 'name', c.created_at
    FROM tools t JOIN connections c ON c.id = t.connection
    WHERE json_valid(t.definition) AND t.definition ->> 'name' IS NOT NULL;
