CREATE TABLE IF NOT EXISTS sessions (
    session_id      TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    content         TEXT NOT NULL,
    orders          TEXT NOT NULL,
    created         REAL NOT NULL,
    status          TEXT NOT NULL,
    captured        INTEGER NOT NULL,
    decline_reason  TEXT NOT NULL,
    behaviour       TEXT NOT NULL,
    last4           TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refunds (
    refund_id       TEXT PRIMARY KEY,
    idempotency_key TEXT NOT NULL UNIQUE,
    content         TEXT NOT NULL,
    session_id      TEXT NOT NULL REFERENCES sessions,
    amount          INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    reference       TEXT NOT NULL,
    created         REAL NOT NULL,
    status          TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_by_session ON refunds (session_id);
-- Every movement of money, in order; never changed.
CREATE TABLE IF NOT EXISTS ledger (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT NOT NULL,
    session_id      TEXT NOT NULL,
    refund_id       TEXT NOT NULL,
    amount          INTEGER NOT NULL,
    currency        TEXT NOT NULL,
    reference       TEXT NOT NULL,
    created         REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_by_reference ON ledger (reference);
CREATE TABLE IF NOT EXISTS events (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT NOT NULL UNIQUE,
    body            TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS deliveries (
    delivery_id     INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id        TEXT NOT NULL,
    due             REAL NOT NULL,
    tries           INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (due);
CREATE TABLE IF NOT EXISTS timers (
    timer_id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind            TEXT NOT NULL,
    subject_id      TEXT NOT NULL,
    due             REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due);
