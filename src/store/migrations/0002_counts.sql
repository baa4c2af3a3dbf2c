-- Sizes that /status and the watchdog ask for all the time are kept, not counted.
ALTER TABLE about ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE about ADD COLUMN stories INTEGER NOT NULL DEFAULT 0;
UPDATE about SET entries = (SELECT count(*) FROM entry), stories = (SELECT count(*) FROM story WHERE state = 1);
CREATE INDEX feed_standing ON feed (standing);
CREATE INDEX message_told ON message (standing) WHERE standing IN (0, 1, 3);

-- Which entries may share text: one row a poll, in the order of commits, so that writing it touches one page and the
-- index over it is made in memory. See bands.rs.
CREATE TABLE band (
    id INTEGER PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    pack BLOB NOT NULL
) STRICT;
