"""All rules over one look, and what is left of their findings after a second look."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from stack.books.bookings import booking_faults
from stack.books.payments import money_faults
from stack.books.records import Books, Comparison, Finding
from stack.books.seats import seat_faults
from stack.books.sums import figures, sum_faults, sums

PROMISED_SECONDS: Final = 60.0
"""How soon every payment ends in tickets or a refund after the last fault."""
PROVIDER_DAYS: Final = 10.0
"""How long a bank may take over a refund that the provider has accepted."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something may be under way before it counts as a difference."""

    seconds: float = PROMISED_SECONDS
    provider_days: float = PROVIDER_DAYS

    def is_over(self, finding: Finding, now: dt.datetime) -> bool:
        """Whether it should have come to its end."""
        if finding.under_way_since is None:
            return True
        allowed = dt.timedelta(seconds=self.seconds)
        if finding.by_provider:
            allowed += dt.timedelta(days=self.provider_days)
        return now - finding.under_way_since > allowed


def compare(books: Books, now: dt.datetime, patience: Patience | None = None) -> Comparison:
    """Everything that the books contradict each other in, and what is still under way."""
    patience = patience or Patience()
    findings = [*booking_faults(books), *money_faults(books), *seat_faults(books)]
    findings += sum_faults(books, findings)
    over = [patience.is_over(finding, now) for finding in findings]
    return Comparison(
        differences=tuple(finding for finding, is_over in zip(findings, over, strict=True) if is_over),
        under_way=tuple(finding for finding, is_over in zip(findings, over, strict=True) if not is_over),
        figures=figures(books),
        sums=sums(books),
    )


def still_there(first: Comparison, second: Comparison) -> Comparison:
    """The second look, of whose differences only those count that the first one had as well.

    Books that are read one after the other while people buy contradict each other for a moment, but not
    about the same booking in the same way twice. What is certain needs no second look: when a provider
    could be read at one of the two only, there is nothing to compare that look with.
    """
    known = {finding.key for finding in first.differences}
    seen = {finding.key for finding in second.differences}
    kept = [each for each in second.differences if each.certain or each.key in known]
    kept += [each for each in first.differences if each.certain and each.key not in seen]
    return Comparison(
        differences=tuple(kept),
        under_way=second.under_way,
        figures=second.figures,
        sums=second.sums,
    )
