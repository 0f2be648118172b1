-- Version 3: nodes. What a person has allowed a device that offers commands (N-3.8), and what it waits for. Gone with the
-- device.

CREATE TABLE nodes (
    node_id    TEXT PRIMARY KEY REFERENCES devices (device_id) ON DELETE CASCADE,
    -- Of the surface that waits for a person, if one does.
    request_id TEXT UNIQUE,
    body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
