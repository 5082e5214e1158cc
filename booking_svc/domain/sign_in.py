"""Codes and tokens of signing in, and how often they may be asked for. Only keyed hashes are kept.

Six digits can be guessed from a plain hash in a second, an address or an IP
address in an hour; without the installation's secret none of them can.
"""

import datetime as dt
import hashlib
import hmac
import ipaddress
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Final

from booking_svc.domain.people import Address
from mesh.errors import InvalidField

MOST_TRIES: Final = 5
CODE_MINUTES: Final = 10
CODE_LIFE: Final = dt.timedelta(minutes=CODE_MINUTES)

_CODE: Final = re.compile(r"[0-9]{6}")
_IPV6_PREFIX: Final = 64
"""One customer of a provider has at least so much of IPv6 to himself."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A code that was sent, as it is kept: not the code itself."""

    challenge_id: str = field(repr=False)
    address: Address
    request_id: str
    content: str
    """A keyed digest of what the request asked."""
    code_hash: str = field(repr=False)
    expire_time: dt.datetime


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many codes within the window, for whoever `ref` stands for."""

    ref: str
    most: int
    window: dt.timedelta


@dataclass(frozen=True, slots=True)
class SignInTerms:
    """How often codes may be asked for, and how long a sign-in lasts."""

    hourly_by_address: int
    daily_by_address: int
    hourly_by_ip: int
    a_minute: int
    """From all addresses together: bounds what is stored, and what messages cost."""
    lifetime: dt.timedelta
    fresh: dt.timedelta
    """So long after signing in a person may ask for an export or an erasure."""


class SignInKeys:
    """Everything that is made with the installation's secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def address_ref(self, address: Address) -> str:
        """Stands for an address where it should not be readable."""
        return self._hash("address", address.key)

    def challenge_id(self, request_id: str) -> str:
        """The same for the same request, and not to be guessed from it."""
        return self._token("challenge", request_id)

    def content(self, *parts: str) -> str:
        """Digest of a request's content."""
        return self._hash("content", *parts)

    def code_hash(self, challenge_id: str, address: Address, code: str) -> str:
        """Good for this challenge and this address alone."""
        return self._hash("code", challenge_id, address.key, code)

    def sign_in_token(self, challenge_id: str, request_id: str) -> str:
        """The token that this request gets for this challenge, once its code was right."""
        return self._token("sign-in", challenge_id, request_id)

    def limits(self, address: Address, client_ip: str, terms: SignInTerms) -> tuple[Limit, ...]:
        """All that a new code has to keep within, the widest last; raises `InvalidField`."""
        hour, day, minute = dt.timedelta(hours=1), dt.timedelta(days=1), dt.timedelta(minutes=1)
        ref = self.address_ref(address)
        return (
            Limit(self._hash("ip", network_of(client_ip)), terms.hourly_by_ip, hour),
            Limit(f"all-{terms.a_minute}", terms.a_minute, minute),
            Limit(f"{ref}-day", terms.daily_by_address, day),
            Limit(f"{ref}-hour", terms.hourly_by_address, hour),
        )

    def _hash(self, *parts: str) -> str:
        return self._mac(*parts).hex()[:32]

    def _token(self, *parts: str) -> str:
        return urlsafe_b64encode(self._mac(*parts)).decode().rstrip("=")

    def _mac(self, *parts: str) -> bytes:
        return hmac.new(self._secret, "\x1f".join(parts).encode(), hashlib.sha256).digest()


def new_code() -> str:
    """Six digits that nobody can foresee."""
    return f"{secrets.randbelow(10**6):06d}"


def checked_code(text: str) -> str:
    """The six digits; raises `InvalidField` for anything else, other scripts' digits included."""
    if _CODE.fullmatch(text) is None:
        raise InvalidField("code", "must be six digits")
    return text


def token_hash(token: str) -> str:
    """Under which a sign-in is kept. Not keyed: the token is random, and outlives a change of the secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def network_of(client_ip: str) -> str:
    """What an IP address is counted under: itself, or its /64; raises `InvalidField`."""
    if not client_ip:
        return "unknown"
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        raise InvalidField("client_ip", "is not an IP address") from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)
