-- What the last attempt came to stands with its message, where `digest show` reads it: in the server's words, or in ours
-- where it said none.
ALTER TABLE message ADD COLUMN reply TEXT;
UPDATE message SET reply = (SELECT detail FROM attempt WHERE attempt.message = message.id ORDER BY number DESC LIMIT 1);
DROP TABLE attempt;
