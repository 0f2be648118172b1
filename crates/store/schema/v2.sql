-- Version 2: what each answer of a model cost, one row per answer, so that sums over a month do not read transcripts.
-- Kept when the session is deleted: the tokens were spent.

CREATE TABLE usage (
    entry_id         TEXT PRIMARY KEY,
    session_key      TEXT NOT NULL,
    session_id       TEXT NOT NULL,
    agent            TEXT NOT NULL,
    at               INTEGER NOT NULL,
    provider         TEXT NOT NULL,
    model            TEXT NOT NULL,
    input            INTEGER NOT NULL,
    output           INTEGER NOT NULL,
    cache_read       INTEGER NOT NULL,
    cache_write      INTEGER NOT NULL,
    -- All null when the price is unknown (A-15.4).
    cost_input       REAL,
    cost_output      REAL,
    cost_cache_read  REAL,
    cost_cache_write REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_by_time ON usage (at);
CREATE INDEX usage_by_session ON usage (session_key, at);

INSERT INTO usage
SELECT e.id, t.session_key, e.session_id, s.agent, e.at,
       coalesce(e.payload ->> '$.message.provider', ''), coalesce(e.payload ->> '$.message.model', ''),
       coalesce(e.payload ->> '$.message.usage.input', 0), coalesce(e.payload ->> '$.message.usage.output', 0),
       coalesce(e.payload ->> '$.message.usage.cacheRead', 0), coalesce(e.payload ->> '$.message.usage.cacheWrite', 0),
       e.payload ->> '$.message.usage.cost.input', e.payload ->> '$.message.usage.cost.output',
       e.payload ->> '$.message.usage.cost.cacheRead', e.payload ->> '$.message.usage.cost.cacheWrite'
FROM entries e JOIN transcripts t USING (session_id) JOIN sessions s ON s.key = t.session_key
WHERE e.kind = 'message' AND e.payload ->> '$.message.role' = 'assistant'
  AND coalesce(e.payload ->> '$.message.usage.input', 0) + coalesce(e.payload ->> '$.message.usage.output', 0)
    + coalesce(e.payload ->> '$.message.usage.cacheRead', 0) > 0;
