"""A screen shows one thing at a time."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from catalog_svc.domain.shows import Show


def overlaps(shows: Iterable[Show]) -> Iterator[tuple[Show, Show]]:
    """Shows that begin while another one is on the same screen, later one first."""
    taking = sorted(
        (show for show in shows if show.takes_screen),
        key=lambda show: (show.plan.screen_id, show.plan.start_time, show.plan.show_id),
    )
    for _, on_screen in groupby(taking, key=lambda show: show.plan.screen_id):
        longest: Show | None = None
        for show in on_screen:
            if longest is not None and show.overlaps(longest):
                yield show, longest
            if longest is None or show.end_time > longest.end_time:
                longest = show
