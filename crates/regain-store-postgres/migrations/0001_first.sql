-- Every table leads with its org, so that a sharding engine can spread them by it. Ids, hashes and
-- times are bound as the types hold them: text, 32 bytes, milliseconds since 1970. Text compares
-- byte for byte (collation "C"): what is the same name is decided before it gets here.
--
-- There are no foreign keys: rows outlive each other on purpose. A used code stays so that its
-- second use is noticed, a grant stays until its tokens are dead, whoever they belonged to. There
-- are no sequences: nodes draw random keys.

-- A condition that a transaction rests on: a statement that casts `false` to it fails, and with
-- it the whole transaction, without anybody having to wait for the answer first.
CREATE DOMAIN must_hold AS boolean CONSTRAINT must_hold CHECK (VALUE);

-- One row: how far the clock ever came, and the offset of the development clock.
CREATE TABLE clock (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    high_water_ms BIGINT NOT NULL,
    offset_ms BIGINT NOT NULL
);
INSERT INTO clock (id, high_water_ms, offset_ms) VALUES (1, 0, 0);

-- Kept until an administrator deletes them.
CREATE TABLE users (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    login TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    first_name TEXT COLLATE "C" NOT NULL,
    last_name TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    time_zone TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    password_phc TEXT COLLATE "C",
    password_nfc BOOLEAN NOT NULL DEFAULT false,
    password_set_at BIGINT NOT NULL DEFAULT 0,
    -- Earlier passwords as JSON, newest first: in the row, so that a look-up reads one row.
    password_history TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT users_id PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX users_login ON users (org_id, login);
CREATE UNIQUE INDEX users_email ON users (org_id, email) WHERE email IS NOT NULL;

-- Kept for a day after the end, as tombstones (I-08).
CREATE TABLE flows (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    live BOOLEAN NOT NULL,
    -- Ended from outside: whatever stage the state names, the flow is dead, at this row's version.
    ended BOOLEAN NOT NULL DEFAULT false,
    subject TEXT COLLATE "C",
    canonical TEXT COLLATE "C",
    ledger BYTEA,
    device_ledger BYTEA,
    interaction_handle BYTEA NOT NULL,
    state_handle BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    -- The last commits, by the random number that each drew, newest first: who lost the answer to
    -- a commit finds out by it whether it happened.
    commits BIGINT[] NOT NULL DEFAULT '{}',
    CONSTRAINT flows_id PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX flows_state_handle ON flows (org_id, state_handle);
CREATE UNIQUE INDEX flows_interaction_handle ON flows (org_id, interaction_handle);
-- Holds flows without a subject too, so that a flow about nobody costs what any other does (E-05).
CREATE INDEX flows_live ON flows (org_id, subject) WHERE live;
CREATE INDEX flows_end ON flows (org_id, expires_at);

-- Kept for a day after they expire, so that a second use is noticed (I-09).
CREATE TABLE interaction_codes (
    org_id TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    flow_id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    grant_id TEXT COLLATE "C",
    issued TEXT COLLATE "C" NOT NULL,
    CONSTRAINT interaction_codes_hash PRIMARY KEY (org_id, hash)
);
CREATE INDEX interaction_codes_unused ON interaction_codes (org_id, user_id) WHERE consumed_at IS NULL;
CREATE INDEX interaction_codes_end ON interaction_codes (org_id, expires_at);

-- What never changes about a grant is the JSON; what changes is a column, and the column wins.
-- Kept for a day after the end, which is past the life of any access token.
CREATE TABLE grants (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    idle_expires_at BIGINT NOT NULL,
    refresh_sequence BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    -- The random number of the last rotation: who lost its answer finds out whether it happened.
    rotated_by BIGINT,
    revoked_at BIGINT,
    revoke_reason TEXT COLLATE "C",
    granted TEXT COLLATE "C" NOT NULL,
    CONSTRAINT grants_id PRIMARY KEY (org_id, id)
);
CREATE INDEX grants_unrevoked ON grants (org_id, user_id) WHERE revoked_at IS NULL;
-- `least` leaves out what is NULL.
CREATE INDEX grants_end ON grants (org_id, least(expires_at, idle_expires_at, revoked_at));

-- Kept until a day after the token would have expired by itself.
CREATE TABLE revoked_access_tokens (
    org_id TEXT COLLATE "C" NOT NULL,
    jti TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT revoked_access_tokens_jti PRIMARY KEY (org_id, jti)
);
CREATE INDEX revoked_access_tokens_end ON revoked_access_tokens (org_id, expires_at);

-- Kept until an administrator deletes them.
CREATE TABLE clients (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    registration TEXT COLLATE "C" NOT NULL,
    CONSTRAINT clients_id PRIMARY KEY (org_id, id)
);

-- Kept until they are rotated out.
CREATE TABLE signing_keys (
    org_id TEXT COLLATE "C" NOT NULL,
    kid TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT signing_keys_kid PRIMARY KEY (org_id, kid)
);

-- Kept until delivered or dropped; the worker drops what is of no use any more.
-- `due_at` is the lease too: whoever takes a row moves it to the end of the lease.
CREATE TABLE outbox (
    org_id TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    -- Order among those that are due at the same moment.
    place TEXT COLLATE "C" NOT NULL,
    attempts BIGINT NOT NULL,
    -- What goes before others when the org's mails are scarce.
    goes_first BOOLEAN NOT NULL,
    outgoing TEXT COLLATE "C" NOT NULL,
    -- Who asked, as JSON.
    request TEXT COLLATE "C" NOT NULL,
    CONSTRAINT outbox_id PRIMARY KEY (org_id, id)
);
CREATE INDEX outbox_due ON outbox (org_id, due_at, place);
CREATE INDEX outbox_first ON outbox (org_id, due_at, place) WHERE goes_first;

-- Kept for 400 days (`audit.retention`).
CREATE TABLE audit (
    org_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    -- Begins with the database's own time and the place in the commit: rows of one moment keep
    -- the order in which they came.
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    flow_id TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    request_id TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    CONSTRAINT audit_id PRIMARY KEY (org_id, at, id)
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are never changed';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();

-- Kept until they are overwritten.
CREATE TABLE settings (
    org_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    CONSTRAINT settings_name PRIMARY KEY (org_id, name)
);

-- What was spent on a name, on a device for a name, or by the whole org (32 zero bytes).
-- Kept until nothing in it counts any more.
CREATE TABLE ledgers (
    org_id TEXT COLLATE "C" NOT NULL,
    key BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Whose device it is, for a device's ledger.
    owner TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL,
    CONSTRAINT ledgers_key PRIMARY KEY (org_id, key)
);
CREATE INDEX ledgers_end ON ledgers (org_id, expires_at);
CREATE INDEX ledgers_owner ON ledgers (org_id, owner) WHERE owner IS NOT NULL;

-- How much the nodes have taken of something of which there is only so much until `ends_at`.
-- Kept until then.
CREATE TABLE allowances (
    org_id TEXT COLLATE "C" NOT NULL,
    key BYTEA NOT NULL,
    ends_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used BIGINT NOT NULL,
    -- What the last one got who took some.
    last_granted BIGINT NOT NULL,
    CONSTRAINT allowances_key PRIMARY KEY (org_id, key, ends_at)
);
CREATE INDEX allowances_end ON allowances (org_id, ends_at);

-- Which node does what only one may do. One row for each role.
CREATE TABLE leads (
    org_id TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    CONSTRAINT leads_role PRIMARY KEY (org_id, role)
);
