-- Their plans are made once a connection, which is when there is hardly a record yet: then reading all of the table looks cheapest, and was
-- done for each batch of what is recorded from then on, until statistics were gathered.
ALTER FUNCTION note_audit_consents(bigint[]) SET enable_seqscan = off;
ALTER FUNCTION show_audit(bigint[]) SET enable_seqscan = off;
ALTER FUNCTION show_installation(bigint[]) SET enable_seqscan = off;
