-- Version 5: channels and the clock (C-1, C-3, C-5, C-8.9, A-17).

-- Where the answer to a message goes; absent for those whose asker reads it from the run.
ALTER TABLE inputs ADD COLUMN answer TEXT;

-- What channels brought. A row is there before the channel hears that it was taken (C-1.2); what is done stays for a while,
-- so that a repeated event is known (C-3.5).
CREATE TABLE inbox (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,
    channel     TEXT NOT NULL,
    account     TEXT NOT NULL,
    event_id    TEXT NOT NULL,
    -- The conversation: its events are handled in order (C-1.3).
    lane        TEXT NOT NULL,
    event       TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    done_at     INTEGER,
    UNIQUE (channel, account, event_id)
) STRICT;
CREATE INDEX inbox_open ON inbox (position) WHERE done_at IS NULL;
CREATE INDEX inbox_done ON inbox (channel, account, done_at) WHERE done_at IS NOT NULL;

-- How far a channel's vendor was read, by the account's id over there (C-3.4).
CREATE TABLE cursors (
    channel    TEXT NOT NULL,
    owner      TEXT NOT NULL,
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (channel, owner)
) STRICT, WITHOUT ROWID;

-- What goes out. The answer of a run is here in the transaction that ends the run.
CREATE TABLE outbox (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    channel    TEXT NOT NULL,
    account    TEXT NOT NULL,
    chat       TEXT NOT NULL,
    thread     TEXT,
    body       TEXT NOT NULL,
    state      TEXT NOT NULL DEFAULT 'waiting',
    error      TEXT,
    -- A message that shows the answer while it is made (C-9).
    preview    TEXT,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    CHECK (state IN ('waiting', 'sent', 'unsure', 'failed', 'dropped')),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT;
CREATE INDEX outbox_open ON outbox (position) WHERE state = 'waiting';
CREATE INDEX outbox_ended ON outbox (ended_at) WHERE ended_at IS NOT NULL;

-- The calls one of them takes, in order. A call is begun on disk before it is made: one that was begun and has no receipt
-- after a crash may have been made (C-8.5).
CREATE TABLE outbox_parts (
    id      TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,
    body    TEXT NOT NULL,
    state   TEXT NOT NULL DEFAULT 'waiting',
    receipt TEXT,
    PRIMARY KEY (id, number),
    CHECK (state IN ('waiting', 'begun', 'sent', 'unsure', 'failed'))
) STRICT, WITHOUT ROWID;

-- Messages that show an answer while its run goes on, so that the final text replaces them after a crash, too.
CREATE TABLE previews (
    run_id  TEXT PRIMARY KEY,
    message TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who asked to talk, and who may (C-5.2, C-5.3).
CREATE TABLE chat_pairings (
    channel      TEXT NOT NULL,
    account      TEXT NOT NULL,
    peer         TEXT NOT NULL,
    code         TEXT NOT NULL,
    meta         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (channel, account, peer)
) STRICT, WITHOUT ROWID;
CREATE TABLE chat_peers (
    channel  TEXT NOT NULL,
    account  TEXT NOT NULL,
    peer     TEXT NOT NULL,
    meta     TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (channel, account, peer)
) STRICT, WITHOUT ROWID;

-- Messages of chats, for context (C-6.2) and for reading them again (C-10.8); the newest of each chat are kept.
CREATE TABLE chat_messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    channel  TEXT NOT NULL,
    account  TEXT NOT NULL,
    lane     TEXT NOT NULL,
    message  TEXT NOT NULL,
    body     TEXT NOT NULL,
    -- Whether a turn has seen it.
    told     INTEGER NOT NULL DEFAULT 0,
    at       INTEGER NOT NULL,
    UNIQUE (channel, account, lane, message)
) STRICT;
CREATE INDEX chat_messages_by_lane ON chat_messages (channel, account, lane, position);

-- Jobs of the clock and their runs (A-17.4).
CREATE TABLE cron_jobs (
    id      TEXT PRIMARY KEY,
    body    TEXT NOT NULL,
    -- Null while it is not due again.
    next_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE cron_runs (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id   TEXT NOT NULL,
    run_id   TEXT NOT NULL UNIQUE,
    body     TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;
CREATE INDEX cron_runs_by_job ON cron_runs (job_id, position);
