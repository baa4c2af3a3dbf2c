-- What hubs brought and nobody has read yet, in the order of arrival. `tries` is counted before each reading, so that a
-- document that ends the process is not read for ever.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    token TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    content_type TEXT,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX delivery_feed ON delivery (feed, id);
