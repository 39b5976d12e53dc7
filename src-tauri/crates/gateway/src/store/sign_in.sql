-- Sessions of the gateway's own pages open nothing else.
ALTER TABLE sessions ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;
