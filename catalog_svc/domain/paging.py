"""Pages of a sorted list, and the tokens that lead from one to the next."""

import base64
import binascii
import hashlib
import hmac
import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from catalog_svc.errors import InvalidPageToken
from mesh.errors import InvalidField

T = TypeVar("T")

SortKey = tuple[str | int, ...]
"""What a list is sorted by; unique within the list."""

_SIGNATURE_BYTES = 12
_LONGEST_TOKEN = 2_000


class PageTokens:
    """Seals the place where a page ended, so that only its own query can open it.

    A token holds the last item's sort key, not a count: items that appear or
    vanish meanwhile make no page repeat or skip another item. Every process
    with the same key opens the same tokens.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"page tokens").digest()

    def seal(self, query: str, last: SortKey) -> str:
        """The token for what comes after `last` in the query's list."""
        place = json.dumps(last, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._signature(query, place) + place).decode().rstrip("=")

    def open(self, query: str, token: str) -> SortKey | None:
        """The sealed sort key; None for an empty token. Raises InvalidPageToken."""
        if not token:
            return None
        if len(token) > _LONGEST_TOKEN:
            raise InvalidPageToken
        try:
            sealed = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            raise InvalidPageToken from None
        signature, place = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(query, place)):
            raise InvalidPageToken
        return tuple(json.loads(place))

    def _signature(self, query: str, place: bytes) -> bytes:
        message = query.encode() + b"\0" + place
        return hashlib.blake2b(message, key=self._key, digest_size=_SIGNATURE_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of a list; the token is empty on the last page."""

    items: Sequence[T]
    next_page_token: str
    total_size: int


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page a caller wants, as the request says it."""

    size: int
    token: str

    def size_within(self, default: int, most: int) -> int:
        """The number of items to answer with; more than the most means the most."""
        if self.size < 0:
            raise InvalidField("page_size", "must not be negative")
        return min(self.size or default, most)


def page_of(
    items: Sequence[T],
    key: Callable[[T], SortKey],
    size: int,
    token: str,
    query: str,
    tokens: PageTokens,
) -> Page[T]:
    """One page of the items, which must be sorted by the key. Raises InvalidPageToken."""
    last = tokens.open(query, token)
    begin = 0 if last is None else bisect_right(items, last, key=key)
    shown = items[begin : begin + size]
    more = begin + size < len(items)
    next_token = tokens.seal(query, key(shown[-1])) if shown and more else ""
    return Page(shown, next_token, len(items))
