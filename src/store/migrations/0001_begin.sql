-- The first schema. Instants are integer milliseconds since 1970; codes of enumerations are listed in codes.rs.
CREATE TABLE about (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    last_seq INTEGER NOT NULL DEFAULT 0,
    indexed_entry INTEGER NOT NULL DEFAULT 0,
    fold_version INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE feed (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    configured_url TEXT NOT NULL,
    url TEXT NOT NULL,
    own_title TEXT,
    groups TEXT NOT NULL,
    priority INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    kept_standing INTEGER,
    next_poll_at INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    attempt_at INTEGER,
    validators_url TEXT,
    etag BLOB,
    last_modified BLOB,
    body_hash BLOB CHECK (body_hash IS NULL OR length(body_hash) = 32),
    callback TEXT,
    memory TEXT NOT NULL
) STRICT;
CREATE INDEX feed_due ON feed (next_poll_at) WHERE standing IN (0, 2, 5);
CREATE INDEX feed_url ON feed (url);
CREATE INDEX feed_callback ON feed (callback) WHERE callback IS NOT NULL;

CREATE TABLE feed_group (
    name TEXT NOT NULL,
    feed INTEGER NOT NULL REFERENCES feed (id) ON DELETE CASCADE,
    PRIMARY KEY (name, feed)
) STRICT, WITHOUT ROWID;
CREATE INDEX feed_group_feed ON feed_group (feed);

-- What the publisher says of the feed: rarely written, so apart from the row that every poll writes.
CREATE TABLE feed_meta (
    feed INTEGER PRIMARY KEY REFERENCES feed (id) ON DELETE CASCADE,
    title TEXT,
    site_url TEXT,
    entry_updated_at INTEGER,
    meta TEXT NOT NULL
) STRICT;

CREATE TABLE host (
    host TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE story (
    id INTEGER PRIMARY KEY,
    seq INTEGER,
    state INTEGER NOT NULL,
    lead INTEGER NOT NULL,
    shown_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    public_id TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX story_seq ON story (seq) WHERE seq IS NOT NULL;
CREATE INDEX story_shown ON story (state, shown_at, id);

CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    feed INTEGER NOT NULL REFERENCES feed (id),
    story INTEGER,
    standing INTEGER NOT NULL,
    reason INTEGER,
    first_seen_at INTEGER NOT NULL,
    shown_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    published_at INTEGER,
    updated_at INTEGER,
    revision INTEGER NOT NULL,
    key TEXT NOT NULL,
    publisher_id TEXT,
    link TEXT,
    canonical_link TEXT,
    global_id TEXT,
    title TEXT NOT NULL,
    dropped_by TEXT,
    sketch BLOB NOT NULL
) STRICT;
CREATE INDEX entry_story ON entry (story, feed, standing) WHERE story IS NOT NULL;
CREATE INDEX entry_feed ON entry (feed, id);
CREATE INDEX entry_lone ON entry (first_seen_at) WHERE story IS NULL;

-- The long parts, read only to be shown: see pack.rs.
CREATE TABLE body (
    entry INTEGER PRIMARY KEY REFERENCES entry (id) ON DELETE CASCADE,
    pack BLOB NOT NULL
) STRICT;

-- Every key a feed ever gave: what it stands for (none once retention took the entry) and its fingerprint's head.
CREATE TABLE seen (
    feed INTEGER NOT NULL,
    key_hash INTEGER NOT NULL,
    entry INTEGER,
    print INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (feed, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_forgotten ON seen (seen_at) WHERE entry IS NULL;

-- Hashes of what identity compares: ids, links, titles, bands of sketches.
CREATE TABLE mark (
    hash INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    PRIMARY KEY (hash, entry)
) STRICT, WITHOUT ROWID;

-- Visible stories by feed, in the order of merged feeds.
CREATE TABLE shelf (
    feed INTEGER NOT NULL,
    shown_at INTEGER NOT NULL,
    story INTEGER NOT NULL,
    PRIMARY KEY (feed, shown_at, story)
) STRICT, WITHOUT ROWID;

CREATE TABLE former_key (
    entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    left_at INTEGER NOT NULL,
    PRIMARY KEY (entry, left_at, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE revision (
    entry INTEGER NOT NULL REFERENCES entry (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    title TEXT NOT NULL,
    substantial INTEGER NOT NULL,
    pack BLOB NOT NULL,
    PRIMARY KEY (entry, revision)
) STRICT, WITHOUT ROWID;

-- What the operator decided of two entries: together or apart.
CREATE TABLE ruling (
    one INTEGER NOT NULL,
    other INTEGER NOT NULL,
    together INTEGER NOT NULL,
    ruled_at INTEGER NOT NULL,
    PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX ruling_other ON ruling (other);

CREATE TABLE rendered (
    path TEXT PRIMARY KEY,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    changed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE note (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
    digest TEXT NOT NULL,
    lane TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    last_slot_at INTEGER,
    until INTEGER NOT NULL,
    PRIMARY KEY (digest, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    address TEXT NOT NULL,
    name TEXT,
    zone TEXT NOT NULL,
    standing INTEGER NOT NULL,
    kept_standing INTEGER,
    reason TEXT,
    since_at INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    hard_bounces INTEGER NOT NULL DEFAULT 0,
    soft_bounces INTEGER NOT NULL DEFAULT 0,
    UNIQUE (digest, address)
) STRICT;

CREATE TABLE edition (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    lane TEXT NOT NULL,
    slot_at INTEGER NOT NULL,
    frozen_at INTEGER NOT NULL,
    after INTEGER NOT NULL,
    until INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    subject TEXT NOT NULL,
    stories INTEGER NOT NULL,
    web BLOB,
    CHECK (after <= until),
    UNIQUE (digest, lane, slot_at)
) STRICT;

CREATE TABLE edition_story (
    story INTEGER NOT NULL,
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (story, edition)
) STRICT, WITHOUT ROWID;
CREATE INDEX edition_story_edition ON edition_story (edition, position);

CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    edition INTEGER NOT NULL REFERENCES edition (id) ON DELETE CASCADE,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id),
    message_id TEXT NOT NULL UNIQUE,
    envelope_from TEXT NOT NULL,
    envelope_to TEXT NOT NULL,
    stories INTEGER NOT NULL,
    -- Exclusive start of its own window: earlier than the edition's where it took over an older message's stories.
    after INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    -- An attempt ended after the final dot without an answer: it may have arrived.
    uncertain INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER NOT NULL,
    -- When it may be claimed: next attempt while queued, end of the lease while claimed.
    due_at INTEGER NOT NULL,
    lease INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX message_due ON message (due_at, id) WHERE standing IN (0, 1);
CREATE INDEX message_edition ON message (edition, standing);
CREATE INDEX message_subscriber ON message (subscriber, standing);

CREATE TABLE attempt (
    message INTEGER NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE bounce (
    id INTEGER PRIMARY KEY,
    subscriber INTEGER NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    hard INTEGER NOT NULL,
    status TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

-- Words folded by fold.rs on both sides; the tokenizer only splits at spaces.
CREATE VIRTUAL TABLE words USING fts5 (
    title, author, body, content = '', contentless_delete = 1, tokenize = 'ascii'
);
