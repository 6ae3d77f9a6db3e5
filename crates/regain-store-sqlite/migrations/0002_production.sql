-- What limits over all flows need, and what lets several programs share one database.

-- What was spent on a name, on a device for a name, or by the whole org (32 zero bytes).
-- Kept until nothing in it counts any more.
CREATE TABLE ledgers (
    org_id TEXT NOT NULL,
    key BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Whose device it is, for a device's ledger.
    owner TEXT,
    state TEXT NOT NULL,
    PRIMARY KEY (org_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledgers_end ON ledgers (org_id, expires_at);
CREATE INDEX ledgers_owner ON ledgers (org_id, owner) WHERE owner IS NOT NULL;

-- The ledgers of the name that a flow is about.
ALTER TABLE flows ADD COLUMN ledger BLOB;
ALTER TABLE flows ADD COLUMN device_ledger BLOB;

-- How much the nodes have taken of something of which there is only so much until `ends_at`.
-- Kept until then.
CREATE TABLE allowances (
    org_id TEXT NOT NULL,
    key BLOB NOT NULL,
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (org_id, key, ends_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX allowances_end ON allowances (org_id, ends_at);

-- Which node does what only one may do. One row for each role.
CREATE TABLE leads (
    org_id TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    node TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (org_id, role)
) STRICT, WITHOUT ROWID;

-- What goes before others when the org's mails are scarce.
ALTER TABLE outbox ADD COLUMN goes_first INTEGER NOT NULL DEFAULT 0 CHECK (goes_first IN (0, 1));
