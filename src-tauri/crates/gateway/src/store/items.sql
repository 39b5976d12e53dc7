-- Prompts and resources beside tools: what each connection listed last.
ALTER TABLE tools ADD COLUMN kind TEXT NOT NULL DEFAULT 'tool'
    CHECK (kind IN ('tool', 'prompt', 'resource', 'template'));
