-- A unit of UCUM as an exact line to the base units of its dimension: (x + shift) * numerator / denominator. Where no line
-- leads there, or the unit is none of UCUM's, the dimension is empty. Null: not measured yet.
ALTER TABLE unit
  ADD dimension   text,
  ADD numerator   numeric,
  ADD denominator numeric,
  ADD shift       numeric;
