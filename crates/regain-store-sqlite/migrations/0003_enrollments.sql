-- What a user can prove with besides a password and an address, as JSON: in the row, so that a
-- look-up reads one row. Every change is guarded by the version.
ALTER TABLE users ADD COLUMN enrollments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE users ADD COLUMN enrollments_version INTEGER NOT NULL DEFAULT 0;
