-- Version 4: what people were asked to allow and what became of it (N-12.18). What has ended is kept for 30 days.

CREATE TABLE approvals (
    id       TEXT PRIMARY KEY,
    kind     TEXT NOT NULL,
    -- Null while it waits.
    ended_at INTEGER,
    body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX approvals_by_end ON approvals (ended_at, id);
