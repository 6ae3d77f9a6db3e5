-- Every table leads with its org. Ids, hashes and times are bound as the types hold them: text,
-- 32 bytes, milliseconds since 1970. Text compares byte for byte (SQLite's own default, BINARY):
-- what is the same name is decided before it gets here.
--
-- There are no foreign keys: rows outlive each other on purpose. A used code stays so that its
-- second use is noticed, a grant stays until its tokens are dead, whoever they belonged to.

-- One row: how far the wall clock ever came, and the offset of the development clock.
CREATE TABLE clock (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    high_water_ms INTEGER NOT NULL,
    offset_ms INTEGER NOT NULL
) STRICT;
INSERT INTO clock (id, high_water_ms, offset_ms) VALUES (1, 0, 0);

-- Kept until an administrator deletes them.
CREATE TABLE users (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    login TEXT NOT NULL,
    email TEXT,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    locale TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    status TEXT NOT NULL,
    password_phc TEXT,
    password_nfc INTEGER NOT NULL DEFAULT 0 CHECK (password_nfc IN (0, 1)),
    password_set_at INTEGER NOT NULL DEFAULT 0,
    -- Earlier passwords as JSON, newest first: in the row, so that a look-up reads one row.
    password_history TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (org_id, id),
    UNIQUE (org_id, login)
) STRICT;
CREATE UNIQUE INDEX users_email ON users (org_id, email) WHERE email IS NOT NULL;

-- Kept for a day after the end, as tombstones (I-08).
CREATE TABLE flows (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    subject TEXT,
    canonical TEXT,
    interaction_handle BLOB NOT NULL,
    state_handle BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    UNIQUE (org_id, id),
    UNIQUE (org_id, state_handle),
    UNIQUE (org_id, interaction_handle)
) STRICT;
-- Holds flows without a subject too, so that a flow about nobody costs what any other does (E-05).
CREATE INDEX flows_live ON flows (org_id, subject) WHERE live = 1;
CREATE INDEX flows_end ON flows (org_id, expires_at);

-- Kept for a day after they expire, so that a second use is noticed (I-09).
CREATE TABLE interaction_codes (
    org_id TEXT NOT NULL,
    hash BLOB NOT NULL,
    flow_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER,
    grant_id TEXT,
    issued TEXT NOT NULL,
    UNIQUE (org_id, hash)
) STRICT;
CREATE INDEX interaction_codes_unused ON interaction_codes (org_id, user_id) WHERE consumed_at IS NULL;
CREATE INDEX interaction_codes_end ON interaction_codes (org_id, expires_at);

-- What never changes about a grant is the JSON; what changes is a column, and the column wins.
-- Kept for a day after the end, which is past the life of any access token.
CREATE TABLE grants (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    refresh_sequence INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    revoked_at INTEGER,
    revoke_reason TEXT,
    granted TEXT NOT NULL,
    ends_at INTEGER NOT NULL GENERATED ALWAYS AS (min(expires_at, idle_expires_at, ifnull(revoked_at, expires_at))) VIRTUAL,
    UNIQUE (org_id, id)
) STRICT;
CREATE INDEX grants_unrevoked ON grants (org_id, user_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_end ON grants (org_id, ends_at);

-- Kept until a day after the token would have expired by itself.
CREATE TABLE revoked_access_tokens (
    org_id TEXT NOT NULL,
    jti TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (org_id, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_access_tokens_end ON revoked_access_tokens (org_id, expires_at);

-- Kept until an administrator deletes them.
CREATE TABLE clients (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    registration TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
) STRICT, WITHOUT ROWID;

-- Kept until they are rotated out.
CREATE TABLE signing_keys (
    org_id TEXT NOT NULL,
    kid TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (org_id, kid)
) STRICT, WITHOUT ROWID;

-- Kept until delivered or dropped; the worker drops what is of no use any more.
-- `due_at` is the lease too: whoever takes a row moves it to the end of the lease.
CREATE TABLE outbox (
    org_id TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    outgoing TEXT NOT NULL,
    -- Who asked, as JSON.
    request TEXT NOT NULL,
    UNIQUE (org_id, id)
) STRICT;
CREATE INDEX outbox_due ON outbox (org_id, due_at);

-- Kept for 400 days (`audit.retention`).
CREATE TABLE audit (
    org_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    id TEXT NOT NULL DEFAULT (lower(hex(randomblob(16)))),
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    flow_id TEXT,
    outcome TEXT NOT NULL,
    reason TEXT,
    request_id TEXT NOT NULL,
    address TEXT,
    user_agent TEXT,
    UNIQUE (org_id, at, id)
) STRICT;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

-- Kept until they are overwritten.
CREATE TABLE settings (
    org_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (org_id, name)
) STRICT, WITHOUT ROWID;
