-- What is recorded comes in the order of time. In an index of falling times each new row came before all others, which leaves pages half full.
DROP INDEX audit_shown_recorded;
CREATE INDEX audit_shown_recorded ON audit_shown (recorded, pk);
DROP INDEX audit_installation_recorded;
CREATE INDEX audit_installation_recorded ON audit_installation (recorded, pk);
