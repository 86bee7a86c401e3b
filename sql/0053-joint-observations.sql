-- Of an Observation of several kinds, or that was derived from others, more than one consent may have to cover it: one column says so of
-- both, in place of a look at all kinds in each statement.
ALTER TABLE observation RENAME derived TO is_joint;
ALTER TABLE observation_code RENAME derived TO is_joint;
UPDATE observation SET is_joint = true
  WHERE NOT is_joint AND kind_id IN (SELECT kind_id FROM kind WHERE members IS NOT NULL);
UPDATE observation_code SET is_joint = true
  WHERE NOT is_joint AND kind_id IN (SELECT kind_id FROM kind WHERE members IS NOT NULL);
