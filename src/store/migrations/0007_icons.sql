-- Pictures that stand for feeds, one per address that was asked: many feeds of one site share theirs. Without a picture,
-- there was none that could be shown.
CREATE TABLE icon (
    url TEXT PRIMARY KEY,
    asked_at INTEGER NOT NULL,
    validators_url TEXT,
    etag BLOB,
    last_modified BLOB,
    tag TEXT,
    kind TEXT,
    bytes BLOB
) STRICT;
CREATE INDEX icon_tag ON icon (tag) WHERE tag IS NOT NULL;

-- Whose picture is which, and when to look for it again.
CREATE TABLE feed_icon (
    feed INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    url TEXT,
    look_at INTEGER NOT NULL
) STRICT;
CREATE INDEX feed_icon_url ON feed_icon (url) WHERE url IS NOT NULL;
