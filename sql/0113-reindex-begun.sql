-- A reindex that was cut short has left part of what it makes as it was, and nothing says so but a line in somebody's terminal.

-- at: when one was begun that has not come to its end. Removed at the end of that one, or of a later one.
CREATE TABLE reindex_begun (at timestamptz NOT NULL);
