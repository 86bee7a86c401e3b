-- What waits for the staff of a study is looked for by study: few of its answers, and of its messages, do.
CREATE INDEX consent_grantee_paper ON consent_grantee (grantee, patient_id) WHERE status = 'proposed' AND paper;
CREATE INDEX study_message_failed ON study_message (study_id, subject) WHERE state = 'failed';
