-- A story that an operator joined to another, whose page readers may hold the address of.
CREATE TABLE joined_story (
    id INTEGER PRIMARY KEY,
    story INTEGER NOT NULL REFERENCES story (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX joined_story_story ON joined_story (story);
