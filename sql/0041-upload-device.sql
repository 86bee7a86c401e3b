-- The device of a patient that headers of documents describe, so that each is made once. key: the Patient and what the header says.
-- is_made: nobody had registered it before.
CREATE TABLE upload_device (
  patient_id integer NOT NULL,
  key        uuid NOT NULL,
  id         text COLLATE "C" NOT NULL,
  is_made    boolean NOT NULL,
  PRIMARY KEY (patient_id, key)
);
CREATE INDEX upload_device_id ON upload_device (patient_id, id);

-- What a device that was made has measured: only who is given some of it learns that the patient has it.
CREATE TABLE upload_device_kind (
  patient_id integer NOT NULL,
  id         text COLLATE "C" NOT NULL,
  kind_id    integer NOT NULL,
  PRIMARY KEY (patient_id, id, kind_id)
);
