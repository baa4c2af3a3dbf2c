-- What is sent, apart from what changes while it is: a row is written anew as a whole when its length changes.
CREATE TABLE letter (
    message INTEGER PRIMARY KEY REFERENCES message (id) ON DELETE CASCADE,
    bytes BLOB NOT NULL
) STRICT;
INSERT INTO letter (message, bytes) SELECT id, bytes FROM message;
ALTER TABLE message DROP COLUMN bytes;
