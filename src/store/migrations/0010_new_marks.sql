-- Marks of late, few enough to stay in the cache; moved into the long table in slices of its order.
CREATE TABLE new_mark (
    hash INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    PRIMARY KEY (hash, entry)
) STRICT, WITHOUT ROWID;
CREATE VIEW any_mark AS SELECT hash, entry, feed FROM new_mark UNION ALL SELECT hash, entry, feed FROM mark;
-- How many marks were ever moved: who knows another number has to read the long table again.
ALTER TABLE about ADD COLUMN moved_marks INTEGER NOT NULL DEFAULT 0;
UPDATE about SET moved_marks = (SELECT count(*) FROM mark);
