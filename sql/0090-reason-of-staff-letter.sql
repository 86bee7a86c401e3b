-- Why the letter was not sent at the last attempt, for those who may send it again. Null if it was sent, or not tried yet.
ALTER TABLE staff_invitation ADD reason text;
