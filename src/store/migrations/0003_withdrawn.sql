-- Entries that their publisher took back, and when: few, and asked for at every poll of their feed.
CREATE TABLE withdrawn (
    entry INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
    feed INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL
) STRICT;
CREATE INDEX withdrawn_feed ON withdrawn (feed);
CREATE INDEX withdrawn_last ON withdrawn (withdrawn_at, entry);
