-- How many requests of the same person, patient or client through one client are not done yet. Who asks next waits until this transaction is over, and then counts
-- what it has added: each statement of a function that is not stable sees what was committed before.
CREATE FUNCTION async_under_way(of_client text, of_kind text, of_person text, of_patient text) RETURNS bigint VOLATILE LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(jsonb_build_array('async_request', of_client, of_kind, of_person, of_patient)::text, 0));
  RETURN (
    SELECT count(*) FROM async_request AS other
    WHERE other.client_id = of_client AND other.ended_at IS NULL AND other.kind = of_kind
      AND other.person_id IS NOT DISTINCT FROM of_person AND other.patient_id IS NOT DISTINCT FROM of_patient);
END
$$;
