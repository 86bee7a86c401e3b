-- Positions of what had changed and waited to be asked about when a Subscription was written that had not been there, or was off: no events of it.
ALTER TABLE subscriber ADD changed_before bigint[] NOT NULL DEFAULT '{}';
