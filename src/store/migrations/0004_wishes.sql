-- What subscribers wish for themselves, by the link in their mails; where one is set, the config's word does not count.
ALTER TABLE subscriber ADD COLUMN own_zone TEXT;
ALTER TABLE subscriber ADD COLUMN own_language TEXT;
-- A JSON list of names; empty is all.
ALTER TABLE subscriber ADD COLUMN own_groups TEXT;
