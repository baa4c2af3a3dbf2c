-- Who signed up (origin 1) stays whatever the config names. A suppression outlives whatever its subscriber asks for.
ALTER TABLE subscriber ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscriber ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;
UPDATE subscriber SET suppressed = 1 WHERE standing = 3 OR standing = 5 AND kept_standing = 3;
CREATE INDEX subscriber_suppressed ON subscriber (id) WHERE suppressed = 1;

-- What was asked on the page, and the mail by which the owner of the address may confirm it: it belongs to no edition
-- and to nobody who is subscribed, so it is not in `message`. Rows are named by the head of their token's MAC, below
-- zero where those of `message` are above, so that one number names a mail of either.
CREATE TABLE sign_up (
    id INTEGER PRIMARY KEY CHECK (id < 0),
    digest TEXT NOT NULL,
    address TEXT NOT NULL,
    -- What counts as one person where mails are rationed.
    person TEXT NOT NULL,
    zone TEXT,
    language TEXT,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    standing INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL,
    lease INTEGER NOT NULL DEFAULT 0,
    -- The mail, none until the flow of mail has written it.
    message_id TEXT,
    envelope_from TEXT,
    envelope_to TEXT,
    bytes BLOB
) STRICT;
CREATE INDEX sign_up_person ON sign_up (person, asked_at);
CREATE INDEX sign_up_asked ON sign_up (asked_at);
CREATE INDEX sign_up_due ON sign_up (due_at, id) WHERE standing IN (0, 1);
