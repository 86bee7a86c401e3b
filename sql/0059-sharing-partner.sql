-- Clients by the contract of CommonHealth Cloud Storage: what each says of itself, with the keys that sign its links.
CREATE TABLE sharing_partner (
  client_id text COLLATE "C" PRIMARY KEY,
  said      jsonb NOT NULL
);

-- What patients share with them. user_id: by which the partner knows the patient. grant_id: as any app has it. encryption_key: of
-- whoever may decrypt it.
CREATE TABLE partner_sharing (
  client_id      text COLLATE "C" NOT NULL,
  user_id        text COLLATE "C" NOT NULL,
  grant_id       text COLLATE "C" NOT NULL,
  encryption_key jsonb NOT NULL,
  PRIMARY KEY (client_id, user_id)
);
