"""Where a visitor comes from, as far as it can be believed."""

import ipaddress
from collections.abc import Sequence

from aiohttp import hdrs, web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_LONGEST_CHAIN = 20
_IPV6_PREFIX = 64


class VisitorAddresses:
    """Reads X-Forwarded-For from the right, as far as the proxies named in the settings go."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def of(self, request: web.Request) -> Address | None:
        """The address of the first hop that is not one of our proxies; None when it is malformed."""
        nearest = _parsed(request.remote or "")
        forwarded = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, ()))
        hops = [hop.strip() for hop in forwarded.split(",")][-_LONGEST_CHAIN:] if forwarded else []
        while nearest is not None and hops and self._is_ours(nearest):
            nearest = _parsed(hops.pop())
        return nearest

    def network(self, request: web.Request) -> str:
        """What one visitor is counted under: the address, or the /64 that an IPv6 connection is given."""
        address = self.of(request)
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((int(address), _IPV6_PREFIX), strict=False))
        return str(address or "")

    def public(self, request: web.Request) -> str:
        """The visitor's address if it is one of the open internet, else nothing."""
        address = self.of(request)
        return str(address) if address is not None and address.is_global else ""

    def _is_ours(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A socket for both kinds writes 10.0.0.1 as ::ffff:10.0.0.1, which lies in no network of the settings.
    return getattr(address, "ipv4_mapped", None) or address
