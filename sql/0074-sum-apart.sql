-- The most that readings come to of which no two overlap; each from `since` until before `until`, or a moment, in the order of `until`. What overlaps with
-- nothing is added; of the hours of a day and its total, whichever is more.
CREATE FUNCTION sum_apart(since timestamptz[], until timestamptz[], amount float8[]) RETURNS float8
IMMUTABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
DECLARE
  readings integer := array_length(amount, 1);
  plain float8 := amount[1];
  -- Of the first n readings, at place n.
  most float8[];
  before integer;
  low integer;
  high integer;
  middle integer;
  is_apart boolean := TRUE;
BEGIN
  IF readings IS NULL THEN
    RETURN NULL;
  END IF;
  FOR place IN 2 .. readings LOOP
    is_apart := is_apart AND since[place] >= until[place - 1];
    plain := plain + amount[place];
  END LOOP;
  IF is_apart THEN
    RETURN plain;
  END IF;
  FOR place IN 1 .. readings LOOP
    -- The last that has ended when this one begins.
    low := 0;
    high := place - 1;
    WHILE low < high LOOP
      middle := (low + high + 1) / 2;
      IF until[middle] <= since[place] THEN
        low := middle;
      ELSE
        high := middle - 1;
      END IF;
    END LOOP;
    before := low;
    most[place] := greatest(coalesce(most[place - 1], 0), coalesce(most[before], 0) + amount[place]);
  END LOOP;
  RETURN most[readings];
END
$$;
