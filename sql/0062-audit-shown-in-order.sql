-- Their numbers fall: in rising order each new row came before all others, which leaves pages half full.
DROP INDEX audit_shown_pk;
CREATE INDEX audit_shown_pk ON audit_shown (pk DESC);
