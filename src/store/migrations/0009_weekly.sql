-- The day of the week (0 is Monday) from whose beginning on a subscriber gets one edition a week; none is each edition.
ALTER TABLE subscriber ADD COLUMN own_weekday INTEGER CHECK (own_weekday BETWEEN 0 AND 6);
