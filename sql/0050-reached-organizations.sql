-- Which organizations a practitioner's roles reach is asked of one or two tables: as part of a statement that is planned once it costs a
-- third of a function of its own.
DROP FUNCTION reached_organizations(text, integer, text);
