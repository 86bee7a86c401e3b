-- Whoever sends a list of patients may choose for each line that may be registered already: {"kind": "leave-out"}, {"kind": "register"}, or
-- {"kind": "enrol", "patient": id}, if that Patient of its duplicates is meant, and is to be enrolled in the study. Without a choice, it is as for all.
ALTER TABLE patient_import_line ADD COLUMN choice jsonb;

-- to_register: how many lines become Patients, since it was confirmed. action: the study_action that enrols those who were registered already.
ALTER TABLE patient_import ADD COLUMN to_register integer, ADD COLUMN action text COLLATE "C";
UPDATE patient_import SET to_register = CASE WHEN keeps_duplicates THEN total ELSE total - duplicates END WHERE state = 'importing';
