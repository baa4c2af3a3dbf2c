-- A delivery changes its row of the outbox twice, and every index that carries what changes is written with it: only the
-- one of what is due does. It tells the standings too, so that counting them reads no row.
DROP INDEX message_due;
CREATE INDEX message_due ON message (due_at, id, standing) WHERE standing IN (0, 1);
DROP INDEX message_edition;
CREATE INDEX message_edition ON message (edition);
DROP INDEX message_subscriber;
CREATE INDEX message_subscriber ON message (subscriber);
DROP INDEX message_told;
CREATE INDEX message_failed ON message (standing) WHERE standing = 3;
