-- Which of two numbers is kept where records are joined depends on how much each of them has, not on which is lower: of the numbers that a patient had,
-- the one that somebody has now.
CREATE OR REPLACE FUNCTION audit_number_now(number integer) RETURNS integer STABLE LANGUAGE sql AS $$
  WITH RECURSIVE became(number, is_kept) AS (
    SELECT audit_number_now.number, EXISTS (SELECT FROM patient_compartment AS kept WHERE kept.patient_id = audit_number_now.number)
    UNION
    SELECT joining.earlier, EXISTS (SELECT FROM patient_compartment AS kept WHERE kept.patient_id = joining.earlier)
    FROM became
    JOIN compartment_joining AS joining ON joining.later = became.number AND joining.earlier <> joining.later
    WHERE NOT became.is_kept)
  SELECT coalesce(min(became.number) FILTER (WHERE became.is_kept), min(became.number)) FROM became
$$;
