"""The sandbox's memory: one SQLite file, so that a restart forgets no payment.

Calls take well under a millisecond and are made on the event loop; each
`changing` block is one transaction.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from stack.sandbox.records import Delivery, Event, Order, Posting, Refund, Session, Timer

_SCHEMA = Path(__file__).with_name("schema.sql")


class KeyReused(Exception):
    """An idempotency key came again with other content."""


class Store:
    """Sessions, refunds, the ledger, events and what is due."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # The write-ahead log survives a killed process without a sync for every payment.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA.read_text())

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def changing(self) -> Iterator[Self]:
        """One transaction: all that happens inside is kept, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def session(self, session_id: str) -> Session | None:
        """The session with that id."""
        return _session(self._one("SELECT * FROM sessions WHERE session_id = ?", session_id))

    def session_by_key(self, key: str, content: str) -> Session | None:
        """The session made with that idempotency key; raises `KeyReused`."""
        return _session(self._keyed("sessions", key, content))

    def add_session(self, session: Session, key: str, content: str) -> None:
        """Keeps a new session."""
        self._db.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (session.session_id, key, content, json.dumps(asdict(session.order)), *_changing(session)),
        )

    def update_session(self, session: Session) -> None:
        """Keeps what has become of a session."""
        self._db.execute(
            "UPDATE sessions SET created = ?, status = ?, captured = ?, decline_reason = ?,"
            " behaviour = ?, last4 = ? WHERE session_id = ?",
            (*_changing(session), session.session_id),
        )

    def refund(self, refund_id: str) -> Refund | None:
        """The refund with that id."""
        return _refund(self._one("SELECT * FROM refunds WHERE refund_id = ?", refund_id))

    def refund_by_key(self, key: str, content: str) -> Refund | None:
        """The refund made with that idempotency key; raises `KeyReused`."""
        return _refund(self._keyed("refunds", key, content))

    def refunds_of(self, session_id: str) -> list[Refund]:
        """A session's refunds, failed ones too."""
        rows = self._db.execute("SELECT * FROM refunds WHERE session_id = ? ORDER BY created", (session_id,))
        return [refund for row in rows if (refund := _refund(row))]

    def add_refund(self, refund: Refund, key: str, content: str) -> None:
        """Keeps a new refund."""
        self._db.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(refund.refund_id, key, content, refund.session_id),
                *(refund.amount, refund.currency, refund.reference, refund.created, refund.status),
            ),
        )

    def update_refund(self, refund: Refund) -> None:
        """Keeps what has become of a refund."""
        self._db.execute(
            "UPDATE refunds SET status = ? WHERE refund_id = ?", (refund.status, refund.refund_id)
        )

    def record(self, kind: str, session: Session, amount: int, now: float, refund_id: str = "") -> None:
        """Adds a movement of money to the ledger: `capture` or `refund`."""
        order = session.order
        self._db.execute(
            "INSERT INTO ledger (kind, session_id, refund_id, amount, currency, reference, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (kind, session.session_id, refund_id, amount, order.currency, order.reference, now),
        )

    def ledger(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Movements of money after that sequence number."""
        rows = self._db.execute(
            "SELECT * FROM ledger WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
        )
        return [dict(row) for row in rows]

    def latest_movements(self, before: int, limit: int, reference: str = "") -> list[dict[str, Any]]:
        """Movements of money before that sequence number, newest first, or those of one reference."""
        rows = self._db.execute(
            "SELECT * FROM ledger WHERE sequence < ? AND (? = '' OR reference = ?)"
            " ORDER BY sequence DESC LIMIT ?",
            (before, reference, reference, limit),
        )
        return [dict(row) for row in rows]

    def sums(self) -> list[dict[str, Any]]:
        """For each currency what was captured and refunded, in minor units."""
        rows = self._db.execute(
            "SELECT currency, COUNT(*) AS movements,"
            " SUM(CASE kind WHEN 'capture' THEN amount ELSE 0 END) AS captured,"
            " SUM(CASE kind WHEN 'refund' THEN amount ELSE 0 END) AS refunded"
            " FROM ledger GROUP BY currency ORDER BY currency"
        )
        return [dict(row) for row in rows]

    def unsettled_refunds(self, limit: int) -> list[Refund]:
        """Refunds that are pending or failed, newest first."""
        rows = self._db.execute(
            "SELECT * FROM refunds WHERE status != 'succeeded' ORDER BY created DESC LIMIT ?", (limit,)
        )
        return [refund for row in rows if (refund := _refund(row))]

    def add_event(self, event: Event, posting: Posting) -> None:
        """Keeps an event, to be listed, and to be posted at those times."""
        self._db.execute("INSERT INTO events (event_id, body) VALUES (?, ?)", (event.event_id, event.body))
        self._db.executemany(
            "INSERT INTO deliveries (event_id, due) VALUES (?, ?)",
            [(event.event_id, time) for time in posting.times],
        )

    def events(self, after: int, limit: int) -> list[dict[str, Any]]:
        """Events after that sequence number, each with its `sequence`."""
        rows = self._db.execute(
            "SELECT sequence, body FROM events WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit)
        )
        return [{"sequence": row["sequence"], **json.loads(row["body"])} for row in rows]

    def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        """Events to post now, oldest first."""
        rows = self._db.execute(
            "SELECT delivery_id, body, tries FROM deliveries JOIN events USING (event_id)"
            " WHERE due <= ? ORDER BY due LIMIT ?",
            (now, limit),
        )
        return [Delivery(**dict(row)) for row in rows]

    def end_delivery(self, delivery_id: int) -> None:
        """The event was accepted, or is given up."""
        self._db.execute("DELETE FROM deliveries WHERE delivery_id = ?", (delivery_id,))

    def postpone_delivery(self, delivery_id: int, due: float) -> None:
        """The event was not accepted: once more at that time."""
        self._db.execute(
            "UPDATE deliveries SET tries = tries + 1, due = ? WHERE delivery_id = ?", (due, delivery_id)
        )

    def set_timer(self, kind: str, subject_id: str, due: float) -> None:
        """Lets `due_timers` tell of it from then on."""
        self._db.execute(
            "INSERT INTO timers (kind, subject_id, due) VALUES (?, ?, ?)", (kind, subject_id, due)
        )

    def due_timers(self, now: float, limit: int) -> list[Timer]:
        """What is due, oldest first."""
        rows = self._db.execute(
            "SELECT timer_id, kind, subject_id FROM timers WHERE due <= ? ORDER BY due LIMIT ?", (now, limit)
        )
        return [Timer(**dict(row)) for row in rows]

    def end_timer(self, timer_id: int) -> None:
        """It has happened."""
        self._db.execute("DELETE FROM timers WHERE timer_id = ?", (timer_id,))

    def _keyed(self, table: str, key: str, content: str) -> sqlite3.Row | None:
        row = self._one(f"SELECT * FROM {table} WHERE idempotency_key = ?", key)  # noqa: S608 - our own names
        if row is not None and row["content"] != content:
            raise KeyReused
        return row

    def _one(self, query: str, *values: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(query, values).fetchone()
        return row


def _changing(session: Session) -> tuple[Any, ...]:
    return (
        *(session.created, session.status, session.captured),
        *(session.decline_reason, session.behaviour, session.last4),
    )


def _session(row: sqlite3.Row | None) -> Session | None:
    if row is None:
        return None
    return Session(
        session_id=row["session_id"],
        order=Order(**json.loads(row["orders"])),
        created=row["created"],
        status=row["status"],
        captured=row["captured"],
        decline_reason=row["decline_reason"],
        behaviour=row["behaviour"],
        last4=row["last4"],
    )


def _refund(row: sqlite3.Row | None) -> Refund | None:
    if row is None:
        return None
    return Refund(**{name: row[name] for name in Refund.__slots__})
