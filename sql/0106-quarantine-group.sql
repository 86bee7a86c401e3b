-- Where in the document the rule found something, with all places in a series as one: refused documents are counted by it for each page of them.
ALTER TABLE quarantined_document ADD COLUMN grouped_pointer text GENERATED ALWAYS AS (regexp_replace(pointer, '/[0-9]+(?=/|$)', '/*', 'g')) STORED;
