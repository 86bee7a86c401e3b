-- Whether a study or an organization is of the tenant of those who read is looked up for the one that is named. Before, every organization of the installation
-- was compared with it, and all of their studies. What is answered is the same.
CREATE OR REPLACE FUNCTION audit_consents_shown(of_record bigint, subjects text[], told text)
RETURNS TABLE (consent text, version integer, given_to text) STABLE ROWS 2 LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  SELECT noted.consent, noted.version, noted.given_to
  FROM audit_consent AS noted
  JOIN resource_identity AS identity ON identity.id = noted.consent
    AND identity.type_id = (SELECT type_id FROM resource_type WHERE name = 'Consent')
  WHERE noted.record = of_record
    AND EXISTS (
      SELECT FROM patient_compartment AS own WHERE own.id = ANY(subjects) AND own.patient_id = identity.patient_id)
    AND (told IS NULL OR noted.given_to LIKE 'Practitioner/%' OR EXISTS (
      SELECT FROM organization_node AS mine JOIN organization_node AS other ON other.tenant = mine.tenant
      WHERE mine.id = told AND other.id = CASE split_part(noted.given_to, '/', 1)
        WHEN 'Organization' THEN split_part(noted.given_to, '/', 2)
        WHEN 'ResearchStudy' THEN (SELECT study.organization FROM study WHERE study.id = split_part(noted.given_to, '/', 2)) END));
END
$$;
