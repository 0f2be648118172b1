-- Version 1. A version is never edited once released; add the next file instead.
-- Times are milliseconds since the epoch. `body` is the record as JSON; the columns beside it are the ones a query
-- filters, sorts or joins by, written from the same struct in the same statement.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Answers worth repeating for a while (A-6.2).
CREATE TABLE dedupe (
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX dedupe_by_expiry ON dedupe (scope, expires_at);

-- One row per session key (A-3).
CREATE TABLE sessions (
    key              TEXT PRIMARY KEY,
    agent            TEXT NOT NULL,
    session_id       TEXT NOT NULL,
    label            TEXT UNIQUE,
    spawned_by       TEXT,
    status           TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    archived_at      INTEGER,
    search           TEXT NOT NULL,
    body             TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_update ON sessions (updated_at DESC);
CREATE INDEX sessions_by_agent ON sessions (agent, updated_at DESC);
CREATE INDEX sessions_by_parent ON sessions (spawned_by) WHERE spawned_by IS NOT NULL;

-- One row per session id: a reset starts the next one and keeps the last (A-2.7).
CREATE TABLE transcripts (
    session_id    TEXT PRIMARY KEY,
    session_key   TEXT NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    parent        TEXT,
    reason        TEXT,
    cwd           TEXT,
    created_at    INTEGER NOT NULL,
    last_seq      INTEGER NOT NULL DEFAULT 0,
    message_count INTEGER NOT NULL DEFAULT 0,
    leaf          TEXT,
    title         TEXT,
    last_role     TEXT,
    last_text     TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX transcripts_by_key ON transcripts (session_key, created_at);

-- The append-only tree (A-4.1); `payload` is what the entry's line in an export has beside id, parent and time.
CREATE TABLE entries (
    id         TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL REFERENCES transcripts (session_id) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    parent_id  TEXT,
    kind       TEXT NOT NULL,
    run_id     TEXT,
    at         INTEGER NOT NULL,
    payload    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX entries_by_seq ON entries (session_id, seq);
CREATE INDEX entries_messages ON entries (session_id, seq) WHERE kind = 'message';
CREATE INDEX entries_marks ON entries (session_id, seq) WHERE kind IN ('compaction', 'reset');

-- Accepted messages (A-5.7). `message` is kept here until a run starts; then the transcript has it.
CREATE TABLE inputs (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      TEXT NOT NULL UNIQUE,
    session_key TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    source      TEXT NOT NULL,
    options     TEXT NOT NULL,
    message     TEXT,
    entry_id    TEXT,
    outcome     TEXT,
    accepted_at INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER,
    CHECK (state IN ('pending', 'running', 'finished')),
    CHECK ((state = 'finished') = (ended_at IS NOT NULL))
) STRICT;
CREATE INDEX inputs_open ON inputs (session_key, position) WHERE state <> 'finished';

-- Paired devices (PAIR-10).
CREATE TABLE devices (
    device_id TEXT PRIMARY KEY,
    body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One token per device and role (PAIR-13): never the token, only its hash and what it is derived from.
CREATE TABLE device_tokens (
    device_id    TEXT NOT NULL REFERENCES devices (device_id) ON DELETE CASCADE,
    role         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    generation   INTEGER NOT NULL,
    hash         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    issued_at    INTEGER NOT NULL,
    rotated_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER,
    PRIMARY KEY (device_id, role)
) STRICT, WITHOUT ROWID;

-- Devices that wait for a person (PAIR-6); at most one request per device.
CREATE TABLE pairing_requests (
    request_id TEXT PRIMARY KEY,
    device_id  TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
