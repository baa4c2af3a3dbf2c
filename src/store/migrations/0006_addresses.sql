-- Where feeds were polled before, kept for ever. What moved before this was recorded has no better date than the last
-- request.
CREATE TABLE former_address (
    feed INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    left_at INTEGER NOT NULL,
    url TEXT NOT NULL,
    next_url TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (feed, left_at, url)
) STRICT, WITHOUT ROWID;
INSERT INTO former_address (feed, left_at, url, next_url, why)
    SELECT id, coalesce(attempt_at, 0), configured_url, url, '"earlier"' FROM feed WHERE url <> configured_url;
