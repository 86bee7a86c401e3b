-- Whether so many characters of samples are few enough to be counted in one answer; if not, the statement ends with what the server knows as too much.
CREATE FUNCTION few_samples(characters bigint, most bigint) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF characters > most THEN
    RAISE EXCEPTION 'more samples than are counted at once' USING ERRCODE = 'SW001';
  END IF;
  RETURN TRUE;
END
$$;
