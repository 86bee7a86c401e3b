-- What is written goes into a pending list of its GIN index first, which every search by that index reads to its end until the list is merged. Up to
-- 4 MB of it, as by default, take 10 ms, and as many keys as are looked up, one after the other, that many times.
DO $$
DECLARE
  index_name text;
BEGIN
  FOR index_name IN SELECT table_name || '_tokens' FROM resource_type UNION ALL SELECT 'full_text_narrative' LOOP
    EXECUTE format('ALTER INDEX %I SET (gin_pending_list_limit = 1024)', index_name);
  END LOOP;
END
$$;
