-- Of what is written as AuditEvents: also the backups that whoever makes them has recorded. They are ISO 21089's "archive".
CREATE OR REPLACE FUNCTION audit_is_of_installation(content jsonb) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT (content @? '$.subtype[*] ? (@.system == "http://dicom.nema.org/resources/ontology/DCM" && (@.code == "110129" || @.code == "110137"))'
      OR content @> '{"type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "archive"}}')
    AND content #>> '{source,observer,display}'
      IN ('Pages of this server', 'Command line of this server', 'Sign-in', 'Authorization server')
    AND NOT content @? '$.**.reference ? (!(@ starts with "Person/" || @ starts with "Practitioner/" || @ starts with "PractitionerRole/"
      || @ starts with "Organization/" || @ starts with "Device/"))'
    AND NOT content @? '$.**.type ? (@ == "Patient" || @ == "Person")'
    AND NOT EXISTS (
      SELECT FROM (
        SELECT substr(reference #>> '{}', 8) FROM jsonb_path_query(content, '$.**.reference ? (@ starts with "Person/")') AS reference
        UNION ALL
        SELECT value #>> '{}' FROM jsonb_path_query(content,
          '$.**.identifier ? (@.system == "https://sharewell.dev/fhir/account").value') AS value) AS named(person)
      WHERE NOT works_here(named.person))
$$;

-- The last that was taken, and the last that failed: their times are in UTC, to the millisecond, and so in the order of their text.
CREATE INDEX audit_event_backup ON audit_event ((content ->> 'outcome'), (content #>> '{period,start}'))
  WHERE content @> '{"type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "archive"}}';
